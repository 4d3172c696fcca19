"""Figures of hazards and of what differs between groups: over time, by stage, as ratios and in days."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from cj_helpers.contract import ABANDONED, COMPLETED
from cj_helpers.plots.curves import axis_end, share_axis, time_axis
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, key, no_data, numbers, value_limits
from cj_helpers.plots.rows import dots, name_rows, row_texts, rows_height, two_lines
from cj_helpers.plots.style import (
    BLUE,
    INK,
    MUTED,
    NOTE_PT,
    OUTCOME_COLORS,
    VERMILION,
    WIDTH_IN,
    format_axis,
    interval_text,
    new_axes,
    outcome_text,
    plain,
    value_text,
)
from cj_helpers.text import N_, _, fill, value_label

MAX_ROWS = 16
MAX_PER_OUTCOME = 14
MAX_TERMS = 8
_COMMON = (0.25, 4.0)  # a covariate with ratios beyond has a scale of its own, not to flatten the others
_TICKS = (0.1, 0.2, 0.25, 0.33, 0.5, 0.67, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 10.0)


@draws("hazard", about=("outcome", "from_days"))
def plot_hazard_over_time(table: pd.DataFrame, *, ax: Axes | None = None, until_days: float | None = None) -> Axes:
    """Draw the chance of ending in each period among journeys that were still running, one line per outcome.

    Parameters
    ----------
    table : DataFrame
        One row per outcome and period: outcome, segment, from_days, to_days, hazard, conf_low, conf_high.
    until_days : float, optional
        Right end of the time axis.
    """
    table = checked(table, "outcome", "segment", "from_days", "to_days", "hazard", "conf_low", "conf_high")
    rows = table[table["segment"].astype(str) == "all"]
    if rows.empty:
        return no_data(ax)
    end = axis_end(rows, "to_days", within=None, until=until_days)
    rows = rows[numbers(rows["to_days"]) <= end + 1e-9]
    ax = new_axes(ax, height=3.2)
    keys = []
    for outcome, part in rows.groupby("outcome", sort=False):
        color = OUTCOME_COLORS.get(str(outcome), VERMILION)
        x = np.append(numbers(part["from_days"]), numbers(part["to_days"])[-1:])
        y, low, high = (np.append(values, values[-1:]) for values in _columns(part, "hazard", "conf_low", "conf_high"))
        ax.fill_between(x, low, high, step="post", color=color, alpha=0.22, linewidth=0, gid="band")
        ax.plot(x, y, drawstyle="steps-post", color=color, linewidth=2, gid=str(outcome))
        keys.append(key(color, outcome_text(outcome)))
    highest = float(np.nanmax(numbers(rows["hazard"]))) if len(rows) else 1.0
    share_axis(ax, label=_("Ended in the period, of those running"), top=min(1.0, 1.6 * highest) or 0.1)
    time_axis(ax, end, label=_("Days since the start of the journey"))
    head(ax, keys=keys)
    return ax


def _columns(part: pd.DataFrame, *names: str) -> list[np.ndarray]:
    return [numbers(part[name]) for name in names]


@draws("estimate", about=("stage",), words=N_("share given up"), kind="percent")
def plot_stage_hazard(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share that is given up at each stage, among journeys that reached it, stages in their order.

    `table` has one row per stage: stage, estimate, conf_low, conf_high, n.
    """
    table = checked(table, "stage", "estimate", "conf_low", "conf_high", "n")
    if table.empty:
        return no_data(ax)
    names = two_lines(list(table["stage"]))
    ax = new_axes(ax, height=rows_height(names, around=1.0))
    name_rows(ax, names)
    dots(ax, table, estimate="estimate", colors=OUTCOME_COLORS[ABANDONED])
    texts = [fill("{share:percent} of {n:count}", share=row.estimate, n=row.n) for row in table.itertuples()]
    row_texts(ax, texts, heading=_("given up, of those who came"))
    _low, high = value_limits(table, "estimate", "conf_high")
    ax.set_xlim(0, high)
    format_axis(ax.xaxis, "percent")
    ax.set_xlabel(_("Given up before the next stage, with 95 % interval"))
    return ax


