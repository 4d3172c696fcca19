"""The journey map: stages from left to right, and below each its volume, losses, waiting time and mood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
from numpy.typing import NDArray

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, no_data, numbers
from cj_helpers.plots.style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    NOTE_PT,
    ORANGE,
    PALETTE,
    PANEL,
    PURPLE,
    SKY,
    new_axes,
    plain,
    value_text,
    wrap_name,
)
from cj_helpers.text import _, fill

_HEAD_IN, _GAP_IN, _TEXT_IN = 0.56, 0.1, 0.19  # stage names, between rows, one line of text
_LINE_PT = 520.0  # width of the columns together


@dataclass(frozen=True)
class _Row:
    """One row of the map: the columns it needs, its name, its height in inches, and who draws it."""

    columns: tuple[str, ...]
    name: str
    height: float
    draw: Callable[[Axes, pd.DataFrame, float, float], None]


@draws("drop_off", about=("stage",))
def plot_stages(
    table: pd.DataFrame, *, ax: Axes | None = None, mix: pd.DataFrame | None = None, max_stages: int = 10
) -> Axes:
    """Draw the journey map: one column per stage, one row per measure.

    Parameters
    ----------
    table : DataFrame
        One row per stage in order: stage, n_journeys, share_reached, drop_off with conf_low and
        conf_high, time_median_hours, time_p90_hours, satisfaction, effort, repeat_share, cost_per_journey,
        top_channel, top_pain.
        A row of the map whose columns are absent or all missing is left out.
    mix : DataFrame, optional
        Channel mix: stage, channel, share; without it only the main channel is named.
    max_stages : int
        Later stages are left out beyond this number, with a note.

    Notes
    -----
    Every row has its own scale; the values stand beside the marks. The vertical axis is in inches,
    so that text and marks keep their places.
    """
    table = checked(table, "stage")
    if table.empty:
        return no_data(ax)
    rows, left_out = table.iloc[:max_stages], max(len(table) - max_stages, 0)
    shown = [row for row in _rows(mix) if _has(rows, row.columns)]
    bottom = _HEAD_IN + sum(row.height + _GAP_IN for row in shown)
    ax = new_axes(ax, height=bottom + 0.25)
    ax.set_xlim(-0.5, len(rows) - 0.5)
    ax.set_ylim(bottom, 0)
    ax.spines[:].set_visible(False)
    _stage_heads(ax, rows["stage"].tolist())
    top, middles = _HEAD_IN, []
    for row in shown:
        top += _GAP_IN
        ax.add_patch(Rectangle((-0.5, top), len(rows), row.height, facecolor=PANEL, edgecolor="none", zorder=0))
        row.draw(ax, rows, top, top + row.height)
        middles.append(top + row.height / 2)
        top += row.height
    ax.set_xticks([])
    ax.set_yticks(middles, [row.name for row in shown])
    ax.tick_params(axis="y", length=0, labelcolor=INK, pad=6)
    head(ax, note=fill("Not drawn: {n:count} further stages.", n=left_out) if left_out else "")
    return ax


def _rows(mix: pd.DataFrame | None) -> list[_Row]:
    """Return the rows a map may have, from the top; their names are looked up when a map is drawn."""
    channels = _Row(("top_channel",), _("Main channel"), 0.36, _channel)
    if mix is not None and len(mix):
        channels = _Row(("stage",), _("Channels"), 0.62, partial(_mix, mix))
    return [
        _Row(("n_journeys",), _("Journeys\nthat got here"), 0.95, _volume),
        _Row(("drop_off",), _("Lost here\n(95 % interval)"), 0.85, _drop_off),
        _Row(("time_median_hours",), _("Time until they went\non: median, 90 % within"), 0.9, _time),
        _Row(("satisfaction",), _("Satisfaction"), 0.85, _satisfaction),
        _Row(("effort",), _("Effort"), 0.75, _effort),
        channels,
        _Row(("repeat_share",), _("Steps repeated"), 0.3, partial(_line, "repeat_share", "percent")),
        _Row(("cost_per_journey",), _("Cost per journey"), 0.3, partial(_line, "cost_per_journey", "money")),
        _Row(("top_pain",), _("Most give up\nafter"), 0.5, _pain),
    ]


def _has(rows: pd.DataFrame, columns: tuple[str, ...]) -> bool:
    return all(column in rows and rows[column].notna().any() for column in columns)


def _stage_heads(ax: Axes, stages: list[object]) -> None:
    """Draw stages as arrows from left to right."""
    width = int((_LINE_PT / len(stages) - 13) / 5.9)
    tip, low = 0.09 * max(len(stages) / 6, 0.6), _HEAD_IN
    for place, stage in enumerate(stages):
        left, right = place - 0.49, place + 0.49 - tip
        notch = left + tip if place else left
        corners = [(left, 0), (right, 0), (right + tip, low / 2), (right, low), (left, low), (notch, low / 2)]
        ax.add_patch(Polygon(corners, closed=True, facecolor=INK, edgecolor="none", gid="stage"))
        ax.text(
            place + tip / 4,
            low / 2,
            wrap_name(stage, width=max(width, 6), lines=3),
            ha="center",
            va="center",
            color="white",
            fontsize=NOTE_PT,
        )


def _volume(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    counts = numbers(rows["n_journeys"])
    heights = counts / max(np.nanmax(counts), 1) * (bottom - top - 2 * _TEXT_IN - 0.06)
    places = np.arange(len(rows))
    ax.bar(places, -heights, bottom=bottom, width=0.6, color=BLUE, gid="volume")
    texts = [value_text(count, "count") for count in counts]
    if _has(rows, ("share_reached",)):
        shares = [value_text(share, "percent") for share in numbers(rows["share_reached"])]
        _above(ax, places, bottom - heights, shares, color=MUTED)
        _above(ax, places, bottom - heights - _TEXT_IN + 0.03, texts)
    else:
        _above(ax, places, bottom - heights, texts)


def _drop_off(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    lost = numbers(rows["drop_off"])
    low, high = (
        numbers(rows[name]) if name in rows else np.full(len(rows), np.nan) for name in ("conf_low", "conf_high")
    )
    scale = (bottom - top - _TEXT_IN - 0.06) / max(np.nanmax(np.concatenate([lost, high])), 1e-9)
    places = np.arange(len(rows))
    ax.bar(places, -np.nan_to_num(lost) * scale, bottom=bottom, width=0.6, color=ORANGE, gid="drop_off")
    ax.vlines(places, bottom - low * scale, bottom - high * scale, color=INK, linewidth=1.4, gid="interval")
    tops = bottom - np.fmax(np.nan_to_num(lost), np.nan_to_num(high)) * scale
    _above(ax, places, tops, ["–" if np.isnan(share) else value_text(share, "percent") for share in lost])


def _time(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    median = numbers(rows["time_median_hours"])
    late = numbers(rows["time_p90_hours"]) if "time_p90_hours" in rows else np.full(len(rows), np.nan)
    longest = max(np.nanmax(np.concatenate([median, late])), 1e-9)
    scale = (bottom - top - 2 * _TEXT_IN - 0.06) / longest
    places, tops = np.arange(len(rows)), np.nan_to_num(np.fmax(median, late)) * scale
    ax.bar(places, -np.nan_to_num(late) * scale, bottom=bottom, width=0.6, color=SKY, alpha=0.55, gid="wait_p90")
    ax.bar(places, -np.nan_to_num(median) * scale, bottom=bottom, width=0.6, color="#08457A", gid="wait_median")
    _above(ax, places, bottom - tops, ["" if np.isnan(hours) else _hours(hours) for hours in late], color=MUTED)
    two = np.where(np.isnan(late), 0, _TEXT_IN - 0.03)
    _above(ax, places, bottom - tops - two, ["–" if np.isnan(hours) else _hours(hours) for hours in median])


def _hours(hours: float) -> str:
    return value_text(hours, "hours")


def _satisfaction(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    _mood(ax, rows, "satisfaction", GREEN, "o", (top, bottom))


def _effort(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    _mood(ax, rows, "effort", PURPLE, "s", (top, bottom))


def _mood(ax: Axes, rows: pd.DataFrame, column: str, color: str, marker: str, band: tuple[float, float]) -> None:
    """Draw one measure as a curve over the stages, around the middle of its lowest and highest value."""
    values, places = numbers(rows[column]), np.arange(len(rows))
    low, high = np.nanmin(values), np.nanmax(values)
    room = band[1] - band[0] - _TEXT_IN - 0.28
    span = max(high - low, abs(high) / 4, 1e-9)  # small differences should look small
    share = (values - (low + high - span) / 2) / span
    heights: NDArray[np.float64] = band[1] - 0.14 - share * room
    known = ~np.isnan(heights)
    ax.plot(places[known], heights[known], color=color, linewidth=2, marker=marker, markersize=6, gid=column)
    texts = [value_text(value, "number", digits=1) if known[place] else "" for place, value in enumerate(values)]
    _above(ax, places, np.where(known, heights, band[1]) - 0.05, texts)


def _channel(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    width = max(int(_LINE_PT / len(rows) / 5.6), 6)
    for place, name in enumerate(rows["top_channel"]):
        text = "–" if pd.isna(name) else plain(name, limit=width)
        ax.text(place, (top + bottom) / 2, text, ha="center", va="center", fontsize=NOTE_PT, gid="channel")


def _line(column: str, kind: str, ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    """Write one value per stage."""
    for place, value in enumerate(numbers(rows[column])):
        text = "–" if np.isnan(value) else value_text(value, kind)
        ax.text(place, (top + bottom) / 2, text, ha="center", va="center", fontsize=NOTE_PT, gid=column)


def _pain(ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    width = max(int(_LINE_PT / len(rows) / 5.6), 8)
    for place, name in enumerate(rows["top_pain"]):
        text = "–" if pd.isna(name) else wrap_name(name, width=width, lines=2)
        ax.text(place, (top + bottom) / 2, text, ha="center", va="center", fontsize=NOTE_PT, gid="pain")


def _mix(mix: pd.DataFrame, ax: Axes, rows: pd.DataFrame, top: float, bottom: float) -> None:
    """Draw the largest channels of each stage as a bar of 100 %, with the names of the first two below."""
    order = mix.groupby("channel")["share"].sum().sort_values(ascending=False).index
    colors = dict(zip(order, cycle(PALETTE), strict=False))
    width = max(int(_LINE_PT / len(rows) / 5.4), 6)
    for place, stage in enumerate(rows["stage"]):
        left, part = place - 0.4, mix[mix["stage"] == stage]
        for channel, share in zip(part["channel"], numbers(part["share"]), strict=True):
            bar = Rectangle((left, top + 0.08), 0.8 * share, 0.16, facecolor=colors[channel], edgecolor="white")
            bar.set_gid("channel share")
            ax.add_patch(bar)
            left += 0.8 * share
        for line, row in enumerate(part.head(2).itertuples()):
            name = f"{row.channel} {value_text(row.share, 'percent')}"
            height = top + 0.33 + 0.165 * line
            ax.text(place, height, plain(name, limit=width), ha="center", va="center", fontsize=NOTE_PT, gid="channel")


def _above(
    ax: Axes, places: NDArray[np.int64], heights: NDArray[np.float64], texts: list[str], *, color: str = INK
) -> None:
    for place, height, text in zip(places, heights, texts, strict=True):
        if text:
            ax.text(
                float(place), float(height) - 0.03, plain(text), ha="center", va="bottom", fontsize=NOTE_PT, color=color
            )
