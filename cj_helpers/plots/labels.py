"""Names beside dots that cover neither each other nor the dots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from cj_helpers.plots.style import INK, MUTED, NOTE_PT

_CHAR_PT = 5.7  # mean width of a character of 9 pt, a little generous
_HEIGHT_PT = 12.0
_CORNER_PT = (95.0, 17.0)  # names of the quadrants stand in the corners
# Where a label may stand around its dot, in points, the best first.
_SPOTS = [
    (side * dx, dy) for dy in (9, -9, 17, -17, 0, 27, -27, 40, -40, 55, -55) for dx in (6, 16, 32) for side in (1, -1)
]


def label_points(
    ax: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    names: Sequence[str],
    *,
    lines: NDArray[np.float64],
) -> None:
    """Write each name where it covers the least of other names, dots, lines, corners and the frame.

    The most important point comes first in `names`: it gets the best place. A name away from its dot
    is joined to it by a line. `lines` are the intervals and other lines to keep clear of, each as
    x0, y0, x1, y1 with x0 <= x1 and y0 <= y1.
    """
    figure = ax.get_figure(root=True)
    if figure is None:
        return
    figure.draw_without_rendering()  # places on the page are known only once the layout stands
    frame = _in_points(ax.get_window_extent(), 72 / figure.dpi)
    dots = ax.transData.transform(np.column_stack([x, y])) * 72 / figure.dpi
    taken = _corners(frame) + [Bbox.from_bounds(px - 5, py - 5, 10, 10) for px, py in dots if np.isfinite(px + py)]
    taken += _boxes(ax, lines, 72 / figure.dpi)
    for number, name in enumerate(names):
        if not np.isfinite(dots[number]).all():
            continue
        boxes = [_box(dots[number], spot, name) for spot in _SPOTS]
        costs = [_cost(box, taken, frame) + 2.0 * rank for rank, box in enumerate(boxes)]
        best = int(np.argmin(costs))
        taken.append(boxes[best])
        _write(ax, (float(x[number]), float(y[number])), _SPOTS[best], name)


def _in_points(box: Bbox, scale: float) -> Bbox:
    return Bbox(box.get_points() * scale)


def _corners(frame: Bbox) -> list[Bbox]:
    width, height = _CORNER_PT
    starts = [(left, low) for left in (frame.x0, frame.x1 - width) for low in (frame.y0, frame.y1 - height)]
    return [Bbox.from_bounds(*start, width, height) for start in starts]


def _boxes(ax: Axes, lines: NDArray[np.float64], scale: float) -> list[Bbox]:
    """Return lines as boxes three points thick."""
    known = lines[np.isfinite(lines).all(axis=1)]
    starts, ends = (ax.transData.transform(points) * scale for points in (known[:, :2], known[:, 2:]))
    return [Bbox([start - 1.5, end + 1.5]) for start, end in zip(starts, ends, strict=True)]


def _box(dot: NDArray[np.float64], spot: tuple[int, int], name: str) -> Bbox:
    width = _CHAR_PT * len(name)
    left = dot[0] + spot[0] - (width if spot[0] < 0 else 0)
    return Bbox.from_bounds(left, dot[1] + spot[1] - _HEIGHT_PT / 2, width, _HEIGHT_PT)


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    """Return the area in square points that a label would cover, the part outside the frame counted twice."""
    covered = sum(_shared(box, other) for other in taken)
    return covered + 2 * (box.width * box.height - _shared(box, frame))


def _shared(one: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(one, other)
    return float(common.width * common.height) if common is not None else 0.0


def _write(ax: Axes, dot: tuple[float, float], spot: tuple[int, int], name: str) -> None:
    far = abs(spot[0]) > 6 or abs(spot[1]) > 9
    line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}
    label = ax.annotate(
        name,
        dot,
        xytext=spot,
        textcoords="offset points",
        ha="left" if spot[0] > 0 else "right",
        va="center",
        fontsize=NOTE_PT,
        color=INK,
        zorder=4,
        arrowprops=line if far else None,
    )
    label.set_gid("label")
    label.set_in_layout(False)  # the layout is settled; a label must not move it
