"""The key figures of a run as the index shows them: value, interval, change and trend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cj_helpers.contract import ALL
from cj_helpers.runner.history import Point, change_between, change_text, numbers, trend_of, verdict_text
from cj_helpers.runner.page import tile_parts
from cj_helpers.runner.pictures import draw_trend
from cj_helpers.runner.published import PublishedRun
from cj_helpers.runner.worker import Outcome
from cj_helpers.text import _, fill, format_value


def key_figures(
    outcomes: Sequence[Outcome], past: Sequence[PublishedRun], *, day: str, changes: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return one row per tile of the reports; a number that two reports show comes once.

    Parameters
    ----------
    outcomes : sequence of Outcome
    past : sequence of PublishedRun
        Comparable runs, the oldest data first.
    day : str
        Day of this run's data.
    changes : sequence of mapping
        From `numbered`.
    """
    rows, seen = [], set()
    for outcome in outcomes:
        for tile in outcome.tiles:
            key = (tile["name"], tile["journey"], tile["segment"])
            if key not in seen:
                seen.add(key)
                rows.append(_row(outcome, tile, past, day=day, changes=changes))
    return rows


def numbered(changes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what was changed when, in the order of time, each with a number for the pictures."""
    ordered = sorted(changes, key=lambda change: (str(change["date"]), str(change["label"])))
    return [
        {"number": number, "date": str(c["date"]), "label": str(c["label"]), "journey": str(c.get("journey") or "")}
        for number, c in enumerate(ordered, start=1)
    ]


def _row(
    outcome: Outcome,
    tile: Mapping[str, Any],
    past: Sequence[PublishedRun],
    *,
    day: str,
    changes: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    parts = tile_parts(tile)
    shown = tile["display"]
    about = [shown["journey"], "" if tile["segment"] == ALL else shown["segment"]]
    row: dict[str, Any] = {
        "label": parts["label"],
        "about": ", ".join(filter(None, about)),
        "value": parts["value"],
        "interval": shown["interval"],
        "report": outcome.name,
        "title": outcome.title,
        **dict.fromkeys(["change", "verdict", "kind", "trend", "trend_text"]),
    }
    if tile["estimate"] is None or tile["segment"] != ALL:
        return row
    key = (outcome.name, tile["name"], tile["journey"])
    before = numbers(past[-1].results).get(key) if past else None
    if before is not None and before["unit"] == tile["unit"]:
        change = change_between(before, tile)
        row |= {"change": change_text(change, tile["unit"]), "verdict": verdict_text(change), "kind": change.verdict}
    points = [*trend_of(key, past), Point(day, tile["estimate"], tile["conf_low"], tile["conf_high"])]
    own = [change for change in changes if change["journey"] in ("", tile["journey"])]
    row["trend"] = draw_trend(points, own) if day else None
    row["trend_text"] = _words(parts, points, tile["unit"], own) if row["trend"] else ""
    return row


def _words(parts: Mapping[str, Any], points: Sequence[Point], unit: str, changes: Sequence[Mapping[str, Any]]) -> str:
    first, last = points[0], points[-1]
    text = fill(
        "{label} in {n:count} runs: {before} with data up to {first}, {after} up to {last}.",
        label=parts["label"],
        n=len(points),
        before=format_value(first.estimate, unit),
        after=format_value(last.estimate, unit),
        first=first.day,
        last=last.day,
    )
    inside = [str(change["number"]) for change in changes if first.day <= change["date"] <= last.day]
    return f"{text} {_('Changes marked')}: {', '.join(inside)}." if inside else text
