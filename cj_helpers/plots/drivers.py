"""Figures of what goes along with the NPS: importance of drivers, and importance against performance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cj_helpers.plots.data import draws
from cj_helpers.plots.labels import label_points
from cj_helpers.plots.parts import checked, head, mean_of, no_data, numbers, value_limits
from cj_helpers.plots.rows import dots, keep_rows, name_rows, row_texts, two_lines
from cj_helpers.plots.style import (
    BLUE,
    MUTED,
    NOTE_PT,
    PALETTE,
    VERMILION,
    format_axis,
    new_axes,
    plain,
    value_text,
)
from cj_helpers.text import N_, _, fill

_LEAST_SPAN = 10.0  # points of performance: smaller differences should look small
_SIGNS = {"+": "+", "-": "−", "−": "−"}


@draws("share", about=("driver",), words=N_("share of the explained variation"))
def plot_drivers(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw how much each driver goes along with the outcome, grouped by dimension.

    Parameters
    ----------
    table : DataFrame
        One row per driver: driver, dimension, share, conf_low, conf_high, direction (+, -, unclear).
    max_rows : int
        Beyond this the weakest drivers are left out, with a note.

    Notes
    -----
    Dimensions come in the order of their strongest driver. A hollow dot has an unclear direction.
    """
    table = checked(table, "driver", "dimension", "share", "conf_low", "conf_high", "direction")
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "share", max_rows)
    rows = _by_dimension(rows)
    grouped = bool(rows["group"].duplicated().any())
    places = [row + (group + 1) * grouped for row, group in enumerate(rows["group"].tolist())]
    names = two_lines(list(rows["driver"]))
    pitch = 0.4 if any("\n" in name for name in names) else 0.28
    ax = new_axes(ax, height=1.15 + pitch * (places[-1] + 1))
    shades = [_shade(group) if grouped else BLUE for group in rows["group"].tolist()]
    _name_drivers(ax, names, rows, places, grouped=grouped)
    unclear = [str(sign) not in _SIGNS for sign in rows["direction"]]
    dots(ax, rows, estimate="share", colors=shades, hollow=unclear, places=places)
    row_texts(ax, _share_and_sign(rows), places=places, heading=_("share and sign"))
    low, high = value_limits(rows, "share", "conf_low", "conf_high", also=[0])
    ax.set_xlim(low if numbers(rows["conf_low"]).min() < 0 else 0, high)
    format_axis(ax.xaxis, "percent")
    ax.set_xlabel(_("Share of the explained variation, with 95 % interval; hollow: direction unclear"))
    head(ax, note=fill("Not drawn: {n:count} weaker drivers.", n=left_out) if left_out else "")
    return ax


def _shade(group: int) -> str:
    return PALETTE[group] if group < len(PALETTE) else MUTED


def _by_dimension(rows: pd.DataFrame) -> pd.DataFrame:
    """Order drivers by dimension (strongest first) and share; `group` numbers the dimensions."""
    ranked = rows.sort_values("share", ascending=False, kind="stable")
    groups = list(ranked["dimension"].astype(str).drop_duplicates())
    ranked = ranked.assign(group=[groups.index(name) for name in ranked["dimension"].astype(str)])
    return ranked.sort_values(["group", "share"], ascending=[True, False], kind="stable").reset_index(drop=True)


def _name_drivers(ax: Axes, names: Sequence[str], rows: pd.DataFrame, places: Sequence[int], *, grouped: bool) -> None:
    """Name the rows; when dimensions hold several drivers each gets a heading of its own."""
    labels = dict(zip(places, names, strict=True))
    heads = [row for row in range(places[-1] + 1) if row not in labels] if grouped else []
    for row, dimension in zip(heads, rows["dimension"].drop_duplicates(), strict=bool(heads)):
        labels[row] = plain(dimension, limit=30)
    name_rows(ax, [labels[row] for row in range(places[-1] + 1)])
    for row in heads:
        ax.get_yticklabels()[row].set_fontweight("bold")
        ax.yaxis.get_major_ticks()[row].gridline.set_visible(False)


