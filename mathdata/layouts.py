"""Layouts of the field's data sets: how their columns become ours, and ours theirs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from mathdata.errors import SchemaError, UnknownName, nearest
from mathdata.ndjson import json_column
from mathdata.schema import DTYPES, row_id
from mathdata.types import Frame

__all__ = ["LAYOUTS", "Layout", "boxed", "normalise", "recognise", "rename"]


@dataclass(frozen=True, slots=True)
class Layout:
    """`needs`: columns that must be there; `names`: theirs -> ours. The first that fits is taken."""

    name: str
    needs: frozenset[str]
    names: Mapping[str, str] = field(default_factory=dict)

    def fits(self, frame: Frame) -> bool:
        return self.needs <= set(frame.columns)


def _layout(name: str, needs: str, **names: str) -> Layout:
    return Layout(name, frozenset(needs.split()), names)


LAYOUTS: tuple[Layout, ...] = (
    _layout("svamp", "Body Question Answer", Answer="answer", Type="topic", ID="source_id"),
    _layout("cmath", "input golden", input="problem", golden="answer", grade="level"),
    _layout("metamath", "query response", query="problem", response="solution", type="method"),
    _layout("sharegpt", "conversations"),
    _layout("alpaca", "instruction output", output="solution"),
    _layout("prompt-completion", "prompt completion", prompt="problem", completion="solution"),
    _layout("numina", "problem solution source", problem_type="topic"),
    _layout("math", "problem solution level type", type="topic"),
    _layout("gsm8k", "question answer", question="problem"),
    _layout("problem-solution", "problem solution"),
    _layout("messages", "messages"),
)
"""Most telling first: `problem solution source` is also `problem solution`."""

PROBLEM = ("problem", "question", "query", "题目", "问题")
PROBLEM_WEAK = ("prompt", "instruction", "input", "text", "title")
SOLUTION = ("solution", "rationale", "reasoning", "cot", "解答", "解析")
ANSWER = ("answer", "final_answer", "gold", "golden", "expected_answer", "target", "答案")
ORIGINAL = ("original_question", "original")
NATIVE = frozenset({"id", "origin", "problem", "generation"})
HINT = "say which one it is: --column problem={}"


def is_native(columns: list[str]) -> bool:
    """Written by this product: every column already means what it says."""
    return set(columns) >= NATIVE


def rename(frame: Frame, names: Mapping[str, str]) -> Frame:
    """theirs -> ours; a column that already has the name steps aside as `source_<name>`."""
    names = {theirs: ours for theirs, ours in names.items() if theirs in frame.columns and theirs != ours}
    aside = {ours: f"source_{ours}" for ours in names.values() if ours in frame.columns and ours not in names}
    aside = {ours: free for ours, free in aside.items() if free not in frame.columns}
    frame = frame.drop([n for n in names.values() if n in frame.columns and n not in names and n not in aside])
    return frame.rename(aside | names)


def map_columns(frame: Frame, column: Mapping[str, str], where: str) -> Frame:
    """The user's own mapping, ours -> theirs. Raises UnknownName, listing what is there."""
    for ours, theirs in column.items():
        if theirs not in frame.columns:
            listed = ", ".join(frame.columns)
            raise UnknownName(f"{where}: no column '{theirs}' (it has: {listed})", nearest(theirs, frame.columns))
        if ours not in DTYPES and ours != "messages":
            raise UnknownName(f"--column {ours}={theirs}: '{ours}' is no column of a row", nearest(ours, DTYPES))
    return rename(frame, {theirs: ours for ours, theirs in column.items()})


def recognise(frame: Frame, where: str, mapped: frozenset[str] = frozenset()) -> Layout:
    """The layout of a frame by its columns. Raises SchemaError where none or two columns could be the problem."""
    columns = set(frame.columns)
    if is_native(frame.columns):
        return Layout("native", NATIVE)
    strong = [c for c in PROBLEM if c in columns]
    if len(strong) > 1 and "problem" not in mapped:
        listed = " and ".join(f"'{c}'" for c in strong)
        raise SchemaError(f"{where}: two columns could be the problem: {listed}", HINT.format(strong[-1]))
    for layout in LAYOUTS:
        if columns >= layout.needs and not (mapped & set(layout.names.values())):
            return layout
    return plain(strong, frame, where)


