"""What several figures share: checked tables, notes and keys, limits, positions that keep apart."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from cj_helpers.plots.style import (
    MUTED,
    NOTE_PT,
    TEXT_PT,
    new_axes,
    plain,
)
from cj_helpers.text import _


def checked(table: pd.DataFrame, *columns: str, several: bool = False) -> pd.DataFrame:
    """Return a copy of the table with a new index, after a look at its columns.

    Parameters
    ----------
    table : DataFrame
        A result table.
    *columns : str
        Columns the figure needs.
    several : bool
        Whether rows of several journeys may be drawn together.

    Raises
    ------
    ValueError
        If a column is missing, or rows of several journeys would be drawn as one.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(
            f"the figure needs the columns {', '.join(columns)}; missing: {', '.join(missing)}. "
            f"Pass the result table as its function returned it (found: {', '.join(map(str, table.columns))})."
        )
    if not several and "journey" in table.columns and len(table["journey"].unique()) > 1:
        found = ", ".join(map(str, table["journey"].drop_duplicates()))
        raise ValueError(
            f"the table holds several journeys ({found}); draw one at a time: table[table['journey'] == KEY]"
        )
    return table.reset_index(drop=True)


def numbers(values: ArrayLike) -> NDArray[np.float64]:
    """Return values as floats, anything missing as NaN."""
    return pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def no_data(ax: Axes | None) -> Axes:
    """Return axes that say there is nothing to draw."""
    ax = new_axes(ax, height=1.2)
    ax.set_axis_off()
    ax.text(0.5, 0.5, _("no data"), transform=ax.transAxes, ha="center", va="center", color=MUTED)
    return ax


def head(ax: Axes, *, note: str = "", keys: Sequence[Artist] = (), pad: float = 7) -> None:
    """Write a note and the keys of colours above the axes, flush left, the note `pad` points up."""
    note = "\n".join(plain(line) for line in textwrap.wrap(note, 92))
    if not keys:
        ax.set_title(note, loc="left", fontsize=NOTE_PT, color=MUTED, pad=pad)
        return
    legend = ax.legend(
        handles=list(keys),
        title=note or None,
        alignment="left",
        loc="lower left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0.3,
        borderpad=0.1,
        ncols=len(keys),
        frameon=False,
        handlelength=1.2,
        columnspacing=1.3,
    )
    legend.get_title().set_color(MUTED)


def bare(ax: Axes) -> None:
    """Take ticks and frame off a figure whose marks carry their own labels."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)


def key(color: str, label: str, *, edge: str = "none") -> Patch:
    """Return a coloured square for the keys above a figure."""
    return Patch(facecolor=color, edgecolor=edge, linewidth=0.8, label=plain(label))


def value_limits(table: pd.DataFrame, *columns: str, also: Sequence[float] = ()) -> tuple[float, float]:
    """Return axis limits around the values of some columns, with a margin of 6 %."""
    values = np.concatenate([np.asarray(also, dtype=float), *(numbers(table[name]) for name in columns)])
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    margin = 0.06 * (values.max() - values.min()) or 0.05 * max(abs(values[0]), 1.0)
    return float(values.min() - margin), float(values.max() + margin)


def spread(wanted: ArrayLike, gaps: ArrayLike) -> NDArray[np.float64]:
    """Move positions as little as possible (least squares) so that neighbours keep their gap.

    `wanted` is sorted upwards; ``gaps[i]`` is the least distance between positions i and i + 1.
    Pooled adjacent violators (Barlow et al. 1972).

    Examples
    --------
    >>> spread([0.0, 1.0, 1.0], [1.0, 1.0]).tolist()
    [-0.3333333333333333, 0.6666666666666667, 1.6666666666666667]
    """
    offsets = np.concatenate([[0.0], np.cumsum(np.asarray(gaps, dtype=float))])[: np.size(wanted)]
    blocks: list[list[float]] = []  # sum and size of each pooled block
    for value in np.asarray(wanted, dtype=float) - offsets:
        blocks.append([float(value), 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, size = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + size]
    pooled = [total / size for total, size in blocks for _number in range(int(size))]
    return np.asarray(pooled) + offsets


def line_height(ax: Axes, *, points: float = TEXT_PT + 3.5) -> float:
    """Return about how much of the y axis (0 to 1) one line of text takes, before layout."""
    figure = ax.get_figure(root=True)
    height = figure.get_size_inches()[1] if figure is not None else 3.0
    return points / (height * ax.get_position().height * 72)


def mean_of(values: NDArray[np.float64]) -> float:
    """Return the mean of the known values, 0 when none is: a place for a line, not a result."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0
