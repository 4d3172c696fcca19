"""Figures of predicted churn: are the risks right, does the order help, what would a contact be worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, no_data, numbers, value_limits
from cj_helpers.plots.style import (
    BLUE,
    GRID,
    INK,
    MUTED,
    NOTE_PT,
    ORANGE,
    PALETTE,
    SKY,
    format_axis,
    new_axes,
    plain,
    value_text,
)
from cj_helpers.text import N_, _, fill, format_value

#: Behind a label that lies on lines.
_PATCH: dict[str, object] = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}


@draws("estimate", about=("predicted",), words=N_("share who left"), kind="percent")
def plot_calibration_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the share who left against the predicted risk, by band, with 95 % intervals.

    `table` has one row per band: predicted, estimate, conf_low, conf_high, n. On the diagonal a prediction is right.
    """
    table = checked(table, "predicted", "estimate", "conf_low", "conf_high")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.6)
    predicted, observed = numbers(table["predicted"]), numbers(table["estimate"])
    low, high = numbers(table["conf_low"]), numbers(table["conf_high"])
    top = value_limits(table, "predicted", "estimate", "conf_high", also=[0])[1]
    ax.plot([0, top], [0, top], color=MUTED, linewidth=1, linestyle=(0, (4, 2)), gid="reference")
    ax.vlines(predicted, low, high, color=BLUE, linewidth=2, gid="interval")
    ax.scatter(predicted, observed, s=30, color=BLUE, zorder=3, gid="estimate")
    _share_axes(ax, top, top)
    ax.set_xlabel(_("Predicted risk of leaving within the horizon"))
    ax.set_ylabel(_("Left (share)"))
    keys = [
        Line2D([], [], color=BLUE, marker="o", markersize=5, linewidth=2, label=_("a tenth of the customers")),
        Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), label=_("prediction and outcome are equal")),
    ]
    head(ax, keys=keys)
    return ax


def _share_axes(ax: Axes, right: float, top: float) -> None:
    ax.set_xlim(0, right)
    ax.set_ylim(0, top)
    ax.grid(color=GRID)
    format_axis(ax.xaxis, "percent")
    format_axis(ax.yaxis, "percent")


@draws("lift", about=("share",))
def plot_lift(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw which share of those who left stands in the top of the list, against a list in random order.

    `table` has one row per top share of the list: share, gain, gain_low, gain_high, lift.
    """
    table = checked(table, "share", "gain", "gain_low", "gain_high", "lift").sort_values("share")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.6)
    share, gain = numbers(table["share"]), numbers(table["gain"])
    ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 2)), gid="reference")
    ax.fill_between(share, numbers(table["gain_low"]), numbers(table["gain_high"]), color=SKY, alpha=0.35, linewidth=0)
    ax.plot(share, gain, color=BLUE, linewidth=2, marker="o", markersize=4, gid="gain")
    for row in table[table["share"].isin([0.1, 0.2, 0.5])].itertuples():
        top = format_value(row.share, "percent", digits=0)
        text = fill("top {top}: {gain:percent}", top=top, gain=row.gain)
        ax.annotate(
            plain(text),
            (row.share, row.gain),
            xytext=(8, -11),
            textcoords="offset points",
            fontsize=NOTE_PT,
            bbox=_PATCH,
        )
    _share_axes(ax, 1, 1.02)
    ax.set_xlabel(_("Top of the list (share of customers)"))
    ax.set_ylabel(_("Found of those who left (share)"))
    keys = [
        Line2D([], [], color=BLUE, marker="o", markersize=4, label=_("this list, with 95 % interval")),
        Line2D([], [], color=MUTED, linestyle=(0, (4, 2)), label=_("a list in random order")),
    ]
    head(ax, keys=keys)
    return ax


@draws("estimate", about=("threshold",), words=N_("net benefit"))
def plot_net_benefit(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the net benefit of contacting by risk, of contacting all and of contacting nobody.

    `table` has one row per threshold: threshold, estimate, conf_low, conf_high, all_contacted.
    """
    table = checked(table, "threshold", "estimate", "conf_low", "conf_high", "all_contacted")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.4)
    threshold, benefit = numbers(table["threshold"]), numbers(table["estimate"])
    low, high = numbers(table["conf_low"]), numbers(table["conf_high"])
    ax.axhline(0, color=INK, linewidth=1, gid="nobody")
    ax.fill_between(threshold, low, high, color=SKY, alpha=0.35, linewidth=0)
    ax.plot(threshold, benefit, color=BLUE, linewidth=2, gid="model")
    ax.plot(threshold, numbers(table["all_contacted"]), color=ORANGE, linestyle=(0, (5, 1.5)), gid="all")
    bottom, top = value_limits(table, "estimate", "conf_low", "conf_high", also=[0])
    ax.set_ylim(min(bottom, -0.35 * top), 1.1 * top)
    ax.set_xlim(*value_limits(table, "threshold", also=[0]))
    ax.grid(color=GRID)
    format_axis(ax.xaxis, "percent")
    format_axis(ax.yaxis, "percent")
    ax.set_xlabel(_("Contact from this risk on"))
    ax.set_ylabel(_("Net benefit (leavers per customer)"))
    keys = [
        Line2D([], [], color=BLUE, linewidth=2, label=_("by risk, with 95 % interval")),
        Line2D([], [], color=ORANGE, linestyle=(0, (5, 1.5)), label=_("everybody")),
        Line2D([], [], color=INK, linewidth=1, label=_("nobody")),
    ]
    head(ax, keys=keys)
    return ax


