"""Progress on standard error: bars with stage, rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mathdata.types import Progress

__all__ = ["Display"]


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
            self.live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Progress]:
        """A bar for the length of a stage; what is yielded is told how far it is."""
        started = time.perf_counter()
        if self.live:
            task = self.live.add_task(name, total=total, rate="", note="")

            def bar(done: int, total: int | None = None, note: str = "") -> None:
                rate = done / max(time.perf_counter() - started, 1e-9)
                self.live.update(task, completed=done, total=total, rate=f"{rate:,.0f}/s", note=note)

            try:
                yield bar
            finally:
                self.live.remove_task(task)
            return
        last = started

        def line(done: int, total: int | None = None, note: str = "") -> None:
            nonlocal last
            now = time.perf_counter()
            if self.quiet or now - last < 10:
                return
            last = now
            rate = done / max(now - started, 1e-9)
            left = f", {(total - done) / rate:,.0f} s left" if total and rate and total > done else ""
            print(f"  {name}: {done:,}/{total or '?'} at {rate:,.0f}/s{left} {note}", file=sys.stderr, flush=True)

        yield line
