"""One run: the selected notebooks on one data set, published together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.runner import publish
from cj_helpers.runner.alerts import Alert, check_alerts
from cj_helpers.runner.html import use_words_of
from cj_helpers.runner.notebooks import DATA_QUALITY, discover, find_folder, read_notebook, select
from cj_helpers.runner.parameters import assign
from cj_helpers.runner.plan import Plan, make_job, make_plan, with_as_of
from cj_helpers.runner.progress import Logging, Silence
from cj_helpers.runner.records import write_private_logs, write_records
from cj_helpers.runner.source import check_journey, open_source
from cj_helpers.runner.supervise import (
    Watcher,
    prepare_workers,
    run_jobs,
    signals_deferred,
    stopped_by_signals,
)
from cj_helpers.runner.verdict import FAILED, LOST, OK, SKIPPED, TIMEOUT, Verdict
from cj_helpers.runner.worker import Outcome
from cj_helpers.text import _

TIMEOUT_SECONDS = 3600.0


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
    """

    exit_code: int
    folder: Path
    run_id: str
    notebooks: dict[str, Verdict]
    alerts: list[Alert]
    problem: str = ""


def run(
    dataset: str | Path,
    *,
    notebooks: Sequence[str] = (),
    parameters: Sequence[tuple[str, Any]] = (),
    as_of: str = "",
    out: str | Path = "reports",
    jobs: int = 1,
    timeout: float = TIMEOUT_SECONDS,
    notebooks_dir: str | Path = "",
    watcher: Watcher | None = None,
) -> RunResult:
    """Run notebooks on a data set and publish their reports.

    Parameters
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
    timeout : float
        Seconds that one notebook may take.
    notebooks_dir : str or Path
        Folder of the notebooks; empty for the nearest ``notebooks``.
    watcher : Watcher, optional
        Told how the run goes on.

    Returns
    -------
    RunResult
        Failed notebooks are in it, not raised.

    Raises
    ------
    ConfigError
        When something asked for is wrong; nothing has run then. Also when the reports cannot be written.
    DataError
        When the data set cannot be read and nobody foresaw why.
    publish.Locked
        When another run writes the same reports.
    supervise.Interrupted
        On SIGTERM, SIGINT or SIGHUP; nothing is published and no process is left.

    Notes
    -----
    A script must call it below ``if __name__ == "__main__":``, because workers import the script again.
    """
    if jobs < 1 or timeout <= 0:
        raise ConfigError(f"jobs is {jobs}, timeout {timeout:g}: give at least one job and a time above 0")
    folder = Path(notebooks_dir).resolve() if notebooks_dir else find_folder()
    every = discover(folder)
    asked = with_as_of(parameters, as_of)
    chosen = [read_notebook(path) for path in select(every, notebooks)]
    values = assign(asked, {book.name: book.parameters for book in chosen})
    with stopped_by_signals():
        prepare_workers()
        source = open_source(dataset, as_of=str(dict(asked).get("as_of", "")))
        check_journey(source, dict(asked).get("journey", ""))
        if not source.fit and not any(book.number == DATA_QUALITY for book in chosen):
            quality = [path for path in every if path.name.startswith(DATA_QUALITY)]
            chosen = [*(read_notebook(path) for path in quality), *chosen]
        plan = make_plan(source, chosen, folder=folder, values=values, asked=asked)
        use_words_of(plan.facts)
        target = Path(out).expanduser().resolve() / source.key
        log = Logging(watcher or Silence())
        with publish.written_below(target), publish.locked(target):
            publish.check_places(target, plan.run_id)
            with publish.staging(target) as (stage, scratch):
                todo = [make_job(plan, book, stage=stage, scratch=scratch) for book in plan.to_run]
                log.note(f"run {plan.run_id} of {source.key} started")
                outcomes = run_jobs(todo, at_once=jobs, timeout=timeout, watcher=log)
                return _publish(plan, outcomes, target=target, site=stage / "site", log=log)


def _publish(plan: Plan, ended: Sequence[Outcome], *, target: Path, site: Path, log: Logging) -> RunResult:
    source = plan.source
    skipped = [
        Outcome(book.name, book.title, Verdict(SKIPPED, _("data not fit")), has_page=False) for book in plan.left_out
    ]
    outcomes = sorted([*ended, *skipped], key=lambda outcome: outcome.name)
    labels = {key: label for outcome in outcomes for key, label in outcome.labels.items()}
    metrics = [row for outcome in outcomes for row in outcome.metrics]
    alerts = check_alerts(source.alerts, metrics, labels=labels)
    code = exit_code(outcomes, fit=source.fit, alerts=alerts)
    write_records(site, plan, outcomes, alerts=alerts, code=code, log=log)
    write_private_logs(target, plan.run_id, outcomes)
    good = source.fit and all(outcome.verdict.status in (OK, SKIPPED) for outcome in outcomes)
    place = target / plan.run_id if good else target / "failed" / plan.run_id
    with signals_deferred():
        publish.publish(site, place)
        if good:
            publish.point_latest(target, plan.run_id)
    verdicts = {outcome.name: outcome.verdict for outcome in outcomes}
    return RunResult(code, place, plan.run_id, verdicts, alerts, source.problem)


def exit_code(outcomes: Sequence[Outcome], *, fit: bool, alerts: Sequence[Alert]) -> int:
    """Return the exit code of a run: 3 (data not fit), then the highest of 1 and 5, then 4 (alert)."""
    statuses = {outcome.verdict.status for outcome in outcomes}
    if not fit:
        return 3
    if statuses & {TIMEOUT, LOST}:
        return 5
    if FAILED in statuses:
        return 1
    return 4 if any(alert.crossed for alert in alerts) else 0
