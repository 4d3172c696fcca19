"""What a run shows while it goes on: bars on a terminal, problems alone elsewhere; and its structured log."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cj_helpers.runner.supervise import Watcher
from cj_helpers.runner.verdict import OK, SKIPPED, Verdict


class Silence:
    """Shows nothing."""

    def started(self, name: str) -> None:
        """Do nothing."""

    def cell(self, name: str, number: int, total: int) -> None:
        """Do nothing."""

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Do nothing."""


class Logging:
    """Passes on what happens, and keeps it for run.log: one JSON object a line, with ``time`` and ``event``."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        #: What may be told of a verdict; the privacy gate, once the data are known.
        self.gate: Callable[[Verdict], Verdict] = lambda verdict: verdict
        self.entries: list[dict[str, Any]] = []

    @property
    def started_at(self) -> str:
        """Time of the first event; empty before it."""
        return str(self.entries[0]["time"]) if self.entries else ""

    @property
    def text(self) -> str:
        """The log as JSON Lines."""
        return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self.entries)

    def note(self, event: str, **facts: Any) -> None:
        """Keep an event with the time (UTC)."""
        moment = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self.entries.append({"time": moment, "event": event, **facts})

    def started(self, name: str) -> None:
        """Keep and pass on that a notebook starts."""
        self.note("notebook started", notebook=name)
        self._watcher.started(name)

    def cell(self, name: str, number: int, total: int) -> None:
        """Pass on which cell runs."""
        self._watcher.cell(name, number, total)

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Keep and pass on how a notebook ended; its reason as the privacy gate lets it through."""
        self.note("notebook ended", notebook=name, status=verdict.status, seconds=round(seconds, 1))
        self._watcher.ended(name, self.gate(verdict), seconds)


class Problems(Silence):
    """One line on stderr for every notebook that does not come to its end, and nothing else."""

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Say how a notebook failed."""
        if verdict.status not in (OK, SKIPPED):
            _say(f"{name}: {summary(verdict)} ({seconds:.1f} s)")


class Lines(Silence):
    """One line on stderr when a notebook starts and one when it ends."""

    def started(self, name: str) -> None:
        """Say that a notebook starts."""
        _say(f"{name}: started")

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """Say how a notebook ended."""
        _say(f"{name}: {summary(verdict)} ({seconds:.1f} s)")


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


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def summary(verdict: Verdict) -> str:
    """Return a verdict as a few words for the terminal."""
    cell = f" in cell {verdict.cell}" if verdict.cell and verdict.status != "skipped" else ""
    reason = f": {verdict.reason}" if verdict.reason else ""
    return f"{verdict.status}{cell}{reason}"


@contextmanager
def shown_on_stderr(*, verbose: bool = False) -> Iterator[Watcher]:
    """Give bars when stderr is a terminal; elsewhere lines when asked for them, or the problems alone."""
    if verbose or not sys.stderr.isatty():
        yield Lines() if verbose else Problems()
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