@draws("profit", about=("share",), where={"is_best": True, "is_assumed": True})
def plot_profit_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the assumed profit by the length of the list, for half, the whole and double the save rate.

    `table` has one row per save rate and share: save_rate, share, profit, is_best, is_assumed.
    """
    table = checked(table, "save_rate", "share", "profit", "is_best", "is_assumed")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.4)
    ax.axhline(0, color=INK, linewidth=1)
    rates = sorted(table["save_rate"].unique())
    for color, rate in zip(PALETTE, rates, strict=False):
        part = table[table["save_rate"] == rate].sort_values("share")
        assumed = bool(part["is_assumed"].iloc[0])
        name = fill("{rate:percent} saved", rate=rate) + (f" ({_('assumed')})" if assumed else "")
        style = "-" if assumed else (0, (5, 1.5))
        ax.plot(
            part["share"], part["profit"], color=color, linewidth=2.2 if assumed else 1.5, linestyle=style, label=name
        )
        best = part[part["is_best"]]
        ax.scatter(best["share"], best["profit"], s=34, color=color, zorder=3, gid="best")
    ax.set_xlim(0, 1)
    ax.grid(color=GRID)
    format_axis(ax.xaxis, "percent")
    format_axis(ax.yaxis, "money")
    ax.set_xlabel(_("Customers contacted (share, highest expected profit first)"))
    ax.set_ylabel(_("Assumed profit"))
    head(ax, keys=ax.get_legend_handles_labels()[0])
    return ax


@draws("n", pick="last", about=("step",), words=N_("customers"))
def plot_waterfall(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the way from the eligible customers to those to contact, one bar per step.

    `table` has one row per step: step, kind (total or loss), n.
    """
    table = checked(table, "step", "kind", "n")
    if table.empty or not table["n"].iloc[0]:
        return no_data(ax)
    ax = new_axes(ax, height=0.7 + 0.42 * len(table))
    left, rows = float(table["n"].iloc[0]), np.arange(len(table))
    for row, (kind, n) in enumerate(zip(table["kind"], table["n"].astype(float), strict=True)):
        start = left - n if kind == "loss" else 0.0
        ax.barh(row, n, left=start, height=0.62, color=BLUE if kind == "total" else ORANGE, gid=kind)
        sign = "−" if kind == "loss" else ""
        ax.annotate(
            sign + value_text(int(n), "count"),
            (start + n, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=NOTE_PT,
        )
        if kind == "loss":
            ax.vlines(left, row - 1, row, color=MUTED, linewidth=0.8)
            left = start
    ax.set_yticks(rows, [plain(step, limit=48) for step in table["step"]])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(0, 1.12 * float(table["n"].iloc[0]))
    ax.tick_params(axis="y", length=0)
    ax.locator_params(axis="x", nbins=5)
    format_axis(ax.xaxis, "count")
    ax.set_xlabel(_("Customers"))
    return ax
