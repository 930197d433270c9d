"""Every format gives the same rows; broken lines become rejected rows with their file and line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pandas
import polars as pl
import pytest
import zstandard

from mathdata.errors import DataError, UsageError
from mathdata.io import keep, read, read_chunks, write
from mathdata.lines import MAX_LINE, json_lines
from mathdata.schema import COLUMNS, row_id

ROWS = [
    {"problem": f"What is {n} + 1?", "solution": f"{n} + 1 = {n + 1}", "answer": str(n + 1), "mine": n}
    for n in range(40)
]


def jsonl(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def as_csv(separator: str) -> bytes:
    return pl.DataFrame(ROWS).write_csv(separator=separator).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("rows.jsonl", jsonl(ROWS)),
        ("rows.json", json.dumps(ROWS).encode()),
        ("pretty.json", json.dumps({"data": ROWS}, indent=1).encode()),
        ("lines.json", jsonl(ROWS)),
        ("rows.jsonl.gz", gzip.compress(jsonl(ROWS))),
        ("rows.jsonl.zst", zstandard.compress(jsonl(ROWS))),
        ("mark.jsonl", b"\xef\xbb\xbf" + jsonl(ROWS)),
        ("crlf.jsonl", jsonl(ROWS).replace(b"\n", b"\r\n")),
        ("no_end.jsonl", jsonl(ROWS).rstrip(b"\n")),
        ("rows.csv", as_csv(",")),
        ("mark.csv", b"\xef\xbb\xbf" + as_csv(",")),
        ("rows.tsv", as_csv("\t")),
        ("rows.csv.gz", gzip.compress(as_csv(","))),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str, data: bytes) -> None:
    frame = read(put(tmp_path / name, data))
    assert frame.columns[: len(COLUMNS)] == [c.name for c in COLUMNS]
    assert frame["problem"].to_list() == [r["problem"] for r in ROWS]
    assert frame["answer"].to_list() == [r["answer"] for r in ROWS]
    assert frame["mine"].cast(pl.Int64).to_list() == [r["mine"] for r in ROWS]
    assert frame["reject"].null_count() == len(ROWS)
    assert frame["id"][7] == row_id("What is 7 + 1?", "7 + 1 = 8", "8")


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "jsonl.gz", "jsonl.zst", "csv", "json"])
def test_what_is_written_is_read_back_the_same_and_twice_gives_the_same_bytes(tmp_path: Path, kind: str) -> None:
    rows = [dict(r, parents=["00" * 8] if r["mine"] else None, note='a,"b"\n数') for r in ROWS]  # type: ignore[list-item]
    frame = read(rows)
    write(frame, tmp_path / f"a.{kind}")
    write(frame, tmp_path / f"b.{kind}")
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    again = read(tmp_path / f"a.{kind}")
    assert again.drop("mine").equals(frame.drop("mine"))
    assert again["mine"].cast(pl.Int64).equals(frame["mine"])


@pytest.mark.parametrize("kind", ["pandas", "polars", "datasets"])
def test_tables_of_other_libraries_go_out_and_come_back(kind: str) -> None:
    frame = read(ROWS)
    assert read(write(frame, to=kind)).equals(frame)


def test_tables_in_memory_are_read() -> None:
    want = read(ROWS)["id"].to_list()
    assert read(pl.DataFrame(ROWS))["id"].to_list() == want
    assert read(pl.LazyFrame(ROWS))["id"].to_list() == want
    assert read(pandas.DataFrame(ROWS))["id"].to_list() == want
    with pytest.raises(UsageError, match="cannot read a int"):
        read(5)


def test_a_saved_data_set_is_read_and_its_splits_are_named(tmp_path: Path) -> None:
    import datasets

    data = datasets.Dataset.from_list(ROWS)
    data.save_to_disk(str(tmp_path / "one"))
    assert read(tmp_path / "one")["answer"].to_list() == [r["answer"] for r in ROWS]
    datasets.DatasetDict({"train": data, "test": data.select(range(3))}).save_to_disk(str(tmp_path / "two"))
    assert read(f"{tmp_path}/two?split=test").height == 3
    with pytest.raises(DataError, match="splits train, test") as caught:
        read(tmp_path / "two")
    assert "?split=train" in caught.value.hint


@pytest.mark.parametrize(
    ("cut", "want"),
    [("[:3]", [0, 1, 2]), ("[38:]", [38, 39]), ("[-2:]", [38, 39]), ("[10:12]", [10, 11]), ("[:5%]", [0, 1])],
)
def test_a_split_can_be_cut(tmp_path: Path, cut: str, want: list[int]) -> None:
    path = put(tmp_path / "train.jsonl", jsonl(ROWS))
    assert read(f"{path}?split=train{cut}")["mine"].to_list() == want
    assert read(f"{tmp_path}?split=train{cut}")["mine"].to_list() == want


def test_origin_names_the_file_and_the_line_and_blank_lines_count(tmp_path: Path) -> None:
    path = put(tmp_path / "gaps.jsonl", b"\n" + jsonl(ROWS[:2]) + b"\n\n" + jsonl(ROWS[2:3]))
    assert read(path)["origin"].to_list() == ["gaps.jsonl:2", "gaps.jsonl:3", "gaps.jsonl:6"]
    (tmp_path / "x").mkdir()
    other = put(tmp_path / "x" / "gaps.jsonl", jsonl(ROWS[:1]))
    assert read(path, other)["origin"].to_list()[-1] == "x/gaps.jsonl:1"


def test_origin_of_csv_records_counts_line_breaks_inside_cells(tmp_path: Path) -> None:
    data = b'problem,answer\n"one\ntwo",1\nnext,2\n'
    assert read(put(tmp_path / "cells.csv", data))["origin"].to_list() == ["cells.csv:2", "cells.csv:4"]


def test_kinds_that_differ_between_lines_and_blocks_become_text(tmp_path: Path) -> None:
    rows = [
        *ROWS,
        {"problem": "odd", "answer": 51.0, "mine": "text"},
        {"problem": "list", "answer": [1, 2], "mine": {"a": 1}},
    ]
    frame = read(put(tmp_path / "mixed.jsonl", jsonl(rows)))  # type: ignore[arg-type]
    assert frame["answer"].to_list()[-2:] == ["51", "[1, 2]"]
    assert frame["mine"].to_list()[-2] == "text"
    assert frame["reject"].null_count() == len(rows)


@pytest.mark.parametrize(
    ("late", "column", "want"),
    [
        ({"problem": "What is 1 + 1?", "answer": "2", "hint": 'say "two": 2'}, "hint", 'say "two": 2'),
        ({"problem": "What is 1 + 1?", "answer": None}, "answer", None),
        ({"problem": "What is 1 + 1?", "hint": "two"}, "hint", "two"),
        ({"problem": "What is 1 + 1?", "answer": "2", "answer ": "3"}, "answer ", "3"),
        ({"problem": "What is 1 + 1?", "answer": 2.5}, "answer", "2.5"),
        ({"problem": "What is 1 + 1?", "answer": ["2"]}, "answer", '["2"]'),
        ({"problem": 'Say "2": is it even?', "answer": "yes"}, "problem", 'Say "2": is it even?'),
    ],
)
def test_what_only_a_late_line_of_a_block_says_is_not_lost(
    tmp_path: Path, late: dict[str, object], column: str, want: str | None
) -> None:
    rows = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(5000)]
    frame = read(put(tmp_path / "late.jsonl", jsonl([*rows, late])))
    assert frame.height == 5001
    assert frame["problem"][:5000].to_list() == [r["problem"] for r in rows]
    assert frame[column][5000] == want


def test_an_id_is_the_same_whether_the_answer_was_taken_out_of_the_solution_or_not(tmp_path: Path) -> None:
    path = put(tmp_path / "boxed.jsonl", jsonl([{"problem": "What is 2 + 2?", "solution": "It is $\\boxed{4}$."}]))
    bare, full = read(path, derive=False), read(path)
    assert bare["answer"].to_list() == [None]
    assert full["answer"].to_list() == ["4"]
    assert bare["id"].to_list() == full["id"].to_list()
    write(bare, tmp_path / "bare.parquet")
    assert read(tmp_path / "bare.parquet").equals(full)


def test_chunks_hold_the_same_rows_as_the_whole(tmp_path: Path) -> None:
    path = put(tmp_path / "rows.jsonl", jsonl(ROWS))
    chunks = list(read_chunks(path, rows=7))
    assert max(c.height for c in chunks) == 7
    assert pl.concat(chunks).equals(read(path))


BROKEN = {
    "half a line": b'{"problem": "What is',
    "a zero byte": b'{"problem": "a\x00b", "answer": "1"}',
    "an escaped zero byte": b'{"problem": "a\\u0000b", "answer": "1"}',
    "not UTF-8": '{"problem": "Größe", "answer": "1"}'.encode("latin-1"),
    "a list": b"[1, 2]",
    "two objects": b'{"problem": "a"} {"problem": "b"}',
    "half a surrogate pair": b'{"problem": "a\\ud83d", "answer": "1"}',
    "no problem": b'{"problem": "  ", "answer": "1"}',
    "deep brackets": b'{"problem": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "ten million bytes": b'{"problem": "' + b"x" * 10_000_000 + b'", "answer": "1"}',
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_line_becomes_a_rejected_row_with_its_line(tmp_path: Path, kind: str) -> None:
    lines = jsonl(ROWS).splitlines(keepends=True)
    path = put(tmp_path / "raw.jsonl", b"".join([*lines[:10], BROKEN[kind] + b"\n", *lines[10:]]))
    frame = read(path)
    bad = frame.filter(pl.col("reject").is_not_null())
    assert bad["reject"].to_list() == ["broken-line"]
    assert bad["origin"].to_list() == ["raw.jsonl:11"]
    assert "line 11: " in bad["reject_why"][0]
    assert len(bad["problem"][0] or "") <= 2000, "the text is kept, in part"
    assert keep(frame)["mine"].to_list() == list(range(40)), "the others are all there, in order"  # type: ignore[union-attr,call-overload]


def test_nan_and_emoji_are_not_broken(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", b'{"problem": "smile \\ud83d\\ude00", "x": NaN}\n{"problem": "two", "x": 1}\n')
    frame = read(path)
    assert frame["problem"].to_list() == ["smile 😀", "two"]
    assert frame["x"].to_list() == [None, 1]


def test_more_broken_lines_than_allowed_stop_and_name_the_first(tmp_path: Path) -> None:
    path = put(tmp_path / "raw.jsonl", jsonl(ROWS[:8]) + b"nonsense\n" * 2)
    with pytest.raises(DataError, match=r"2 of 10 lines are broken, more than 5% allowed; line 9: not JSON") as caught:
        read(path)
    assert "--max-broken 0.21" in caught.value.hint
    assert read(path, max_broken=0.2)["reject"].drop_nulls().len() == 2


def test_ragged_csv_rows_are_broken_lines(tmp_path: Path) -> None:
    data = as_csv(",").decode() + 'too,many,cells,in,here\n"a\x00b",x,1,2\n'
    frame = read(put(tmp_path / "r.csv", data.encode()))
    assert frame["reject"].drop_nulls().len() == 2
    assert "5 cells where the header has 4" in frame["reject_why"].drop_nulls()[0]


def test_a_cell_too_long_in_parquet_is_set_aside_in_part(tmp_path: Path) -> None:
    pl.DataFrame({"problem": ["x" * (MAX_LINE + 1), "short"], "answer": ["1", "2"]}).write_parquet(
        tmp_path / "a.parquet"
    )
    frame = read(tmp_path / "a.parquet", max_broken=0.5)
    assert frame["reject"].to_list() == ["broken-line", None]
    assert len(frame["problem"][0]) == 2000


BAD_FILES = {
    "utf16.jsonl": (jsonl(ROWS).decode().encode("utf-16"), "UTF-16, not UTF-8 (mark at byte 0)", "iconv -f UTF-16"),
    "utf16le.jsonl": (jsonl(ROWS).decode().encode("utf-16-le"), "UTF-16", "iconv -f UTF-16"),
    "latin.jsonl": ('{"problem": "Größe"}\n'.encode("latin-1") * 9, "byte 0xf6 at byte 15", "iconv -f ISO-8859-1"),
    "gbk.jsonl": ('{"problem": "三加五等于多少？"}\n'.encode("gb18030") * 9, "not UTF-8", "iconv -f GB18030"),
    "latin.json": ('[{"problem": "Größe"}]'.encode("latin-1"), "byte 0xf6 at byte 16", "iconv -f ISO-8859-1"),
    "empty.jsonl": (b"", "the file is empty", "the step that wrote it"),
    "blank.jsonl": (b"\n\n", "no rows in it", "the step that wrote it"),
    "bad.parquet": (b"PAR1 nonsense", "not a readable parquet file", "write it again"),
    "bad.json": (b"[{]", "not JSON", ".jsonl"),
    "cut.jsonl.gz": (gzip.compress(jsonl(ROWS * 50))[:200], "damaged or cut off", "fetch it again"),
    "not.jsonl.gz": (b"plain text, no gzip", "damaged or cut off", "fetch it again"),
    "not.jsonl.zst": (b"plain text, no zstd", "damaged or cut off", "fetch it again"),
    "what.xlsx": (b"x", "unknown format '.xlsx'", ".parquet"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_not_what_it_claims_is_named_with_the_way_out(tmp_path: Path, name: str) -> None:
    data, words, hint = BAD_FILES[name]
    with pytest.raises(DataError) as caught:
        read(put(tmp_path / name, data))
    assert name in caught.value.message
    assert words in caught.value.message
    assert hint in caught.value.hint


def test_no_file_names_the_nearest_and_a_folder_lists_what_it_holds(tmp_path: Path) -> None:
    put(tmp_path / "train.jsonl", jsonl(ROWS))
    with pytest.raises(DataError, match="no such file") as caught:
        read(tmp_path / "trian.jsonl")
    assert "train.jsonl" in caught.value.hint
    with pytest.raises(DataError, match=r"a folder, not a file \(it holds train.jsonl\)"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["bomb.jsonl.gz", "bomb.jsonl.zst"])
def test_a_decompression_bomb_is_refused_in_bounded_memory(
    tmp_path: Path, name: str, grown: Callable[[], float]
) -> None:
    path = tmp_path / name
    block = (b'{"problem": "' + b"x" * 5000 + b'"}\n') * 200
    with gzip.open(path, "wb") if name.endswith("gz") else zstandard.open(path, "wb") as f:
        for _ in range(70):
            f.write(block)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DataError, match="a decompression bomb"):
        for _ in read_chunks(path):
            pass
    assert grown() < 512


def test_one_endless_line_in_a_compressed_file_is_one_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl.gz"
    with gzip.open(path, "wb") as f:
        f.write(jsonl(ROWS) + b'{"problem": "' + b"x" * (40 << 20) + b'"}\n' + jsonl(ROWS[:2]))
    frame = read(path)
    assert frame["reject"].drop_nulls().len() == 1
    assert frame.filter(pl.col("reject").is_not_null())["origin"].to_list() == ["long.jsonl.gz:41"]
    assert frame["origin"][-1] == "long.jsonl.gz:43"


def test_small_blocks_give_the_same_rows_and_line_numbers_as_one(tmp_path: Path) -> None:
    lines = jsonl(ROWS).splitlines(keepends=True)
    path = put(tmp_path / "a.jsonl", b"".join([*lines[:5], b"broken\n", b"\n", *lines[5:]]))
    whole, parts = list(json_lines(path)), list(json_lines(path, size=100))
    assert len(parts) > 10 > len(whole)
    assert [n for p in parts for n in p.lines] == [n for p in whole for n in p.lines]
    assert [b for p in parts for b in p.broken] == [b for p in whole for b in p.broken]
    assert [b.line for p in parts for b in p.broken] == [6]
