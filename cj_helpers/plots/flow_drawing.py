"""Boxes and arrows of the journey graph, in points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from cj_helpers.contract import ABANDONED, COMPLETED, OPEN
from cj_helpers.plots.flow_layout import Edge, Layout, Move
from cj_helpers.plots.style import INK, MUTED, NOTE_PT, OUTCOME_COLORS, PANEL, value_text, wrap_name

_UNKNOWN = "#AEB7BF"
_LINE_PT, _STRIP_PT, _PAD_PT, _GAP_PT, _TIP_PT = 11.5, 6.0, 4.0, 15.0, 7.0
_LABELS = 14  # arrows that carry their number: more cannot be told apart

Point = tuple[float, float]


@dataclass(frozen=True)
class Shades:
    """Colours of arrows by a value: from light to dark, so that they differ on a grey print, too."""

    colors: tuple[str, ...]
    limits: tuple[float, ...]  # one fewer: between one colour and the next

    def of(self, value: float) -> str:
        """Return the colour of a value; grey when it is not known."""
        return _UNKNOWN if np.isnan(value) else self.colors[int(np.searchsorted(self.limits, value))]


@dataclass(frozen=True)
class Sizes:
    """Measures of one drawing in points, and name and counts as they stand in each box."""

    width: float
    pitch: float
    box: float
    texts: dict[str, tuple[str, str]]

    def left(self, layer: int) -> float:
        """Return the left edge of the boxes of a layer."""
        return layer * self.pitch

    def middle(self, height: float) -> float:
        """Return the middle of a place at this height, counted in boxes."""
        return height * (self.box + _GAP_PT)


def sizes_of(layout: Layout, table: pd.DataFrame, *, width: float) -> Sizes:
    """Return the measures with which the layers fill `width` points, and all texts fit their boxes."""
    gap = {6: 27.0, 7: 24.0}.get(layout.n_layers, 42.0)
    box = min(92.0, (width - gap * (layout.n_layers - 1)) / layout.n_layers)
    pitch = min((width - box) / max(layout.n_layers - 1, 1), 170.0)
    chars = int((box - 2) / 5.3)
    rows = {name: table[table["source"] == name] for name in layout.layer}
    texts = {name: (wrap_name(name, width=chars, lines=3), _counts(name, rows[name], chars)) for name in rows}
    lines = max(f"{name}\n{counts}".count("\n") + 1 for name, counts in texts.values())
    return Sizes(box, pitch, lines * _LINE_PT + _STRIP_PT + 2 * _PAD_PT, texts)


def _counts(name: str, rows: pd.DataFrame, chars: int) -> str:
    """Return how often a touchpoint occurs and is repeated at once, on one line where it fits."""
    again = float(rows.loc[rows["target"] == name, "n_transitions"].sum())
    total = value_text(rows["n_transitions"].sum(), "count") if len(rows) else ""
    if not again:
        return total
    repeats = f"↻ {value_text(again, 'count')}"
    return f"{total}  {repeats}" if len(total + repeats) + 2 <= chars else f"{total}\n{repeats}"


def draw_box(ax: Axes, name: str, rows: pd.DataFrame, layout: Layout, sizes: Sizes) -> None:
    """Draw a touchpoint: its name, how often it occurs and repeats, and how many journeys end there."""
    left, top = sizes.left(layout.layer[name]), sizes.middle(layout.height[name]) - sizes.box / 2
    size = {"boxstyle": "round,pad=0,rounding_size=3", "facecolor": PANEL, "edgecolor": INK, "linewidth": 0.9}
    shape = FancyBboxPatch((left, top), sizes.width, sizes.box, zorder=3, **size)  # type: ignore[arg-type]
    shape.set_gid("touchpoint")
    ax.add_patch(shape)
    title, counts = sizes.texts[name]
    lower = (counts.count("\n") + 1) * _LINE_PT
    room = sizes.box - _STRIP_PT - 2 * _PAD_PT - lower
    _text(ax, (left + sizes.width / 2, top + _PAD_PT + room / 2), title, INK)
    _text(ax, (left + sizes.width / 2, top + _PAD_PT + room + lower / 2), counts, MUTED)
    total = float(rows["n_transitions"].sum())
    _draw_ends(ax, rows, total, (left, top + sizes.box - _STRIP_PT), sizes.width)


def _text(ax: Axes, place: Point, text: str, color: str) -> None:
    ax.text(*place, text, ha="center", va="center", fontsize=NOTE_PT, color=color, linespacing=1.05, zorder=4)


def _draw_ends(ax: Axes, rows: pd.DataFrame, total: float, corner: Point, width: float) -> None:
    """Draw the strip of journeys that end at a touchpoint; its full width is all occurrences."""
    left = corner[0]
    ax.add_patch(Rectangle(corner, width, _STRIP_PT, facecolor="white", edgecolor="none", zorder=4))
    for outcome in (COMPLETED, ABANDONED, OPEN):
        n = float(rows.loc[rows["target"] == f"({outcome})", "n_transitions"].sum())
        if not n:
            continue
        part = Rectangle((left, corner[1]), width * n / total, _STRIP_PT, zorder=5)
        part.set(facecolor=OUTCOME_COLORS[outcome], edgecolor="none", gid=outcome)
        ax.add_patch(part)
        left += width * n / total
    ax.add_patch(Rectangle(corner, width, _STRIP_PT, fill=False, edgecolor=INK, linewidth=0.9, zorder=6))


def draw_moves(ax: Axes, moves: Sequence[Move], layout: Layout, sizes: Sizes, shades: Shades) -> None:
    """Draw the arrows, the largest below, and the numbers of the largest where they have room."""
    most = max((move.n for move in moves), default=1.0)
    ports, taken = _ports(moves, layout, sizes), list[Point]()
    for rank, move in enumerate(sorted(moves, key=lambda move: -move.n)):
        path = _path(layout, move, ports[(move.source, move.target)], sizes)
        color = shades.of(move.value)
        back = layout.layer[move.target] < layout.layer[move.source]
        line = PathPatch(path, fill=False, linewidth=0.9 + 6.0 * move.n / most, capstyle="butt", zorder=2 + rank / 1e4)
        line.set(edgecolor=color, linestyle=(0, (2.2, 0.9)) if back else "-", gid="move")
        ax.add_patch(line)
        _draw_tip(ax, path, color, line.get_linewidth())
        if rank < _LABELS:
            _number(ax, path, value_text(move.n, "count"), taken)


def _ports(moves: Sequence[Move], layout: Layout, sizes: Sizes) -> dict[Edge, list[Point]]:
    """Return where each move leaves and arrives: side by side, in the order of where it goes or comes from."""
    sides: dict[tuple[str, str], list[tuple[float, Edge, int]]] = {}
    for move in moves:
        edge = (move.source, move.target)
        lanes = [height for _layer, height in layout.lanes[edge]]
        way = layout.layer[move.target] - layout.layer[move.source]
        ahead, behind = [*lanes, layout.height[move.target]][0], [layout.height[move.source], *lanes][-1]
        sides.setdefault((move.source, _side(-way, layout, move.source)), []).append((ahead, edge, 0))
        sides.setdefault((move.target, _side(way, layout, move.target)), []).append((behind, edge, 1))
    ports: dict[Edge, list[Point]] = {}
    for (name, side), ends in sides.items():
        x = sizes.left(layout.layer[name]) + (sizes.width if side == "right" else 0)
        for number, (_height, edge, end) in enumerate(sorted(ends)):
            shift = ((number + 1) / (len(ends) + 1) - 0.5) * sizes.box * 0.86
            ports.setdefault(edge, [(0, 0), (0, 0)])[end] = (x, sizes.middle(layout.height[name]) + shift)
    return ports


def _side(way: int, layout: Layout, name: str) -> str:
    """Return the side of a box; moves within a layer swing out to the right, in the last layer to the left."""
    if way == 0:
        return "left" if 0 < layout.layer[name] == layout.n_layers - 1 else "right"
    return "left" if way > 0 else "right"


def _path(layout: Layout, move: Move, ends: list[Point], sizes: Sizes) -> Path:
    """Return the curve of a move: level where it leaves, passes a layer and arrives."""
    (x, y), (end_x, end_y) = ends
    way = int(np.sign(layout.layer[move.target] - layout.layer[move.source]))
    vertices: list[Point] = [(x, y)]
    codes = [Path.MOVETO]
    for layer, height in layout.lanes[(move.source, move.target)]:
        edges = (sizes.left(layer), sizes.left(layer) + sizes.width)[::way]
        level = sizes.middle(height)
        vertices += [*_bend((x, y), (edges[0], level)), (edges[1], level)]
        codes += [Path.CURVE4] * 3 + [Path.LINETO]
        x, y = edges[1], level
    if way:
        vertices += _bend((x, y), (end_x - way * _TIP_PT, end_y))
    else:
        out = 1 if x > sizes.left(layout.layer[move.source]) else -1
        bulge = out * 0.8 * min(sizes.pitch - sizes.width, 42.0)
        vertices += [(x + bulge, y), (end_x + bulge, end_y), (end_x + out * _TIP_PT, end_y)]
    return Path(vertices, codes + [Path.CURVE4] * 3)


def _bend(start: Point, end: Point) -> list[Point]:
    middle = (start[0] + end[0]) / 2
    return [(middle, start[1]), (middle, end[1]), end]


def _draw_tip(ax: Axes, path: Path, color: str, width: float) -> None:
    points = np.asarray(path.vertices, dtype=float)
    x, y = points[-1]
    way, half = np.sign(x - points[-2][0]), max(3.2, width / 2 + 1.8)
    tip = Polygon([(x, y - half), (x, y + half), (x + way * _TIP_PT, y)], closed=True, zorder=2.5)
    tip.set(facecolor=color, edgecolor="none", gid="tip")
    ax.add_patch(tip)


def _number(ax: Axes, path: Path, text: str, taken: list[Point]) -> None:
    """Write the number of moves on the first bend of an arrow where no other number stands, or not at all."""
    curve = np.asarray(path.vertices, dtype=float)[:4]
    for t in (0.5, 0.35, 0.65, 0.22, 0.78):
        x, y = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]) @ curve
        if any(abs(x - other_x) < 30 and abs(y - other_y) < 11.5 for other_x, other_y in taken):
            continue
        y -= 6.5 if abs(curve[3, 1] - curve[0, 1]) < 8 else 0  # a number on a short level arrow would hide it
        taken.append((float(x), float(y)))
        number = ax.text(x, y, text, ha="center", va="center", fontsize=NOTE_PT, color=INK, zorder=7)
        number.set(path_effects=[withStroke(linewidth=2.6, foreground="white")], gid="n")
        return
