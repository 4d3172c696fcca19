"""Values that are there and do not convert: counted, with the column, the first row and the remedy."""

from __future__ import annotations

import re

import ibis
from ibis.expr import types as ir

from cj_helpers.dataset.problems import Loaded, row_in_file, verb
from cj_helpers.dataset.schema_tables import Read

# Only what cannot be a name or a text is shown as an example.
_SHOWN = re.compile(r"[0-9.,:/\-+ TZ]{1,30}")


def explain_unreadable(loaded: Loaded) -> None:
    """Count, in one pass over the source, the values that do not convert, with the first row of each column.

    Only sources that hold such a value are read again for this.
    """
    columns, raw = loaded.checked, loaded.raw
    parts: dict[str, ir.Value] = {"row": ibis.row_number()}
    for i, column in enumerate(columns):
        parts |= {f"bad_{i}": column.unreadable, f"value_{i}": column.before.cast("string")}
    seen = raw.select(**parts)
    measures: dict[str, ir.Value] = {}
    for i in range(len(columns)):
        bad = seen[f"bad_{i}"]
        measures |= {
            f"n_{i}": bad.sum().fill_null(0),
            f"row_{i}": seen["row"].min(where=bad),
            f"value_{i}": seen[f"value_{i}"].argmin(seen["row"], where=bad),
        }
    found = seen.aggregate(**measures).execute().iloc[0]
    for i, column in enumerate(columns):
        n = int(found[f"n_{i}"])
        if n:
            value = str(found[f"value_{i}"])
            first = row_in_file(loaded, found[f"row_{i}"]) + _example(column.kind, value)
            text = (
                f"{loaded.where}: {column.found_as} ({column.kind}): {n:,} of {loaded.n_total:,} values "
                f"{_finding(column.kind, loaded.source.read, n)} (first: {first}); "
                f"{column.remedy or _remedy(column.kind, loaded.source.read, value)}"
            )
            loaded.found(f"unreadable_{column.name}", "error", n, text)


def _example(kind: str, value: str) -> str:
    shown = kind in {"timestamp", "number", "id"} and _SHOWN.fullmatch(value)
    return f", found {value!r}" if shown else ""


def _finding(kind: str, read: Read, n: int) -> str:
    if kind == "timestamp":
        if read.timestamp_format:
            return f"{verb(n, 'does', 'do')} not match {read.timestamp_format!r}"
        return f"{verb(n, 'is no timestamp', 'are no timestamps')} such as 2024-03-31 or 2024-03-31 18:00:00"
    if kind == "number":
        return verb(n, "is no number", "are no numbers") + _notation(read)
    if kind == "id":
        return verb(n, "is no whole number", "are no whole numbers") + " in a column of floating point"
    return verb(n, "is neither true nor false", "are neither true nor false")


def _looks_counted(value: str) -> str:
    """Name the format of a count that would give a day between 1990 and 2060; empty when none would."""
    if not re.fullmatch(r"\d{5,16}(\.\d+)?", value):
        return ""
    number = float(value)
    days = {"excel": number, "epoch_s": number / 86_400 + 25_569}
    days |= {"epoch_ms": number / 86_400e3 + 25_569, "epoch_us": number / 86_400e6 + 25_569}
    return next((name for name, day in days.items() if 32_874 <= day <= 58_439), "")


def _notation(read: Read) -> str:
    """Name the notation of numbers that dataset.yml declares."""
    declared = [f"{key} {getattr(read, key)!r}" for key in _declared(read)]
    return f" with the declared {' and '.join(declared)}" if declared else ""


def _remedy(kind: str, read: Read, value: str) -> str:
    if kind == "id":
        return "a whole number up to 2^53 is exact; export ids as text."
    if kind == "timestamp":
        if _looks_counted(value) and _looks_counted(value) != read.timestamp_format:
            return f"it looks like a count: declare `read: {{timestamp_format: {_looks_counted(value)}}}`."
        if re.match(r"\d{4}-\d{2}-\d{2}", value) and not read.timestamp_format:
            return "the day or the hour does not exist, on the clock of time_zone; mend the values at source."
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
