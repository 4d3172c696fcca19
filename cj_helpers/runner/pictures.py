"""Small pictures of a number over past runs, as SVG within the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cj_helpers.runner.history import Point

WIDTH, HEIGHT = 168, 44
_EDGE = 5
_FOOT = 6


@dataclass(frozen=True)
class Trend:
    """Coordinates of one picture: line and band as points of a polygon, the last dot, marks of changes."""

    line: str
    band: str
    last: tuple[float, float]
    marks: list[dict[str, Any]] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT


def draw_trend(points: Sequence[Point], changes: Sequence[Mapping[str, Any]]) -> Trend | None:
    """Lay out the picture of at least two points; None for fewer.

    Parameters
    ----------
    points : sequence of Point
        The oldest first; days are to scale.
    changes : sequence of mapping
        ``date``, ``number`` and ``label`` of what was changed; those outside the time shown are left out.
    """
    if len(points) < 2:
        return None
    days = [date.fromisoformat(point.day).toordinal() for point in points]
    lows = [p.estimate if p.conf_low is None else p.conf_low for p in points]
    highs = [p.estimate if p.conf_high is None else p.conf_high for p in points]
    low, high = min(lows), max(highs)
    span = (high - low) or 1.0

    def x(day: float) -> float:
        return round(_EDGE + (WIDTH - 2 * _EDGE) * (day - days[0]) / (days[-1] - days[0]), 1)

    def y(value: float) -> float:
        return round(_EDGE + (HEIGHT - 2 * _EDGE - _FOOT) * (high - value) / span, 1)

    line = [(x(day), y(point.estimate)) for day, point in zip(days, points, strict=True)]
    upper = [(x(day), y(value)) for day, value in zip(days, highs, strict=True)]
    lower = [(x(day), y(value)) for day, value in zip(days, lows, strict=True)]
    dated = [(date.fromisoformat(change["date"]).toordinal(), change) for change in changes]
    marks = [{"x": x(day), **change} for day, change in dated if days[0] <= day <= days[-1]]
    return Trend(_path(line), _path([*upper, *reversed(lower)]), line[-1], marks)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)
