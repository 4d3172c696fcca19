"""Journeys place by place: the step picture and the Sankey diagram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from cj_helpers.contract import ABANDONED, COMPLETED, OPEN
from cj_helpers.plots.data import draws
from cj_helpers.plots.mapping import GREYS
from cj_helpers.plots.parts import bare, checked, head, no_data
from cj_helpers.plots.style import (
    GREEN,
    INK,
    NOTE_PT,
    OUTCOME_COLORS,
    PURPLE,
    SKY,
    VERMILION,
    new_axes,
    plain,
    value_text,
    wrap_name,
)
from cj_helpers.text import _, fill, value_label

_ENDS = [f"({name})" for name in (COMPLETED, ABANDONED, OPEN)]
_REST = "…"
# none of them the colour of an outcome
_COLORS = (SKY, VERMILION, GREEN, PURPLE, "#5B4E9A", "#8C6D46")
_CHARS = 16  # of a name between two columns
_TWO_LINES, _THREE_LINES = 0.09, 0.14  # heights of a box, as shares of all journeys


@draws("share", about=("touchpoint", "position"))
def plot_positions(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 12, max_positions: int = 8) -> Axes:
    """Draw the step picture: which share of journeys stands at each touchpoint as their first, second, third step.

    `table` has one row per position and touchpoint: position, touchpoint, share. Ends stay: who completed at step 3 is
    completed at step 4. Rare touchpoints beyond `max_rows` are one row.
    """
    table = checked(table, "position", "touchpoint", "share")
    if table.empty:
        return no_data(ax)
    table = table[table["position"] <= max_positions]
    names = _ranked(table, "touchpoint", max_rows)
    ends = [name for name in _ENDS if name in set(table["touchpoint"])]
    folded = table["touchpoint"].where(table["touchpoint"].isin([*names, *ends]), _REST)
    grid = table.assign(touchpoint=folded).pivot_table(
        index="touchpoint", columns="position", values="share", aggfunc="sum", fill_value=0.0
    )
    order = [*names, *([_REST] if _REST in grid.index else []), *ends]
    grid = grid.reindex(order)
    ax = new_axes(ax, height=0.9 + 0.3 * len(order))
    ax.pcolormesh(grid.to_numpy(), cmap=GREYS, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for row, values in enumerate(grid.to_numpy()):
        for column, share in enumerate(values):
            if share >= 0.005:
                color = "white" if share > 0.55 else INK
                text = ax.text(column + 0.5, row + 0.5, value_text(share, "percent"), ha="center", va="center")
                text.set(fontsize=NOTE_PT, color=color, gid="share")
    ax.set_yticks(np.arange(len(order)) + 0.5, [_name(name, 26) for name in order])
    ax.set_xticks(np.arange(grid.shape[1]) + 0.5, [str(position) for position in grid.columns])
    ax.set_ylim(len(order), 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(_("Step of the journey"))
    left_out = table["touchpoint"].nunique() - len(names) - len(ends)
    head(ax, note=fill("“…” are {n:count} rarer touchpoints.", n=left_out) if left_out else "")
    return ax


def _ranked(table: pd.DataFrame, column: str, most: int) -> list[str]:
    """Return the touchpoints with most journeys, in the order in which they typically come."""
    inner = table[~table[column].isin(_ENDS)]
    size = inner.groupby(column)["share"].sum().sort_values(ascending=False, kind="stable")
    kept = inner[inner[column].isin(size.index[:most])]
    place = (kept["position"] * kept["share"]).groupby(kept[column]).sum() / kept.groupby(column)["share"].sum()
    return list(place.sort_values(kind="stable").index)


def _name(name: object, limit: int) -> str:
    return plain(value_label("target", str(name)), limit=limit)


@draws("n_journeys", about=("source", "target"))
def plot_flows(table: pd.DataFrame, *, ax: Axes | None = None, max_positions: int = 5, max_names: int = 6) -> Axes:
    """Draw a Sankey diagram: how journeys move from their first step to the second, third and so on.

    `table` has one row per position, source and target: position, source, target, n_journeys. In each column the
    `max_names` most frequent touchpoints keep their names, the others are one box; where a journey ends, its band ends
    in the colour of the outcome.
    """
    table = checked(table, "position", "source", "target", "n_journeys")
    if table.empty:
        return no_data(ax)
    table = table[table["position"] < max_positions]
    columns = _columns(table, max_positions, max_names)
    moves = _folded(table, columns)
    total = float(table.loc[table["position"] == 1, "n_journeys"].sum())
    ax = new_axes(ax, height=4.2)
    bare(ax)
    boxes = _boxes(moves, columns, total)
    colors = {name: _COLORS[k % len(_COLORS)] for k, name in enumerate(_order_of(columns))}
    _bands(ax, moves, boxes, total, colors)
    for (position, name), (top, size) in boxes.items():
        if size <= 0:
            continue
        color = OUTCOME_COLORS.get(name.strip("()"), colors.get(name, "#AEB7BF"))
        ax.add_patch(Rectangle((position - 0.04, top), 0.08, size, facecolor=color, edgecolor=INK, linewidth=0.5))
        if size >= 0.04:
            text = ax.text(position + 0.06, top + size / 2, _box_text(name, size, total), va="center")
            text.set(fontsize=NOTE_PT, linespacing=1.05, gid="box", zorder=5)
            text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])
    ax.set_xlim(0.9, max(position for position, _name_ in boxes) + 0.95)
    ax.set_ylim(max(top + size for top, size in boxes.values()) + 0.02, -0.02)
    note = fill(
        "Width: journeys. From the left: the first {n:count} steps; “…” are rarer touchpoints.",
        n=max(position for position, _name_ in boxes),
    )
    head(ax, note=note)
    return ax


def _box_text(name: str, size: float, total: float) -> str:
    """Return name and number of a box, on as many lines as its height (a share of all journeys) has room for."""
    n, words = value_text(round(size * total), "count"), value_label("target", name)
    if len(words) + 1 + len(n) <= _CHARS or size < _TWO_LINES:
        return f"{plain(words, limit=max(_CHARS - 1 - len(n), 6))} {n}"
    return f"{wrap_name(words, width=_CHARS, lines=2 if size >= _THREE_LINES else 1)}\n{n}"


def _columns(table: pd.DataFrame, most_positions: int, most: int) -> dict[int, list[str]]:
    """Return the names that are drawn in each column, the largest first."""
    columns = {}
    for position in range(1, most_positions + 1):
        seen = table[table["position"] == position - 1].groupby("target")["n_journeys"].sum()
        if position == 1:
            seen = table[table["position"] == 1].groupby("source")["n_journeys"].sum()
        seen = seen[~seen.index.isin(_ENDS)].sort_values(ascending=False, kind="stable")
        columns[position] = list(seen.index[:most])
    return columns


def _folded(table: pd.DataFrame, columns: dict[int, list[str]]) -> pd.DataFrame:
    source = [n if n in columns[p] else _REST for n, p in zip(table["source"], table["position"], strict=True)]
    target = [
        n if n in columns[p + 1] or n in _ENDS else _REST
        for n, p in zip(table["target"], table["position"], strict=True)
    ]
    folded = table.assign(source=source, target=target)
    return folded.groupby(["position", "source", "target"])["n_journeys"].sum().reset_index()


def _order_of(columns: dict[int, list[str]]) -> Sequence[str]:
    return list(dict.fromkeys(name for names in columns.values() for name in names))


def _boxes(
    moves: pd.DataFrame, columns: dict[int, list[str]], total: float
) -> dict[tuple[int, str], tuple[float, float]]:
    """Return top and height of each box, as shares of all journeys; ends stand at the bottom of a column."""
    boxes: dict[tuple[int, str], tuple[float, float]] = {}
    for position, names in columns.items():
        out = moves[moves["position"] == position].groupby("source")["n_journeys"].sum()
        into = moves[moves["position"] == position - 1].groupby("target")["n_journeys"].sum()
        top = 0.0
        for name in [*names, _REST, *_ENDS]:
            size = float(max(out.get(name, 0), into.get(name, 0))) / total
            if size > 0:
                boxes[(position, name)] = (top, size)
                top += size + 0.03
    return boxes


def _bands(
    ax: Axes,
    moves: pd.DataFrame,
    boxes: dict[tuple[int, str], tuple[float, float]],
    total: float,
    colors: dict[str, str],
) -> None:
    """Draw the bands, each leaving and arriving in the order of the boxes at the other side."""
    used: dict[tuple[int, str, str], float] = {}
    rank = {key: top for key, (top, _size) in boxes.items()}
    columns = zip(moves["position"], moves["source"], moves["target"], moves["n_journeys"], strict=True)
    rows = [((int(position), str(one)), (int(position) + 1, str(two)), float(n)) for position, one, two, n in columns]
    for start, end, n in sorted(rows, key=lambda row: (row[0][0], rank[row[0]], rank[row[1]])):
        height = n / total
        y0 = boxes[start][0] + used.get((*start, "out"), 0.0)
        y1 = boxes[end][0] + used.get((*end, "in"), 0.0)
        used[(*start, "out")] = used.get((*start, "out"), 0.0) + height
        used[(*end, "in")] = used.get((*end, "in"), 0.0) + height
        color = OUTCOME_COLORS.get(end[1].strip("()"), colors.get(start[1], "#AEB7BF"))
        ax.add_patch(_band(start[0] + 0.04, start[0] + 0.96, y0, y1, height, color))


def _band(x0: float, x1: float, y0: float, y1: float, height: float, color: str) -> PathPatch:
    middle = (x0 + x1) / 2
    points = [(x0, y0), (middle, y0), (middle, y1), (x1, y1), (x1, y1 + height)]
    points += [(middle, y1 + height), (middle, y0 + height), (x0, y0 + height), (x0, y0)]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=color, edgecolor="none", alpha=0.38, gid="move")
