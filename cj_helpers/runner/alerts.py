"""Alerts of dataset.yml: which of the published metrics crossed a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cj_helpers.text import fill, format_value


@dataclass(frozen=True)
class Alert:
    """One alert after a run: its sentence, and whether it was crossed or could not be judged."""

    text: str
    crossed: bool
    known: bool = True


def check_alerts(
    wanted: Sequence[Mapping[str, Any]],
    metrics: Sequence[Mapping[str, Any]],
    *,
    labels: Mapping[tuple[str, str], str],
) -> list[Alert]:
    """Compare every alert with the overall value of its metric and journey.

    Parameters
    ----------
    wanted : sequence of mapping
        ``metric``, optional ``journey``, and ``below`` or ``above`` or both.
    metrics : sequence of mapping
        Rows of results.json.
    labels : mapping of (metric, journey) to str
        What readers call a metric.

    Returns
    -------
    list of Alert
        One per alert and direction. A metric that this run did not give is not known, and not crossed.
    """
    found = []
    for alert in wanted:
        row = _row(alert, metrics)
        for side in ("below", "above"):
            if alert.get(side) is not None:
                found.append(_judge(alert, row, side, labels))
    return found


def _row(alert: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    for row in metrics:
        same = row["name"] == alert["metric"] and (row["journey"] or "") == (alert.get("journey") or "")
        if same and row["segment"] in ("all", "", None):
            return row
    return None


def _judge(
    alert: Mapping[str, Any], row: Mapping[str, Any] | None, side: str, labels: Mapping[tuple[str, str], str]
) -> Alert:
    name, journey = str(alert["metric"]), str(alert.get("journey") or "")
    subject = labels.get((name, journey), f"{name} ({journey})" if journey else name)
    if row is None or row["estimate"] is None:
        return Alert(fill("{subject}: not known in this run.", subject=subject), False, known=False)
    value, line = row["estimate"], alert[side]
    crossed = value < line if side == "below" else value > line
    shown = {"value": format_value(value, row["unit"]), "line": format_value(line, row["unit"])}
    if not crossed:
        return Alert(fill("{subject}: {value}, on the right side of {line}.", subject=subject, **shown), False)
    if side == "below":
        return Alert(fill("{subject}: {value}, below {line}.", subject=subject, **shown), True)
    return Alert(fill("{subject}: {value}, above {line}.", subject=subject, **shown), True)
