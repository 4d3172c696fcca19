"""Figures of journey mapping: outcomes, variants, funnel, journeys and hand-offs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from cj_helpers.contract import ABANDONED, COMPLETED, OPEN
from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, key, no_data, numbers
from cj_helpers.plots.rows import dots, keep_rows, name_rows, row_texts, rows_height, stacked_rows, two_lines
from cj_helpers.plots.style import (
    BLUE,
    GRID,
    INK,
    NOTE_PT,
    OUTCOME_COLORS,
    PANEL,
    TEXT_ON,
    format_axis,
    interval_text,
    new_axes,
    outcome_text,
    plain,
    segment_text,
    value_text,
)
from cj_helpers.text import N_, _, fill, value_label

_STACK = (COMPLETED, OPEN, ABANDONED)  # both ends of a row have a common base line
_FEW_CHANNELS = 5
GREYS = LinearSegmentedColormap.from_list("volume", ["#EDF3F8", "#6BAED6", "#08457A"])


@draws("share", pick="smallest", about=("journey", "outcome"), where={"outcome": COMPLETED})
def plot_outcomes(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw how journeys ended: one row of 100 % per journey.

    `table` has one row per journey and outcome: (journey,) outcome, n_journeys, share. Completed
    journeys start at the left edge, abandoned ones at the right; the open ones lie between.
    """
    table = checked(table, "outcome", "n_journeys", "share", several=True)
    if table.empty:
        return no_data(ax)
    rows = table if "journey" in table else table.assign(journey="")
    names = list(rows["journey"].drop_duplicates())[:max_rows]
    left_out = rows["journey"].nunique() - len(names)
    shares = rows.pivot_table(index="outcome", columns="journey", values="share", aggfunc="sum", observed=True)
    shares = shares.reindex(index=list(_STACK), columns=names)
    shown = two_lines(names, width=28)
    ax = new_axes(ax, height=rows_height(shown, around=1.05) + 0.05 * len(names))
    name_rows(ax, shown)
    inks, colors = ([kind[name] for name in _STACK] for kind in (TEXT_ON, OUTCOME_COLORS))
    stacked_rows(ax, shares.to_numpy(dtype=float), colors=colors, inks=inks, parts=_STACK)
    total = rows.groupby("journey", observed=True)["n_journeys"].sum()
    row_texts(ax, [fill("n {n:count}", n=total[name]) for name in names])
    note = fill("Not drawn: {n:count} further journeys.", n=left_out) if left_out else ""
    head(ax, keys=[key(OUTCOME_COLORS[name], outcome_text(name)) for name in _STACK], note=note)
    ax.set_xlabel(_("Share of started journeys"))
    return ax