def plain(strong: list[str], frame: Frame, where: str) -> Layout:
    """No known data set: one column that can only be the problem, and what goes with it."""
    candidates = strong[:1] or [c for c in PROBLEM_WEAK if c in frame.columns]
    listed = ", ".join(f"'{c}'" for c in frame.columns) or "none"
    if not candidates:
        guess = longest_text(frame)
        raise SchemaError(f"{where}: no column for the problem (columns: {listed})", HINT.format(guess or "NAME"))
    if len(candidates) > 1:
        both = " and ".join(f"'{c}'" for c in candidates)
        raise SchemaError(
            f"{where}: two columns could be the problem: {both} (columns: {listed})", HINT.format(candidates[0])
        )
    names = {candidates[0]: "problem"}
    for ours, theirs in (("solution", SOLUTION), ("answer", ANSWER)):
        found = [c for c in theirs if c in frame.columns]
        if found and ours not in frame.columns:
            names[found[0]] = ours
    return Layout("plain", frozenset({candidates[0]}), names)


def longest_text(frame: Frame) -> str | None:
    """The text column with the longest values: most likely the problem."""
    texts = [c for c, t in frame.schema.items() if t == pl.String]
    lengths = {c: frame[c].head(100).str.len_chars().mean() or 0.0 for c in texts}
    return max(lengths, key=lambda c: float(str(lengths[c])), default=None)


def normalise(frame: Frame, layout: Layout) -> Frame:
    """Our columns from theirs: renamed, dialogues opened, an answer behind #### taken out."""
    if layout.name == "native":
        return lists(frame)
    frame = free_names(named_parents(frame))
    if layout.name == "svamp":
        frame = frame.with_columns(svamp_problem().alias("problem"))
    elif layout.name == "alpaca":
        frame = frame.with_columns(alpaca_problem(frame).alias("problem"))
    elif layout.name in ("sharegpt", "messages"):
        frame = from_dialogue(frame, "conversations" if layout.name == "sharegpt" else "messages")
    frame = texts(rename(frame, layout.names))
    return lineage(split_steps(frame))


def free_names(frame: Frame) -> Frame:
    """Names that this product owns are given up by a foreign file: its `id` becomes `source_id`."""
    kept = {"problem", "solution", "answer", "exact", "source", "license", "topic", "level", "language", "messages"}
    theirs = [c for c in frame.columns if c in DTYPES and c not in kept and not castable(frame, c)]
    return rename(frame, {c: f"source_{c}" for c in theirs})


def lists(frame: Frame) -> Frame:
    """`parents` as CSV holds it, in JSON, as a list again."""
    if frame.schema.get("parents") != pl.String:
        return frame
    return frame.with_columns(pl.col("parents").str.json_decode(pl.List(pl.String)))


def named_parents(frame: Frame) -> Frame:
    """A foreign file's `parents` that name rows by its own ids, in text or whole numbers, as lists of text."""
    kind = frame.schema.get("parents")
    if kind == pl.Null or (isinstance(kind, pl.List) and (kind.inner == pl.Null or kind.inner.is_integer())):
        return frame.with_columns(pl.col("parents").cast(pl.List(pl.String)))
    return frame


def castable(frame: Frame, name: str) -> bool:
    """Whether a column with one of our names holds what we mean by it."""
    if name == "id":
        known = frame["id"].drop_nulls()
        return frame.schema["id"] == pl.String and bool(known.str.contains(r"^[0-9a-f]{16}$").all())
    if name == "origin":
        return frame.schema["origin"] == pl.String
    return bool(frame.schema[name] == DTYPES[name] or (frame.schema[name].is_numeric() and DTYPES[name].is_numeric()))


BLANK = r"^\s*$"


