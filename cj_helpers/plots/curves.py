"""Step curves over time with bands, labels at their ends and the numbers at risk below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.transforms import blended_transform_factory, offset_copy
from numpy.typing import NDArray

from cj_helpers.contract import ALL
from cj_helpers.plots.parts import head, line_height, no_data, numbers, spread
from cj_helpers.plots.style import (
    INK,
    LINE_STYLES,
    MUTED,
    NOTE_PT,
    days_text,
    format_axis,
    new_axes,
    plain,
    segment_colors,
    segment_text,
    value_text,
)
from cj_helpers.text import _, fill

MAX_CURVES = 6
_POINTS = 1500  # more steps than this cannot be told apart on paper
DAY_STEPS = (0.25, 0.5, 1, 2, 5, 7, 10, 14, 20, 30, 60, 90, 180, 365, 730)
MONTH_STEPS = (0.5, 1, 2, 3, 6, 12, 24, 36, 60, 120)
_ROW_PT = 13.0  # one line of the numbers at risk
_STRIP_PT = 42.0  # from the time axis down to their heading


def pick_segments(table: pd.DataFrame, *, size: str = "n_at_risk") -> tuple[list[str], int]:
    """Return the overall row and the largest segments, in order, and how many were left out."""
    names = [str(name) for name in table["segment"].drop_duplicates()]
    if len(names) <= MAX_CURVES:
        return names, 0
    sizes = table.groupby(table["segment"].astype(str))[size].max() if size in table else pd.Series(dtype=float)
    others = sorted((name for name in names if name != ALL), key=lambda name: -float(sizes.get(name, 0)))
    kept = {ALL, *others[: MAX_CURVES - (ALL in names)]}
    return [name for name in names if name in kept], len([name for name in names if name not in kept])


def axis_end(table: pd.DataFrame, time: str, *, within: float | None, until: float | None) -> float:
    """Return the right end of the time axis.

    It is `until`, else twice the horizon `within`: far beyond it few are at risk and the horizon is lost
    in a corner. In either case no later than the data or the horizon reach.
    """
    times = numbers(table[time])
    last = float(np.nanmax(times)) if np.isfinite(times).any() else 1.0
    wanted = until if until is not None else last if within is None else 2 * within
    return min(wanted, max(last, within or 0.0)) or 1.0


def thinned(rows: pd.DataFrame, time: str, end: float) -> pd.DataFrame:
    """Return the rows of one curve up to `end`, in order, as many as the eye can tell apart.

    A curve that goes on beyond `end` is held until there.
    """
    rows = rows.sort_values(time, kind="stable")
    shown = rows[rows[time] <= end]
    if len(shown) > _POINTS:
        bins = pd.Series(np.floor(numbers(shown[time]) / end * _POINTS), index=shown.index)
        shown = shown[~bins.duplicated(keep="last") | (np.arange(len(shown)) == 0)]
    if len(shown) > 0 and rows[time].max() > end > shown[time].iloc[-1]:
        shown = pd.concat([shown, shown.tail(1).assign(**{time: end})], ignore_index=True)
    return shown


def draw_curves(ax: Axes, table: pd.DataFrame, *, time: str, end: float, names: Sequence[str]) -> None:
    """Draw one step curve with its 95 % band per segment, named at its end."""
    colors, ends = segment_colors(names), []
    plainer = [name for name in names if name != ALL]
    for name in names:
        rows = thinned(table[table["segment"].astype(str) == name], time, end)
        if rows.empty:
            continue
        style = "-" if name == ALL else LINE_STYLES[plainer.index(name) % len(LINE_STYLES)]
        curve(ax, rows, time=time, color=colors[name], style=style, name=name)
        ends.append((float(rows[time].iloc[-1]), float(rows["estimate"].iloc[-1]), name, colors[name]))
    end_labels(ax, [(x, y, segment_text(name), color) for x, y, name, color in ends])


def curve(ax: Axes, rows: pd.DataFrame, *, time: str, color: str, style: object = "-", name: str = "") -> None:
    """Draw one step function and its band, held to the end of its last step."""
    x, y, low, high = (numbers(rows[column]) for column in (time, "estimate", "conf_low", "conf_high"))
    ax.fill_between(x, low, high, step="post", color=color, alpha=0.16, linewidth=0, gid="band")
    ax.plot(x, y, drawstyle="steps-post", color=color, linestyle=style, linewidth=1.8, label=name, gid=name)  # type: ignore[arg-type]


def end_labels(
    ax: Axes, ends: Sequence[tuple[float, float, str, str]], *, lines: int = 1, below_top: bool = False
) -> None:
    """Write names right of the axes, each joined to the end (x, y) of its curve by a line of its colour.

    `below_top` keeps all of them below the top of the axes, above which a heading stands.
    """
    known = sorted((item for item in ends if item[1] == item[1]), key=lambda item: item[1])
    low, high = ax.get_ylim()
    gap = line_height(ax) * lines * (high - low)
    places = spread([item[1] for item in known], [gap] * (len(known) - 1))
    if below_top:
        highest = high - gap / 2 - gap * np.arange(len(known))[::-1]
        places = np.minimum(places, highest)
    beside = offset_copy(ax.get_yaxis_transform(), fig=ax.get_figure(root=True), x=16, units="points")
    for (x, y, text, color), place in zip(known, places, strict=True):
        ax.annotate(
            text,
            (x, y),
            xytext=(1, place),
            textcoords=beside,
            va="center",
            color=INK,
            fontsize=NOTE_PT,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 1.6, "shrinkA": 1, "shrinkB": 0},
        )


def time_axis(ax: Axes, end: float, *, label: str, steps: Sequence[float] = DAY_STEPS) -> NDArray[np.float64]:
    """Set round ticks from 0 to `end` and return them; steps that meet the end are preferred."""
    fitting = [step for step in steps if 3 <= end / step <= 8]
    meeting = [step for step in fitting if abs(end / step - round(end / step)) < 1e-9]
    step = [*meeting, *fitting, 10.0 ** np.ceil(np.log10(max(end, 1e-9) / 8))][0]
    ticks = np.arange(0, end * 1.0001, step)
    ax.set_xticks(ticks, [plain(f"{tick:g}") for tick in ticks])
    ax.set_xlim(0, end or 1)
    ax.set_xlabel(plain(label))
    return ticks


def share_axis(ax: Axes, *, label: str, top: float = 1.0) -> None:
    """Set a y axis of shares from 0 to `top`."""
    ax.set_ylim(0, top)
    ax.set_ylabel(plain(label))
    format_axis(ax.yaxis, "percent")
    ax.grid(axis="y")


def horizon(ax: Axes, within: float | None) -> None:
    """Mark the horizon of the headline rate."""
    if within is None or within > ax.get_xlim()[1]:
        return
    label = fill("within {horizon}", horizon=days_text(within))
    ax.axvline(within, color=INK, linewidth=1, linestyle=(0, (4, 3)), gid="horizon")
    ax.annotate(
        plain(label),
        (within, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(0, 3),
        textcoords="offset points",
        ha="right" if within > 0.85 * ax.get_xlim()[1] else "center",  # the corner is for the names of the areas
        fontsize=NOTE_PT,
        color=INK,
    )


def risk_strip(ax: Axes, table: pd.DataFrame, *, time: str, names: Sequence[str], ticks: NDArray[np.float64]) -> None:
    """Write below the time axis how many were still at risk at each tick (as of the next time in the table)."""
    first = value_text(numbers(table["n_at_risk"]).max(), "count")
    shift = -3.0 * len(first) - 8  # the first number stands centred below zero
    _strip_text(ax, 0, -_STRIP_PT, _("at risk"), align="right", color=MUTED, shift=shift)
    for number, name in enumerate(names, start=1):
        rows = table[table["segment"].astype(str) == name].sort_values(time, kind="stable")
        times, counts = numbers(rows[time]), numbers(rows["n_at_risk"])
        place = -_STRIP_PT - number * _ROW_PT
        _strip_text(ax, 0, place, segment_text(name, limit=16), align="right", color=INK, shift=shift)
        for tick in ticks:
            after = np.searchsorted(times, tick - 1e-9)
            count = counts[after] if after < len(counts) else 0
            _strip_text(ax, tick, place, value_text(count, "count"), align="center", color=INK, shift=0)


def _strip_text(ax: Axes, x: float, y: float, text: str, *, align: str, color: str, shift: float) -> None:
    ax.annotate(
        text,
        (x, 0),
        xycoords=blended_transform_factory(ax.transData, ax.transAxes),
        xytext=(shift, y),
        textcoords="offset points",
        ha=align,
        va="center",
        fontsize=NOTE_PT,
        color=color,
        annotation_clip=False,
        gid="at risk",
    )


def plot_curves(
    table: pd.DataFrame,
    *,
    ax: Axes | None,
    time: str,
    labels: tuple[str, str],
    within: float | None = None,
    until: float | None = None,
    fit: bool = False,
    steps: Sequence[float] = DAY_STEPS,
) -> Axes:
    """Draw the curves of all segments with numbers at risk.

    `labels` are those of time and share; `fit` ends the share axis above the curves instead of at
    100 %; `within` is a horizon to mark.
    """
    if table.empty:
        return no_data(ax)
    names, left_out = pick_segments(table)
    end = axis_end(table, time, within=within, until=until)
    at_risk = "n_at_risk" in table.columns
    ax = new_axes(ax, height=3.3 + (0.25 + _ROW_PT / 72 * len(names)) * at_risk)
    share_axis(ax, label=labels[1], top=_top(table[numbers(table[time]) <= end]) if fit else 1.0)
    ticks = time_axis(ax, end, label=labels[0], steps=steps)
    draw_curves(ax, table, time=time, end=end, names=names)
    if at_risk:
        risk_strip(ax, table, time=time, names=names, ticks=ticks)
    horizon(ax, within)
    if left_out:
        note = fill("Not drawn: {n:count} smaller segments.", n=left_out)
        head(ax, note=note, pad=7 if within is None else 20)
    return ax


def _top(rows: pd.DataFrame) -> float:
    """Return the top of a share axis that fits the curves and their bands, in steps of 10 %."""
    values = np.concatenate([numbers(rows["estimate"]), numbers(rows["conf_high"])])
    highest = np.nanmax(values) if np.isfinite(values).any() else 1.0
    return float(min(1.0, np.ceil(highest * 10 + 0.2) / 10)) or 0.1
