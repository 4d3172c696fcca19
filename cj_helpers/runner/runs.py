"""One run: the selected notebooks on one data set, published together."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cj_helpers.contract import CommandError, ConfigError
from cj_helpers.runner import privacy, publish
from cj_helpers.runner.alerts import Alert, check_alerts
from cj_helpers.runner.failure import clear_failure, note_error, note_failure
from cj_helpers.runner.html import use_words_of
from cj_helpers.runner.notebooks import DATA_QUALITY, Notebook, discover, find_folder, read_notebook, select
from cj_helpers.runner.parameters import Value, assign
from cj_helpers.runner.plan import Plan, make_job, make_plan, with_as_of
from cj_helpers.runner.progress import Logging, Silence
from cj_helpers.runner.published import PublishedRun, is_whole, latest_run, read_run
from cj_helpers.runner.records import is_good, write_private_logs, write_records
from cj_helpers.runner.requests import Request, RunResult
from cj_helpers.runner.signals import Interrupted, signals_deferred, stopped_by_signals
from cj_helpers.runner.source import check_as_of, check_journey, locate, open_source
from cj_helpers.runner.supervise import Watcher, prepare_workers, run_jobs
from cj_helpers.runner.verdict import FAILED, LOST, SKIPPED, TIMEOUT, Verdict
from cj_helpers.runner.words import status_word
from cj_helpers.runner.worker import Outcome
from cj_helpers.text import _


def run(dataset: str | Path, *, watcher: Watcher | None = None, **options: Any) -> RunResult:
    """Run notebooks on a data set and publish their reports.

    Parameters
    ----------
    dataset : str or Path
        Folder of a data set, or its dataset.yml.
    watcher : Watcher, optional
        Told how the run goes on.
    **options
        The other attributes of `Request`.

    Returns
    -------
    RunResult
        Failed notebooks are in it, not raised.

    Raises
    ------
    ConfigError
        When something asked for is wrong; nothing has run then. Also when the reports cannot be written.
    CommandError
        The same for an option or a parameter: it is no failure of the reports, so no page tells of it.
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
    request = Request(dataset, **options)
    books = _checked(request)
    with stopped_by_signals():
        try:
            return _run(request, books, Logging(watcher or Silence()))
        except (CommandError, publish.Locked):
            raise
        except (Exception, Interrupted) as error:
            with contextlib.suppress(OSError, ConfigError, publish.Locked), signals_deferred():
                key = locate(request.dataset)[1]
                note_error(_target(request, key), key, error)
            raise


@dataclass(frozen=True)
class _Books:
    """The notebooks of a request, checked before the data set is opened."""

    folder: Path
    every: list[Path]
    chosen: list[Notebook]
    asked: list[tuple[str, Any]]
    values: dict[str, dict[str, Value]]

    @classmethod
    def of(cls, request: Request) -> _Books:
        folder = Path(request.notebooks_dir).resolve() if request.notebooks_dir else find_folder()
        every = discover(folder)
        asked = with_as_of(request.parameters, request.as_of)
        check_as_of(str(dict(asked).get("as_of", "")))
        chosen = [read_notebook(path) for path in select(every, request.notebooks)]
        return cls(folder, every, chosen, asked, assign(asked, {book.name: book.parameters for book in chosen}))

    def with_quality(self) -> list[Notebook]:
        """The chosen ones and the one on data quality."""
        if any(book.number == DATA_QUALITY for book in self.chosen):
            return self.chosen
        return [*(read_notebook(p) for p in self.every if p.name.startswith(DATA_QUALITY)), *self.chosen]


def _checked(request: Request) -> _Books:
    """Read the notebooks; whatever is wrong before a data set is opened is wrong for every market, too."""
    if request.jobs < 1:
        raise CommandError(f"jobs is {request.jobs}: give at least one job")
    try:
        request.limits.check()
        return _Books.of(request)
    except ConfigError as error:
        raise CommandError(str(error)) from error


def _target(request: Request, key: str) -> Path:
    folder = Path(request.out).expanduser().resolve() / key
    return folder / request.market.folder if request.market else folder