def texts(frame: Frame) -> Frame:
    """Problem, solution, answer and the other text columns as text: 51.0 -> "51", a list as JSON; blank = null."""
    made: list[pl.Expr | pl.Series] = []
    for name, dtype in frame.schema.items():
        if DTYPES.get(name) != pl.String:
            continue
        if dtype.is_float():
            whole = pl.col(name).cast(pl.Int64, strict=False).cast(pl.String)
            is_whole = (pl.col(name) == pl.col(name).round(0)) & (pl.col(name).abs() < 2**53)
            made.append(pl.when(is_whole).then(whole).otherwise(pl.col(name).cast(pl.String)).alias(name))
        elif dtype.is_nested():
            made.append(json_column(frame[name]))
        elif dtype != pl.String:
            made.append(pl.col(name).cast(pl.String))
        elif name in ("solution", "answer"):
            blank = frame[name].str.contains(BLANK)
            text = pl.col(name).str.strip_chars() if name == "answer" else pl.col(name)
            made.append(pl.when(~blank).then(text).alias(name) if blank.any() else text)
    return frame.with_columns(made)


def svamp_problem() -> pl.Expr:
    body = pl.col("Body").str.strip_chars()
    stop = pl.when(body.str.contains(r"[.?!,;:。？！，]$")).then(pl.lit(" ")).otherwise(pl.lit(". "))
    return pl.concat_str([body, stop, pl.col("Question")])


def alpaca_problem(frame: Frame) -> pl.Expr:
    """Instruction and input; only the input where every row has the same instruction."""
    if "input" not in frame.columns:
        return pl.col("instruction")
    given = pl.col("input").cast(pl.String).fill_null("").str.strip_chars() != ""
    if frame.height > 1 and frame["instruction"].n_unique() == 1:
        both = pl.col("input").cast(pl.String)
    else:
        both = pl.concat_str([pl.col("instruction"), pl.lit("\n\n"), pl.col("input").cast(pl.String).fill_null("")])
    return pl.when(given).then(both).otherwise(pl.col("instruction"))


ROLES = {"human": "user", "gpt": "assistant", "user": "user", "assistant": "assistant", "system": "system"}


def from_dialogue(frame: Frame, column: str) -> Frame:
    """Problem = the first user turn, solution = the last assistant turn; the dialogue travels as `messages`."""
    dialogues = [as_messages(d) for d in frame[column].to_list()]
    first = [next((m["content"] for m in d if m["role"] == "user"), None) for d in dialogues]
    last = [next((m["content"] for m in reversed(d) if m["role"] == "assistant"), None) for d in dialogues]
    message = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
    made = [
        pl.Series("problem", first, pl.String),
        pl.Series("solution", last, pl.String),
        pl.Series("messages", dialogues, message),
    ]
    return frame.drop(column).with_columns(made)


def as_messages(dialogue: object) -> list[dict[str, str]]:
    """ShareGPT's or OpenAI's turns as role and content; what is no turn is left out."""
    made = []
    for turn in dialogue if isinstance(dialogue, list) else []:
        if isinstance(turn, dict):
            role = turn.get("role") or turn.get("from")
            text = turn.get("content") if "content" in turn else turn.get("value")
            if isinstance(text, str):
                made.append({"role": ROLES.get(str(role), str(role)), "content": text})
    return made


def split_steps(frame: Frame) -> Frame:
    """GSM8K's `steps #### answer` in one column: the solution as it stands, its last line told apart as the answer."""
    for name in ("answer", "solution"):
        if name not in frame.columns or frame.schema[name] != pl.String:
            continue
        marked = pl.col(name).str.contains("####", literal=True).fill_null(False)
        if not frame.select(marked.any()).item():
            continue
        parts = pl.col(name).str.split("####")
        steps = pl.col(name).str.strip_chars_end()
        final = (
            parts.list.last().str.strip_chars().str.split("\n").list.first().str.strip_chars()
        )  # MetaMathQA says it again
        old = {c: pl.col(c) if c in frame.columns else pl.lit(None, pl.String) for c in ("solution", "answer")}
        solution = pl.when(marked).then(steps).otherwise(old["solution"])
        answer = pl.when(marked).then(final if name == "answer" else old["answer"].fill_null(final))
        frame = frame.with_columns(solution.alias("solution"), answer.otherwise(old["answer"]).alias("answer"))
    return frame