@draws("hazard_ratio", pick="extreme", about=("outcome", "term", "period"))
def plot_hazard_ratios(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = MAX_PER_OUTCOME) -> Axes:
    """Draw hazard ratios with their intervals on a logarithmic scale (a forest plot).

    Parameters
    ----------
    table : DataFrame
        One row per ratio to show: outcome, term, period (whole | early | late), hazard_ratio, conf_low, conf_high.
    max_rows : int
        Per outcome; beyond this the last are left out, with a note.
    """
    table = checked(table, "outcome", "term", "period", "hazard_ratio", "conf_low", "conf_high")
    rows = table[np.isfinite(numbers(table["hazard_ratio"]))].reset_index(drop=True)
    if rows.empty:
        return no_data(ax)
    kept = rows.groupby("outcome", sort=False).head(max_rows).reset_index(drop=True)
    left_out, rows = len(rows) - len(kept), kept
    names = two_lines([_ratio_name(*pair) for pair in zip(rows["term"], rows["period"], strict=True)], width=34)
    ax = new_axes(ax, height=rows_height(names, around=1.25))
    name_rows(ax, names)
    colors = [OUTCOME_COLORS.get(str(outcome), VERMILION) for outcome in rows["outcome"]]
    unclear = [low <= 1 <= high for low, high in zip(rows["conf_low"], rows["conf_high"], strict=True)]
    ax.set_xscale("log")
    ax.axvline(1, color=INK, linewidth=1, gid="no difference")
    dots(ax, rows, estimate="hazard_ratio", colors=colors, hollow=unclear)
    _ratio_axis(ax.xaxis, rows)
    ax.set_xlabel(_("Hazard ratio with 95 % interval; hollow: may be 1"))
    values = zip(*_columns(rows, "hazard_ratio", "conf_low", "conf_high"), strict=True)
    texts = [interval_text(float(ratio), float(low), float(high), "ratio") for ratio, low, high in values]
    row_texts(ax, texts, heading=_("ratio (95 % interval)"))
    present = [name for name in (COMPLETED, ABANDONED) if (rows["outcome"] == name).any()]
    note = fill("Not drawn: {n:count} more.", n=left_out) if left_out > 0 else ""
    head(ax, note=note, keys=[key(OUTCOME_COLORS[name], outcome_text(name)) for name in present])
    return ax


def _ratio_name(term: object, period: object) -> str:
    name = value_label("term", str(term))
    return name if period == "whole" else f"{name}, {value_label('period', str(period))}"


def _ratio_axis(axis: object, rows: pd.DataFrame) -> None:
    """Set round ticks between the limits of the intervals, 1 always among them."""
    values = np.concatenate(_columns(rows, "hazard_ratio", "conf_low", "conf_high"))
    lowest, highest = np.nanmin(np.append(values, 1.0)), np.nanmax(np.append(values, 1.0))
    low, high = max(min(float(lowest), 0.8), 0.02) / 1.08, min(max(float(highest), 1.25), 50.0) * 1.08
    inside = [tick for tick in _TICKS if low <= tick <= high]
    most = 7 if axis.axis_name == "x" else 4  # type: ignore[attr-defined]
    while len(inside) > most:
        inside = [tick for place, tick in enumerate(inside) if tick == 1 or place % 2]
    axis.axes.set_xlim(low, high) if axis.axis_name == "x" else axis.axes.set_ylim(low, high)  # type: ignore[attr-defined]
    axis.set_major_locator(FixedLocator(inside))  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())  # type: ignore[attr-defined]
    format_axis(axis, "ratio")  # type: ignore[arg-type]


@draws("hazard_ratio", pick="extreme", about=("term", "from_days"))
def plot_hazard_ratio_over_time(table: pd.DataFrame, *, ax: Axes | None = None, max_terms: int = MAX_TERMS) -> Axes:
    """Draw each covariate's hazard ratio over time beside the constant one of the model, one small panel each.

    Parameters
    ----------
    table : DataFrame
        One row per covariate and period: term, from_days, to_days, hazard_ratio, conf_low, conf_high, constant.
    ax : Axes, optional
        Draws the first covariate only.
    max_terms : int
        Beyond this the last covariates are left out, with a note.

    Returns
    -------
    Axes
        Of the first panel.
    """
    table = checked(table, "term", "from_days", "to_days", "hazard_ratio", "conf_low", "conf_high", "constant")
    terms = list(table["term"].drop_duplicates())
    if not terms:
        return no_data(ax)
    shown = terms[:max_terms] if ax is None else terms[:1]
    panels = _panels(len(shown)) if ax is None else np.array([ax], dtype=object)
    for panel, term in zip(panels, shown, strict=False):
        _ratio_panel(panel, table[table["term"] == term], str(term))
    _ratio_scales(panels, table[table["term"].isin(shown)])
    for place, panel in enumerate(panels):
        panel.set_visible(place < len(shown))
        if place >= len(shown) - 2:
            panel.tick_params(labelbottom=True)
            panel.set_xlabel(_("Days since the start"))
    if len(terms) > len(shown):
        note = fill("Not drawn: {n:count} more.", n=len(terms) - len(shown))
        _note_above(panels[0], note)
    return panels[0]  # type: ignore[no-any-return]


