"""Figures of data quality: which channel sent events on which day, and which feed is late."""

from __future__ import annotations

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, key, no_data, numbers
from cj_helpers.plots.rows import ROW_IN, keep_rows, name_rows, row_texts
from cj_helpers.plots.style import (
    BLUE,
    INK,
    NOTE_PT,
    VERMILION,
    date_axis,
    new_axes,
    plain,
    value_text,
)
from cj_helpers.text import N_, _, fill

_PITCH_IN = 0.46  # a row holds its cells and, above them, the length of its longest gap
_HALF, _GAP_HALF = 0.28, 0.34  # half the height of the cells and of a gap, in rows
_FEW, _MANY = "#D3E4F2", "#08457A"
_SHADES = LinearSegmentedColormap.from_list("few_to_many", [_FEW, "#6BAED6", _MANY])


@draws("n_events", about=("channel", "day"), words=N_("events on a day"))
def plot_channel_days(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    as_of: object = None,
    gap_days: int = 3,
    max_channels: int = 12,
) -> Axes:
    """Draw events per channel and day, so that a gap or a late feed is seen at once.

    Parameters
    ----------
    table : DataFrame
        One row per channel and day with events: channel, day, n_events. A day without a row has none.
    as_of : date, optional
        Last day to show; the default is the last day of any channel.
    gap_days : int
        From this many days in a row without events the days stand out and the longest run of a
        channel is labelled; days before a channel's first event never do.
    max_channels : int
        The channels with the fewest events are left out beyond this number, with a note.

    Notes
    -----
    Shades compare a day with the busiest days of the same channel, never one channel with another; the
    number at the right is the channel's events in all.
    """
    table = checked(table, "channel", "day", "n_events")
    if table.empty:
        return no_data(ax)
    days = pd.to_datetime(table["day"]).dt.normalize()
    last = max(days.max(), pd.Timestamp(as_of).tz_localize(None).normalize()) if as_of is not None else days.max()  # type: ignore[arg-type]
    grid = _grid(table.assign(day=days), last)
    left_out, grid = max(len(grid) - max_channels, 0), grid.iloc[:max_channels]
    ax = new_axes(ax, height=1.2 + _PITCH_IN * len(grid))
    start = float(mdates.date2num(grid.columns[0]))
    name_rows(ax, [plain(channel, limit=18) for channel in grid.index])
    ax.grid(False)
    for row, counts in enumerate(grid.to_numpy(dtype=float)):
        _channel_row(ax, row, counts, start=start, gap_days=gap_days)
    _day_axis(ax, start, grid.shape[1], rows=len(grid))
    row_texts(ax, [fill("n {n:count}", n=counts.sum()) for counts in grid.to_numpy()])
    _keys(ax, gap_days, left_out)
    return ax


