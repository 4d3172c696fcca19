"""Worker processes: so many at a time, each with a deadline, none left behind."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.forkserver import ensure_running
from typing import Any, Protocol

from cj_helpers.runner.limits import Limits, run_is_over, stop_reason
from cj_helpers.runner.processes import kill_tree
from cj_helpers.runner.verdict import FAILED, LOST, Verdict
from cj_helpers.runner.worker import PRELOAD, Job, Outcome, work
from cj_helpers.text import _

_CONTEXT = multiprocessing.get_context("forkserver")
_PUBLISH_SECONDS = 300  # a page that takes longer than this to write never gets done
_LOOK_SECONDS = 0.5


class Watcher(Protocol):
    """Told how a run goes on; see `progress`."""

    def started(self, name: str) -> None:
        """A notebook's worker has started."""

    def cell(self, name: str, number: int, total: int) -> None:
        """A code cell of a notebook starts."""

    def ended(self, name: str, verdict: Verdict, seconds: float) -> None:
        """A notebook has ended and its page is written."""


@dataclass
class _Running:
    job: Job
    process: Any
    pipe: Connection
    begun: float
    deadline: float
    cell: int = 0
    cell_begun: float = 0.0
    verdict: Verdict | None = None  # known, its page being written
    stop: Verdict | None = None  # a limit is exceeded: it must end now
    outcome: Outcome | None = None


def prepare_workers() -> None:
    """Start the server that loads papermill and nbconvert once; it goes on while the caller does."""
    _CONTEXT.set_forkserver_preload(PRELOAD)
    ensure_running()


def run_jobs(jobs: Sequence[Job], *, at_once: int, limits: Limits, watcher: Watcher) -> list[Outcome]:
    """Run every job in a process of its own and return one outcome per job, in the order of the jobs.

    Parameters
    ----------
    jobs : sequence of Job
        Notebooks to run.
    at_once : int
        Number of notebooks that run at the same time.
    limits : Limits
        Past them the processes of a notebook are killed; past that of the run no further notebook starts.
    watcher : Watcher
        Told about starts, cells and ends.

    Raises
    ------
    OSError
        When a worker cannot write its files; every other worker is ended.

    Notes
    -----
    A notebook whose worker ends early or is ended gets a page from a second worker, and when that one cannot
    write it either, a page with nothing of the notebook on it.
    """
    waiting, running = deque(jobs), list[_Running]()
    done: dict[str, Outcome] = {}
    begun: dict[str, float] = {}
    end = time.monotonic() + limits.run if limits.run else float("inf")
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                job = waiting.popleft()
                if job.verdict is None and time.monotonic() > end:
                    job = dataclasses.replace(job, verdict=run_is_over(limits))
                if job.notebook.name not in begun:
                    begun[job.notebook.name] = time.monotonic()
                    watcher.started(job.notebook.name)
                running.append(_start(job, timeout=limits.notebook))
            _listen(running, watcher)
            for item in running:
                _check_limits(item, limits, end)
            for item in [item for item in running if _has_ended(item)]:
                running.remove(item)
                _end(item)
                _drain(item, watcher)
                item.pipe.close()
                outcome, again = _result(item)
                if again is not None:
                    waiting.appendleft(again)
                    continue
                done[outcome.name] = outcome
                watcher.ended(outcome.name, outcome.verdict, time.monotonic() - begun[outcome.name])
    finally:
        for item in running:
            _end(item)
    return [done[job.notebook.name] for job in jobs]


def _start(job: Job, *, timeout: float) -> _Running:
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=work, args=(job, theirs), daemon=False)
    process.start()
    theirs.close()
    now = time.monotonic()
    # `stop_reason` comes first; the deadline ends a worker whose page never gets done
    allowed = timeout + _LOOK_SECONDS if job.verdict is None else _PUBLISH_SECONDS
    return _Running(job, process, ours, begun=now, deadline=now + allowed, cell_begun=now)


def _listen(running: list[_Running], watcher: Watcher) -> None:
    soonest = min(item.deadline for item in running) - time.monotonic()
    # an ended process closes its pipe: a message or the end of all messages
    ready = wait([item.pipe for item in running], timeout=min(max(soonest, 0), _LOOK_SECONDS))
    for item in [item for item in running if item.pipe in ready]:
        _drain(item, watcher)


def _drain(item: _Running, watcher: Watcher) -> None:
    """Read what a worker has sent so far."""
    with contextlib.suppress(EOFError, ConnectionResetError):
        while item.pipe.poll():
            _take(item, item.pipe.recv(), watcher)
        return
    item.process.join()  # the pipe is closed: it is ending


def _take(item: _Running, message: tuple[Any, ...], watcher: Watcher) -> None:
    match message:
        case ("cell", number, total):
            item.cell, item.cell_begun = number, time.monotonic()
            watcher.cell(item.job.notebook.name, number, total)
        case ("executed", verdict):
            item.verdict, item.deadline = verdict, time.monotonic() + _PUBLISH_SECONDS
        case ("disk", number):
            raise OSError(number, os.strerror(number))
        case ("done", outcome):
            item.outcome = outcome


def _check_limits(item: _Running, limits: Limits, end: float) -> None:
    """Note why a notebook that is still running must be stopped."""
    if item.verdict is None and item.job.verdict is None and item.process.is_alive():
        since = {"cell": item.cell_begun, "notebook": item.begun}
        item.stop = item.stop or stop_reason(limits, end=end, pid=item.process.pid, cell=item.cell, since=since)


def _has_ended(item: _Running) -> bool:
    over = item.stop is not None or time.monotonic() > item.deadline
    return item.outcome is not None or not item.process.is_alive() or over


def _end(item: _Running) -> None:
    if item.outcome is not None:
        item.process.join(timeout=2)
    if item.process.is_alive():
        kill_tree(item.process.pid)
    item.process.join()


def _result(item: _Running) -> tuple[Outcome, Job | None]:
    """The outcome of an ended worker, and the job to do again when it left no page."""
    job = item.job
    if item.outcome is not None:
        return dataclasses.replace(item.outcome, log=[*item.outcome.log, *_printed(job)]), None
    verdict = item.verdict or job.verdict
    if verdict is None:
        verdict = _early_end(item)
        return _without_page(job, verdict), dataclasses.replace(job, verdict=verdict)
    failed = Verdict(FAILED, _("its page could not be written; see run.log"), verdict.cell)
    if verdict.status not in ("ok", "skipped"):
        failed = verdict
    again = None if job.plain else dataclasses.replace(job, verdict=failed, plain=True)
    return _without_page(job, failed), again


def _early_end(item: _Running) -> Verdict:
    if item.stop is not None:
        return item.stop
    if item.process.exitcode == 1:  # an exception outside the notebook's own code
        return Verdict(FAILED, _("it could not be run; see run.log"), item.cell)
    return Verdict(LOST, _("its process ended"), item.cell)


def _without_page(job: Job, verdict: Verdict) -> Outcome:
    return Outcome(job.notebook.name, job.notebook.title, verdict, log=_printed(job), has_page=False)


def _printed(job: Job) -> list[str]:
    try:
        text = (job.work / "worker.log").read_text(encoding="utf-8", errors="replace").rstrip()
    except OSError:
        return []
    return text.splitlines()
