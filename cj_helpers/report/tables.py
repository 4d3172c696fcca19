"""Result tables: shown to readers, carried for machines, without small groups."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from cj_helpers.contract import MainNumber
from cj_helpers.inference import suppress_small_groups
from cj_helpers.report.cells import check_table, describe_columns, to_rows
from cj_helpers.report.display import element, grid, paragraph, plain_grid, publish
from cj_helpers.report.files import digest, write_csv
from cj_helpers.report.looks import cell_text, cell_texts, displayed_columns, notes
from cj_helpers.report.main_number import main_number
from cj_helpers.report.state import claim_name, out_folder, state
from cj_helpers.text import csv_text, fill

if TYPE_CHECKING:
    import pandas as pd

MAX_BUNDLE_ROWS = 1_000
MAX_BUNDLE_BYTES = 200_000
MAX_SHOWN_ROWS = 200
CUSTOMER_COLUMNS = ("n_customers_at_risk", "n_customers_smaller", "n_customers")
SIZE_COLUMNS = (*CUSTOMER_COLUMNS, "n", "n_at_risk", "n_journeys", "n_reached")
_LEFT_OUT = "groups left out"


def show(
    name: str,
    table: pd.DataFrame,
    caption: str,
    *,
    size_col: str = "",
    page_one: bool = False,
    digits: int | None = None,
    columns: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    max_rows: int = MAX_SHOWN_ROWS,
    per: str = "",
    folded: bool = False,
    **values: Any,
) -> None:
    """Show a result table and carry all of it in the output.

    Parameters
    ----------
    name : str
        Name of the table and of its CSV file.
    table : DataFrame
        Tidy, one row per result; columns named as in `cj_helpers.text.label`.
    caption : str
        Literal template; `values` fill it.
    size_col : str
        Column with the number of customers behind each row, which decides on suppression; ``""`` takes the first
        of n_customers_at_risk, n_customers_smaller, n_customers, n, n_at_risk, n_journeys, n_reached that there is. A
        count of customers or of those at risk in the table decides in any case.
    page_one : bool
        Whether the table belongs on the first page of the report.
    digits : int, optional
        Decimals instead of the usual ones.
    columns : sequence of str
        The at most eight columns to display, in this order; the data keep all. An interval (conf_low,
        conf_high) counts as one.
    kinds : mapping of str to str
        Kind of a column where its name does not tell, such as ``{"estimate": "points"}``.
    max_rows : int
        Rows to display, at most 200; the data keep all. 0 for a table that only machines read.
    per : str
        Column for each of whose values the first `max_rows` are displayed, such as ``"journey"``.
    folded : bool
        Whether a reader opens the table only on demand.

    Raises
    ------
    TypeError, ValueError
        When the table, its name, a column or a value will not do.
    """
    check_table(name, table)
    text = fill(caption, **values)
    shown, size_col, suppressed = _without_small_groups(name, table, size_col)
    suppressed += table.attrs.get(_LEFT_OUT, 0)
    described = describe_columns(shown, kinds)
    displayed = displayed_columns(name, described, columns)
    claim_name("table", name)
    rows = to_rows(shown, described)
    payload: dict[str, Any] = {"name": name, "caption": text, "columns": described, "rows": rows}
    chosen = _chosen(shown, rows, max_rows, per)
    n_displayed = len(chosen)
    payload |= {"displayed": displayed, "n_rows": len(rows), "n_displayed": n_displayed}
    payload |= {"truncated": len(rows) > n_displayed, "suppressed": suppressed, "size_col": size_col}
    payload |= {"page_one": page_one, "external": False, "file": ""}
    payload["sha256"] = _keep_data(payload, f"{name}.csv")
    lines = notes(payload)
    headings, texts, totals = cell_texts(payload, chosen, digits)
    shown_grid = grid(text, headings, texts, total_rows=totals) if n_displayed or not rows else paragraph(text)
    html = shown_grid + "".join(paragraph(line) for line in lines)
    html = element("details", element("summary", escape(text)) + html, class_="fold") if folded else html
    plain = plain_grid(text, [heading for heading, _numeric in headings], texts, lines)
    publish("table", payload, html=html, plain=plain)


def _chosen(table: pd.DataFrame, rows: list[list[Any]], max_rows: int, per: str) -> list[list[Any]]:
    """Rows that are displayed."""
    if per:
        first = table.groupby(per, sort=False).cumcount().lt(max_rows)
        rows = [row for row, keep in zip(rows, first, strict=True) if keep]
        max_rows = MAX_SHOWN_ROWS
    return rows[: min(max_rows, MAX_SHOWN_ROWS)]


def publishable(table: pd.DataFrame, *, size_col: str = "") -> pd.DataFrame:
    """Return the rows of a result table that may be published: draw and speak of these only.

    Parameters
    ----------
    size_col : str
        As in `show`.

    Returns
    -------
    DataFrame
        Without the groups of fewer than ``min_group`` customers; ``show`` still says how many were left out.
        Public data stay as they are.
    """
    kept, _size, suppressed = _without_small_groups("publishable", table, size_col)
    kept = kept.copy()
    kept.attrs[_LEFT_OUT] = suppressed
    return kept


def n_not_publishable(table: pd.DataFrame | None) -> int:
    """Count the rows of a drawn table that a published one would lose."""
    return 0 if table is None else _without_small_groups("figure", table, "")[2]


def carried_data(name: str, table: pd.DataFrame | None, main: MainNumber | None = None) -> dict[str, Any] | None:
    """Return the data of a figure as its bundle carries them, without small groups; a long table goes to a file.

    ``main`` of the result is the sentence about its main number.
    """
    if table is None:
        return None
    plain = table.reset_index() if any(level is not None for level in table.index.names) else table
    check_table(name, plain)
    kept, _size, _n = _without_small_groups(name, plain, "")
    columns = describe_columns(kept, None)
    payload: dict[str, Any] = {"columns": columns, "rows": to_rows(kept, columns), "external": False, "file": ""}
    payload["n_rows"] = len(payload["rows"])
    payload["main"] = main_number(columns, payload["rows"], main, cell_text=cell_text)
    payload["sha256"] = _keep_data(payload, f"figures/{name}.csv")
    return payload


def _without_small_groups(name: str, table: pd.DataFrame, size_col: str) -> tuple[pd.DataFrame, str, int]:
    if size_col and size_col not in table.columns:
        raise ValueError(f"table {name!r}: size_col {size_col!r} is not one of its columns {list(table.columns)}.")
    size_col = size_col or next((column for column in SIZE_COLUMNS if column in table.columns), "")
    if state().public or not size_col:
        return table, size_col, 0
    sizes = dict.fromkeys((size_col, *CUSTOMER_COLUMNS, "n_at_risk"))
    kept = table
    for column in (name for name in sizes if name in table.columns):
        kept, _n = suppress_small_groups(kept, size_col=column, min_group=state().min_group)
    return kept, size_col, len(table) - len(kept)


def _keep_data(payload: dict[str, Any], file: str) -> str:
    """Take the rows out of a bundle that is too large, to a file where there is a run; returns the SHA-256."""
    csv = csv_text([column["name"] for column in payload["columns"]], payload["rows"])
    size = len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())
    if len(payload["rows"]) > MAX_BUNDLE_ROWS or size > MAX_BUNDLE_BYTES:
        folder = out_folder()
        payload |= {"rows": [], "external": True}
        if folder is not None:
            payload["file"] = file
            write_csv(folder, payload["file"], csv, mode=0o644)
    return digest(csv)
