"""What a worker process does: run one notebook, judge it, write its files. Heavy imports happen here only."""

from __future__ import annotations

import copy
import dataclasses
import errno
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cj_helpers.runner import bundles
from cj_helpers.runner.clean import clean_message, clean_notebook, private_text
from cj_helpers.runner.environment import redirect_output, set_environment
from cj_helpers.runner.notebooks import Notebook
from cj_helpers.runner.page import MOST_TILES
from cj_helpers.runner.processes import guard_worker, kill_below
from cj_helpers.runner.verdict import FAILED, OK, Verdict, judge
from cj_helpers.text import fill

EXECUTED = "executed.ipynb"
# Modules that the server of forks loads once for all workers.
PRELOAD = [
    "papermill.execute",
    "ipykernel",
    "nbconvert.exporters.html",
    "cj_helpers.runner.engine",
    "cj_helpers.runner.kernel",
    "cj_helpers.runner.html",
    "cj_helpers.runner.worker",
]
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_STARTUP_SECONDS = 120
_OUTPUT_SECONDS = 120  # a busy machine delivers late: nbclient's four seconds would fail a good notebook


@dataclass(frozen=True)
class Job:
    """One notebook to run and publish, or only to publish when it has a `Verdict` already.

    Attributes
    ----------
    notebook : Notebook
        As it was read at the start of the run.
    values, shown : dict
        Parameters as the kernel gets them, and as readers see them (no machine path).
    site, work, scratch : Path
        Folder that will be published, folder of this notebook for CJ_OUT and partial results, private TMPDIR.
    folder : Path
        Working directory of the notebook.
    facts : dict
        What the page says about the run: data set, day, run name, language, currency, time zone.
    paths : dict of str to str
        Machine paths and what stands for them.
    verdict : Verdict or None
        Known beforehand for a notebook whose worker was ended.
    plain : bool
        Leave the notebook's own content out of its page.
    only : dict
        ``column`` and ``value`` of the only customers it is about; empty for all.
    """

    notebook: Notebook
    values: dict[str, Any]
    shown: dict[str, Any]
    site: Path
    work: Path
    scratch: Path
    folder: Path
    facts: dict[str, str]
    paths: dict[str, str]
    verdict: Verdict | None = None
    plain: bool = False
    only: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a notebook left for the run: its verdict, rows of results.json, what the index shows, log lines."""

    name: str
    title: str
    verdict: Verdict
    metrics: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    tiles: list[dict[str, Any]] = field(default_factory=list)
    labels: dict[tuple[str, str], str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    has_page: bool = True


def work(job: Job, pipe: Connection) -> None:
    """Run in a worker process: do the job and send ``("cell", n, of)`` and ``("done", Outcome)``.

    A disk that cannot be written is not the fault of a notebook: ``("disk", errno)`` ends the run.
    """
    guard_worker()
    try:
        _work(job, pipe)
    except OSError as error:
        if error.errno in _DISK:
            pipe.send(("disk", error.errno))
        raise
    finally:
        kill_below(os.getpid())


def _work(job: Job, pipe: Connection) -> None:
    job.work.mkdir(parents=True, exist_ok=True)
    redirect_output(job.work / "worker.log")
    set_environment(scratch=job.scratch, out=job.work / "out", only=job.only)
    if job.verdict is None:
        notebook, verdict = _execute(job, tell=lambda n, of: pipe.send(("cell", n, of)))
        kill_below(os.getpid())  # what a cell left running must not go on, nor change what is published
    else:
        notebook, verdict = _partial(job), job.verdict
    verdict = dataclasses.replace(verdict, reason=clean_message(verdict.reason, job.paths))
    pipe.send(("executed", verdict))
    pipe.send(("done", _publish(job, notebook, verdict)))


def _execute(job: Job, *, tell: Callable[[int, int], None]) -> tuple[dict[str, Any], Verdict]:
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from cj_helpers.runner.engine import ENGINE
    from cj_helpers.runner.kernel import RunKernelManager

    os.chdir(job.work)  # papermill formats output paths: a bare name has no braces to format
    source = nbformat.from_dict(copy.deepcopy(job.notebook.content))
    crash, teller = "", _Teller(job, tell)
    try:
        papermill.execute_notebook(
            source,
            EXECUTED,
            engine_name=ENGINE,
            parameters=job.values,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            start_timeout=_STARTUP_SECONDS,
            cwd=job.folder,
            kernel_manager_class=RunKernelManager,
            iopub_timeout=_OUTPUT_SECONDS,
            shutdown_kernel="immediate",  # all it has written is ours already; a polite end logs an interrupt
            on_cell_execute=teller,
        )
    except PapermillExecutionError:
        pass  # the error is in the notebook
    except (CellTimeoutError, DeadKernelError, RuntimeError) as error:
        crash = type(error).__name__
    executed = _partial(job)
    return executed, judge(executed, crash=crash, started=teller.done)


class _Teller:
    """Counts code cells for the progress bar: the injected one belongs to them."""

    def __init__(self, job: Job, tell: Callable[[int, int], None]) -> None:
        cells = [c for c in job.notebook.content["cells"] if c["cell_type"] == "code" and c["source"].strip()]
        self.total = len(cells) + bool(job.values)
        self.done = 0
        self.tell = tell

    def __call__(self, **_: Any) -> None:
        self.done += 1
        self.tell(self.done, self.total)


def _partial(job: Job) -> dict[str, Any]:
    """Return what papermill saved last, or the unrun notebook when that cannot be read."""
    try:
        saved = json.loads((job.work / EXECUTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        saved = copy.deepcopy(job.notebook.content)
    for cell in saved["cells"]:
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            _join_lines(output)
    return saved


def _join_lines(output: dict[str, Any]) -> None:
    if isinstance(output.get("text"), list):
        output["text"] = "".join(output["text"])
    for mime, value in output.get("data", {}).items():
        if isinstance(value, list) and not mime.endswith("json"):
            output["data"][mime] = "".join(value)


def _publish(job: Job, notebook: Mapping[str, Any], verdict: Verdict) -> Outcome:
    log, name = private_text(notebook), job.notebook.name
    cleaned = clean_notebook(notebook, verdict=verdict, shown=job.shown, paths=job.paths)
    found = bundles.collect(cleaned) if verdict.status == OK else []
    ready = job.work / "ready"
    try:
        bundles.write_files(found, given=job.work / "out", ready=ready)
    except bundles.BundleError as error:
        verdict = Verdict(FAILED, str(error))
    verdict, page, safe = _page(job, cleaned, verdict)
    found = found if verdict.status == OK else []
    for folder in ready.glob("*") if found else ():
        (job.site / folder.name).mkdir(parents=True, exist_ok=True)
        folder.replace(job.site / folder.name / name)
    _write(job, cleaned if safe else job.notebook.content, page)
    tiles = [b.payload for b in found if b.kind == "metric" and b.payload.get("tile")]
    return Outcome(
        name=name,
        title=job.notebook.title,
        verdict=verdict,
        metrics=bundles.metric_rows(found, notebook=name),
        findings=bundles.finding_rows(found, notebook=name),
        tiles=[dict(tile) for tile in tiles[:MOST_TILES]],
        labels=bundles.metric_labels(found),
        log=log,
    )


def _page(job: Job, notebook: Mapping[str, Any], verdict: Verdict) -> tuple[Verdict, str, bool]:
    """Verdict, page, and whether the content of the notebook may be shown at all."""
    from cj_helpers.runner.html import render_notebook, render_notice
    from cj_helpers.runner.markdown import Headings, render_markdown
    from cj_helpers.runner.scan import links_of, scan_html

    if not job.plain:
        page = render_notebook(notebook, job.notebook, verdict=verdict, facts=job.facts)
        prose = [cell["source"] for cell in job.notebook.content["cells"] if cell["cell_type"] == "markdown"]
        problems = scan_html(page, links=links_of(render_markdown("\n\n".join(prose), Headings())))
        if not problems:
            return verdict, page, True
        verdict = Verdict(FAILED, fill("its page was not published: it holds {what}", what=problems[0]))
    return verdict, render_notice(job.notebook, verdict=verdict, facts=job.facts), False


def _write(job: Job, notebook: Mapping[str, Any], page: str) -> None:
    name = job.notebook.name
    (job.site / "notebooks").mkdir(parents=True, exist_ok=True)
    (job.site / f"{name}.html").write_text(page, encoding="utf-8")
    stored = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    (job.site / "notebooks" / f"{name}.ipynb").write_text(stored, encoding="utf-8")
