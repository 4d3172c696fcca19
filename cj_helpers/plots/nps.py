"""Figures of the NPS: the score, its course over time, and the answers it is made of."""

from __future__ import annotations

from datetime import date
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cj_helpers.contract import ALL
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, key, no_data, numbers, value_limits
from cj_helpers.plots.rows import ROW_IN, dots, keep_rows, name_rows, row_texts, stacked_rows
from cj_helpers.plots.style import (
    BLUE,
    INK,
    MUTED,
    NOTE_PT,
    ORANGE,
    VERMILION,
    format_axis,
    new_axes,
    plain,
    segment_text,
    value_text,
)
from cj_helpers.text import N_, _, fill

_BEGINS = "#F3B48C"
_GROUPS = {"detractors": ORANGE, "passives": "#D5DADF", "promoters": BLUE}


@draws("estimate", about=("segment",), words=N_("NPS in points"), kind="points")
def plot_nps_scores(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    benchmark: float | None = None,
    benchmark_label: str = "",
    max_rows: int = 20,
) -> Axes:
    """Draw the NPS of each segment with its 95 % interval, in points.

    `table` has one row per segment: segment, estimate, conf_low, conf_high, n. `benchmark` is marked
    by a line with `benchmark_label`. Beyond `max_rows` the segments with the fewest answers are left out.
    """
    table = checked(table, "segment", "estimate", "conf_low", "conf_high", "n")
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "n", max_rows)
    ax = new_axes(ax, height=1.05 + ROW_IN * len(rows))
    name_rows(ax, [segment_text(name, limit=28) for name in rows["segment"]])
    dots(ax, rows, estimate="estimate", colors=[INK if name == ALL else BLUE for name in rows["segment"].astype(str)])
    row_texts(
        ax,
        [
            fill("{score:points}  (n {n:count})", score=score, n=n)
            for score, n in zip(numbers(rows["estimate"]), numbers(rows["n"]), strict=True)
        ],
    )
    ax.set_xlim(*value_limits(rows, "estimate", "conf_low", "conf_high", also=[] if benchmark is None else [benchmark]))
    format_axis(ax.xaxis, "points")
    ax.set_xlabel(_("NPS in points, with 95 % interval"))
    _benchmark(ax, benchmark, benchmark_label, upright=True)
    if left_out:
        head(ax, note=fill("Not drawn: {n:count} segments with fewer answers.", n=left_out))
    return ax


def _benchmark(ax: Axes, value: float | None, label: str, *, upright: bool) -> None:
    """Mark the benchmark by a line and name it above the axes, or right of them."""
    if value is None:
        return
    line = ax.axvline if upright else ax.axhline
    line(value, color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)), gid="benchmark")
    text = fill("{label}: {value:points}", label=label or _("benchmark"), value=value)
    low, high = ax.get_xlim()
    place = (value - low) / (high - low)
    ax.annotate(
        plain(text) if upright else "\n".join(plain(line) for line in wrap(text, 15)),
        (value, 1) if upright else (1, value),
        xycoords=ax.get_xaxis_transform() if upright else ax.get_yaxis_transform(),
        xytext=(0, 4) if upright else (6, 0),
        textcoords="offset points",
        ha=("left" if place < 0.25 else "right" if place > 0.75 else "center") if upright else "left",
        va="bottom" if upright else "center",
        fontsize=NOTE_PT,
        color=MUTED,
        annotation_clip=False,
    )


@draws("estimate", pick="last", about=("period",), words=N_("NPS in points"), kind="points")
def plot_nps_trend(
    table: pd.DataFrame, *, ax: Axes | None = None, benchmark: float | None = None, benchmark_label: str = ""
) -> Axes:
    """Draw the NPS period by period with 95 % intervals, in points.

    `table` has one row per period in order: period, estimate, conf_low, conf_high, n. With level, limit_low, limit_high
    and verdict (a control chart) the level and its limits are drawn and real changes are marked; with first_from and
    first_to the periods in which a new level may have begun.
    """
    table = checked(table, "period", "estimate", "conf_low", "conf_high", "n")
    if table.empty:
        return no_data(ax)
    ax = new_axes(ax, height=3.1)
    places = np.arange(len(table))
    low, high, values = (numbers(table[name]) for name in ("conf_low", "conf_high", "estimate"))
    ax.vlines(places, low, high, color=BLUE, linewidth=2.2, alpha=0.55, gid="interval")
    ax.plot(places, values, color=BLUE, marker="o", markersize=5.5, linewidth=1.4, gid="estimate")
    limits = _control(ax, table, places)
    shown = places[:: int(np.ceil(len(table) / 7))]
    kind = "month" if _are_months(table["period"]) else "date"
    names = [_period_text(period, kind) for period in table["period"].iloc[shown]]
    counts = [value_text(count, "count") for count in numbers(table["n"])[shown]]
    ax.set_xticks(shown, [f"{name}\n{count}" for name, count in zip(names, counts, strict=True)])
    ax.set_xlim(-0.5, len(table) - 0.5)
    ax.set_ylim(
        *value_limits(
            table, "estimate", "conf_low", "conf_high", *limits, also=[] if benchmark is None else [benchmark]
        )
    )
    ax.grid(axis="y")
    format_axis(ax.yaxis, "points")
    ax.set_ylabel(_("NPS in points"))
    ax.set_xlabel(_("Period, and number of answers below; bars are 95 % intervals"))
    _benchmark(ax, benchmark, benchmark_label, upright=False)
    return ax


