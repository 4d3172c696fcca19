"""Figures of who leaves: by start, after journeys, and without a contract."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from cj_helpers.contract import ALL
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, key, no_data, numbers
from cj_helpers.plots.rows import dots, name_rows, row_texts, rows_height, two_lines
from cj_helpers.plots.style import (
    BLUE,
    GRID,
    INK,
    MUTED,
    NOTE_PT,
    ORANGE,
    VERMILION,
    format_axis,
    interval_text,
    new_axes,
    plain,
    value_text,
)
from cj_helpers.text import N_, _, fill

_BLUES = LinearSegmentedColormap.from_list("retention", ["#F3F5F7", BLUE])
_OUTCOMES = ("abandoned", "completed")


@draws(
    "estimate", pick="smallest", about=("cohort", "time", "time_unit"), words=N_("share still there"), kind="percent"
)
def plot_retention_cohorts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share still there by cohort (rows) and age (columns), darker for more, each cell with its share.

    `table` has one row per cohort and time: cohort, time, time_unit, estimate, n_customers. Ages not reached stay
    blank; those that no cohort has reached, and cohorts that reached none, are left out.
    """
    table = checked(table, "cohort", "time", "time_unit", "estimate", "n_customers")
    if table.empty:
        return no_data(ax)
    wide = table.pivot_table(index="cohort", columns="time", values="estimate", dropna=False, sort=False)
    wide = wide.dropna(how="all").dropna(axis="columns", how="all")
    if wide.empty:
        return no_data(ax)
    sizes = table.drop_duplicates("cohort").set_index("cohort")["n_customers"]
    values = numbers(wide.to_numpy().ravel()).reshape(wide.shape)
    ax = new_axes(ax, height=0.9 + 0.34 * len(wide))
    low = np.nanmin(values) if np.isfinite(values).any() else 0.0
    ax.imshow(np.ma.masked_invalid(values), cmap=_BLUES, aspect="auto", vmin=max(0.0, low - 0.15), vmax=1)
    for row, column in zip(*np.nonzero(np.isfinite(values)), strict=True):
        share = values[row, column]
        ink = "white" if share > (1 + max(0.0, low - 0.15)) / 2 else INK
        ax.text(column, row, value_text(share, "percent"), ha="center", va="center", color=ink, fontsize=NOTE_PT)
    unit = "days" if table["time_unit"].iloc[0] == "days" else "number"
    ax.set_xticks(range(wide.shape[1]), [value_text(time, unit, digits=0) for time in wide.columns])
    names = [fill("{cohort}: {n:count} customers", cohort=cohort, n=int(sizes[cohort])) for cohort in wide.index]
    ax.set_yticks(range(len(wide)), [plain(name) for name in names])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    months = table["time_unit"].iloc[0] == "months"
    ax.set_xlabel(_("Months as a customer") if months else _("Time as a customer"))
    return ax


@draws("estimate", about=("journey", "outcome"), words=N_("share who left"), kind="percent")
def plot_exits_after_journeys(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share who left after an abandoned and after a completed journey, with 95 % intervals.

    `table` has one row per journey and outcome: journey, outcome, estimate, conf_low, conf_high; rows of the
    difference stand in the text on the right.
    """
    table = checked(table, "journey", "outcome", "estimate", "conf_low", "conf_high", several=True)
    if table.empty:
        return no_data(ax)
    journeys = list(dict.fromkeys(table["journey"]))
    names = two_lines([_("all journeys") if name == ALL else name for name in journeys])
    ax = new_axes(ax, height=rows_height(names, around=1.1) + 0.12 * len(names))
    name_rows(ax, names)
    for outcome, color, shift in zip(_OUTCOMES, (VERMILION, BLUE), (-0.14, 0.14), strict=True):
        part = _per_journey(table, outcome, journeys).reset_index()
        dots(ax, part, estimate="estimate", colors=color, places=np.arange(len(journeys)) + shift)
    gaps = _per_journey(table, "difference", journeys)
    columns = zip(gaps["estimate"], gaps["conf_low"], gaps["conf_high"], strict=True)
    row_texts(ax, [interval_text(*values, "percent") for values in columns], heading=_("Difference"))
    ax.set_xlim(left=0)
    format_axis(ax.xaxis, "percent")
    ax.set_xlabel(_("Left afterwards (share), with 95 % interval"))
    head(ax, keys=[key(VERMILION, _("after giving up")), key(BLUE, _("after finishing"))])
    return ax


def _per_journey(table: pd.DataFrame, outcome: str, journeys: list[str]) -> pd.DataFrame:
    """One row per journey in order, empty where it has no such row."""
    return table[table["outcome"] == outcome].drop_duplicates("journey").set_index("journey").reindex(journeys)


@draws("returned_share", about=("silent_days",))
def plot_inactivity_rule(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw how the inactivity rule decides: who is called gone, and how many of those came back.

    `table` has one row per rule: silent_days, inactive_share, returned_share, conf_low, conf_high.
    """
    table = checked(table, "silent_days", "inactive_share", "returned_share", "conf_low", "conf_high")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.2)
    days = numbers(table["silent_days"])
    ax.plot(days, numbers(table["inactive_share"]), color=BLUE, marker="o", markersize=4, gid="gone")
    ax.fill_between(days, numbers(table["conf_low"]), numbers(table["conf_high"]), color=ORANGE, alpha=0.3, linewidth=0)
    ax.plot(days, numbers(table["returned_share"]), color=ORANGE, marker="s", markersize=4, gid="returned")
    ax.set_ylim(0, 1)
    ax.grid(color=GRID)
    format_axis(ax.yaxis, "percent")
    format_axis(ax.xaxis, "count")
    ax.set_xlabel(_("Called gone after so many silent days"))
    ax.set_ylabel(_("Share"))
    keys = [
        Line2D([], [], color=BLUE, marker="o", markersize=4, label=_("called gone")),
        Line2D([], [], color=ORANGE, marker="s", markersize=4, label=_("of these, bought again later")),
    ]
    head(ax, keys=keys)
    return ax


@draws("estimate", about=("group",), words=N_("purchases made"))
def plot_purchase_check(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the purchases expected and made in a held-out time, by the purchases before.

    `table` has one row per group: group, expected, estimate (made), conf_low, conf_high, n.
    """
    table = checked(table, "group", "expected", "estimate", "conf_low", "conf_high")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.2)
    places = np.arange(len(table))
    ax.vlines(places, numbers(table["conf_low"]), numbers(table["conf_high"]), color=INK, linewidth=2, gid="interval")
    ax.scatter(places, numbers(table["estimate"]), s=30, color=INK, zorder=3, gid="made")
    ax.plot(places, numbers(table["expected"]), color=ORANGE, marker="s", markersize=5, linewidth=1.5, gid="expected")
    ax.set_xticks(places, [plain(str(name)) for name in table["group"]])
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", color=GRID)
    ax.set_xlabel(_("Repeat purchases before"))
    ax.set_ylabel(_("Purchases afterwards (mean)"))
    keys = [
        Line2D([], [], color=INK, marker="o", linestyle="", label=_("made, with 95 % interval")),
        Line2D([], [], color=ORANGE, marker="s", label=_("expected")),
    ]
    head(ax, keys=keys)
    ax.tick_params(axis="x", colors=MUTED, labelcolor=INK)
    return ax
