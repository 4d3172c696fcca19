"""Figures of journey mapping beyond the map: silence, self-service, channels, signals, score, contribution, change."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, key, no_data, numbers
from cj_helpers.plots.rows import dots, keep_rows, name_rows, row_texts, rows_height, two_lines
from cj_helpers.plots.style import BLUE, GRID, INK, MUTED, ORANGE, PALETTE, format_axis, interval_text, new_axes, plain
from cj_helpers.text import N_, _, fill, value_label


@draws("share", pick="last", about=("journey", "silent_days"), words=N_("chance to return"))
def plot_return_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the chance that a customer returns against the days of silence so far, one line per journey.

    `table`: journey (a readable name), silent_days, share, conf_low, conf_high, timeout_days; a dot marks the timeout.
    """
    table = checked(table, "journey", "silent_days", "share", "conf_low", "conf_high", "timeout_days", several=True)
    table = table[table["share"].notna()]
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.2)
    for k, (name, part) in enumerate(table.groupby("journey", sort=False)):
        color = PALETTE[k % len(PALETTE)]
        days, share = numbers(part["silent_days"]), numbers(part["share"])
        ax.plot(days, share, color=color, linewidth=1.8, marker="o", markersize=3, label=plain(name, limit=34))
        ax.fill_between(days, numbers(part["conf_low"]), numbers(part["conf_high"]), color=color, alpha=0.15)
        timeout = float(part["timeout_days"].iloc[0])
        if days.min() <= timeout <= days.max():
            ax.plot(timeout, np.interp(timeout, days, share), marker="D", markersize=8, color=color, zorder=4)
    ax.set_ylim(0, 1)
    ax.set_xlim(0, None)
    ax.grid(axis="y")
    format_axis(ax.yaxis, "percent")
    ax.set_xlabel(_("Days of silence so far (diamond: the timeout)"))
    ax.set_ylabel(_("Return within the follow-up"))
    ax.legend(frameon=False)
    return ax


def _rate_rows(table: pd.DataFrame, names: list[str], ax: Axes | None, label: str, estimate: str = "share") -> Axes:
    """Draw shares with intervals as rows."""
    shown = two_lines(names, width=34)
    ax = new_axes(ax, height=rows_height(shown, around=0.95))
    name_rows(ax, shown)
    dots(ax, table, estimate=estimate, colors=BLUE)
    columns = zip(numbers(table[estimate]), numbers(table["conf_low"]), numbers(table["conf_high"]), strict=True)
    row_texts(ax, [interval_text(*values, "percent") for values in columns])
    ax.grid(axis="x")
    format_axis(ax.xaxis, "percent")
    ax.set_xlabel(label)
    return ax