def _control(ax: Axes, table: pd.DataFrame, places: np.ndarray) -> tuple[str, ...]:
    """Draw levels, limits and real changes of a control chart; return the columns drawn."""
    names = ("level", "limit_low", "limit_high")
    if not {*names, "verdict"} <= set(table.columns):
        return ()
    level, low, high = (numbers(table[name]) for name in names)
    parts = np.split(places, np.flatnonzero(np.diff(np.nan_to_num(level))) + 1)
    for part in parts:
        span = np.concatenate([[part[0] - 0.5], np.repeat(part[1:] - 0.5, 2), [part[-1] + 0.5]])
        ax.fill_between(span, np.repeat(low[part], 2), np.repeat(high[part], 2), color=MUTED, alpha=0.1, linewidth=0)
        ax.plot(span[[0, -1]], level[part[[0, -1]]], color=INK, linewidth=1.2, gid="level")
    real = table["verdict"].eq("real change").to_numpy()
    if real.any():
        values = numbers(table["estimate"])[real]
        ax.scatter(places[real], values, s=90, marker="D", color=VERMILION, zorder=4, gid="real change")
    keys = [key("#E5E7EA", _("noise: within the limits"))]
    keys += [key(VERMILION, _("real change"))] if real.any() else []
    keys += [key(_BEGINS, _("possible beginning of a new level"))] if _beginnings(ax, table) else []
    head(ax, keys=keys)
    return names[1:]


def _beginnings(ax: Axes, table: pd.DataFrame) -> bool:
    """Shade the periods in any of which a new level may have begun; return whether there is one."""
    if "first_from" not in table.columns:
        return False
    place = {period: number for number, period in enumerate(table["period"])}
    spans = table[["first_from", "first_to"]].dropna().itertuples(index=False)
    edges = [(place[first] - 0.5, place[last] + 0.5) for first, last in spans]
    for left, right in edges:
        ax.axvspan(left, right, ymax=0.05, color=_BEGINS, linewidth=0, gid="beginning")
    return bool(edges)


def _are_months(periods: pd.Series) -> bool:
    return all(isinstance(period, date) and period.day == 1 for period in periods)


def _period_text(period: object, kind: str) -> str:
    return value_text(period, kind) if isinstance(period, date) else plain(period, limit=12)


@draws("promoters", about=("segment",), words=N_("number of promoters"))
def plot_nps_distribution(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw the make-up of the answers: detractors, passives and promoters, each row 100 %.

    `table` has one row per segment: segment, promoters, passives, detractors (counts).
    """
    table = checked(table, "segment", *_GROUPS)
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "n", max_rows)
    ax = new_axes(ax, height=1.1 + 0.36 * len(rows))
    name_rows(ax, [segment_text(name, limit=28) for name in rows["segment"]])
    counts = np.vstack([numbers(rows[group]) for group in _GROUPS])
    total = counts.sum(axis=0)
    with np.errstate(invalid="ignore"):
        shares = np.where(total > 0, counts / total, np.nan)
    labels = (_("detractors (0–6)"), _("passives (7–8)"), _("promoters (9–10)"))
    stacked_rows(ax, shares, colors=list(_GROUPS.values()), inks=[INK, INK, "white"], parts=list(_GROUPS))
    row_texts(ax, [fill("n {n:count}", n=n) for n in total])
    note = fill("Not drawn: {n:count} segments with fewer answers.", n=left_out) if left_out else ""
    head(ax, keys=[key(color, text) for color, text in zip(_GROUPS.values(), labels, strict=True)], note=note)
    ax.set_xlabel(_("Share of answers"))
    return ax
