"""What a check found, and the words in which it says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ibis.expr import types as ir

from cj_helpers.contract import DataError
from cj_helpers.dataset.scan import Scan
from cj_helpers.dataset.schema_tables import Source

TOLERATED_SHARE = 0.01


@dataclass
class Problem:
    """Rows of one source that a check found: repaired, dropped, warned about, or an error."""

    table: str
    source: str
    check: str
    outcome: str  # error | dropped | repaired | stitched | not used | noted
    n_rows: int
    n_total: int
    message: str


@dataclass(frozen=True)
class Conversion:
    """One column before and after its conversion.

    Attributes
    ----------
    name : str
        The name in the contract, or of the rating.
    found_as : str
        Where a reader finds the values, such as ``column 'Zeit'``.
    kind : str
        timestamp, number, flag or id.
    before, after : ibis columns
        The value as written, and as converted; null after but not before is unreadable.
    remedy : str
        What to do; empty: what the kind suggests.
    """

    name: str
    found_as: str
    kind: str
    before: ir.Value
    after: ir.Value
    remedy: str = ""

    @property
    def unreadable(self) -> ir.BooleanValue:
        """Whether a value is there and did not convert."""
        return self.before.notnull() & self.after.isnull()


@dataclass
class Loaded:
    """One source: its rows as found and as typed (neither computed yet), its files, and what was found.

    Attributes
    ----------
    raw, table : ibis tables
        As written, after the declared filters; and with the contract's names and types.
    checked : list of Conversion
        Columns whose values can be unreadable.
    """

    source: Source
    kind: str
    where: str
    raw: ir.Table
    table: ir.Table
    checked: list[Conversion]
    scans: list[Scan] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    n_total: int = 0
    n_before: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What reports call the source."""
        return self.source.name

    def found(self, check: str, outcome: str, n: int, text: str) -> None:
        """Note what a check found in this source."""
        self.problems.append(Problem(self.kind, self.name, check, outcome, n, self.n_total, text))


def verb(n: int, one: str, many: str) -> str:
    """Return the form of a verb that goes with a count: 1 of 10 rows is, 2 of 10 rows are."""
    return one if n == 1 else many


def tolerated(n: int, total: int) -> str:
    """Return the outcome for rows that may be dropped: up to 1 % of them, else it is an error."""
    return "dropped" if n <= TOLERATED_SHARE * total else "error"


def row_in_file(loaded: Loaded, row: Any) -> str:
    """Say where the row with this running number (from 0) stands: the header is row 1 of its file."""
    read, source = loaded.source.read, loaded.source
    if not loaded.inputs or source.keep or source.leave_out or source.long:
        return f"row {int(row) + 1:,} of those kept"
    left, header = int(row), read.skip + (0 if read.header else 1)
    for entry in loaded.inputs:
        rows = int(entry.get("rows", 0))
        if left < rows or entry is loaded.inputs[-1]:
            file = f" of {entry['path']}" if len(loaded.inputs) > 1 else ""
            return f"row {left + header + 1:,}{file}"
        left -= rows
    raise DataError(f"{loaded.where}: has no file.")
