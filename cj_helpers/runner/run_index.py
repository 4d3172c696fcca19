"""The page above the reports of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cj_helpers.runner.alerts import Alert
from cj_helpers.runner.html import environment, style, use_words_of
from cj_helpers.runner.key_figures import key_figures, numbered
from cj_helpers.runner.page import finding_parts
from cj_helpers.runner.published import PublishedRun
from cj_helpers.runner.scan import CSP, SCRIPT
from cj_helpers.runner.verdict import OK, SKIPPED
from cj_helpers.runner.words import status_word, words
from cj_helpers.runner.worker import Outcome
from cj_helpers.text import _, fill, format_value

_FINDINGS = 7


@dataclass(frozen=True)
class Surroundings:
    """What the index knows beside the notebooks' outcomes.

    Attributes
    ----------
    problem : str
        Why the data are not fit; empty when they are.
    verdict : list of dict
        The data-quality verdict per analysis.
    changes : list of dict
        What the company changed when.
    past : list of PublishedRun
        Comparable runs, the oldest data first.
    up : str
        Relative path from this run to the folder of all runs.
    now : str
        When this run was made, ISO 8601.
    files : list of str
        What may be downloaded, as paths below the run.
    """

    problem: str = ""
    verdict: Sequence[Mapping[str, str]] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    past: Sequence[PublishedRun] = ()
    up: str = ".."
    now: str = ""
    files: Sequence[str] = field(default_factory=list)


def render_index(
    outcomes: Sequence[Outcome], *, facts: Mapping[str, str], alerts: Sequence[Alert], around: Surroundings
) -> str:
    """Render the overview: how the run ended, alerts, key figures, findings, reports, data, downloads.

    Parameters
    ----------
    outcomes : sequence of Outcome
        One per notebook, in the order of their names.
    facts : mapping
        As for `render_notebook`.
    alerts : sequence of Alert
        What dataset.yml watches.
    around : Surroundings
    """
    use_words_of(facts)
    changes = numbered(around.changes)
    figures = key_figures(outcomes, around.past, day=facts["day"], changes=changes)
    findings = ranked_findings(outcomes)
    values = {
        "facts": facts,
        "words": words(),
        "csp": CSP,
        "css": style(),
        "script": SCRIPT,
        "state": _state(outcomes, around.problem),
        "problem": around.problem,
        "alerts": [alert for alert in alerts if alert.crossed],
        "unknown": [alert.text for alert in alerts if not alert.known],
        "figures": figures,
        "before": _before(around),
        "changes": [c for c in changes if any(_is_marked(c, row) for row in figures)],
        "findings": findings[:_FINDINGS],
        "more": findings[_FINDINGS:],
        "cards": [_card(outcome, around) for outcome in outcomes],
        "verdict": around.verdict,
        "files": _downloads(around.files),
        "made": format_value(around.now, "datetime") if around.now else "",
    }
    return environment().get_template("run_index.html.j2").render(values)


def ranked_findings(outcomes: Sequence[Outcome]) -> list[dict[str, str]]:
    """Return the findings of all reports, the highest weight first."""
    rows = [(outcome, row) for outcome in outcomes for row in outcome.findings]
    rows.sort(key=lambda pair: -float(pair[1]["weight"] or 0))
    return [finding_parts(row) | {"report": outcome.name, "title": outcome.title} for outcome, row in rows]


def downloads(site: Path) -> list[str]:
    """Return the files of a run that readers may take with them: tables, data of figures, notebooks."""
    found = [path for folder in ("tables", "figures", "notebooks") for path in (site / folder).rglob("*.*")]
    return sorted(path.relative_to(site).as_posix() for path in found)


def _state(outcomes: Sequence[Outcome], problem: str) -> str:
    bad = [outcome for outcome in outcomes if outcome.verdict.is_bad]
    skipped = [outcome for outcome in outcomes if outcome.verdict.status == SKIPPED]
    if problem:
        return _("The data are not fit for these reports.")
    if bad:
        return fill("{bad:count} of {all:count} reports did not come to an end.", bad=len(bad), all=len(outcomes))
    if skipped:
        complete = len(outcomes) - len(skipped)
        return fill(
            "{complete:count} of {all:count} reports are complete, {skipped:count} skipped.",
            complete=complete,
            all=len(outcomes),
            skipped=len(skipped),
        )
    return fill("All {all:count} reports are complete.", all=len(outcomes))


def _before(around: Surroundings) -> dict[str, str] | None:
    if not around.past:
        return None
    last = around.past[-1]
    return {"day": last.day, "link": f"{around.up}/{last.run_id}/index.html"}


def _is_marked(change: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    trend = row.get("trend")
    return trend is not None and any(mark["number"] == change["number"] for mark in trend.marks)


def _card(outcome: Outcome, around: Surroundings) -> dict[str, Any]:
    """One report: its status, and where its last complete numbers are when it is not complete now."""
    verdict = outcome.verdict
    card: dict[str, Any] = {
        "name": outcome.name,
        "title": outcome.title,
        "has_page": outcome.has_page,
        "status": verdict.status,
        "word": status_word(verdict.status),
        "reason": "" if verdict.status == OK else verdict.reason,
        "last": None,
    }
    good = [run for run in around.past if run.manifest["notebooks"].get(outcome.name, {}).get("status") == OK]
    if verdict.status != OK and good:
        card["last"] = {"day": good[-1].day, "link": f"{around.up}/{good[-1].run_id}/{outcome.name}.html"}
    return card


def _downloads(files: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Files by notebook."""
    found: dict[str, list[dict[str, str]]] = {}
    for path in files:
        kind, rest = path.split("/", 1)
        book = rest.removesuffix(".ipynb") if kind == "notebooks" else rest.split("/")[0]
        name = rest.split("/")[-1]
        found.setdefault(book, []).append({"path": path, "name": name, "kind": kind})
    return found