def _ratio_scales(panels: np.ndarray, rows: pd.DataFrame) -> None:
    """Give all panels one logarithmic scale, and those with ratios far from 1 their own."""
    limits = rows.assign(conf_low=rows["hazard_ratio"] / 1.6, conf_high=rows["hazard_ratio"] * 1.6)
    far = ~limits["hazard_ratio"].between(*_COMMON) & limits["hazard_ratio"].notna()
    extreme = set(limits.loc[far, "term"])
    common = limits[~limits["term"].isin(extreme)]
    for panel, term in zip(panels, limits["term"].drop_duplicates(), strict=False):
        panel.set_yscale("log")
        _ratio_axis(panel.yaxis, limits[limits["term"] == term] if term in extreme else common)


def _note_above(ax: Axes, note: str) -> None:
    """Write a note above the title of a panel, which stays."""
    place = {"xytext": (0, 18), "textcoords": "offset points", "ha": "left"}
    ax.annotate(note, (0, 1), xycoords="axes fraction", fontsize=NOTE_PT, color=MUTED, **place)  # type: ignore[arg-type]


def _panels(n: int) -> np.ndarray:
    rows = int(np.ceil(n / 2))
    options = {"layout": "constrained", "sharex": True, "squeeze": False}
    return plt.subplots(rows, 2, figsize=(WIDTH_IN, 0.75 + 1.55 * rows), **options)[1].ravel()  # type: ignore[call-overload,no-any-return]


def _ratio_panel(ax: Axes, rows: pd.DataFrame, term: str) -> None:
    x = np.append(numbers(rows["from_days"]), numbers(rows["to_days"])[-1:])
    y, low, high = (
        np.append(values, values[-1:]) for values in _columns(rows, "hazard_ratio", "conf_low", "conf_high")
    )
    ax.axhline(1, color=INK, linewidth=0.8, gid="no difference")
    ax.axhline(float(rows["constant"].iloc[0]), color=VERMILION, linewidth=1.4, linestyle=(0, (5, 2)), gid="constant")
    ax.fill_between(x, low, high, step="post", color=BLUE, alpha=0.2, linewidth=0, gid="band")
    ax.plot(x, y, drawstyle="steps-post", color=BLUE, linewidth=1.8, gid=term)
    ax.set_title(plain(value_label("term", term), limit=36), loc="left", fontsize=NOTE_PT, color=MUTED)
    ax.grid(axis="y")


@draws("difference_days", pick="extreme", about=("segment", "reference"))
def plot_restricted_mean_differences(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = MAX_ROWS) -> Axes:
    """Draw differences between segments in days with their intervals.

    `table` has one row per pair: segment, reference, difference_days, conf_low, conf_high.
    """
    table = checked(table, "segment", "reference", "difference_days", "conf_low", "conf_high")
    if table.empty:
        return no_data(ax)
    left_out, rows = len(table) - max_rows, table.head(max_rows)
    names = two_lines(
        [fill("{segment} against {reference}", segment=r.segment, reference=r.reference) for r in rows.itertuples()],
        width=36,
    )
    ax = new_axes(ax, height=rows_height(names, around=1.05))
    name_rows(ax, names)
    ax.axvline(0, color=INK, linewidth=1, gid="no difference")
    unclear = [low <= 0 <= high for low, high in zip(rows["conf_low"], rows["conf_high"], strict=True)]
    dots(ax, rows, estimate="difference_days", colors=BLUE, hollow=unclear)
    ax.set_xlim(*value_limits(rows, "difference_days", "conf_low", "conf_high", also=[0]))
    format_axis(ax.xaxis, "number")
    ax.set_xlabel(_("Days longer, with 95 % interval; hollow: may be none"))
    row_texts(ax, [value_text(value, "number", digits=1) for value in rows["difference_days"]], heading=_("days"))
    head(ax, note=fill("Not drawn: {n:count} more.", n=left_out) if left_out > 0 else "")
    return ax
