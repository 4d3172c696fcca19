"""The files of a run beside the reports: index, results, manifest, log."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from cj_helpers.runner import naming
from cj_helpers.runner.alerts import Alert
from cj_helpers.runner.index import render_index
from cj_helpers.runner.plan import Plan
from cj_helpers.runner.progress import Logging
from cj_helpers.runner.publish import write_json
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
    log: Logging,
) -> None:
    """Write index.html, results.json, manifest.json and run.log; only the last one knows the time.

    Warnings and tracebacks may quote the data: run.log says only where `write_private_logs` has put them.
    """
    site.mkdir(exist_ok=True)
    source = plan.source
    index = render_index(outcomes, facts=plan.facts, alerts=alerts, problem=source.problem)
    (site / "index.html").write_text(index, encoding="utf-8")
    metrics = [row for outcome in outcomes for row in outcome.metrics]
    findings = [row for outcome in outcomes for row in outcome.findings]
    write_json(site / "results.json", {"metrics": metrics, "findings": findings})
    manifest = {
        "run_id": plan.run_id,
        "dataset": source.key,
        "as_of": source.as_of,
        "exit_code": code,
        "parameters": plan.given,
        "inputs": source.inputs,
        "versions": naming.versions(),
        "notebooks": {
            outcome.name: {"status": outcome.verdict.status, "reason": outcome.verdict.reason} for outcome in outcomes
        },
    }
    write_json(site / "manifest.json", manifest)
    for outcome in outcomes:
        if outcome.log:
            place = f"{LOGS}/{plan.run_id}/{outcome.name}.log"
            log.add([f"{outcome.name} | warnings and tracebacks: {place} in the folder of the data set's reports"])
    log.add(f"alert | {alert.text}" for alert in alerts)
    log.note(f"exit code {code}")
    (site / "run.log").write_text("\n".join(log.lines) + "\n", encoding="utf-8")


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
