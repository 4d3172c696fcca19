"""What a run is asked for, and what it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cj_helpers.runner.alerts import Alert
from cj_helpers.runner.limits import Limits
from cj_helpers.runner.plan import Market
from cj_helpers.runner.verdict import Verdict


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    dataset : str or Path
        Folder of a data set, or its dataset.yml.
    notebooks : sequence of str
        Numbers or names; empty for all ``NN_*.ipynb``.
    parameters : sequence of (name, value)
        For every selected notebook that declares the name.
    as_of : str
        Use data up to this day or moment only; empty for the data set's own rule.
    out : str or Path
        Folder of all reports; this run goes to ``<out>/<data set>/<run_id>``.
    jobs : int
        Notebooks that run at the same time.
    limits : Limits
        Time and memory that it may take.
    notebooks_dir : str or Path
        Folder of the notebooks; empty for the nearest ``notebooks``.
    force : bool
        Run again what is published already under the same name.
    market : Market, optional
        Only the customers of this market; the run goes to ``<data set>/segments/<column>/<market>/<run_id>``.
    keep_newer : bool
        Leave ``latest`` where it names a run on later data.
    """

    dataset: str | Path
    notebooks: Sequence[str] = ()
    parameters: Sequence[tuple[str, Any]] = ()
    as_of: str = ""
    out: str | Path = "reports"
    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    notebooks_dir: str | Path = ""
    force: bool = False
    market: Market | None = None
    keep_newer: bool = False


class SomeFailed(Exception):
    """Some of several runs ended with an error, the others are done; ``errors`` are pairs of (market, error)."""

    def __init__(self, errors: Sequence[tuple[str, Exception]]) -> None:
        super().__init__("; ".join(f"{market}: {error}" for market, error in errors))
        self.errors = list(errors)


@dataclass(frozen=True)
class RunResult:
    """What a run left.

    Attributes
    ----------
    exit_code : int
        0 ok or skipped, 1 a notebook failed, 3 data not fit, 4 an alert crossed, 5 time-out or kernel lost; of
        several 3, then the highest of 1 and 5, then 4.
    folder : Path
        Where it was published: below ``failed`` unless every notebook is ok or skipped.
    run_id : str
        Its name: the day of the data and ten hex digits.
    notebooks : dict of str to Verdict
        How each notebook ended.
    alerts : list of Alert
        Every alert of dataset.yml as judged after this run.
    problem : str
        Why the data are not fit; empty when they are.
    unchanged : bool
        Whether the same run was published already, so that nothing ran.
    """

    exit_code: int
    folder: Path
    run_id: str
    notebooks: dict[str, Verdict]
    alerts: list[Alert]
    problem: str = ""
    unchanged: bool = False

    @property
    def page(self) -> Path:
        """Its index."""
        return self.folder / "index.html"