def lineage(frame: Frame) -> Frame:
    """Others' lineage as ours: rows made from one `original_question` share one parent.

    Where the source names no method, a row that is its own original was not made from anything.
    """
    column = next((c for c in ORIGINAL if c in frame.columns and frame.schema[c] == pl.String), None)
    if column is None or "parents" in frame.columns:
        return frame
    derived = pl.col(column).is_not_null()
    if "method" not in frame.columns:
        derived &= (pl.col(column) != pl.col("problem")).fill_null(True)
    originals = frame.select(pl.when(derived).then(pl.col(column))).to_series().to_list()
    parents = pl.Series("parents", [[row_id(q)] if q else None for q in originals], pl.List(pl.String))
    made: list[pl.Expr | pl.Series] = [parents, derived.cast(pl.Int32).alias("generation")]
    if "method" not in frame.columns:
        made.append(pl.when(derived).then(pl.lit("external")).alias("method"))
    return frame.with_columns(made)


def boxed(text: str) -> str | None:
    r"""What stands in the last \boxed{...} (braces counted) or \boxed 5.

    >>> boxed(r"so $\boxed{\frac{1}{2}}$.")
    '\\frac{1}{2}'
    """
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    place = text.find("d", start) + 1 if text.startswith("\\boxed", start) else start + 5
    if not text[place:].lstrip().startswith("{"):
        found = re.match(r"\s*([^\s$.,]+)", text[place : place + 200])
        return found[1] if found else None
    place = text.index("{", place)
    depth = 0
    for i in range(place, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return text[place + 1 : i].strip() or None
    return None


NUMBER = r"[-+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:/\d+)?%?"
BARE = rf"(?:^|[=＝：:]|为|是|is)\s*\$?({NUMBER})[^\d\n=＝]{{0,12}}$"
STATED = r"(?i)(?:the (?:final )?answer is|答案(?:是|为)?)\s*[:：]?\s*([^\n]+?)[.。]?\s*$"


def fill_answers(frame: Frame) -> Frame:
    r"""Where no answer stands: the last \boxed, `The answer is: X`, or the number that the last line ends with."""
    if not frame["answer"].null_count():
        return frame
    todo = frame["answer"].is_null() & frame["solution"].str.contains("boxed|fbox").fill_null(False)
    if todo.any():
        found = pl.Series([boxed(s) for s in frame["solution"].filter(todo).to_list()], dtype=pl.String)
        frame = frame.with_columns(frame["answer"].scatter(todo.arg_true(), found))
    last = pl.col("solution").str.strip_chars().str.tail(300).str.split("\n").list.last()
    frame = frame.with_columns(last.alias("_last"))
    stated = pl.col("_last").str.extract(STATED).str.strip_chars("$ ")
    bare = pl.col("_last").str.extract(BARE)
    return frame.with_columns(pl.coalesce("answer", stated, bare).alias("answer")).drop("_last")


def difficulty(frame: Frame) -> Frame:
    """The level as a number; where no level is stated, the number of steps (lines of the solution).

    A level without a number (`Level ?`) says that it is not known: steps beside levels would be no measure.
    """
    if not frame["difficulty"].null_count():
        return frame
    unstated = pl.col("level").str.contains(BLANK).fill_null(True)
    level = pl.col("level").str.extract(r"(\d+(?:\.\d+)?)").cast(pl.Float64, strict=False)
    lines = pl.col("solution").str.strip_chars().str.count_matches(r"\n+") + 1
    steps = (lines - pl.col("solution").str.contains("####", literal=True)).cast(pl.Float64)
    return frame.with_columns(pl.coalesce("difficulty", level, pl.when(unstated).then(steps)).alias("difficulty"))