def _grid(table: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Return events by channel (most events first) and day, without holes in the calendar."""
    days = pd.date_range(table["day"].min(), last, freq="D")
    grid = table.pivot_table(index="channel", columns="day", values="n_events", aggfunc="sum", observed=True)
    grid = grid.reindex(columns=days).fillna(0)
    return grid.loc[grid.sum(axis=1).sort_values(ascending=False, kind="stable").index]


def _channel_row(ax: Axes, row: int, counts: NDArray[np.float64], *, start: float, gap_days: int) -> None:
    # One mailing would bleach all other days: the darkest shade begins at the busiest twentieth of the days.
    busy = np.quantile(counts[counts > 0], 0.95) if counts.any() else 1.0
    shades = np.where(counts > 0, counts / busy, np.nan)[None, :]
    extent = (start, start + len(counts), row + _HALF, row - _HALF)
    ax.imshow(shades, cmap=_SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest", extent=extent)
    runs = [run for run in _empty_runs(counts) if run[1] >= gap_days]
    frame = Rectangle((start, row - _HALF), len(counts), 2 * _HALF, fill=False, edgecolor="#C3CBD2", linewidth=0.7)
    ax.add_patch(frame)
    for first, length in runs:
        # Taller than the row, and edged: it shows on a grey print, and when it is short in a picture of years.
        box = Rectangle((start + first, row - _GAP_HALF), length, 2 * _GAP_HALF, zorder=3)
        box.set(facecolor=VERMILION, edgecolor=INK, linewidth=0.8, gid="gap")
        ax.add_patch(box)
    for first, length in _labelled(runs, len(counts)):
        late = first + length == len(counts)
        text = fill("{n:count} days late", n=length) if late else fill("{n:count} days", n=length)
        place = start + (len(counts) if late else first + length / 2)
        ax.text(
            place, row - _GAP_HALF - 0.03, plain(text), ha="right" if late else "center", va="bottom", fontsize=NOTE_PT
        ).set_gid("gap label")


def _empty_runs(counts: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return start and length of each run of days without events after the first event."""
    empty = np.concatenate([[False], counts == 0, [False]])
    empty[: int(np.argmax(counts > 0)) + 1] = False
    edges = np.flatnonzero(np.diff(empty.astype(int)))
    return [(int(first), int(end - first)) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _labelled(runs: list[tuple[int, int]], n_days: int) -> list[tuple[int, int]]:
    """Return the longest gap and a gap that lasts to the end, unless their labels would touch."""
    late = [run for run in runs if sum(run) == n_days]
    others = sorted((run for run in runs if sum(run) < n_days), key=lambda run: -run[1])[:1]
    apart = [run for run in others if not late or late[0][0] - sum(run) > 0.2 * n_days]
    return late + apart


def _day_axis(ax: Axes, start: float, n_days: int, *, rows: int) -> None:
    ax.set_xlim(start, start + n_days)
    ax.set_ylim(rows - 0.5, -0.75)
    date_axis(ax)
    ax.tick_params(axis="x", length=3, bottom=True)


def _keys(ax: Axes, gap_days: int, left_out: int) -> None:
    keys = [
        key(_FEW, _("few events")),
        key(_MANY, _("busy day for the channel")),
        key("white", _("none that day"), edge="#AEB7BF"),
        key(VERMILION, fill("none for {n:count} days or more", n=gap_days)),
    ]
    note = fill("Not drawn: {n:count} channels with fewer events.", n=left_out) if left_out else ""
    head(ax, keys=keys, note=note)


@draws("lag_days", about=("source",))
def plot_feeds(
    table: pd.DataFrame, *, ax: Axes | None = None, as_of: object = None, max_lag_days: float = 3.0, max_rows: int = 20
) -> Axes:
    """Draw from when to when each source has rows, and how far behind it is.

    `table` has one row per source: source, first, last, lag_days. Sources more than `max_lag_days`
    behind stand out; `as_of` is marked when given.
    """
    table = checked(table, "source", "first", "last", "lag_days")
    if table.empty:
        return no_data(ax)
    rows, left_out = keep_rows(table, "lag_days", max_rows)
    ax = new_axes(ax, height=0.9 + ROW_IN * len(rows))
    name_rows(ax, [plain(source, limit=28) for source in rows["source"]])
    lag = numbers(rows["lag_days"])
    colors = [VERMILION if days > max_lag_days else BLUE for days in lag]
    first, last = (mdates.date2num(pd.to_datetime(rows[name])) for name in ("first", "last"))
    ax.hlines(np.arange(len(rows)), first, last, colors=colors, linewidth=5, gid="range")
    row_texts(ax, [value_text(days, "days") for days in lag], heading=_("behind"))
    date_axis(ax)
    if as_of is not None:
        ax.axvline(mdates.date2num(pd.Timestamp(as_of)), color=INK, linewidth=1, linestyle="--", gid="as_of")  # type: ignore[arg-type]
        ax.set_xlabel(fill("Dashed: the report looks at the data as of {t:date}", t=pd.Timestamp(as_of)))  # type: ignore[arg-type]
    if left_out:
        head(ax, note=fill("Not drawn: {n:count} further sources.", n=left_out))
    return ax
