"""What a check found, and the words in which it says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ibis.expr import types as ir

from cj_helpers.contract import DataError


@dataclass
class Problem:
    """Rows of one source that a check found: repaired, dropped, warned about, or an error."""

    table: str
    source: str
    check: str
    outcome: str  # error | dropped | repaired | stitched | not used
    n_rows: int
    n_total: int
    message: str


@dataclass
class Loaded:
    """One source in the engine, its files, and what was found while reading."""

    name: str
    table: ir.Table
    n_total: int
    inputs: list[dict[str, Any]]
    raw: str = ""
    where: str = ""
    problems: list[Problem] = field(default_factory=list)


def verb(n: int, one: str, many: str) -> str:
    """Return the form of a verb that goes with a count: 1 of 10 rows is, 2 of 10 rows are."""
    return one if n == 1 else many


def row_in_file(loaded: Loaded, row: Any) -> str:
    """Say where the row with this running number (from 0) stands: the header is row 1 of its file."""
    left = int(row)
    for entry in loaded.inputs:
        rows = int(entry.get("rows", 0))
        if left < rows or entry is loaded.inputs[-1]:
            file = f" of {entry['path']}" if len(loaded.inputs) > 1 else ""
            return f"row {left + 2:,}{file}"
        left -= rows
    raise DataError(f"{loaded.where}: has no file.")
