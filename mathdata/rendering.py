"""Jinja templates of others (prompts, chat templates): checked before use, rendered in bounded time and memory."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from mathdata.errors import RecipeError

__all__ = ["MEMORY", "SECONDS", "bounded", "chat_text", "check_template"]

SECONDS = 10.0
"""Time that rendering may take where nothing else is said."""
MEMORY = 256 << 20
"""Bytes that a process may grow by while it renders."""
FACTOR = 1000
"""The largest number that a template may multiply by: more could be one operation without end."""


_INSIDE = threading.local()


class _TooLong(BaseException):
    """Raised inside the rendering thread when its time is up."""


def check_template(source: str, where: str) -> None:
    """Refuse what one operation could run for ever in: powers, and products of two unknowns. Raises RecipeError.

    Loops and recursion are bounded while rendering (`bounded`); a single product of huge numbers cannot be stopped.
    """
    from jinja2 import Environment, TemplateError, nodes

    environment = Environment(extensions=["jinja2.ext.loopcontrols", "jinja2.ext.do"])
    with suppress(
        TemplateError
    ):  # what it is, jinja says itself when it is rendered; `generation` tags are unknown here
        tree = environment.parse(without_generation(source))
        if power := next(tree.find_all(nodes.Pow), None):
            raise RecipeError(f"{where}: line {power.lineno}: a template may not raise to powers", "write the value")
        for product in tree.find_all(nodes.Mul):
            if not any(_is_small(side) for side in (product.left, product.right)):
                raise RecipeError(
                    f"{where}: line {product.lineno}: a template may multiply by a number of at most {FACTOR}",
                    "write the value out",
                )


def without_generation(source: str) -> str:
    """`{% generation %}` blocks, which only Transformers knows, taken out around their content."""
    import re

    return re.sub(r"\{%-?\s*(?:end)?generation\s*-?%\}", "", source)


def _is_small(node: Any) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, int) and abs(value) <= FACTOR


def chat_text(tokenizer: Any, turns: Sequence[Mapping[str, Any]], *, generation: bool) -> str:
    """What a tokenizer's chat template makes of these turns, in bounded time and memory. Raises RecipeError.

    Whatever else the template raises (`raise_exception`) goes on to the caller.
    """
    template = tokenizer.chat_template
    for source in template.values() if isinstance(template, Mapping) else (template,):
        _checked(str(source))
    with bounded("the tokenizer's chat template"):
        told = tokenizer.apply_chat_template([dict(t) for t in turns], tokenize=False, add_generation_prompt=generation)
    return str(told)


@lru_cache(maxsize=16)
def _checked(source: str) -> None:
    check_template(source, "the tokenizer's chat template")


@contextmanager
def bounded(where: str, *, seconds: float = SECONDS, memory: int = MEMORY) -> Iterator[None]:
    """Run a block of Python that renders templates: RecipeError after `seconds`, or where memory grows by `memory` bytes.

    No signal is used, so it works in any thread; the memory is a limit of the whole process while the block runs.
    Inside such a block another one adds nothing: the outer bound holds.
    """
    if getattr(_INSIDE, "bounded", False):
        yield
        return
    done, late = threading.Event(), threading.Event()
    me = threading.get_ident()

    def watch() -> None:
        if not done.wait(seconds):
            late.set()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(me), ctypes.py_object(_TooLong))

    watcher = threading.Thread(target=watch, name="template watch", daemon=True)
    _INSIDE.bounded = True
    try:
        with _memory_limit(memory):
            watcher.start()
            try:
                yield
            finally:
                done.set()
                watcher.join()
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(me), None)
    except _TooLong:
        raise RecipeError(f"{where}: rendering took more than {seconds:g} s", "does the template loop?") from None
    except MemoryError:
        raise RecipeError(
            f"{where}: rendering took more than {memory >> 20:,} MB", "does the template multiply text?"
        ) from None
    except RecursionError:
        raise RecipeError(f"{where}: the template calls itself without end", "does a macro call itself?") from None
    finally:
        _INSIDE.bounded = False


@contextmanager
def _memory_limit(memory: int) -> Iterator[None]:
    """The address space this process has now, and `memory` bytes more, as its limit while the block runs."""
    try:
        import resource

        with open("/proc/self/statm") as f:
            used = int(f.read().split()[0]) * resource.getpagesize()
        old = resource.getrlimit(resource.RLIMIT_AS)
    except (ImportError, OSError):  # no such limits here: the time limit still holds
        yield
        return
    wanted = used + memory
    for limit in old:
        wanted = wanted if limit == resource.RLIM_INFINITY else min(wanted, limit)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, old)
