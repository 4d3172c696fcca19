"""Figures of priorities: journeys as bubbles, and the links from journeys to staying."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.patheffects import withStroke

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import bare, checked, head, no_data, numbers, spread
from cj_helpers.plots.style import (
    BLUE,
    INK,
    MUTED,
    NOTE_PT,
    PANEL,
    TEXT_PT,
    VERMILION,
    format_axis,
    interval_text,
    new_axes,
    plain,
    value_text,
    wrap_name,
)
from cj_helpers.text import N_, _, fill

_LARGEST_PT = 46.0  # diameter of the largest bubble


@draws("worth_at_most", about=("label",))
def plot_priorities(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw journeys as bubbles: how many start, how well they go, and what closing the gap is worth at most.

    `table` has one row per journey: label, started_per_month, worth_at_most, lost_per_month, and score, score_low,
    score_high where journeys have a score, else completed_within, conf_low, conf_high. The area of a bubble is the
    worth; without any value it is the journeys lost a month.
    """
    table = checked(table, "label", "started_per_month", "worth_at_most", "lost_per_month", several=True)
    scored = "score" in table and table["score"].notna().any()
    names = ["score", "score_low", "score_high"] if scored else ["completed_within", "conf_low", "conf_high"]
    table = checked(table, *names, several=True)
    table = table[table[names[0]].notna() & table["started_per_month"].notna()].reset_index(drop=True)
    if table.empty:
        return no_data(ax)
    valued = table["worth_at_most"].notna().any()
    worth = numbers(table["worth_at_most" if valued else "lost_per_month"])
    ax = new_axes(ax, height=3.7)
    x, y = numbers(table["started_per_month"]), numbers(table[names[0]])
    low, high = numbers(table[names[1]]), numbers(table[names[2]])
    largest = np.nanmax(worth) if np.isfinite(worth).any() and np.nanmax(worth) > 0 else 1.0
    area = (_LARGEST_PT**2) * np.nan_to_num(worth) / largest + 16
    ax.vlines(x, low, high, color=INK, linewidth=1.4, zorder=3).set_gid("interval")
    bubbles = ax.scatter(x, y, s=area, color=BLUE, alpha=0.35, edgecolor=BLUE, linewidth=1.2, zorder=2)
    bubbles.set_gid("worth")
    ax.scatter(x, y, s=14, color=INK, zorder=4).set_gid("estimate")
    top = 100.0 if scored else 1.0
    ax.set_ylim(0, top * 1.04)
    ax.set_xlim(0, x.max() * 1.45)
    _name_bubbles(ax, table, np.sqrt(area), worth, "money" if valued else "count", top)
    format_axis(ax.yaxis, "number" if scored else "percent")
    format_axis(ax.xaxis, "count")
    ax.set_xlabel(_("Journeys started a month"))
    ax.set_ylabel(_("Journey score (0-100)") if scored else _("Completed within the horizon"))
    note = _("Area: what closing the whole gap is worth at most, a month") if valued else ""
    head(ax, note=note or _("Area: journeys lost a month against the reference"))
    return ax


def _name_bubbles(
    ax: Axes, table: pd.DataFrame, diameters: np.ndarray, worth: np.ndarray, unit: str, top: float
) -> None:
    """Write name and worth to the right of each bubble, moved apart where they would touch."""
    x, wanted = numbers(table["started_per_month"]), numbers(table[_placed_by(table)])
    order = np.argsort(wanted)
    height = ax.get_figure(root=True).get_size_inches()[1] * 0.75 * 72  # type: ignore[union-attr]
    gap = 3.8 * NOTE_PT / height * top * 1.04
    places = np.empty(len(order))
    places[order] = spread(wanted[order], np.full(max(len(order) - 1, 0), gap))
    for row, place in enumerate(places):
        amount = value_text(worth[row], unit) if np.isfinite(worth[row]) else _("not known")
        text = f"{wrap_name(table['label'][row], width=24)}\n{amount}"
        name = ax.annotate(
            text,
            (x[row], place),
            xytext=(diameters[row] / 2 + 5, 0),
            textcoords="offset points",
            va="center",
            fontsize=NOTE_PT,
            color=INK,
        )
        name.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _placed_by(table: pd.DataFrame) -> str:
    """Name the column that the bubbles are placed by."""
    return "score" if "score" in table and table["score"].notna().any() else "completed_within"


@draws("estimate", pick="extreme", about=("from_to",), words=N_("difference"), kind="points")
def plot_links(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw what an abandoned journey and an unhappy answer go with: one arrow per row and its number beside it.

    `table` has one row per link: from_to, estimate, conf_low, conf_high, unit, n. An arrow whose interval holds 0 is
    grey and broken.
    """
    table = checked(table, "from_to", "estimate", "conf_low", "conf_high", "unit", "n")
    words = _link_words()
    table = table[table["from_to"].isin(list(words))].reset_index(drop=True)
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=0.25 + 0.62 * len(table))
    bare(ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(len(table) - 0.5, -0.5)
    for place, row in enumerate(table.itertuples()):
        start, end, compared = words[str(row.from_to)]
        _box(ax, 0.0, place, start)
        _box(ax, 0.33, place, end)
        _arrow(ax, place, sure=bool(row.conf_low > 0 or row.conf_high < 0))  # type: ignore[operator]
        numbers_text = interval_text(row.estimate, row.conf_low, row.conf_high, str(row.unit))  # type: ignore[arg-type]
        if row.unit == "points":
            numbers_text = fill("{numbers} points", numbers=numbers_text)
        ax.text(0.61, place - 0.03, numbers_text, va="bottom", fontsize=TEXT_PT, color=INK)
        below = fill("{compared}, n {n:count}", compared=compared, n=row.n)
        ax.text(0.61, place + 0.05, plain(below), va="top", fontsize=NOTE_PT, color=MUTED)
    return ax


def _link_words() -> dict[str, tuple[str, str, str]]:
    """From what to what each link leads, and what its number compares."""
    given_up, detractors = _("Last journey given up"), _("Detractors")
    return {
        "journey to score": (given_up, _("Recommendation (NPS)"), _("against completed, others held equal")),
        "score to staying": (detractors, _("Still customers later"), _("against promoters")),
        "score to revenue": (detractors, _("Revenue a month"), _("against promoters, others held equal")),
        "journey to leaving": (given_up, _("Left soon after"), _("against completed")),
    }


def _box(ax: Axes, left: float, place: float, words: str) -> None:
    box = FancyBboxPatch((left, place - 0.34), 0.235, 0.68, boxstyle="round,pad=0,rounding_size=0.015")
    box.set(facecolor=PANEL, edgecolor=MUTED, linewidth=0.8, gid="node")
    ax.add_patch(box)
    ax.text(left + 0.1175, place, wrap_name(words, width=19), ha="center", va="center", fontsize=NOTE_PT, color=INK)


def _arrow(ax: Axes, place: float, *, sure: bool) -> None:
    arrow = FancyArrowPatch((0.24, place), (0.327, place), arrowstyle="-|>", mutation_scale=11, linewidth=1.6)
    arrow.set(color=VERMILION if sure else MUTED, linestyle="-" if sure else (0, (3, 2)), gid="link")
    ax.add_patch(arrow)