def _share_and_sign(rows: pd.DataFrame) -> list[str]:
    signs = [_SIGNS.get(str(sign), "?") for sign in rows["direction"]]
    return [
        f"{value_text(share, 'percent')}  {sign}" for share, sign in zip(numbers(rows["share"]), signs, strict=True)
    ]


@draws("share", about=("driver",), words=N_("importance"))
def plot_importance_performance(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    split: tuple[float, float] | None = None,
    xlabel: str = "",
    max_rows: int = 20,
) -> Axes:
    """Draw importance against performance, with 95 % intervals both ways (Martilla & James 1977).

    Parameters
    ----------
    table : DataFrame
        One row per driver: driver, share (importance), conf_low, conf_high, performance,
        performance_low, performance_high.
    split : (float, float), optional
        Performance and importance at which the quadrants meet; the default is the mean of the drivers
        drawn, which says only who is ahead of the others.
    xlabel : str
        What the performance is; the default says that 0 is the worst and 100 the best answer.
    max_rows : int
        Beyond this the least important drivers are left out, with a note.
    """
    columns = ("share", "conf_low", "conf_high", "performance", "performance_low", "performance_high")
    table = checked(table, "driver", *columns)
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "share", max_rows)
    ax = new_axes(ax, height=4.6)
    x, y = numbers(rows["performance"]), numbers(rows["share"])
    middle = split or (mean_of(x), mean_of(y))
    _quadrants(ax, rows, middle)
    shades = [VERMILION if left and top else BLUE for left, top in zip(x < middle[0], y >= middle[1], strict=True)]
    left, right, low, high = (
        numbers(rows[name]) for name in ("performance_low", "performance_high", "conf_low", "conf_high")
    )
    ax.hlines(y, left, right, colors=shades, linewidth=1.1, alpha=0.6, gid="interval")
    ax.vlines(x, low, high, colors=shades, linewidth=1.1, alpha=0.6, gid="interval")
    ax.scatter(x, y, c=shades, s=42, zorder=3, edgecolors="white", linewidths=0.8, gid="estimate")
    format_axis(ax.xaxis, "number")
    format_axis(ax.yaxis, "percent")
    ax.set_xlabel(plain(xlabel or _("Performance: mean answer from 0 (worst) to 100 (best), with 95 % interval")))
    ax.set_ylabel(_("Importance: share of the explained variation"))
    head(ax, note=fill("Not drawn: {n:count} less important drivers.", n=left_out) if left_out else "")
    cross = [(ax.get_xlim()[0], middle[1], ax.get_xlim()[1], middle[1]), (middle[0], 0, middle[0], ax.get_ylim()[1])]
    lines = np.vstack([np.column_stack([left, y, right, y]), np.column_stack([x, low, x, high]), cross])
    label_points(ax, x, y, [plain(name, limit=24) for name in rows["driver"]], lines=lines)
    return ax


def _quadrants(ax: Axes, rows: pd.DataFrame, middle: tuple[float, float]) -> None:
    """Set the limits and draw the four fields, the one to act on tinted."""
    around = [middle[0] - _LEAST_SPAN / 2, middle[0], middle[0] + _LEAST_SPAN / 2]
    left, right = value_limits(rows, "performance", "performance_low", "performance_high", also=around)
    low, high = value_limits(rows, "share", "conf_low", "conf_high", also=[0, middle[1]])
    bottom = low if numbers(rows["conf_low"]).min() < 0 else 0
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, high + 0.06 * (high - bottom))
    ax.axvspan(
        left,
        middle[0],
        ymin=(middle[1] - bottom) / (ax.get_ylim()[1] - bottom),
        color=VERMILION,
        alpha=0.07,
        linewidth=0,
    )
    ax.axvline(middle[0], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    ax.axhline(middle[1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    corners = {(0, 1): _("improve first"), (1, 1): _("keep up"), (0, 0): _("low priority"), (1, 0): _("do not overdo")}
    for (x, y), text in corners.items():
        ax.annotate(
            text,
            (x, y),
            xycoords="axes fraction",
            xytext=(6 - 12 * x, 6 - 12 * y),
            textcoords="offset points",
            ha="right" if x else "left",
            va="top" if y else "bottom",
            fontsize=NOTE_PT,
            fontstyle="italic",
            color=MUTED,
        )
