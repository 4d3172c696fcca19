"""What a run shows while it goes on: bars on a terminal, lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cj_helpers.runner.supervise import Watcher
from cj_helpers.runner.verdict import Verdict


class Silence:
    """Shows nothing."""

    def started(self, name: str) -> None:
        """Do nothing."""

    def cell(self, name: str, number: int, total: int) -> None:
        """Do nothing."""

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Do nothing."""


class Logging:
    """Passes on what happens, and keeps it with its time for run.log."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        """Keep a line with the time."""
        self.lines.append(f"{datetime.now(UTC).isoformat(timespec='seconds')} {line}")

    def add(self, lines: Iterable[str]) -> None:
        """Keep lines as they are."""
        self.lines.extend(lines)

    def started(self, name: str) -> None:
        """Keep and pass on that a notebook starts."""
        self.note(f"{name} started")
        self._watcher.started(name)

    def cell(self, name: str, number: int, total: int) -> None:
        """Pass on which cell runs."""
        self._watcher.cell(name, number, total)

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Keep and pass on how a notebook ended."""
        self.note(f"{name} {summary(verdict)} after {seconds:.1f} s")
        self._watcher.ended(name, verdict, seconds)


class Lines(Silence):
    """One line on stderr when a notebook starts and one when it ends."""

    def started(self, name: str) -> None:
        """Say that a notebook starts."""
        self._say(f"{name}: started")

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Say how a notebook ended."""
        self._say(f"{name}: {summary(verdict)} ({seconds:.1f} s)")

    def _say(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


class Bars(Silence):
    """One bar per running notebook, with the cell it is at."""

    def __init__(self, bars: Any) -> None:
        self._bars = bars
        self._tasks: dict[str, Any] = {}

    def started(self, name: str) -> None:
        """Add a bar."""
        self._tasks[name] = self._bars.add_task(name, total=None, cell="starting")

    def cell(self, name: str, number: int, total: int) -> None:
        """Move the bar to this cell."""
        self._bars.update(self._tasks[name], completed=number - 1, total=total, cell=f"cell {number}/{total}")

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Replace the bar by a line that stays."""
        self._bars.remove_task(self._tasks.pop(name))
        self._bars.console.print(f"{name}: {summary(verdict)} ({seconds:.1f} s)", markup=False, highlight=False)


def summary(verdict: Verdict) -> str:
    """Return a verdict as a few words for the terminal."""
    cell = f" in cell {verdict.cell}" if verdict.cell and verdict.status != "skipped" else ""
    reason = f": {verdict.reason}" if verdict.reason else ""
    return f"{verdict.status}{cell}{reason}"


@contextmanager
def shown_on_stderr() -> Iterator[Watcher]:
    """Give bars when stderr is a terminal, lines otherwise."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[cell]}", markup=False),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bars(bars)
