"""Figures of data quality: how long customers are silent and come back, and how many of those asked answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, no_data, numbers
from cj_helpers.plots.rows import ROW_IN, name_rows, row_texts
from cj_helpers.plots.style import BLUE, INK, VERMILION, date_axis, days_text, format_axis, new_axes, plain
from cj_helpers.text import N_, _, fill

_SECOND = 1 / 86_400


@draws("suggested_days", about=("label", "touchpoint"))
def plot_suggested_timeouts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw, per journey, the usual silence before a return beside the declared timeout.

    `table` has one row per journey, and per touchpoint with a timeout of its own: label, touchpoint (empty: the
    others), median_days, p99_days, timeout_days (missing: none), suggested_days.
    The axis is logarithmic: half of the returns come within minutes, the last ones after weeks.
    """
    columns = ("label", "touchpoint", "median_days", "p99_days", "timeout_days", "suggested_days")
    table = checked(table, *columns, several=True)
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=1.2 + ROW_IN * len(table))
    names = [
        fill("after {name}", name=after) if after else label
        for label, after in zip(table["label"], table["touchpoint"], strict=True)
    ]
    name_rows(ax, [plain(name, limit=36) for name in names])
    rows = np.arange(len(table))
    median, p99, declared = (numbers(table[name]) for name in ("median_days", "p99_days", "timeout_days"))
    ax.set_xscale("log")
    ax.hlines(rows, np.maximum(median, _SECOND), np.maximum(p99, _SECOND), color=BLUE, linewidth=5, gid="returns")
    ax.plot(
        declared, rows, linestyle="none", marker="|", markersize=16, markeredgewidth=2.4, color=VERMILION, gid="timeout"
    )
    row_texts(ax, [days_text(days) for days in numbers(table["suggested_days"])], heading=_("suggested"))
    marks = [1 / 1440, 1 / 24, 1, 7, 30, 90, 365]
    low, high = max(np.nanmin(median) / 2, _SECOND), np.nanmax(np.concatenate([p99, declared])) * 2
    shown = [mark for mark in marks if low <= mark <= high]
    ax.set_xlim(low, high)
    ax.set_xticks(shown, [days_text(mark) for mark in shown])
    ax.minorticks_off()
    ax.set_xlabel(_("Silence before a return"))
    head(
        ax,
        keys=[
            Line2D([], [], color=BLUE, linewidth=5, label=_("from the median to 99 % of returns")),
            Line2D([], [], color=VERMILION, linestyle="none", marker="|", markersize=12, label=_("declared timeout")),
        ],
    )
    return ax


@draws("share", pick="last", about=("month",), words=N_("share of invitations answered"))
def plot_survey_response(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share of invitations that were answered, by month.

    `table` has one row per month: month, n_invited, share.
    """
    table = checked(table, "month", "n_invited", "share")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=2.6)
    share = numbers(table["share"])
    ax.plot(pd.to_datetime(table["month"]), share, color=BLUE, marker="o", markersize=5, gid="share")
    ax.set_ylim(0, max(0.05, float(np.nanmax(share)) * 1.25))
    format_axis(ax.yaxis, "percent")
    date_axis(ax)
    ax.grid(axis="y")
    ax.set_ylabel(_("Answered in time"))
    ax.set_xlabel(_("Month of the invitation"))
    total = numbers(table["n_invited"]).sum()
    head(ax, note=fill("{n:count} invitations.", n=total))
    ax.yaxis.label.set_color(INK)
    return ax
