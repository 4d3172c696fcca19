"""The journey graph: touchpoints as boxes from left to right, the moves between them as arrows."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cj_helpers.contract import ABANDONED, COMPLETED, OPEN
from cj_helpers.plots.data import draws
from cj_helpers.plots.flow_drawing import Shades, Sizes, draw_box, draw_moves, sizes_of
from cj_helpers.plots.flow_layout import END_STATES, Layout, Move, arrange, typical_positions
from cj_helpers.plots.parts import bare, checked, head, key, no_data, numbers
from cj_helpers.plots.style import INK, MUTED, OUTCOME_COLORS, WIDTH_IN, new_axes, outcome_text
from cj_helpers.text import _, fill

_WIDTH_PT = WIDTH_IN * 72 - 16
_MAX_LAYERS = 7
_MOST_NAMES = 200  # touchpoints that take part in the ordering
#: What the colour of an arrow can show: hours of median wait, or the share given up at the step it leads to.
_SHADES = {
    "wait": Shades(("#B9B4D8", "#8F83C0", "#6A51A3", "#3B0F70"), (1.0, 24.0, 168.0)),
    "drop_off": Shades(("#F3D9BF", "#E9A15B", "#C2500C", "#6E1C04"), (0.05, 0.15, 0.30)),
}


@draws("n_transitions", about=("source", "target"))
def plot_transitions(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    color: str = "wait",
    max_touchpoints: int = 16,
    max_edges: int = 24,
) -> Axes:
    """Draw the moves between touchpoints as a graph from left to right.

    Parameters
    ----------
    table : DataFrame
        One row per source and target: source, target, n_transitions, wait_median_hours. The targets
        (completed), (abandoned) and (open) are end states: they become the strip below a box, whose
        full width is all occurrences of the touchpoint. For the colour ``drop_off`` also probability.
    color : {"wait", "drop_off"}
        What the shade of an arrow shows: the median wait, or how many gave up at the step it leads to (the
        probability of (abandoned) there).
    max_touchpoints, max_edges : int
        What is rarer is left out; a note says how many and which share of the moves is drawn. More of
        them cross each other until nothing can be followed. The most frequent way into each touchpoint is
        always drawn, and so is the touchpoint at which most journeys are completed.

    Notes
    -----
    The width of an arrow is its number of moves; repeats of a touchpoint stand in its box. Touchpoints are
    ordered by their typical position in a journey, the goal stands rightmost, and dashed arrows lead back.
    The axes are in points, so that boxes keep the size of their text.
    """
    if color not in _SHADES:
        raise ValueError(f"color: found {color!r}; allowed are {', '.join(_SHADES)}")
    needed = "wait_median_hours" if color == "wait" else "probability"
    table = checked(table, "source", "target", "n_transitions", needed)
    if table.empty:
        return no_data(ax)
    table = table.assign(source=table["source"].astype(str), target=table["target"].astype(str))
    ranked = _by_volume(table)
    names = _kept(ranked, table, max_touchpoints)
    known = table["source"].isin(ranked[:_MOST_NAMES]) & table["target"].isin([*ranked[:_MOST_NAMES], *END_STATES])
    places = typical_positions(table[known])
    positions = {name: places.get(name, 0.0) for name in names}
    inner = table[~table["target"].isin(END_STATES) & (table["source"] != table["target"])]
    moves = _drawn(inner.assign(_value=_values(inner, table, color)), positions, max_edges)
    layout = arrange(moves, positions, max_layers=_MAX_LAYERS, goals=_goals(table) & set(names))
    sizes = sizes_of(layout, table, width=_WIDTH_PT)
    ax = _flow_axes(ax, layout, sizes)
    draw_moves(ax, moves, layout, sizes, _SHADES[color])
    for name in names:
        draw_box(ax, name, table[table["source"] == name], layout, sizes)
    _explain(ax, _note(inner, moves, len(names), len(ranked)), color)
    return ax


def _values(inner: pd.DataFrame, table: pd.DataFrame, color: str) -> pd.Series:
    """Return what the colour of each arrow shows."""
    if color == "wait":
        return inner["wait_median_hours"]
    lost = table[table["target"] == f"({ABANDONED})"].set_index("source")["probability"]
    return inner["target"].map(lost).fillna(0.0)


def _by_volume(table: pd.DataFrame) -> list[str]:
    """Return touchpoints by occurrences; one without rows of its own counts by its arrivals."""
    inner = table[~table["target"].isin(END_STATES)]
    seen = [table.groupby("source")["n_transitions"].sum(), inner.groupby("target")["n_transitions"].sum()]
    volume = pd.concat(seen, axis=1).max(axis=1)
    return list(volume.sort_index().sort_values(ascending=False, kind="stable").index)


def _kept(ranked: list[str], table: pd.DataFrame, most: int) -> list[str]:
    """Return the most frequent touchpoints; where none of them completes a journey, the goal takes the last place."""
    done = table[table["target"] == f"({COMPLETED})"].sort_values(["n_transitions", "source"], ascending=[False, True])
    goal = done["source"].tolist()
    if not goal or set(goal) & set(ranked[:most]):
        return ranked[:most]
    return [*ranked[: most - 1], goal[0]]


def _goals(table: pd.DataFrame) -> set[str]:
    """Return the touchpoints at which more than half of all visits complete a journey."""
    visits = table.groupby("source")["n_transitions"].sum()
    done = table[table["target"] == f"({COMPLETED})"].groupby("source")["n_transitions"].sum()
    return set(done.index[done > visits[done.index] / 2])


def _drawn(inner: pd.DataFrame, positions: dict[str, float], limit: int) -> list[Move]:
    """Return the most frequent way into each touchpoint from an earlier one, then the largest others."""
    inside = inner[inner["source"].isin(positions) & inner["target"].isin(positions)]
    inside = inside.sort_values(["n_transitions", "source", "target"], ascending=[False, True, True])
    forward = inside[inside["source"].map(positions) < inside["target"].map(positions)]
    main = forward[~forward["target"].duplicated()]
    others = inside.drop(index=main.index).head(max(limit - len(main), 0))
    rows = inside.loc[inside.index.isin(main.index.union(others.index))]
    columns = (rows["source"], rows["target"], numbers(rows["n_transitions"]), numbers(rows["_value"]))
    return [Move(*values) for values in zip(*columns, strict=True)]


def _flow_axes(ax: Axes | None, layout: Layout, sizes: Sizes) -> Axes:
    top, bottom = 4.0, sizes.middle(layout.extent) - 4.0
    ax = new_axes(ax, height=(bottom - top) / 72 + 0.8)
    bare(ax)
    ax.set_xlim(-4, _WIDTH_PT + 4)
    ax.set_ylim(bottom, top)
    return ax


def _note(inner: pd.DataFrame, moves: list[Move], n_names: int, n_touchpoints: int) -> str:
    if len(moves) == len(inner):
        return ""
    return fill(
        "Drawn: {drawn:count} of {total:count} connections and {names:count} of {touchpoints:count} touchpoints, "
        "with {share:percent} of all moves.",
        drawn=len(moves),
        total=len(inner),
        names=n_names,
        touchpoints=n_touchpoints,
        share=sum(move.n for move in moves) / inner["n_transitions"].sum(),
    )


def _explain(ax: Axes, note: str, color: str) -> None:
    """Write the key of the shades above and that of the strips below, with what is left out."""
    words = {
        "wait": (_("median wait under 1 h"), _("1 to 24 h"), _("1 to 7 days"), _("over 7 days")),
        "drop_off": (_("leads to a step at which under 5 % give up"), _("5 to 15 %"), _("15 to 30 %"), _("over 30 %")),
    }
    shades = zip(_SHADES[color].colors, words[color], strict=True)
    head(ax, keys=[Line2D([], [], color=color, linewidth=3.5, label=text) for color, text in shades], note=note)
    above = ax.get_legend()
    below = ax.legend(
        handles=[key(OUTCOME_COLORS[name], outcome_text(name), edge=INK) for name in (COMPLETED, ABANDONED, OPEN)],
        title=_(
            "Strip below a box: journeys that ended there.   ↻ repeated at once.   Dashed: back to an earlier step."
        ),
        alignment="left",
        loc="upper left",
        bbox_to_anchor=(0, 0),
        ncols=3,
        frameon=False,
        borderpad=0.1,
        handlelength=1.2,
    )
    below.get_title().set_color(MUTED)
    if above is not None:
        ax.add_artist(above)
        above.set_clip_on(False)
