"""Charts of rows: names on the left, dots with intervals or stacked bars, and a text per row on the right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from cj_helpers.contract import ALL
from cj_helpers.plots.parts import numbers
from cj_helpers.plots.style import GRID, INK, MUTED, NOTE_PT, format_axis, plain, value_text, wrap_name

ROW_IN = 0.31  # height of one row


def two_lines(names: Sequence[object], *, width: int = 30) -> list[str]:
    """Break long names for the rows of a figure."""
    return [wrap_name(name, width=width) for name in names]


def rows_height(names: Sequence[str], *, around: float) -> float:
    """Return the height in inches of a figure with these rows and `around` inches for everything else."""
    return around + len(names) * (ROW_IN + 0.08 * any("\n" in name for name in names))


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Put one row per name on the y axis, the first on top, with a faint guide line each."""
    ax.set_yticks(np.arange(len(names)), list(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", color=GRID)


def row_texts(ax: Axes, texts: Sequence[str], *, heading: str = "", places: Sequence[float] | None = None) -> None:
    """Write one text per row, or at `places`, to the right of the axes."""
    for row, text in zip(range(len(texts)) if places is None else places, texts, strict=True):
        _beside(ax, row, text, color=INK)
    if heading:
        ax.annotate(
            plain(heading),
            (1, 1),
            xycoords="axes fraction",
            xytext=(8, 4),
            textcoords="offset points",
            va="bottom",
            fontsize=NOTE_PT,
            color=MUTED,
        )


def _beside(ax: Axes, row: float, text: str, *, color: str) -> None:
    ax.annotate(
        "\n".join(plain(line) for line in text.split("\n")),
        (1, row),
        xycoords=ax.get_yaxis_transform(),
        xytext=(8, 0),
        textcoords="offset points",
        va="center_baseline",
        fontsize=NOTE_PT,
        color=color,
        annotation_clip=False,
    )


def dots(
    ax: Axes,
    table: pd.DataFrame,
    *,
    estimate: str,
    colors: Sequence[str] | str,
    hollow: Sequence[bool] = (),
    places: ArrayLike | None = None,
    size: float = 30,
) -> None:
    """Draw one dot with its 95 % interval (conf_low, conf_high) per row, from the top or at `places`.

    The ends of an interval have strokes, which show even where it is shorter than its dot.
    """
    rows = np.arange(len(table))
    heights = rows if places is None else np.asarray(places)
    values, low, high = (numbers(table[name]) for name in (estimate, "conf_low", "conf_high"))
    shades = [colors] * len(rows) if isinstance(colors, str) else list(colors)
    known = ~(np.isnan(low) | np.isnan(high))
    bars = ax.hlines(
        heights[known], low[known], high[known], colors=[shades[row] for row in rows[known]], linewidth=2.2
    )
    bars.set_gid("interval")
    for ends in (low[known], high[known]):
        strokes = ax.scatter(ends, heights[known], s=60, marker="|", c=[shades[row] for row in rows[known]])
        strokes.set(linewidth=1.4, gid="interval end")
    unclear = list(hollow) or [False] * len(rows)
    faces = ["white" if blank else shade for shade, blank in zip(shades, unclear, strict=True)]
    points = ax.scatter(values, heights, s=size, c=faces, edgecolors=shades, linewidths=1.5, zorder=3)
    points.set_gid("estimate")


def stacked_rows(
    ax: Axes, shares: NDArray[np.float64], *, colors: Sequence[str], inks: Sequence[str], parts: Sequence[str]
) -> None:
    """Draw rows of 100 %, one part after the other; a part of 7 % or more carries its share.

    `shares` has one row per part and one column per row of the figure.
    """
    rows, left = np.arange(shares.shape[1]), np.zeros(shares.shape[1])
    for share, color, ink, part in zip(shares, colors, inks, parts, strict=True):
        bars = ax.barh(rows, share, left=left, height=0.66, color=color, edgecolor="white", linewidth=0.8, label=part)
        for bar, value in zip(bars, share, strict=True):
            bar.set_gid(part)
            if value >= 0.07:
                place = bar.get_x() + value / 2, bar.get_y() + bar.get_height() / 2
                ax.text(*place, value_text(value, "percent"), ha="center", va="center", fontsize=NOTE_PT, color=ink)
        left = left + np.nan_to_num(share)
    ax.set_xlim(0, 1)
    ax.grid(False)
    format_axis(ax.xaxis, "percent")


def keep_rows(table: pd.DataFrame, size: str, limit: int) -> tuple[pd.DataFrame, int]:
    """Keep the overall row and the largest others, in their order; return how many were left out."""
    if len(table) <= limit:
        return table, 0
    overall = table["segment"].astype(str).eq(ALL) if "segment" in table else pd.Series(False, index=table.index)
    ranked = table[~overall]
    if size in table:
        ranked = ranked.sort_values(size, ascending=False, kind="stable")
    kept = table[overall].index.union(ranked.index[: limit - int(overall.sum())])
    return table.loc[sorted(kept)].reset_index(drop=True), len(table) - len(kept)
