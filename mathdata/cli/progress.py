"""Progress on standard error: bars with stage, rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mathdata.screen import clean
from mathdata.types import Progress

__all__ = ["Display"]


class Pace:
    """Things done a second since the first was seen: what came before was loading."""

    def __init__(self) -> None:
        self.first: tuple[float, float] | None = None

    def rate(self, done: float) -> float | None:
        """None until a second sight of them gives a distance."""
        now = time.perf_counter()
        if self.first is None or done < self.first[1]:
            self.first = (now, done) if done else None
            return None
        since, before = self.first
        return (done - before) / (now - since) if done > before and now > since else None


class Display:
    """Shows one bar for each running stage; `quiet` shows nothing."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live: Any = None
        self.tty = sys.stderr.isatty() and not quiet
        if self.tty:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bars

            self.live = Bars(
                SpinnerColumn(),
                TextColumn("{task.description:<24}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:>12}"),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[note]}", markup=False),
                console=Console(stderr=True),
            )

    def __enter__(self) -> Display:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def say(self, text: str) -> None:
        """A line for people that stays."""
        if self.quiet:
            return
        if self.live:
            self.live.console.print(clean(text), markup=False, highlight=False, soft_wrap=True)
        else:
            print(clean(text), file=sys.stderr, flush=True)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Progress]:
        """A bar for the length of a stage; what is yielded is told how far it is."""
        pace = Pace()
        if self.live:
            task = self.live.add_task(name, total=total, rate="", note="")

            def bar(done: int, total: int | None = None, note: str = "") -> None:
                rate = pace.rate(done)
                shown = "" if rate is None else f"{rate:,.0f}/s"
                self.live.update(task, completed=done, total=total, rate=shown, note=clean(note))

            try:
                yield bar
            finally:
                self.live.remove_task(task)
            return
        last = time.perf_counter()

        def line(done: int, total: int | None = None, note: str = "") -> None:
            nonlocal last
            now, rate = time.perf_counter(), pace.rate(done)
            if self.quiet or now - last < 10:
                return
            last = now
            parts = [f"{done:,} of {total:,}" if total else f"{done:,}"]
            if rate is not None:
                parts[0] += f" at {rate:,.0f}/s"
                parts += [f"{(total - done) / rate:,.0f} s left"] if total and total > done else []
            said = f"  {name}: {', '.join([*parts, note] if note else parts)}"
            print(clean(said), file=sys.stderr, flush=True)

        yield line