@draws("share", pick="smallest", about=("channel", "measure"))
def plot_containment(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw what self-service solves, passes on, and truly contains, by channel, with 95 % intervals.

    `table`: channel, measure, n, share, conf_low, conf_high.
    """
    table = checked(table, "channel", "measure", "n", "share", "conf_low", "conf_high")
    table = table[table["share"].notna()]
    if table.empty:
        return no_data(ax)
    measures = [value_label("kind", measure) for measure in table["measure"]]
    names = [
        f"{plain(value_label('segment', c), limit=14)}: {m}" for c, m in zip(table["channel"], measures, strict=True)
    ]
    ax = _rate_rows(table, names, ax, _("Share of the journeys that came there (95 % interval)"))
    ax.set_xlim(0, 1)
    return ax


@draws("completed_within", pick="smallest", about=("channel",))
def plot_channel_use(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw use (grey bar) and success (dot with interval) of each first channel.

    `table`: channel, share, completed_within, conf_low, conf_high, n_journeys.
    """
    table = checked(table, "channel", "share", "completed_within", "conf_low", "conf_high", "n_journeys")
    if table.empty:
        return no_data(ax)
    names = [plain(value_label("segment", name), limit=20) for name in table["channel"]]
    ax = _rate_rows(table, names, ax, _("Journeys that begin there, and those of them completed"), "completed_within")
    ax.barh(range(len(table)), numbers(table["share"]), height=0.62, color=GRID, zorder=0, gid="use")
    ax.set_xlim(0, 1)
    head(ax, keys=[key(GRID, _("share of journeys that begin there")), key(BLUE, _("completed within the horizon"))])
    return ax


@draws("difference", pick="extreme", about=("name",), kind="pp")
def plot_differences(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 16) -> Axes:
    """Draw differences of shares with 95 % intervals around zero.

    `table`: name (what stands beside a row), difference, conf_low, conf_high. The first `max_rows` are drawn.
    """
    table = checked(table, "name", "difference", "conf_low", "conf_high", several=True)
    rows = table.loc[table["difference"].notna()]
    left_out = max(len(rows) - max_rows, 0)
    rows = rows.head(max_rows).reset_index(drop=True)
    if rows.empty:
        return no_data(ax)
    shown = two_lines(rows["name"].tolist(), width=38)
    ax = new_axes(ax, height=rows_height(shown, around=0.95))
    name_rows(ax, shown)
    clear = (numbers(rows["conf_low"]) > 0) | (numbers(rows["conf_high"]) < 0)
    dots(ax, rows, estimate="difference", colors=BLUE, hollow=[not value for value in clear])
    ax.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
    columns = zip(numbers(rows["difference"]), numbers(rows["conf_low"]), numbers(rows["conf_high"]), strict=True)
    row_texts(ax, [interval_text(*values, "pp") for values in columns])
    ax.grid(axis="x")
    format_axis(ax.xaxis, "pp")
    ax.set_xlabel(_("Difference in percentage points (95 % interval; hollow: zero is possible)"))
    head(ax, note=fill("Not drawn: {n:count} further rows.", n=left_out) if left_out else "")
    return ax


@draws("points", about=("journey", "component"))
def plot_scores(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the score of each journey as the points of its components, with the interval of the sum.

    `table` has one row per journey and component: journey (a readable name), component, points, and the journey's
    score, score_low, score_high. Journeys without a score are left out.
    """
    table = checked(table, "journey", "component", "points", "score", "score_low", "score_high", several=True)
    components = table[table["score"].notna()]
    scores = components.drop_duplicates("journey").sort_values("score", kind="stable").reset_index(drop=True)
    if scores.empty:
        return no_data(ax)
    shown = two_lines(scores["journey"].tolist(), width=30)
    ax = new_axes(ax, height=rows_height(shown, around=1.1))
    name_rows(ax, shown)
    ax.grid(False)
    left, keys = np.zeros(len(scores)), []
    for k, name in enumerate(dict.fromkeys(components["component"])):
        points = components[components["component"] == name].groupby("journey")["points"].first()
        width = numbers(points.reindex(scores["journey"]))
        ax.barh(range(len(scores)), width, left=left, height=0.6, color=PALETTE[k % len(PALETTE)], gid="points")
        keys.append(key(PALETTE[k % len(PALETTE)], value_label("kind", str(name))))
        left = left + np.nan_to_num(width)
    low, high = numbers(scores["score_low"]), numbers(scores["score_high"])
    ax.hlines(range(len(scores)), low, high, color=INK, linewidth=2.0).set_gid("interval")
    columns = zip(numbers(scores["score"]), low, high, strict=True)
    row_texts(ax, [interval_text(*values, "number") for values in columns])
    ax.set_xlim(0, 100)
    ax.set_xlabel(_("Score: points of its components (95 % interval of the sum)"))
    head(ax, keys=keys)
    return ax


@draws("removal_effect", about=("touchpoint",))
def plot_removal_effects(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 15) -> Axes:
    """Draw the removal effect of each touchpoint with its 95 % interval.

    `table`: touchpoint, removal_effect, conf_low, conf_high, n_journeys.
    """
    table = checked(table, "touchpoint", "removal_effect", "conf_low", "conf_high", "n_journeys")
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "removal_effect", max_rows)
    names = [plain(name, limit=30) for name in rows["touchpoint"]]
    ax = _rate_rows(rows, names, ax, _("Completions that pass through it (95 % interval)"), "removal_effect")
    ax.set_xlim(0, 1.02)
    head(ax, note=fill("Not drawn: {n:count} touchpoints with smaller effects.", n=left_out) if left_out else "")
    return ax


@draws("abandoned_per_month", about=("name",))
def plot_frictions(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 8) -> Axes:
    """Draw how many journeys a month are lost after each touchpoint, with 95 % intervals, the worst on top.

    `table`: name (what stands beside a row), abandoned_per_month, per_month_low, per_month_high; where it has
    value_per_month, what these journeys would have been worth stands below the number.
    """
    table = checked(table, "name", "abandoned_per_month", "per_month_low", "per_month_high", several=True)
    rows = table.head(max_rows)
    if rows.empty:
        return no_data(ax)
    rows = rows.assign(conf_low=rows["per_month_low"], conf_high=rows["per_month_high"])
    shown = two_lines(rows["name"].tolist(), width=38)
    ax = new_axes(ax, height=rows_height(shown, around=0.9))
    name_rows(ax, shown)
    values = numbers(rows["abandoned_per_month"])
    ax.barh(range(len(rows)), values, height=0.6, color=ORANGE, zorder=1, gid="lost")
    dots(ax, rows, estimate="abandoned_per_month", colors=INK, size=12)
    columns = zip(values, numbers(rows["conf_low"]), numbers(rows["conf_high"]), strict=True)
    row_texts(ax, _with_worth([interval_text(*each, "number") for each in columns], rows))
    ax.set_xlim(0, None)
    ax.grid(axis="x")
    ax.set_xlabel(_("Journeys a month given up after it (95 % interval)"))
    return ax


def _with_worth(texts: list[str], rows: pd.DataFrame) -> list[str]:
    worth = numbers(rows["value_per_month"]) if "value_per_month" in rows else np.full(len(rows), np.nan)
    said = [fill("worth up to {worth:money}", worth=value) if value == value else "" for value in worth]
    return [f"{text}\n{more}" if more else text for text, more in zip(texts, said, strict=True)]
