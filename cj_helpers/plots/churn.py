"""Figures of churn: who stays, why they leave, what raises the risk, and the revenue at stake."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from cj_helpers.contract import ALL
from cj_helpers.plots.curves import DAY_STEPS, MONTH_STEPS, plot_curves
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, no_data, numbers, value_limits
from cj_helpers.plots.rows import ROW_IN, dots, keep_rows, name_rows, row_texts, rows_height, two_lines
from cj_helpers.plots.style import (
    BLUE,
    INK,
    SKY,
    VERMILION,
    format_axis,
    interval_text,
    new_axes,
    outcome_text,
    segment_text,
    value_text,
)
from cj_helpers.text import N_, _, fill

_RATIOS = (  # ticks of the log axis, from fine to coarse
    (0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 4),
    (0.1, 0.2, 0.33, 0.5, 1, 2, 3, 5, 10),
    (0.01, 0.1, 1, 10, 100),
)


@draws(
    "estimate",
    pick="last",
    about=("segment", "time", "time_unit"),
    time="time",
    words=N_("share still there"),
    kind="percent",
)
def plot_retention_curve(table: pd.DataFrame, *, ax: Axes | None = None, until: float | None = None) -> Axes:
    """Draw the share of customers who stayed, by segment, with 95 % bands and the numbers at risk.

    `table` has one row per segment and time: segment, time, time_unit (days or months), estimate,
    conf_low, conf_high, n_at_risk. `until` is the right end of the time axis, in the same unit.
    At most six curves: the overall one and the largest segments; a note counts the others.
    """
    table = checked(table, "segment", "time", "estimate", "conf_low", "conf_high")
    labels = (_tenure_label(table), _("Still customers (share)"))
    return plot_curves(table, ax=ax, time="time", labels=labels, until=until, steps=_steps(table))


@draws("estimate", about=("outcome", "time", "time_unit"), time="time", words=N_("share who left"), kind="percent")
def plot_churn_incidence(
    table: pd.DataFrame, *, ax: Axes | None = None, segment: str = ALL, until: float | None = None
) -> Axes:
    """Draw the share of customers who left by each reason over time, with 95 % bands.

    `table` has one row per outcome (the reason), segment and time: outcome, segment, time, estimate,
    conf_low, conf_high. The reasons compete: their shares at one time add up to all who left.
    """
    table = checked(table, "outcome", "segment", "time", "estimate", "conf_low", "conf_high")
    rows = table[table["segment"].astype(str) == segment]
    reasons = rows.assign(segment=[outcome_text(reason) for reason in rows["outcome"]])
    reasons = reasons.drop(columns="n_at_risk", errors="ignore")  # one number for all reasons, not one each
    labels = (_tenure_label(rows), _("Left for this reason (share)"))
    return plot_curves(reasons, ax=ax, time="time", labels=labels, until=until, fit=True, steps=_steps(rows))


def _in_months(table: pd.DataFrame) -> bool:
    return "time_unit" in table and "months" in set(table["time_unit"])


def _tenure_label(table: pd.DataFrame) -> str:
    return _("Months as a customer") if _in_months(table) else _("Days as a customer")


def _steps(table: pd.DataFrame) -> tuple[float, ...]:
    return MONTH_STEPS if _in_months(table) else DAY_STEPS


@draws("estimate", pick="exp", about=("property",), words=N_("ratio"))
def plot_churn_model(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 30, ratio: str = "hazard") -> Axes:
    """Draw the hazard ratios of a Cox model, or the odds ratios of a logit, with 95 % intervals on a log axis.

    `table` has one row per term: term (or property, in words), estimate, conf_low, conf_high (logarithms; the axis
    shows their exponentials). Right of 1 customers leave sooner or more often. A hollow dot has an interval that
    holds 1. `ratio` is "hazard" or "odds".
    """
    table = checked(table, "term", "estimate", "conf_low", "conf_high")
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table[table["estimate"].notna()].reset_index(drop=True), "", max_rows)
    ratios = rows.assign(**{name: np.exp(numbers(rows[name])) for name in ("estimate", "conf_low", "conf_high")})
    names = two_lines(list(rows["property" if "property" in rows else "term"]))
    ax = new_axes(ax, height=rows_height(names, around=0.9))
    name_rows(ax, names)
    unclear = ((ratios["conf_low"] <= 1) & (ratios["conf_high"] >= 1)).tolist()
    colors = [VERMILION if ratio > 1 else BLUE for ratio in ratios["estimate"]]
    dots(ax, ratios, estimate="estimate", colors=colors, hollow=unclear)
    columns = zip(ratios["estimate"], ratios["conf_low"], ratios["conf_high"], strict=True)
    row_texts(ax, [interval_text(*values, "ratio") for values in columns])
    _ratio_axis(ax, ratios)
    if ratio == "odds":
        ax.set_xlabel(_("Odds ratio of leaving: left of 1 stays, right of 1 leaves"))
    if left_out:
        head(ax, note=fill("Not drawn: {n:count} further terms.", n=left_out))
    return ax


def _ratio_axis(ax: Axes, ratios: pd.DataFrame) -> None:
    columns = ("estimate", "conf_low", "conf_high")
    logs = ratios.assign(**{name: np.log(numbers(ratios[name])) for name in columns})
    limits = value_limits(logs, *columns, also=[-0.25, 0.25])
    low, high = (
        max(float(np.exp(limits[0])), 0.01),
        min(float(np.exp(limits[1])), 100.0),
    )  # a separated term must not stretch the axis
    shown = [[ratio for ratio in ratios if low <= ratio <= high] for ratios in _RATIOS]
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FixedLocator(next((ticks for ticks in shown if len(ticks) <= 8), shown[-1])))
    ax.xaxis.set_minor_locator(NullLocator())
    format_axis(ax.xaxis, "ratio")
    ax.axvline(1, color=INK, linewidth=1, gid="reference")
    ax.set_xlabel(_("Hazard ratio of leaving: left of 1 stays longer, right of 1 leaves sooner"))


@draws("revenue_at_risk", about=("segment",))
def plot_revenue_at_risk(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw the revenue at risk by segment as bars with 95 % intervals.

    `table` has one row per segment: segment, revenue_at_risk and its interval, in the currency of the
    data set. The interval is revenue_low and revenue_high where the table also holds the share expected
    to leave (whose interval then is conf_low and conf_high), else conf_low and conf_high. The overall
    row is a sum and stands in the note, not as a bar.
    """
    bounds = ("revenue_low", "revenue_high") if "share" in table else ("conf_low", "conf_high")
    table = checked(table, "segment", "revenue_at_risk", *bounds)
    if table.empty:
        return no_data(ax)
    overall = table["segment"].astype(str).eq(ALL) & (len(table) > 1)
    rows, left_out = keep_rows(table[~overall], "revenue_at_risk", max_rows)
    ax = new_axes(ax, height=1.0 + ROW_IN * len(rows))
    name_rows(ax, [segment_text(name, limit=28) for name in rows["segment"]])
    places, values = np.arange(len(rows)), numbers(rows["revenue_at_risk"])
    low, high = (numbers(rows[name]) for name in bounds)
    ax.barh(places, values, height=0.62, color=SKY, gid="revenue")
    ax.grid(False)
    ax.hlines(places, low, high, color=INK, linewidth=1.5, gid="interval")
    row_texts(ax, [value_text(value, "money") for value in values])
    ax.set_xlim(0, value_limits(rows, "revenue_at_risk", bounds[1], also=[0])[1])
    format_axis(ax.xaxis, "money")
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel(_("Revenue at risk, with 95 % interval"))
    head(ax, note=" ".join(_revenue_notes(table[overall], bounds, left_out)))
    return ax


def _revenue_notes(overall: pd.DataFrame, bounds: tuple[str, str], left_out: int) -> Iterator[str]:
    for estimate, low, high in overall[["revenue_at_risk", *bounds]].to_numpy(dtype=float):
        yield fill("All segments together: {total}.", total=interval_text(estimate, low, high, "money"))
    if left_out:
        yield fill("Not drawn: {n:count} smaller segments.", n=left_out)