def _run(request: Request, books: _Books, log: Logging) -> RunResult:
    prepare_workers()
    given = dict(books.asked)
    source = open_source(request.dataset, as_of=str(given.get("as_of", "")))
    check_journey(source, given.get("journey", ""))
    chosen = books.chosen if source.fit else books.with_quality()
    plan = make_plan(source, chosen, folder=books.folder, values=books.values, asked=books.asked, market=request.market)
    use_words_of(plan.facts)
    target = _target(request, source.key)
    with publish.written_below(target), publish.locked(target):
        publish.check_places(target, plan.run_id)
        before = read_run(target / plan.run_id)
        if before is not None and not request.force and is_whole(before):
            return _unchanged(request, target, before)
        with publish.staging(target) as (stage, scratch):
            todo = [make_job(plan, book, stage=stage, scratch=scratch) for book in plan.to_run]
            log.note("run started", run_id=plan.run_id, dataset=source.key)
            if not source.public:
                log.gate = partial(privacy.public_verdict, hashes=source.raw_ids)
            outcomes = run_jobs(todo, at_once=request.jobs, limits=request.limits, watcher=log)
            return _publish(request, plan, outcomes, target=target, site=stage / "site", log=log)


def _unchanged(request: Request, target: Path, before: PublishedRun) -> RunResult:
    """The result of a run that is published already; `latest` names it as if it had run."""
    if _is_newest(request, target, before.day):
        _renew(target, before.run_id)
    told = before.manifest
    verdicts = {name: Verdict(item["status"], item["reason"]) for name, item in told["notebooks"].items()}
    alerts = [Alert(item["text"], item["level"], item["known"]) for item in told["alerts"]]
    return RunResult(told["exit_code"], before.folder, before.run_id, verdicts, alerts, unchanged=True)


def _publish(
    request: Request, plan: Plan, ended: Sequence[Outcome], *, target: Path, site: Path, log: Logging
) -> RunResult:
    source = plan.source
    skipped = [
        Outcome(book.name, book.title, Verdict(SKIPPED, _("data not fit")), has_page=False) for book in plan.left_out
    ]
    outcomes = sorted([*privacy.guard(site, plan, ended), *skipped], key=lambda outcome: outcome.name)
    labels = {key: label for outcome in outcomes for key, label in outcome.labels.items()}
    metrics = [row for outcome in outcomes for row in outcome.metrics]
    alerts = check_alerts(source.alerts, metrics, labels=labels)
    code = exit_code(outcomes, fit=source.fit, alerts=alerts)
    write_records(site, plan, outcomes, alerts=alerts, code=code, target=target, log=log)
    privacy.check_records(site, plan)
    write_private_logs(target, plan.run_id, outcomes)
    good = is_good(plan, outcomes)
    place = target / plan.run_id if good else target / "failed" / plan.run_id
    newest = _is_newest(request, target, source.day)
    with signals_deferred():
        publish.publish(site, place)
        if good and newest:
            _renew(target, plan.run_id)
        elif newest:
            note_failure(target, facts=plan.facts, reasons=_reasons(outcomes, source.problem), place=place)
    verdicts = {outcome.name: outcome.verdict for outcome in outcomes}
    return RunResult(code, place, plan.run_id, verdicts, alerts, source.problem)


def _is_newest(request: Request, target: Path, day: str) -> bool:
    """Whether `latest` may move to a run on the data of this day."""
    now = latest_run(target) if request.keep_newer else None
    return now is None or now.day <= day


def _renew(target: Path, run_id: str) -> None:
    with signals_deferred():
        publish.point_latest(target, run_id)
        clear_failure(target)


def _reasons(outcomes: Sequence[Outcome], problem: str) -> list[tuple[str, str]]:
    """What a reader of the failure page learns: the problem of the data, or the notebooks that failed."""
    if problem:
        return [(_("The data are not fit for these reports."), problem)]
    bad = [outcome for outcome in outcomes if outcome.verdict.is_bad]
    return [(o.title, f"{status_word(o.verdict.status)} ({o.verdict.reason})") for o in bad]


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
