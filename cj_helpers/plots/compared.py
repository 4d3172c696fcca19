"""Figures of comparisons around the score: what to invest in first, how journeys went, who answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cj_helpers.plots.data import draws
from cj_helpers.plots.parts import checked, head, no_data, numbers, value_limits
from cj_helpers.plots.rows import dots, keep_rows, name_rows, row_texts, rows_height, two_lines
from cj_helpers.plots.style import BLUE, INK, MUTED, format_axis, interval_text, new_axes, plain, segment_text
from cj_helpers.text import N_, _, fill, label, value_label


@draws("estimate", about=("driver",), words=N_("points of NPS"), kind="points")
def plot_invest_first(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw the points that go with lifting low answers of each driver, with 95 % intervals.

    `table` has one row per driver, the best first: driver, estimate, conf_low, conf_high, direction. A hollow dot has
    no association of its own.
    """
    table = checked(table, "driver", "estimate", "conf_low", "conf_high", "direction")
    if table.empty:
        return no_data(ax)
    rows, left_out = table.head(max_rows), max(len(table) - max_rows, 0)
    names = two_lines(list(rows["driver"]))
    ax = new_axes(ax, height=1.05 + 0.32 * len(rows) * (1.3 if any("\n" in name for name in names) else 1))
    name_rows(ax, names)
    dots(ax, rows, estimate="estimate", colors=BLUE, hollow=[sign != "+" for sign in rows["direction"]])
    _zero(ax)
    row_texts(ax, _intervals(rows, "estimate", "points"))
    ax.set_xlim(*value_limits(rows, "estimate", "conf_low", "conf_high", also=[0]))
    format_axis(ax.xaxis, "points")
    ax.set_xlabel(_("Associated difference of the NPS in points, with 95 % interval; hollow: none of its own"))
    head(ax, note=fill("Not drawn: {n:count} drivers further down.", n=left_out) if left_out else "")
    return ax


@draws("difference", pick="extreme", about=("factor", "case"), words=N_("difference in points"), kind="points")
def plot_journey_drivers(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the adjusted difference of the score by how the last journey went, with 95 % intervals.

    `table` has one row per factor and case, the reference first: factor, case, difference, conf_low, conf_high.
    """
    table = checked(table, "factor", "case", "difference", "conf_low", "conf_high")
    reference = table.groupby("factor", sort=False)["case"].first()
    known = table[numbers(table["difference"]) == numbers(table["difference"])].reset_index(drop=True)
    if known.empty:
        return no_data(ax)
    names = [
        fill(
            "{factor}: {case} against {reference}",
            factor=value_label("factor", row.factor),
            case=value_label("case", row.case),
            reference=value_label("case", reference[row.factor]),
        )
        for row in known.itertuples()
    ]
    shown = two_lines(names, width=34)
    ax = new_axes(ax, height=rows_height(shown, around=1.05))
    name_rows(ax, shown)
    clear = (numbers(known["conf_low"]) > 0) | (numbers(known["conf_high"]) < 0)
    dots(ax, known, estimate="difference", colors=BLUE, hollow=list(~clear))
    _zero(ax)
    row_texts(ax, _intervals(known, "difference", "points"))
    ax.set_xlim(*value_limits(known, "difference", "conf_low", "conf_high", also=[0]))
    format_axis(ax.xaxis, "points")
    ax.set_xlabel(_("Difference of the NPS in points, other factors held; hollow: the interval holds 0"))
    return ax


@draws("share", pick="smallest", about=("attribute", "segment"), words=N_("share of invitations answered"))
def plot_response_rates(table: pd.DataFrame, *, ax: Axes | None = None, max_rows: int = 20) -> Axes:
    """Draw the share of invitations that were answered, by what is known of those asked, with 95 % intervals.

    `table` has one row per attribute and segment: attribute, segment, share, conf_low, conf_high, n; the overall row is
    drawn as a line.
    """
    table = checked(table, "attribute", "segment", "share", "conf_low", "conf_high", "n")
    overall = table[table["attribute"].eq("all")]
    rows, left_out = keep_rows(table[~table["attribute"].eq("all")].reset_index(drop=True), "n", max_rows)
    rows = rows if len(rows) else overall.reset_index(drop=True)
    if rows.empty:
        return no_data(ax)
    ax = new_axes(ax, height=1.05 + 0.29 * len(rows))
    name_rows(ax, [_group(row.attribute, row.segment) for row in rows.itertuples()])
    dots(ax, rows, estimate="share", colors=BLUE)
    for share in numbers(overall["share"]):
        ax.axvline(share, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), gid="overall")
    row_texts(ax, _intervals(rows, "share", "percent"))
    ax.set_xlim(*value_limits(rows, "share", "conf_low", "conf_high", also=list(numbers(overall["share"]))))
    format_axis(ax.xaxis, "percent")
    ax.set_xlabel(_("Share of invitations answered, with 95 % interval; the line is the overall share"))
    head(ax, note=fill("Not drawn: {n:count} groups with fewer invitations.", n=left_out) if left_out else "")
    return ax


def _group(attribute: object, segment: object) -> str:
    return plain(f"{label(str(attribute))}: {segment_text(segment)}", limit=40)


def _zero(ax: Axes) -> None:
    ax.axvline(0, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), gid="zero")


def _intervals(rows: pd.DataFrame, name: str, unit: str) -> list[str]:
    ends = np.column_stack([numbers(rows[column]) for column in (name, "conf_low", "conf_high")])
    return [interval_text(estimate, low, high, unit) for estimate, low, high in ends.tolist()]
