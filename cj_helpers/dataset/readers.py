"""Scanned files -> one raw table of the engine: text as text, Parquet with its types."""

from __future__ import annotations

import csv
from typing import Any

import duckdb
import pyarrow.lib
import pyarrow.parquet
import pyarrow.types
from ibis.expr import types as ir

from cj_helpers.contract import DataError
from cj_helpers.dataset.engine_errors import unreadable_file
from cj_helpers.dataset.scan import Scan
from cj_helpers.dataset.schema_tables import Read

WHITESPACE = "whitespace"
_BLANKS = " \t\r\n\xa0\ufeff"


def read_raw(con: Any, scans: list[Scan], read: Read, where: str) -> ir.Table:
    """Return the rows of files of one shape, in the order of the files."""
    paths = [str(scan.path) for scan in scans]
    try:
        if scans[0].is_parquet:
            _refuse_mixed_schemas(scans, where)
            table = _seconds(con.read_parquet(paths), scans[0])
        else:
            table = con.read_csv(paths, **_options(scans, read, where))
    except duckdb.Error as error:
        raise unreadable_file(error, scans, read, where) from None
    table = table.rename({_clean(name): name for name in table.columns if _clean(name) not in table.columns})
    return _split_whitespace(table, scans[0], read) if read.delimiter == WHITESPACE else table


def _options(scans: list[Scan], read: Read, where: str) -> dict[str, Any]:
    names = _common_header(scans, read, where)
    return {
        "auto_detect": False,
        "header": not read.header,
        "skip": read.skip,
        "columns": dict.fromkeys(names, "VARCHAR"),
        "quote": read.quote,
        "escape": read.escape or read.quote,
        "delim": "\x1f" if read.delimiter == WHITESPACE else read.delimiter,
        "nullstr": ["", *read.missing],
        "strict_mode": True,
    }


def _refuse_mixed_schemas(scans: list[Scan], where: str) -> None:
    """Files of one glob need the same columns and types: the engine would take the first file's."""
    try:
        schemas = [pyarrow.parquet.read_schema(scan.path).remove_metadata() for scan in scans]
    except (pyarrow.lib.ArrowException, OSError) as error:
        raise DataError(f"{where}: cannot be read as Parquet ({type(error).__name__}); export it again.") from None
    first = schemas[0]
    for scan, schema in zip(scans[1:], schemas[1:], strict=True):
        if schema.equals(first):
            continue
        here, there = {(f.name, str(f.type)) for f in schema}, {(f.name, str(f.type)) for f in first}
        listed = ", ".join(f"{name} ({kind})" for name, kind in sorted(here ^ there)) or "their order"
        raise DataError(
            f"{where}: {scan.shown} and {scans[0].shown} differ in {listed}; files of one glob need the same columns "
            "and types. Give each shape its own source."
        )


def _seconds(table: ir.Table, scan: Scan) -> ir.Table:
    """Durations (pandas timedelta) are whole numbers to the engine: bring them to seconds."""
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
    fields = {f.name: f.type for f in pyarrow.parquet.read_schema(scan.path)}
    spans = {name: kind.unit for name, kind in fields.items() if pyarrow.types.is_duration(kind)}
    spans = {name: unit for name, unit in spans.items() if table[name].type().is_integer()}
    return table.mutate(**{name: table[name] / per_second[unit] for name, unit in spans.items()}) if spans else table


def _common_header(scans: list[Scan], read: Read, where: str) -> list[str]:
    """Return the column names that all files of a glob share."""
    if read.header:
        return list(read.header)
    names = _header(scans[0], read, where)
    for scan in scans[1:]:
        other = _header(scan, read, where)
        if other != names:
            raise DataError(
                f"{where}: {scan.shown} has the columns {', '.join(other)}, {scans[0].shown} has {', '.join(names)}; "
                "files of one glob need the same columns in the same order."
            )
    return names


def _first_line(scan: Scan, read: Read) -> str:
    with scan.path.open("rt", encoding="utf-8-sig", newline="") as stream:
        for _ in range(read.skip):
            stream.readline()
        return stream.readline().rstrip("\r\n")


def _clean(name: str) -> str:
    """Return a column name without the blanks and the byte order mark around it."""
    return name.strip(_BLANKS)


def _header(scan: Scan, read: Read, where: str) -> list[str]:
    """Return the column names of a text file, checked for doubles; a column without a name gets its position."""
    line = _first_line(scan, read)
    if read.delimiter == WHITESPACE:
        return ["line"]
    names = [_clean(name) for name in _cells(line, read.delimiter, read)]
    if len(names) == 1:
        _refuse_other_delimiter(line, read, f"{where}: {scan.shown}")
    names = [name or f"column_{i}" for i, name in enumerate(names, start=1)]
    lower = [name.lower() for name in names]
    double = sorted({name for name in names if lower.count(name.lower()) > 1})
    if double or not names:
        found = f"the columns {', '.join(double)} twice" if double else "no header"
        raise DataError(
            f"{where}: {scan.shown} has {found}; every column needs one name (upper and lower case are the same). "
            "Rename it at source."
        )
    return names


def _cells(line: str, delimiter: str, read: Read) -> list[str]:
    if len(delimiter) > 1:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter, quotechar=read.quote or None), [])


def _refuse_other_delimiter(line: str, read: Read, where: str) -> None:
    """A header of one column that another delimiter would part is a delimiter not declared."""
    others = [mark for mark in ";\t|," if mark != read.delimiter]
    best = max(others, key=lambda mark: len(_cells(line, mark, read)))
    if len(_cells(line, best, read)) > 1:
        shown = line if len(line) <= 60 else line[:57] + "..."
        mark = "\\t" if best == "\t" else best
        raise DataError(f'{where}: the header is one column {shown!r}; declare `read: {{delimiter: "{mark}"}}`.')


def _split_whitespace(table: ir.Table, scan: Scan, read: Read) -> ir.Table:
    names = _first_line(scan, read).split()
    parts = table.line.strip().re_replace(r"\s+", " ").split(" ")
    return table.select(**{name: parts[i].nullif("") for i, name in enumerate(names)})
