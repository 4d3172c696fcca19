"""The files of a run beside the reports: index, results, manifest, log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cj_helpers.runner import naming
from cj_helpers.runner.alerts import Alert
from cj_helpers.runner.history import comparable_runs
from cj_helpers.runner.plan import Plan
from cj_helpers.runner.progress import Logging
from cj_helpers.runner.publish import write_json
from cj_helpers.runner.published import MANIFEST, RESULTS, digests
from cj_helpers.runner.run_index import Surroundings, downloads, render_index
from cj_helpers.runner.worker import Outcome

LOGS = ".logs"
_KEPT_LOGS = 20


def write_records(
    site: Path,
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    alerts: Sequence[Alert],
    code: int,
    target: Path,
    log: Logging,
) -> None:
    """Write index.html, results.json, manifest.json and run.log; only the last one knows the time.

    Warnings and tracebacks may quote the data: run.log says only where `write_private_logs` has put them.
    """
    site.mkdir(exist_ok=True)
    source = plan.source
    around = Surroundings(
        problem=source.problem,
        verdict=source.verdict,
        changes=source.changes,
        past=comparable_runs(target, day=source.day, run_id=plan.run_id, parameters=plan.given),
        up=".." if is_good(plan, outcomes) else "../..",
        now=log.started_at,
        files=downloads(site),
    )
    index = render_index(outcomes, facts=plan.facts, alerts=alerts, around=around)
    (site / "index.html").write_text(index, encoding="utf-8")
    metrics = [row for outcome in outcomes for row in outcome.metrics]
    findings = [row for outcome in outcomes for row in outcome.findings]
    write_json(site / RESULTS, {"metrics": metrics, "findings": findings})
    for outcome in outcomes:
        facts = {"status": outcome.verdict.status, "reason": outcome.verdict.reason, "cell": outcome.verdict.cell}
        log.note("verdict", notebook=outcome.name, **facts)
        if outcome.log:
            place = f"{LOGS}/{plan.run_id}/{outcome.name}.log"
            log.note("warnings and tracebacks", notebook=outcome.name, file=place)
    for alert in alerts:
        log.note("alert", level=alert.level, known=alert.known, text=alert.text)
    log.note("run ended", run_id=plan.run_id, exit_code=code)
    (site / "run.log").write_text(log.text, encoding="utf-8")
    write_json(site / MANIFEST, _manifest(plan, outcomes, alerts=alerts, code=code) | {"files": digests(site)})


def is_good(plan: Plan, outcomes: Sequence[Outcome]) -> bool:
    """Whether a run may become the latest one: the data are fit and every notebook is ok or skipped."""
    return plan.source.fit and not any(outcome.verdict.is_bad for outcome in outcomes)


def _manifest(plan: Plan, outcomes: Sequence[Outcome], *, alerts: Sequence[Alert], code: int) -> dict[str, Any]:
    source = plan.source
    return {
        "run_id": plan.run_id,
        "dataset": source.key,
        "as_of": source.as_of,
        "day": source.day,
        "exit_code": code,
        "parameters": plan.given,
        "inputs": source.inputs,
        "pseudonym_key_id": source.key_id,
        "versions": naming.versions(),
        "commit": plan.facts["commit"],
        "notebooks": {o.name: {"status": o.verdict.status, "reason": o.verdict.reason} for o in outcomes},
        "key_figures": [_key_figure(o, tile) for o in outcomes for tile in o.tiles],
        "alerts": [{"level": alert.level, "known": alert.known, "text": alert.text} for alert in alerts],
    }


def _key_figure(outcome: Outcome, tile: Mapping[str, Any]) -> dict[str, Any]:
    journey = tile["display"]["journey"]
    words = f"{tile['label']} ({journey})" if journey else tile["label"]
    return {"notebook": outcome.name, "name": tile["name"], "journey": tile["journey"], "label": words}


def write_private_logs(target: Path, run_id: str, outcomes: Sequence[Outcome]) -> None:
    """Write what notebooks warned of and their tracebacks to ``<target>/.logs/<run_id>``, for the owner's eyes only.

    The logs of the last 20 runs are kept.
    """
    folder = target / LOGS / run_id
    shutil.rmtree(folder, ignore_errors=True)
    found = {outcome.name: "\n".join(outcome.log) + "\n" for outcome in outcomes if outcome.log}
    if not found:
        return
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700)
    for name, text in found.items():
        descriptor = os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    earlier = sorted(
        (path for path in folder.parent.iterdir() if path != folder), key=lambda path: path.stat().st_mtime
    )
    for path in earlier[: -(_KEPT_LOGS - 1)]:
        shutil.rmtree(path, ignore_errors=True)
