"""The files of a run beside the reports: index, results, manifest, log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cj_helpers.runner import naming
from cj_helpers.runner.alerts import Alert
from cj_helpers.runner.index import render_index
from cj_helpers.runner.plan import Plan
from cj_helpers.runner.progress import Logging
from cj_helpers.runner.publish import write_json
from cj_helpers.runner.worker import Outcome


def write_records(
    site: Path,
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    alerts: Sequence[Alert],
    code: int,
    log: Logging,
) -> None:
    """Write index.html, results.json, manifest.json and run.log; only the last one knows the time."""
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
        log.add(f"{outcome.name} | {line}" for entry in outcome.log for line in entry.splitlines())
    log.add(f"alert | {alert.text}" for alert in alerts)
    log.note(f"exit code {code}")
    (site / "run.log").write_text("\n".join(log.lines) + "\n", encoding="utf-8")
