"""The most frequent paths, written out above bars of their share."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cj_helpers.contract import COMPLETED, OPEN
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import bare, checked, head, key, no_data, numbers
from cj_helpers.plots.style import INK, MUTED, NOTE_PT, OUTCOME_COLORS, new_axes, plain, text_width
from cj_helpers.text import _, fill, value_label

_LINE_PT, _LINES = 500.0, 2  # room for a path
_LINE_IN, _BAR_IN, _GAP_IN = 0.17, 0.14, 0.17


@draws("share", about=("path",))
def plot_variants(table: pd.DataFrame, *, ax: Axes | None = None, top: int = 10) -> Axes:
    """Draw the most frequent paths, each written out above a bar of its share of journeys.

    `table` has one row per path: path (touchpoints joined by >), n_journeys, share, completed_share, and
    kind where the path has a name (typical, best, worst, or several): it is then drawn however rare, and named.
    The dark part of a bar is completed. A touchpoint repeated at once is written once with its
    count, and a path too long for two lines loses its middle. The vertical axis is in inches.
    """
    table = checked(table, "path", "n_journeys", "share", "completed_share")
    if table.empty:
        return no_data(ax)
    names = table["kind"].where(table["kind"].notna(), "") if "kind" in table else pd.Series("", index=table.index)
    ranked = table.assign(kind=names).sort_values("n_journeys", ascending=False, kind="stable")
    kept = ranked["kind"].ne("") | (np.arange(len(ranked)) < top)
    rows = ranked[kept].reset_index(drop=True)
    paths = [path_text(path) for path in rows["path"]]
    heights = np.array([(path.count("\n") + 1) * _LINE_IN + _BAR_IN + _GAP_IN for path in paths])
    bottoms = np.cumsum(heights) - _GAP_IN
    ax = new_axes(ax, height=float(bottoms[-1]) + 0.62)
    bare(ax)
    ax.set_xlim(0, 1)
    ax.set_ylim(float(bottoms[-1]) + 0.03, -0.03)
    _bars(ax, rows, bottoms - _BAR_IN / 2)
    for path, bottom in zip(paths, bottoms, strict=True):
        text = ax.text(0, bottom - _BAR_IN - 0.04, path, va="bottom", fontsize=NOTE_PT, color=INK, linespacing=1.1)
        text.set_gid("path")
    left = len(table) - len(rows)
    note = fill("Not drawn: {n:count} less frequent paths.", n=left) if left else ""
    keys = [key(OUTCOME_COLORS[COMPLETED], _("completed")), key(OUTCOME_COLORS[OPEN], _("given up or open"))]
    head(ax, keys=keys, note=note)
    return ax


def _bars(ax: Axes, rows: pd.DataFrame, places: np.ndarray) -> None:
    """Draw the shares, the largest 62 % of the width: the rest is for the numbers."""
    shares, completed = numbers(rows["share"]), numbers(rows["completed_share"])
    widths = shares * 0.62 / max(float(np.nanmax([*shares, 0.0])), 1e-9)
    ax.barh(places, widths, height=_BAR_IN, color=OUTCOME_COLORS[OPEN], gid="share")
    ax.barh(places, widths * completed, height=_BAR_IN, color=OUTCOME_COLORS[COMPLETED], gid="completed")
    columns = (places, widths, rows["n_journeys"], shares, completed, rows["kind"])
    for place, width, n, share, done, kind in zip(*columns, strict=True):
        text = fill("{share:percent} of journeys (n {n:count}), {done:percent} completed", share=share, n=n, done=done)
        text += "".join(f" ◂ {value_label('kind', name)}" for name in kind.split(", ") if name)
        ax.text(np.nan_to_num(width) + 0.01, place, plain(text), va="center", fontsize=NOTE_PT, color=MUTED)


def path_text(path: object, *, width: float = _LINE_PT) -> str:
    """Write a path with arrows in at most two lines of `width` points.

    Repeats are counted, and of a path too long the middle is replaced by its number of steps.
    """
    runs = [(name, len(list(same))) for name, same in groupby(str(path).split(">"))]
    steps = [plain(name, limit=40) + (f" ×{n}" if n > 1 else "") for name, n in runs]
    sizes = [n for _name, n in runs]
    most, least = len(steps), min(2, len(steps))
    lines = _lines(steps, width)
    while len(lines) > _LINES and most > least:
        most -= 1
        lines = _lines(_shortened(steps, sizes, most), width)
    return "\n".join(lines)


def _shortened(steps: list[str], sizes: list[int], keep: int) -> list[str]:
    """Return the first and last of `keep` steps around the number of the steps between."""
    if keep == len(steps):
        return steps
    tail = keep // 2
    start = keep - tail
    hidden = sum(sizes[start : len(sizes) - tail])
    return [*steps[:start], fill("… {n:count} more steps …", n=hidden), *steps[len(steps) - tail :]]


def _lines(steps: list[str], width: float) -> list[str]:
    """Fill lines with steps; a line that goes on ends with an arrow."""
    between, end = text_width("a › a") - 2 * text_width("a"), text_width("a ›") - text_width("a")
    rows, room = [[steps[0]]], width - end - text_width(steps[0])
    for step in steps[1:]:
        size = between + text_width(step)
        if size <= room:
            rows[-1].append(step)
            room -= size
        else:
            rows.append([step])
            room = width - end - text_width(step)
    return [f"{' › '.join(row)}{' ›' if row is not rows[-1] else ''}" for row in rows]
