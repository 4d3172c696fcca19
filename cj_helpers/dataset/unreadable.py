"""Values that are there and do not convert: counted, with the column, the first row and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ibis.expr import types as ir

from cj_helpers.dataset.problems import Loaded, Problem, row_in_file, verb
from cj_helpers.dataset.schema_tables import Read

# Only what cannot be a name or a text is shown as an example.
_SHOWN = re.compile(r"[0-9.,:/\-+ TZ]{1,30}")


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
        timestamp, number or flag.
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


def count_unreadable(
    table: ir.Table, row: ir.Value, columns: Iterable[Conversion], loaded: Loaded, *, kind: str, read: Read
) -> None:
    """Report, in one pass, the values that do not convert.

    Parameters
    ----------
    table : ibis table
        The source's rows.
    row : ibis column
        Running number of the row in the source, from 0.
    columns : iterable of Conversion
    kind : str
        Table of the contract.
    """
    checked = list(columns)
    if not checked:
        return
    measures: dict[str, ir.Value] = {}
    for i, column in enumerate(checked):
        bad = column.unreadable
        measures |= {
            f"n_{i}": bad.sum().fill_null(0),
            f"row_{i}": row.min(where=bad),
            f"value_{i}": column.before.cast("string").argmin(row, where=bad),
        }
    found = table.aggregate(**measures).execute().iloc[0]
    for i, column in enumerate(checked):
        n = int(found[f"n_{i}"])
        if n:
            first = row_in_file(loaded, found[f"row_{i}"]) + _example(column.kind, str(found[f"value_{i}"]))
            text = (
                f"{loaded.where}: {column.found_as} ({column.kind}): {n:,} of {loaded.n_total:,} values "
                f"{_finding(column.kind, read, n)} (first: {first}); {column.remedy or _remedy(column.kind, read)}"
            )
            check = f"unreadable_{column.name}"
            loaded.problems.append(Problem(kind, loaded.name, check, "error", n, loaded.n_total, text))


def _example(kind: str, value: str) -> str:
    shown = kind in {"timestamp", "number"} and _SHOWN.fullmatch(value)
    return f", found {value!r}" if shown else ""


def _finding(kind: str, read: Read, n: int) -> str:
    if kind == "timestamp":
        if read.timestamp_format:
            return f"{verb(n, 'does', 'do')} not match {read.timestamp_format!r}"
        return f"{verb(n, 'is no timestamp', 'are no timestamps')} such as 2024-03-31 or 2024-03-31 18:00:00"
    if kind == "number":
        return verb(n, "is no number", "are no numbers") + _notation(read)
    return verb(n, "is neither true nor false", "are neither true nor false")


def _notation(read: Read) -> str:
    """Name the notation of numbers that dataset.yml declares."""
    declared = [f"{key} {getattr(read, key)!r}" for key in _declared(read)]
    return f" with the declared {' and '.join(declared)}" if declared else ""


def _remedy(kind: str, read: Read) -> str:
    if kind == "timestamp":
        if read.timestamp_format:
            return "mend timestamp_format, or the values at source."
        return "declare `read: {timestamp_format: ...}`, such as '%d.%m.%Y %H:%M', or mend the values at source."
    if kind == "number":
        codes = "list a code for no answer under `read: {missing: [...]}`."
        declared = " or ".join(_declared(read))
        return f"mend {declared}, or {codes}" if declared else f"declare `read: {{decimal: ','}}`, or {codes}"
    return "allowed are true/false, yes/no and 1/0; map others under `values:`."


def _declared(read: Read) -> list[str]:
    return [key for key in ("decimal", "thousands") if key in read.model_fields_set]
