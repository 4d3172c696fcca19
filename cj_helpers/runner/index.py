"""The page above the reports of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cj_helpers.runner.alerts import Alert
from cj_helpers.runner.html import environment, style, use_words_of
from cj_helpers.runner.page import finding_parts, tile_parts
from cj_helpers.runner.scan import CSP
from cj_helpers.runner.verdict import FAILED, LOST, OK, SKIPPED, TIMEOUT
from cj_helpers.runner.words import status_word, words
from cj_helpers.runner.worker import Outcome
from cj_helpers.text import _, fill


def render_index(
    outcomes: Sequence[Outcome],
    *,
    facts: Mapping[str, str],
    alerts: Sequence[Alert],
    problem: str,
) -> str:
    """Render the overview: data set, how the run ended, alerts, and per report status, figures, top finding.

    Parameters
    ----------
    outcomes : sequence of Outcome
        One per notebook, in the order of their names.
    facts : mapping
        As for `render_notebook`.
    alerts : sequence of Alert
        What dataset.yml watches.
    problem : str
        Why the data are not fit; empty when they are.
    """
    use_words_of(facts)
    return (
        environment()
        .get_template("overview.html.j2")
        .render(
            facts=facts,
            words=words(),
            csp=CSP,
            css=style(),
            state=_state(outcomes, problem),
            problem=problem,
            alerts=[alert.text for alert in alerts if alert.crossed],
            unknown=[alert.text for alert in alerts if not alert.known],
            cards=[_card(outcome) for outcome in outcomes],
        )
    )


def _state(outcomes: Sequence[Outcome], problem: str) -> str:
    bad = [outcome for outcome in outcomes if outcome.verdict.status in (FAILED, TIMEOUT, LOST)]
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


def _card(outcome: Outcome) -> dict[str, Any]:
    verdict = outcome.verdict
    best = max(outcome.findings, key=lambda row: float(row["weight"] or 0), default=None)
    word = status_word(verdict.status)
    return {
        "name": outcome.name,
        "title": outcome.title,
        "has_page": outcome.has_page,
        "status": verdict.status,
        "state": "" if verdict.status == OK else f"{word}: {verdict.reason}" if verdict.reason else word,
        "tiles": [tile_parts(tile) for tile in outcome.tiles],
        "top": finding_parts(best) if best else None,
    }
