"""Figures of drop-off survival: who is still under way, who finished and who gave up, over time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from cj_helpers.contract import ABANDONED, ALL, COMPLETED, OPEN
from cj_helpers.plots.curves import (
    axis_end,
    end_labels,
    horizon,
    plot_curves,
    share_axis,
    thinned,
    time_axis,
)
from cj_helpers.plots.parts import checked, no_data, numbers
from cj_helpers.plots.style import (
    INK,
    MUTED,
    NOTE_PT,
    OUTCOME_COLORS,
    days_text,
    new_axes,
    outcome_text,
    plain,
    value_text,
)
from cj_helpers.text import _, fill, interval

_TIME = "time_days"


def plot_survival_curve(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    within_days: float | None = None,
    until_days: float | None = None,
    ylabel: str = "",
) -> Axes:
    """Draw survival curves by segment as steps with 95 % bands and the numbers at risk.

    Parameters
    ----------
    table : DataFrame
        One row per segment and time: segment, time_days, estimate, conf_low, conf_high, n_at_risk.
    within_days : float, optional
        Horizon to mark; the axis then ends at twice the horizon unless `until_days` says otherwise.
    until_days : float, optional
        Right end of the time axis.
    ylabel : str
        What the share is of; the default says that the event has not happened yet.

    Notes
    -----
    At most six curves: the overall one and the largest segments; a note counts the others.
    """
    table = checked(table, "segment", _TIME, "estimate", "conf_low", "conf_high")
    labels = (_("Days since the start of the journey"), ylabel or _("Not yet ended (share of journeys)"))
    return plot_curves(table, ax=ax, time=_TIME, labels=labels, within=within_days, until=until_days)


def plot_incidence_by_segment(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    outcome: str = COMPLETED,
    within_days: float | None = None,
    until_days: float | None = None,
) -> Axes:
    """Draw the cumulative incidence of one outcome by segment, with 95 % bands.

    `table` has one row per outcome, segment and time: outcome, segment, time_days, estimate,
    conf_low, conf_high and, for the numbers below the axis, n_at_risk.
    """
    table = checked(table, "outcome", "segment", _TIME, "estimate", "conf_low", "conf_high")
    rows = table[table["outcome"].astype(str) == outcome]
    share = fill("{outcome} (share of started journeys)", outcome=outcome_text(outcome))
    labels = (_("Days since the start of the journey"), share[:1].upper() + share[1:])
    return plot_curves(rows, ax=ax, time=_TIME, labels=labels, within=within_days, until=until_days, fit=True)


def plot_cumulative_incidence(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    segment: str = ALL,
    within_days: float | None = None,
    until_days: float | None = None,
) -> Axes:
    """Draw what became of all started journeys: completed, still open and abandoned, over time.

    Completed journeys grow from the bottom and abandoned ones from the top, each with its 95 % band;
    what lies between is still open.

    Parameters
    ----------
    table : DataFrame
        One row per outcome, segment and time: outcome (completed, abandoned), segment, time_days,
        estimate, conf_low, conf_high.
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
    curves = {name: thinned(rows[rows["outcome"] == name], _TIME, end) for name in (COMPLETED, ABANDONED)}
    grid = np.unique(np.concatenate([[0.0, end], *(numbers(curve[_TIME]) for curve in curves.values())]))
    done, lost = (_on_grid(curves[name], grid) for name in (COMPLETED, ABANDONED))
    _areas(ax, grid, done, lost)
    at = end if within_days is None else min(within_days, end)
    _area_labels(ax, done, lost, at=int(np.searchsorted(grid, at, side="right")) - 1)
    _beside_heading(ax, at)
    horizon(ax, within_days)
    return ax


def _on_grid(rows: pd.DataFrame, grid: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return estimate and interval of a step function at each time of the grid; 0 before its first time."""
    place = np.searchsorted(numbers(rows[_TIME]), grid, side="right") - 1
    columns = ("estimate", "conf_low", "conf_high")
    values = {name: np.append(numbers(rows[name]), 0.0) for name in columns}
    return {name: value[np.where(place < 0, len(value) - 1, place)] for name, value in values.items()}


def _areas(
    ax: Axes,
    grid: NDArray[np.float64],
    done: dict[str, NDArray[np.float64]],
    lost: dict[str, NDArray[np.float64]],
) -> None:
    edges = {
        COMPLETED: (np.zeros_like(grid), done["estimate"]),
        OPEN: (done["estimate"], 1 - lost["estimate"]),
        ABANDONED: (1 - lost["estimate"], np.ones_like(grid)),
    }
    for outcome, (low, high) in edges.items():
        color = OUTCOME_COLORS[outcome]
        ax.fill_between(grid, low, high, step="post", color=color, linewidth=0, gid=outcome)
    bands = ((done["conf_low"], done["conf_high"]), (1 - lost["conf_high"], 1 - lost["conf_low"]))
    boundaries = {COMPLETED: done["estimate"], ABANDONED: 1 - lost["estimate"]}
    for (low, high), (outcome, edge) in zip(bands, boundaries.items(), strict=True):
        ax.fill_between(grid, low, high, step="post", color=INK, alpha=0.22, linewidth=0, gid="band")
        ax.plot(grid, edge, drawstyle="steps-post", color=INK, linewidth=0.9, gid=f"edge of {outcome}")


def _area_labels(
    ax: Axes, done: dict[str, NDArray[np.float64]], lost: dict[str, NDArray[np.float64]], *, at: int
) -> None:
    """Name the areas right of the axes, with their shares at one time and the intervals of those estimated."""
    shares = {COMPLETED: done["estimate"][at], ABANDONED: lost["estimate"][at]}
    shares[OPEN] = 1 - shares[COMPLETED] - shares[ABANDONED]
    last = done["estimate"][-1], 1 - lost["estimate"][-1]
    middles = {COMPLETED: last[0] / 2, OPEN: sum(last) / 2, ABANDONED: (1 + last[1]) / 2}
    texts = {name: f"{outcome_text(name)} {value_text(share, 'percent')}" for name, share in shares.items()}
    for name, part in ((COMPLETED, done), (ABANDONED, lost)):
        texts[name] += f"\n({plain(interval(part['conf_low'][at], part['conf_high'][at], 'percent'))})"
    end = ax.get_xlim()[1]
    items = [(end, float(middle), texts[name], OUTCOME_COLORS[name]) for name, middle in middles.items()]
    end_labels(ax, items, lines=2)


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
