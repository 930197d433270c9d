"""The plain lines of progress: rate and time left from the first thing done, not from the start of loading."""

from __future__ import annotations

import pytest

from mathdata.cli import progress
from mathdata.cli.progress import Display


def test_loading_does_not_count_in_the_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 30.0, 30.0, 60.0, 60.0, 62.0, 62.0, 72.0, 72.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    with Display() as display, display.stage("train raw", 100) as tell:
        for done in (0, 10, 20, 60):
            tell(done, 100, "loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "  train raw: 0 of 100, loss 0.5",
        "  train raw: 10 of 100, loss 0.5",
        "  train raw: 60 of 100 at 4/s, 10 s left, loss 0.5",
    ]
