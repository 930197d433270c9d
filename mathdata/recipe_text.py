"""A recipe's text: YAML by a safe loader, `key.path=value` overrides, and secrets refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from mathdata.errors import RecipeError, nearest

__all__ = ["line_of", "load_yaml", "override", "refuse_keys"]

MAX_ALIASES = 100
MAX_BYTES = 1 << 20
MAX_NODES = 100_000
"""Values that aliases and merges may make together: a file of a kilobyte could fill the memory with copies."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses alias bombs and duplicate keys."""

    aliases = copied = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        is_alias = self.check_event(yaml.events.AliasEvent)
        node = super().compose_node(parent, index)
        if is_alias and node is not None:
            self.aliases += 1
            self.copied += size_of(node, {})
            if self.aliases > MAX_ALIASES or self.copied > MAX_NODES:
                raise RecipeError(
                    f"more than {MAX_ALIASES} YAML aliases, or {MAX_NODES:,} values made by them",
                    "write the values out",
                )
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            name = getattr(key, "value", None)
            if name in seen and name != "<<":
                raise RecipeError(f"line {key.start_mark.line + 1}: key '{name}' stands twice", "keep one of them")
            seen.add(name)
        return super().construct_mapping(node, deep)


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    if len(node.value) > 1_000:  # in any base: its decimal form could not be shown in an error
        raise RecipeError(f"line {node.start_mark.line + 1}: a number of {len(node.value):,} characters", "shorten it")
    return loader.construct_yaml_int(node)  # type: ignore[no-untyped-call]


def _text(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """JSON writes characters beyond 16 bits as two halves, which YAML reads as two: they are one again."""
    value = loader.construct_scalar(node)
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        try:
            return value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise RecipeError(
                f"line {node.start_mark.line + 1}: half a surrogate pair (\\ud800 to \\udfff) in the text",
                "write it out",
            ) from None
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)
_Loader.add_constructor("tag:yaml.org,2002:str", _text)


# PyYAML reads 1e-5, 1.5e3 and .5e3 as text; a recipe's author means the number. More than two digits of exponent are
# no learning rate: such text is the beginning of a commit (revision: 12e4567), and what is quoted stays text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]{1,2}$"),
    list("-+.0123456789"),
)


def size_of(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node holds, what it refers to written out. Raises RecipeError where it refers to itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1 + len(node.value) // 100
    if id(node) not in known:
        known[id(node)] = 0  # an alias inside its own anchor meets this
        parts = [p for pair in node.value for p in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(size_of(part, known) for part in parts)
    elif not known[id(node)]:
        raise RecipeError("a YAML anchor refers to itself", "write the values out")
    return known[id(node)]


def load_yaml(text: str, where: str) -> Any:
    """YAML by a safe loader with an alias limit. Raises RecipeError with line and column."""
    if len(text) > MAX_BYTES:
        raise RecipeError(f"{where}: larger than {MAX_BYTES >> 20} MB", "a recipe is a short text file")
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        size_of(root, {})
        return loader.construct_document(root)  # type: ignore[no-untyped-call]
    except RecipeError as e:
        raise RecipeError(f"{where}: {e.message}", e.hint) from None
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise RecipeError(f"{where}: {place}: {e.problem or e.context}", "check indentation and quotes there") from e
    except yaml.YAMLError as e:
        raise RecipeError(
            f"{where}: not readable as YAML: {e}", "save it as plain UTF-8 text, without control codes"
        ) from e
    except RecursionError as e:
        raise RecipeError(f"{where}: nested too deep", "flatten it") from e
    except (ValueError, OverflowError, LookupError, TypeError) as e:  # 2020-02-31, `!!int ""`, five thousand digits
        raise RecipeError(f"{where}: a value that is none: {e}", "quote it, if it is text") from None
    finally:
        if loader is not None:
            loader.dispose()  # type: ignore[no-untyped-call]


def override(data: dict[str, Any], item: str) -> None:
    """Apply one `key.path=value`; list items by number (`stages.0.dedup.level=exact`); `arms.NAME=null` takes one out."""
    path, equals, value = item.partition("=")
    if not equals:
        raise RecipeError(f"'{item}' is not key.path=value", "write for example train.seed=1")
    parts = path.split(".")
    at: Any = data
    for part in parts[:-1]:
        at = _step(at, part, item)
    last, made = parts[-1], load_yaml(value, where=item)
    if isinstance(at, list) and last.isdigit():
        at[_index(at, last, item)] = made
    elif isinstance(at, list):
        at[_index(at, last, item)][last] = made  # a stage by name: stages.dedup={level: exact}
    elif parts[:-1] == ["arms"] and made is None:
        _take_out(at, last, item)
    else:
        at[last] = made


def _take_out(arms: dict[str, Any], name: str, item: str) -> None:
    if name not in arms:
        raise RecipeError(f"{item}: no arm named '{name}'", nearest(name, arms))
    del arms[name]


def _step(at: Any, part: str, item: str) -> Any:
    if isinstance(at, list):
        entry = at[_index(at, part, item)]
        return entry if part.isdigit() else _step(entry, part, item)  # by name: stages.sample.n
    if at.get(part) is None:
        at[part] = {}
    if not isinstance(at[part], (dict, list)):
        raise RecipeError(f"{item}: '{part}' is a value, it has no keys below", "shorten the path")
    return at[part]


def _index(at: list[Any], part: str, item: str) -> int:
    if part.isdigit() and int(part) < len(at):
        return int(part)
    for i, entry in enumerate(at):
        if entry == part:  # a stage that was written as its name alone
            at[i] = {part: {}}
        if isinstance(at[i], dict) and part in at[i]:
            return i
    raise RecipeError(f"{item}: no item '{part}' in a list of {len(at)}", "number them from 0")


_SECRET_KEY = re.compile(
    r"(^|[_-])(api[_-]?key|access[_-]?key|private[_-]?key|token|secret|password|passwd|authorization|credentials?|cookie)$",
    re.IGNORECASE,
)


def refuse_keys(data: Any, where: str, text: str, path: tuple[str | int, ...] = ()) -> None:
    """A secret written into a recipe is refused; keys come from the environment. Raises RecipeError."""
    from mathdata.keys import looks_secret

    items: Iterable[tuple[Any, Any]] = (
        data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    )
    for key, value in items:
        here = (*path, key)
        literal = isinstance(value, str) and value and not value.startswith("${")
        if literal and (_SECRET_KEY.search(str(key)) or looks_secret(value)):
            line = line_of(text, *path, key)
            raise RecipeError(
                f"{where}{line}: '{'.'.join(map(str, here))}' holds a key or password",
                "take it out, export it (OPENAI_API_KEY=...), and treat the written one as leaked",
            )
        refuse_keys(value, where, text, here)


def line_of(text: str, *path: str | int) -> str:
    """`, line 12`: where the deepest part of a path stands that the text has (`stages`, 3, `verify`); "" where none does.

    >>> line_of("name: a\\nstages:\\n  - dedup\\n  - verify: {steps: no}\\n", "stages", 1, "verify", "steps")
    ', line 4'
    """
    try:
        node, line = yaml.compose(text, Loader=yaml.SafeLoader) if path and text else None, 0
    except (yaml.YAMLError, RecursionError):
        return ""
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode) and (pair := _pair(node, str(part))):
            line, node = pair[0].start_mark.line + 1, pair[1]
        else:
            break
    return f", line {line}" if line else ""


def _pair(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next((pair for pair in node.value if pair[0].value == key), None)
