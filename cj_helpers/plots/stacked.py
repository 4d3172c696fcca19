"""What has become of all started journeys by each day, stacked to 100 %."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from cj_helpers.contract import ABANDONED, ALL, COMPLETED, ESCALATED, OPEN, OVERDUE
from cj_helpers.plots.curves import axis_end, end_labels, horizon, share_axis, thinned, time_axis
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, no_data, numbers
from cj_helpers.plots.style import (
    INK,
    MUTED,
    NOTE_PT,
    OUTCOME_COLORS,
    PURPLE,
    SKY,
    days_text,
    new_axes,
    outcome_text,
    plain,
    value_text,
)
from cj_helpers.text import N_, _, fill, interval

_TIME = "time_days"
_COLORS = {**OUTCOME_COLORS, ESCALATED: SKY, OVERDUE: PURPLE}
_FROM_BELOW = (COMPLETED, ESCALATED)  # then overdue, still open, and given up on top
Part = dict[str, NDArray[np.float64]]
Edges = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


@draws("estimate", about=("outcome", "time_days"), time="time_days", words=N_("share"), kind="percent")
def plot_cumulative_incidence(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    segment: str = ALL,
    within_days: float | None = None,
    until_days: float | None = None,
) -> Axes:
    """Draw what became of all started journeys over time: completed, overdue, still open and given up.

    Completed journeys grow from the bottom and those given up from the top, each with its 95 % band; what lies between
    is still open. Of the open ones those that wait for the company longer than promised are set apart.

    Parameters
    ----------
    table : DataFrame
        One row per outcome, segment and time: outcome (completed, abandoned; also escalated and overdue where there
        are any), segment, time_days, estimate, conf_low, conf_high.
    segment : str
        The segment to draw.
    within_days : float, optional
        Horizon to mark; the values beside the figure are those at the horizon, else at the end.
    until_days : float, optional
        Right end of the time axis.
    """
    table = checked(table, "outcome", "segment", _TIME, "estimate", "conf_low", "conf_high")
    rows = table[table["segment"].astype(str) == segment]
    if rows.empty:
        return no_data(ax)
    end = axis_end(rows, _TIME, within=within_days, until=until_days)
    ax = new_axes(ax, height=3.5)
    share_axis(ax, label=_("Share of started journeys"))
    time_axis(ax, end, label=_("Days since the start of the journey"))
    present = [name for name in (*_FROM_BELOW, OVERDUE, ABANDONED) if (rows["outcome"] == name).any()]
    curves = {name: thinned(rows[rows["outcome"] == name], _TIME, end) for name in present}
    grid = np.unique(np.concatenate([[0.0, end], *(numbers(curve[_TIME]) for curve in curves.values())]))
    parts = {name: _on_grid(curve, grid) for name, curve in curves.items()}
    edges = _edges(parts, grid)
    _areas(ax, grid, edges, parts)
    at = end if within_days is None else min(within_days, end)
    _area_labels(ax, edges, parts, at=int(np.searchsorted(grid, at, side="right")) - 1)
    _beside_heading(ax, at)
    horizon(ax, within_days)
    return ax


def _on_grid(rows: pd.DataFrame, grid: NDArray[np.float64]) -> Part:
    """Return estimate and interval of a step function at each time of the grid; 0 before its first time."""
    place = np.searchsorted(numbers(rows[_TIME]), grid, side="right") - 1
    columns = ("estimate", "conf_low", "conf_high")
    values = {name: np.append(numbers(rows[name]), 0.0) for name in columns}
    return {name: value[np.where(place < 0, len(value) - 1, place)] for name, value in values.items()}


def _edges(parts: dict[str, Part], grid: NDArray[np.float64]) -> Edges:
    """Return the lower and upper edge of each area."""
    edges: Edges = {}
    low = np.zeros_like(grid)
    top = 1 - parts[ABANDONED]["estimate"] if ABANDONED in parts else np.ones_like(grid)
    for name in (*_FROM_BELOW, OVERDUE):
        if name in parts:
            high = np.minimum(low + np.nan_to_num(parts[name]["estimate"]), top)
            edges[name], low = (low, high), high
    edges[OPEN] = (low, top)
    if ABANDONED in parts:
        edges[ABANDONED] = (top, np.ones_like(grid))
    return edges


def _areas(ax: Axes, grid: NDArray[np.float64], edges: Edges, parts: dict[str, Part]) -> None:
    for outcome, (low, high) in edges.items():
        ax.fill_between(grid, low, high, step="post", color=_COLORS[outcome], linewidth=0, gid=outcome)
    below = np.zeros_like(grid)
    for outcome in (*_FROM_BELOW, ABANDONED):
        if outcome not in parts:
            continue
        part = parts[outcome]
        low, high = part["conf_low"] + below, part["conf_high"] + below
        edge = edges[outcome][0] if outcome == ABANDONED else edges[outcome][1]
        if outcome == ABANDONED:
            low, high = 1 - part["conf_high"], 1 - part["conf_low"]
        ax.fill_between(grid, low, high, step="post", color=INK, alpha=0.22, linewidth=0, gid="band")
        ax.plot(grid, edge, drawstyle="steps-post", color=INK, linewidth=0.9, gid=f"edge of {outcome}")
        below = below + part["estimate"]


def _area_labels(ax: Axes, edges: Edges, parts: dict[str, Part], *, at: int) -> None:
    """Name the areas right of the axes, with their shares at one time and the intervals of those estimated."""
    texts = {
        name: f"{outcome_text(name)} {value_text(high[at] - low[at], 'percent')}" for name, (low, high) in edges.items()
    }
    for name in (*_FROM_BELOW, ABANDONED):
        if name in parts:
            limits = interval(parts[name]["conf_low"][at], parts[name]["conf_high"][at], "percent")
            texts[name] += f"\n({plain(limits)})"
    end = ax.get_xlim()[1]
    items = [(end, float(low[-1] + high[-1]) / 2, texts[name], _COLORS[name]) for name, (low, high) in edges.items()]
    end_labels(ax, items, lines=2, below_top=True)


def _beside_heading(ax: Axes, at: float) -> None:
    ax.annotate(
        fill("after {horizon}:", horizon=days_text(at)),
        (1, 1),
        xycoords="axes fraction",
        xytext=(17, 5),
        textcoords="offset points",
        fontsize=NOTE_PT,
        color=MUTED,
        annotation_clip=False,
    )
