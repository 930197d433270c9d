"""Prompt files of the methods: found by name and language, rendered in a sandbox, known by their hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mathdata.bounds import read_small
from mathdata.digests import file_stamp
from mathdata.errors import RecipeError, nearest
from mathdata.rendering import bounded, check_template
from mathdata.types import Request

__all__ = ["PromptFile", "find_prompt", "render"]

FOLDER = Path(__file__).parent / "prompts"
LANGUAGES = ("en", "zh")
_ROLE = re.compile(r"^\{#-?\s*(system|user|assistant)\s*-?#\}[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt: its turns as jinja templates, and the hash of the file that every row it made carries."""

    path: Path
    digest: str
    turns: tuple[tuple[str, Any], ...]

    def messages(self, values: Mapping[str, Any]) -> tuple[dict[str, str], ...]:
        from jinja2 import TemplateError

        ours = self.path.parent == FOLDER
        try:
            with nullcontext() if ours else bounded(str(self.path)):
                return tuple({"role": role, "content": t.render(values).strip()} for role, t in self.turns)
        except TemplateError as error:
            raise RecipeError(f"{self.path}: {error}", "a prompt may use problem, params, language") from None


def render(request: Request, replaced: Mapping[str, str | Path] | None = None) -> Request:
    """The request with `messages`, `text` and the prompt's hash; done late, only for teachers that read text.

    The prompt's name is `params["ask"]` where a method has several turns, else the method's own.
    """
    language = request.problem.language or "en"
    prompt = find_prompt(str(request.params.get("ask") or request.method), language, replaced)
    values = {"problem": request.problem, "params": request.params, "language": language}
    messages = prompt.messages(values)
    text = "\n\n".join(m["content"] for m in messages)
    return replace(request, messages=messages, text=text, prompt=prompt.digest)


def find_prompt(name: str, language: str, replaced: Mapping[str, str | Path] | None = None) -> PromptFile:
    """`name.language` or `name` of the recipe's own files first, then ours; English where there is no other."""
    own = replaced or {}
    for key in (f"{name}.{language}", name):
        if key in own:
            return _load(Path(own[key]), file_stamp(own[key]))
    for word in (language, "en"):
        path = FOLDER / f"{name}.{word}.jinja"
        if path.is_file():
            return _load(path, ())
    known = {p.name.split(".")[0] for p in FOLDER.glob("*.jinja")}
    raise RecipeError(f"no prompt file for '{name}'", nearest(name, known))


@lru_cache(maxsize=256)
def _load(path: Path, stamp: tuple[int, ...]) -> PromptFile:
    """`stamp` tells the versions of one file apart."""
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        source = read_small(path, "a prompt")
    except OSError as error:
        raise RecipeError(f"{path}: cannot read the prompt: {error}", "prompts: {method: file.jinja}") from None
    check_template(source, str(path))
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    try:
        turns = tuple((role, environment.from_string(text)) for role, text in _turns(source))
    except TemplateError as error:
        raise RecipeError(f"{path}: {error}", "the prompt is a jinja template") from None
    return PromptFile(path, digest, turns)


def _turns(source: str) -> list[tuple[str, str]]:
    """Roles are read from the source, before rendering: nothing a row says can open a turn."""
    marks = list(_ROLE.finditer(source))
    if not marks:
        return [("user", source)]
    ends = [m.start() for m in marks[1:]] + [len(source)]
    return [(m.group(1), source[m.end() : end]) for m, end in zip(marks, ends)]
