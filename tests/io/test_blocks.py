"""JSON arrays and CSV come in blocks: the same rows and lines whatever the block, in bounded memory."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathdata import arrays, lines
from mathdata.csvs import csv_parts
from mathdata.errors import DataError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


def array_values(path: Path) -> list[object]:
    return list(arrays.elements(path))


@given(
    st.lists(
        st.one_of(st.integers(), TEXT, st.fixed_dictionaries({"problem": TEXT, "n": st.floats(-9, 9)})), max_size=9
    ),
    st.integers(1, 40),
    st.sampled_from([None, 1]),
)
@settings(max_examples=150, deadline=None)
def test_an_array_in_blocks_of_any_size_holds_the_same_elements(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], size: int, indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("a") / "rows.json"
    path.write_text(json.dumps(values, ensure_ascii=False, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK", size)
        assert array_values(path) == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"problem": "a"} {"problem": "b"}]', "no comma before element 2"),
        ('[{"problem": "a"}, {"problem": ]', "element 2"),
        ('[{"problem": "a"}', "element 2"),
        ('[{"problem": "a"}] and more', "behind the closing bracket"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_array_is_said_with_the_element(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        list(arrays.array_parts(path))


LINE = st.one_of(
    st.integers(0, 9).map(lambda n: json.dumps({"problem": f"What is {n} + 1?"})),
    st.integers(65, 300).map(lambda n: json.dumps({"problem": "题" * n})),
    st.sampled_from(["", "  ", "no json", '{"problem": "half']),
)


@given(st.lists(LINE, max_size=14), st.integers(1, 200), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_json_lines_in_blocks_of_any_size_hold_the_same_rows_and_broken_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], size: int, ended: bool, packed: bool
) -> None:
    """Lines of more than MAX_LINE bytes, here 600, are broken; the last may lack its end."""
    text = ("\n".join(rows) + ("\n" if ended and rows else "")).encode()
    path = tmp_path_factory.mktemp("l") / ("rows.jsonl.gz" if packed else "rows.jsonl")
    path.write_bytes(gzip.compress(text) if packed else text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "MAX_LINE", 600)
        patch.setattr(lines, "RAW", 20)
        parts = list(lines.json_lines(path, size))
    found = [(n, problem) for p in parts for n, problem in zip(p.lines, p.frame["problem"] if p.frame.width else ())]
    good = [(n, json.loads(r)["problem"]) for n, r in enumerate(rows, 1) if r.endswith("}") and len(r.encode()) <= 600]
    assert found == good
    left = [n for n, r in enumerate(rows, 1) if r.strip() and n not in dict(good)]
    assert [b.line for p in parts for b in p.broken] == left


CELL = st.text(st.sampled_from('ab ,"\n题'), max_size=6)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12), st.integers(4, 60))
@settings(max_examples=150, deadline=None)
def test_csv_in_blocks_of_any_size_holds_the_same_cells_and_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int
) -> None:
    path, out = tmp_path_factory.mktemp("c") / "rows.csv", io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("problem", "answer\nof it"), *rows])
    path.write_text(out.getvalue(), encoding="utf-8")
    whole = [r for p in csv_parts(path, ",") for r in zip(p.lines.to_list(), *p.frame.get_columns())]
    parts = [r for p in csv_parts(path, ",", size) for r in zip(p.lines.to_list(), *p.frame.get_columns())]
    assert parts == whole
    assert [(a or "", b or "") for _, a, b in whole] == rows


def test_an_array_larger_than_the_memory_allowed_is_read(tmp_path: Path) -> None:
    path, row = tmp_path / "large.json", json.dumps({"problem": "What is 1 + 1? " + "x" * 4000, "answer": "2"})
    with path.open("w") as f:
        f.write("[" + row)
        for _ in range(60_000):
            f.write(",\n" + row)
        f.write("]")
    assert path.stat().st_size > 240_000_000
    code = "import sys; from mathdata.io import spill; from pathlib import Path; spill(sys.argv[1], folder=Path(sys.argv[2]))"
    limit = 1_500_000_000  # of addresses: polars and the interpreter reserve most of it
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(tmp_path / "parts")],
        capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]


@pytest.mark.parametrize("head", ['problem,answer\n"open,1\n', 'problem,"answer\n'])
def test_a_quote_that_is_never_closed_costs_linear_time(tmp_path: Path, head: str) -> None:
    path = tmp_path / "open.csv"
    path.write_text(head + "What is 1 + 1?,2\n" * 200_000)
    started = time.process_time()
    with contextlib.suppress(DataError):
        for _ in csv_parts(path, ",", 1 << 20):
            pass
    assert time.process_time() - started < 20  # counting from each line to the end again took minutes
