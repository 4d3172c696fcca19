"""Alerts of dataset.yml: which of the published metrics crossed a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cj_helpers.text import fill, format_value, interval

RED, AMBER = "red", "amber"


@dataclass(frozen=True)
class Alert:
    """One alert after a run: its sentence and its level.

    ``red``: the whole interval lies beyond the limit (or there is no interval); ``amber``: only the estimate
    does; empty: not crossed, or not known in this run.
    """

    text: str
    level: str = ""
    known: bool = True

    @property
    def crossed(self) -> bool:
        """Whether the estimate lies beyond the limit."""
        return bool(self.level)


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
        return Alert(fill("{subject}: not known in this run.", subject=subject), known=False)
    value, line, unit = row["estimate"], alert[side], row["unit"]
    shown = {"subject": subject, "value": format_value(value, unit), "line": format_value(line, unit)}
    if not (value < line if side == "below" else value > line):
        return Alert(fill("{subject}: {value}, on the right side of {line}.", **shown))
    low, high = row.get("conf_low"), row.get("conf_high")
    nearest = high if side == "below" else low
    if nearest is None:
        return Alert(_plain(side, shown), RED)
    shown["ends"] = interval(low, high, unit)
    beyond = nearest < line if side == "below" else nearest > line
    return Alert(_with_interval(side, shown, beyond=beyond), RED if beyond else AMBER)


def _plain(side: str, shown: Mapping[str, str]) -> str:
    if side == "below":
        return fill("{subject}: {value}, below {line}.", **shown)
    return fill("{subject}: {value}, above {line}.", **shown)


def _with_interval(side: str, shown: Mapping[str, str], *, beyond: bool) -> str:
    if beyond and side == "below":
        return fill("{subject}: {value} (95 % interval {ends}), below {line} with its whole interval.", **shown)
    if beyond:
        return fill("{subject}: {value} (95 % interval {ends}), above {line} with its whole interval.", **shown)
    if side == "below":
        return fill("{subject}: {value}, below {line}; its 95 % interval {ends} does not rule the limit out.", **shown)
    return fill("{subject}: {value}, above {line}; its 95 % interval {ends} does not rule the limit out.", **shown)