@draws("completed_within", pick="smallest", about=("label",), words=N_("share completed in time"))
def plot_journeys(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw the headline rate of each journey with its 95 % interval.

    `table` has one row per journey: label, completed_within, conf_low, conf_high, n_journeys.
    """
    table = checked(table, "label", "completed_within", "conf_low", "conf_high", "n_journeys", several=True)
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "n_journeys", max_rows)
    names = _journey_names(rows)
    ax = new_axes(ax, height=rows_height(names, around=0.95))
    name_rows(ax, names)
    dots(ax, rows, estimate="completed_within", colors=OUTCOME_COLORS[COMPLETED])
    columns = zip(numbers(rows["completed_within"]), numbers(rows["n_journeys"]), strict=True)
    row_texts(ax, [fill("{share:percent}  (n {n:count})", share=share, n=n) for share, n in columns])
    ax.set_xlim(0, 1)
    ax.grid(axis="x")
    format_axis(ax.xaxis, "percent")
    ax.set_xlabel(_("Completed within the horizon (share of started journeys, 95 % interval)"))
    head(ax, note=fill("Not drawn: {n:count} journeys with fewer starts.", n=left_out) if left_out else "")
    return ax


def _journey_names(rows: pd.DataFrame) -> list[str]:
    """Name the journeys; where rows are segments of a journey, add theirs."""
    if "segment" not in rows or len(rows["segment"].unique()) == 1:
        return two_lines(list(rows["label"]))
    segments = [segment_text(segment, limit=24) for segment in rows["segment"]]
    if list(rows["label"]) == list(rows["segment"]):  # the figure is about one journey
        return two_lines(segments)
    names = [f"{plain(name, limit=34)}: {segment}" for name, segment in zip(rows["label"], segments, strict=True)]
    return two_lines(names, width=34)


@draws("share", pick="smallest", about=("stage",), where={"kind": "ordered"})
def plot_funnel(table: pd.DataFrame, *, ax: Axes | None = None, kind: str = "ordered") -> Axes:
    """Draw how many journeys reach each stage, and which share of the stage before goes on.

    Parameters
    ----------
    table : DataFrame
        One row per kind and stage, in order: kind, stage, n_reached, n_previous, share (of the stage
        before), conf_low, conf_high.
    kind : str
        Which funnel to draw: ordered, consecutive, window or reached.

    Notes
    -----
    The pale bar behind a stage is the stage before: what shows of it was lost. Dots on the right are
    the share that went on, with 95 % intervals.
    """
    table = checked(table, "kind", "stage", "n_reached", "n_previous", "share", "conf_low", "conf_high")
    rows = table[table["kind"].astype(str) == kind].reset_index(drop=True)
    if rows.empty:
        return no_data(ax)
    ax = new_axes(ax, height=1.15 + 0.42 * len(rows))
    name_rows(ax, [plain(stage, limit=24) for stage in rows["stage"]])
    ax.grid(False)
    places, reached, before = range(len(rows)), numbers(rows["n_reached"]), numbers(rows["n_previous"])
    ax.barh(places, before, height=0.62, color=GRID, gid="previous")
    ax.barh(places, reached, height=0.62, color=BLUE, gid="reached")
    most = float(np.nanmax([*reached, *before, 1.0]))
    ax.set_xlim(0, most * 1.95)
    for place, count, previous in zip(places, reached, before, strict=True):
        right = np.nanmax([count, previous, 0.0])
        text = f" {value_text(count, 'count')}"
        ax.text(float(right), place, text, va="center", fontsize=NOTE_PT, color=INK).set_gid("n")
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    _conversion(ax, rows)
    return ax


def _conversion(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw in the right third of a funnel the share of the stage before, with its interval."""
    side = ax.inset_axes((0.62, 0, 0.38, 1))
    side.set_ylim(ax.get_ylim())
    side.set_yticks([])
    side.set_facecolor("none")
    side.spines["left"].set_visible(False)
    dots(side, rows, estimate="share", colors=INK, size=16)
    side.set_xlim(0, 1.04)
    side.set_xticks([0, 0.5, 1])
    side.grid(axis="x")
    format_axis(side.xaxis, "percent")
    side.set_xlabel(_("Share of the stage before"))
    columns = zip(numbers(rows["share"]), numbers(rows["conf_low"]), numbers(rows["conf_high"]), strict=True)
    row_texts(side, [interval_text(*values, "percent") for values in columns])


@draws("n_handoffs", about=("from_channel", "to_channel"))
def plot_handoffs(
    table: pd.DataFrame, *, ax: Axes | None = None, dimension: str = "channel", max_channels: int = 8
) -> Axes:
    """Draw changes of channel as a matrix: from the row to the column, with their number in the cell.

    Parameters
    ----------
    table : DataFrame
        One row per pair of channels, devices or modes: from_channel, to_channel, n_handoffs, n_journeys,
        wait_median_hours. The second line of a cell is the median wait.
    dimension : {"channel", "device", "mode"}
        What the names are, for the words beside the matrix.
    max_channels : int
        The busiest are drawn; a note counts the hand-offs of the others.
    """
    table = checked(table, "from_channel", "to_channel", "n_handoffs", "wait_median_hours")
    if table.empty:
        return no_data(ax)
    ends = pd.concat([table["from_channel"], table["to_channel"]]).astype(str)
    volume = (
        pd.concat([table["n_handoffs"]] * 2).groupby(ends.to_numpy()).sum().sort_values(ascending=False, kind="stable")
    )
    names = list(volume.index[:max_channels])
    kept = table["from_channel"].isin(names) & table["to_channel"].isin(names)
    own = ax is None
    ax = new_axes(ax, height=1.1 + 0.44 * len(names))
    if own and len(names) < _FEW_CHANNELS:  # cells of a small matrix are as wide as those of a larger one
        ax.set_box_aspect(0.38)
        ax.set_anchor("W")
    grid = np.full((len(names), len(names)), np.nan)
    for source, target, n in table.loc[kept, ["from_channel", "to_channel", "n_handoffs"]].itertuples(index=False):
        grid[names.index(source), names.index(target)] = n
    for place in range(len(names)):
        ax.add_patch(Rectangle((place, place), 1, 1, facecolor=PANEL, edgecolor="white", linewidth=2))
    ax.pcolormesh(grid, cmap=GREYS, vmin=0, vmax=np.nanmax([*grid.ravel(), 1]), edgecolors="white", linewidth=2)
    for row in table[kept].itertuples(index=False):
        _handoff_cell(ax, names, row, most=float(np.nanmax(grid)))
    _matrix_axes(ax, names, value_label("dimension", dimension))
    hidden = int(table.loc[~kept, "n_handoffs"].sum())
    head(ax, note=fill("Not drawn: {n:count} hand-offs from or to smaller channels.", n=hidden) if hidden else "")
    return ax


def _handoff_cell(ax: Axes, names: list[str], row: object, *, most: float) -> None:
    n, wait = float(row.n_handoffs), float(row.wait_median_hours)  # type: ignore[attr-defined]
    place = names.index(row.to_channel) + 0.5, names.index(row.from_channel) + 0.5  # type: ignore[attr-defined]
    text = value_text(n, "count") + ("" if np.isnan(wait) else "\n" + value_text(wait, "hours"))
    color = "white" if n > 0.55 * most else INK
    ax.text(*place, text, ha="center", va="center_baseline", fontsize=NOTE_PT, color=color, linespacing=1.15).set_gid(
        "n"
    )


def _matrix_axes(ax: Axes, names: list[str], dimension: str) -> None:
    words = [value_label("segment", name) for name in names]
    ticks, labels = np.arange(len(names)) + 0.5, [plain(word, limit=16) for word in words]
    ax.set_xticks(ticks, [plain(word, limit=12) for word in words])
    ax.set_yticks(ticks, labels)
    ax.set_ylim(len(names), 0)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel(fill("to {dimension} (number of hand-offs, median wait below)", dimension=dimension))
    ax.set_ylabel(fill("from {dimension}", dimension=dimension))
