"""How long a run, a notebook and a cell may take and how much memory a notebook may use."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from cj_helpers.contract import ConfigError
from cj_helpers.runner.processes import memory_below
from cj_helpers.runner.verdict import LOST, TIMEOUT, Verdict
from cj_helpers.text import fill

_GIGABYTE = 1e9


@dataclass(frozen=True)
class Limits:
    """Limits of a run; 0 stands for none.

    Attributes
    ----------
    notebook, cell, run : float
        Seconds that one notebook, one cell and the execution of all notebooks may take.
    memory : float
        Gigabytes that a notebook's kernel and what it started may hold in memory together; looked at twice a
        second, so a jump may go beyond it for a moment.
    """

    notebook: float = 3600.0
    cell: float = 0.0
    run: float = 0.0
    memory: float = 0.0

    def check(self) -> None:
        """Refuse limits under which nothing could run.

        Raises
        ------
        ConfigError
            When a limit is negative, or that of a notebook 0.
        """
        if self.notebook <= 0 or min(self.cell, self.run, self.memory) < 0:
            raise ConfigError(
                f"limits: found {self.notebook:g} s a notebook, {self.cell:g} s a cell, {self.run:g} s the run, "
                f"{self.memory:g} GB; give a notebook a time above 0 and no negative limit (0: none)"
            )


def stop_reason(limits: Limits, *, end: float, pid: int, cell: int, since: Mapping[str, float]) -> Verdict | None:
    """Say why a running notebook must be stopped now, or None.

    Parameters
    ----------
    limits : Limits
    end : float
        Moment (monotonic clock) at which the time of the run is over.
    pid : int
        The notebook's worker process, above its kernel.
    cell : int
        The cell it is at.
    since : mapping
        When its ``notebook`` and its ``cell`` started (monotonic clock).
    """
    now = time.monotonic()
    if now - since["notebook"] > limits.notebook:
        return Verdict(TIMEOUT, fill("stopped after {limit:days}", limit=limits.notebook / 86400), cell)
    if limits.cell and now - since["cell"] > limits.cell and cell:
        return Verdict(TIMEOUT, fill("the cell ran longer than {limit:days}", limit=limits.cell / 86400), cell)
    if now > end:
        return Verdict(TIMEOUT, fill("the run took longer than {limit:days}", limit=limits.run / 86400), cell)
    if limits.memory and memory_below(pid) > limits.memory * _GIGABYTE:
        return Verdict(LOST, fill("it used more than {limit:number} GB of memory", limit=limits.memory), cell)
    return None


def run_is_over(limits: Limits) -> Verdict:
    """Verdict on a notebook that did not start any more."""
    return Verdict(TIMEOUT, fill("not started: the run took longer than {limit:days}", limit=limits.run / 86400))
