"""How a result table looks: its columns, its cells in words, and the lines below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cj_helpers.contract import ALL
from cj_helpers.report.cells import TEXT_KINDS, TIME_KINDS
from cj_helpers.report.state import state
from cj_helpers.text import _, fill, format_value, interval, value_label

MAX_SHOWN_COLUMNS = 8
# When a table is too wide, these leave the page first; the data keep them.
_LESS_TELLING = ("std_error", "statistic", "df", "n_censored", "n_customers_smaller", "method")


def displayed_columns(name: str, described: list[dict[str, str]], columns: Sequence[str]) -> list[str]:
    """Names of the columns on the page; an interval counts as one."""
    known = [column["name"] for column in described]
    unknown = [column for column in columns if column not in known]
    if unknown:
        raise ValueError(f"table {name!r}: columns {unknown} are not among {known}.")
    chosen = list(columns) or known
    if columns and _width(chosen) > MAX_SHOWN_COLUMNS:
        raise ValueError(f"table {name!r}: {_width(chosen)} columns to display; at most {MAX_SHOWN_COLUMNS} fit.")
    for column in _LESS_TELLING:
        if _width(chosen) > MAX_SHOWN_COLUMNS and column in chosen:
            chosen.remove(column)
    while _width(chosen) > MAX_SHOWN_COLUMNS:
        chosen.pop()
    return chosen


def _width(columns: Sequence[str]) -> int:
    return len(columns) - ("conf_low" in columns and "conf_high" in columns)


def cell_texts(
    payload: dict[str, Any], rows: list[list[Any]], digits: int | None
) -> tuple[list[tuple[str, bool]], list[list[str]], frozenset[int]]:
    """Headings, formatted cells and the positions of overall rows."""
    place = {column["name"]: index for index, column in enumerate(payload["columns"])}
    by_name = {column["name"]: column for column in payload["columns"]}
    joined = {"conf_low", "conf_high"} <= set(payload["displayed"])
    headings, columns = [], []
    for name in payload["displayed"]:
        column, values = by_name[name], [row[place[name]] for row in rows]
        if joined and name == "conf_high":
            continue
        if joined and name == "conf_low":
            highs = [row[place["conf_high"]] for row in rows]
            headings.append((_("95 % interval"), True))
            columns.append([interval(*ends, column["kind"], digits=digits) for ends in zip(values, highs, strict=True)])
            continue
        headings.append((column["label"], column["kind"] not in TEXT_KINDS))
        columns.append([cell_text(value, column, digits) for value in values])
    totals = {index for index, row in enumerate(rows) if "segment" in place and row[place["segment"]] == ALL}
    mixed = len(totals) < len(rows)
    return headings, [list(row) for row in zip(*columns, strict=True)], frozenset(totals if mixed else ())


def cell_text(value: Any, column: Mapping[str, str], digits: int | None = None) -> str:
    """Return one cell in words."""
    if isinstance(value, str):
        if column["name"] == "journey":
            return state().journeys.get(value, value)
        if column["kind"] not in TIME_KINDS:  # large integers and ids are text in the bundle
            return value_label(column["name"], value)
    return format_value(value, column["kind"], digits=digits)


def notes(payload: dict[str, Any]) -> list[str]:
    """What the reader does not see, and where it is."""
    lines = []
    if not payload["n_rows"]:
        lines.append(_("There are no rows."))
    if payload["truncated"] and not payload["n_displayed"]:
        lines.append(fill("{total:count} rows, not shown here; the data file has all.", total=payload["n_rows"]))
    elif payload["truncated"]:
        n, total = payload["n_displayed"], payload["n_rows"]
        lines.append(fill("Rows shown: {n:count} of {total:count}; the data file has all.", n=n, total=total))
    if payload["n_displayed"] and len(payload["displayed"]) < len(payload["columns"]):
        n, total = len(payload["displayed"]), len(payload["columns"])
        lines.append(fill("Columns shown: {n:count} of {total:count}; the data file has all.", n=n, total=total))
    if payload["external"] and not payload["file"]:
        lines.append(_("The table is too large for this document; an unattended run keeps it as a file."))
    if payload["suppressed"]:
        lines.append(
            fill(
                "Not shown to protect customers: rows with fewer than {least:count} customers, "
                "or from which those could be worked out ({n:count}).",
                n=payload["suppressed"],
                least=state().min_group,
            )
        )
    return lines
