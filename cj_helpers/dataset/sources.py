"""One declared source -> one table with the contract's names and types.

Text is read as text and converted here, so that nothing is guessed: every value that does not convert is
counted and reported with its column and first row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis import _
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, Column, ConfigError, DataError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.schema import Read, Source

WHITESPACE = "whitespace"
ROW = "row_number"
_FLAGS = {
    "true": True,
    "yes": True,
    "1": True,
    "y": True,
    "false": False,
    "no": False,
    "0": False,
    "n": False,
}


# DuckDB's own functions: strptime that gives null instead of an error, and local time of a zone <-> UTC.
@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), dt.timestamp))
def _try_strptime(text, pattern):  # type: ignore[no-untyped-def]
    """Read a timestamp by a pattern; null when it does not match."""


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, dt.timestamp), dt.Timestamp("UTC")))
def _local_to_instant(zone, at):  # type: ignore[no-untyped-def]
    """Read a naive timestamp as local time of a zone."""


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, dt.Timestamp("UTC")), dt.timestamp))
def _instant_to_utc(zone, at):  # type: ignore[no-untyped-def]
    """Write an instant as naive time of a zone."""


@dataclass
class Problem:
    """Rows of one source that a check found: repaired, dropped, warned about, or an error."""

    table: str
    source: str
    check: str
    outcome: str  # repaired | dropped | warning | error
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
    problems: list[Problem] = field(default_factory=list)


def find_files(folder: Path, source: str, where: str) -> list[Path]:
    """Return the files a source names, sorted by name.

    Raises
    ------
    ConfigError
        When the path leaves the data set's folder, or nothing matches.
    """
    if Path(source).is_absolute() or ".." in Path(source).parts or "://" in source:
        raise ConfigError(
            f"{where}: source {source!r} points outside the data set; allowed are files and globs below the folder "
            "of dataset.yml. Copy the file there."
        )
    files = sorted(path for path in folder.glob(source) if path.is_file())
    if not files:
        known = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        raise ConfigError(f"{where}: source {source!r} matches no file; {nearest(source, known or ['(no files)'])}")
    outside = [path for path in files if not path.resolve().is_relative_to(folder.resolve())]
    if outside:
        raise ConfigError(f"{where}: {outside[0].name} is a link out of the data set's folder; copy the file there.")
    empty = [path.name for path in files if path.stat().st_size == 0]
    if empty:
        raise DataError(f"{where}: {empty[0]} is empty (0 bytes); export it again or take it out of the source.")
    return files


def fingerprint(path: Path, folder: Path) -> dict[str, Any]:
    """Return path (relative) and SHA-256 of one input file."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"path": path.relative_to(folder).as_posix(), "sha256": digest}


def read_raw(con: Any, files: list[Path], read: Read, where: str) -> ir.Table:
    """Read files into the engine: Parquet with its types, text as text, plus the row number in the source."""
    paths = [str(path) for path in files]
    parquet = [path.name.endswith((".parquet", ".pq")) for path in files]
    if any(parquet) and not all(parquet):
        raise ConfigError(f"{where}: the glob mixes Parquet and text files; give each kind its own source.")
    options: dict[str, Any] = {
        "all_varchar": True,
        "header": True,
        "auto_detect": False,
        "quote": read.quote,
        "escape": read.quote,
        "encoding": read.encoding,
        "delim": "\x1f" if read.delimiter == WHITESPACE else read.delimiter,
        "nullstr": ["", *read.missing],
        "strict_mode": True,
    }
    try:
        if all(parquet):
            table = con.read_parquet(paths)
        else:
            names = _common_header(files, read, where)
            options["columns"] = dict.fromkeys(names, "VARCHAR")
            table = con.read_csv(paths, **options)
        table = table.mutate(**{ROW: ibis.row_number()})
        return _split_whitespace(table, files[0], read) if read.delimiter == WHITESPACE else table
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{where}: cannot be read as declared: {reason}. Compare `read:` with the file.") from None


def _common_header(files: list[Path], read: Read, where: str) -> list[str]:
    """Return the column names that all files of a glob share."""
    names = _header(files[0], read, where)
    for path in files[1:]:
        other = _header(path, read, where)
        if other != names:
            raise DataError(
                f"{where}: {path.name} has the columns {', '.join(other)}, {files[0].name} has {', '.join(names)}; "
                "files of one glob need the same columns in the same order."
            )
    return names


def _first_line(path: Path, encoding: str) -> str:
    import gzip

    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        return str(stream.readline()).rstrip("\r\n")


def _header(path: Path, read: Read, where: str) -> list[str]:
    """Return the column names of a text file, checked for doubles."""
    import csv

    try:
        line = _first_line(path, read.encoding)
    except (UnicodeDecodeError, OSError) as error:
        raise DataError(
            f"{where}: {path.name} is not readable as {read.encoding} ({error}); declare `read: {{encoding: latin-1}}` "
            "or export it in UTF-8."
        ) from None
    if read.delimiter == WHITESPACE:
        return ["line"]
    names = [name.strip() for name in next(csv.reader([line], delimiter=read.delimiter, quotechar=read.quote), [])]
    double = sorted({name for name in names if names.count(name) > 1})
    if double or not names:
        found = f"the columns {', '.join(double)} twice" if double else "no header"
        raise DataError(f"{where}: {path.name} has {found}; every column needs one name. Rename it at source.")
    return names


def _split_whitespace(table: ir.Table, path: Path, read: Read) -> ir.Table:
    names = _first_line(path, read.encoding).split()
    parts = table.line.strip().re_replace(r"\s+", " ").split(" ")
    return table.select(ROW, **{name: parts[i].nullif("") for i, name in enumerate(names)})


def map_columns(raw: ir.Table, source: Source, kind: str, where: str) -> dict[str, ir.Value]:
    """Name each source column by the contract; unmapped columns stay as attributes.

    Raises
    ------
    ConfigError
        When a mapped column is not in the file, an unknown name is mapped, or a required one is not.
    """
    known, present = TABLES[kind], [name for name in raw.columns if name != ROW]
    for name, column in source.columns.items():
        if name not in known:
            raise ConfigError(f"{where}.columns: unknown name {name!r}; {nearest(name, sorted(known))}")
        if column not in present:
            raise ConfigError(f"{where}.columns.{name}: no column {column!r} in the file; {nearest(column, present)}")
    for name in source.constants:
        if name not in known:
            raise ConfigError(f"{where}.constants: unknown name {name!r}; {nearest(name, sorted(known))}")
    missing = [name for name, c in known.items() if c.required and name not in {**source.columns, **source.constants}]
    if missing:
        raise ConfigError(f"{where}.columns: {', '.join(missing)} required and not mapped; name the source column.")
    mapped: dict[str, ir.Value] = {name: raw[column] for name, column in source.columns.items()}
    mapped |= {name: ibis.literal(value) for name, value in source.constants.items()}
    used = set(source.columns.values())
    attributes = {name: raw[name] for name in present if name not in used and name not in mapped}
    return {**mapped, **attributes}


def convert(value: ir.Value, column: Column, read: Read, time_zone: str) -> ir.Value:
    """Convert one column to its type; what does not convert becomes null."""
    if column.kind == "timestamp":
        return _to_utc(value, read, time_zone)
    text = value.cast("string") if not value.type().is_string() else value
    if column.kind == "number":
        return value.cast("float64") if value.type().is_numeric() else to_number(text, read)
    if column.kind == "flag":
        branches = [(text.strip().lower() == word, flag) for word, flag in _FLAGS.items()]
        return ibis.cases(*branches, else_=ibis.null("boolean"))
    return text.strip()


def to_number(text: ir.StringValue, read: Read) -> ir.FloatingValue:
    """Read numbers in the declared notation only: 1.234 is no German thousand unless declared; inf is none."""
    if read.thousands:
        text = text.replace(read.thousands, "")
    if read.decimal == ",":
        text = text.re_search(r"\.").ifelse(ibis.null("string"), text).replace(",", ".")
    plain = text.strip().re_search(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")
    return plain.ifelse(text.strip(), ibis.null("string")).try_cast("float64")


def _to_utc(value: ir.Value, read: Read, time_zone: str) -> ir.TimestampValue:
    if value.type().is_timestamp() or value.type().is_date():
        if getattr(value.type(), "timezone", None):
            return value.cast("timestamp('UTC')").cast("timestamp")
        local = value.cast("timestamp")
    elif read.timestamp_format:
        local = _try_strptime(value.strip(), read.timestamp_format)
    else:
        iso = value.strip().re_search(r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$")
        local = iso.ifelse(value.strip(), ibis.null("string")).try_cast("timestamp")
    if time_zone == "UTC":
        return local
    return _instant_to_utc("UTC", _local_to_instant(time_zone, local))


def recode(value: ir.Value, table: dict[str, str]) -> ir.Value:
    """Replace declared values; the others stay."""
    return value.cast("string").substitute(table)


def load_source(con: Any, folder: Path, source: Source, *, kind: str, where: str, time_zone: str) -> Loaded:
    """Read, map and convert one source into a table of the engine.

    Returns
    -------
    Loaded
        The table has the contract's columns, the attributes as text, and ``row_number``; rows with an
        unreadable required value are still there as null, counted by the caller's checks.
    """
    files = find_files(folder, source.source, where)
    raw = read_raw(con, files, source.read, where)
    loaded = Loaded(source.source, raw, 0, [fingerprint(path, folder) for path in files])
    name = "raw_" + hashlib.sha256(where.encode()).hexdigest()[:8]
    try:
        raw = con.create_table(name, raw, temp=True)
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{where}: cannot be read as declared: {reason}. Compare `read:` with the file.") from None
    loaded.n_total = int(raw.count().execute())
    if loaded.n_total == 0:
        raise DataError(f"{where}: {files[0].name} holds a header and no rows; export it again.")
    for entry in loaded.inputs:
        entry["rows"] = loaded.n_total if len(files) == 1 else None
    if source.duplicates == "drop":
        raw = _drop_duplicates(raw, loaded, kind)
    mapped = map_columns(raw, source, kind, where)
    for column, table in source.values.items():
        if column not in mapped:
            raise ConfigError(f"{where}.values: no column {column!r}; {nearest(column, sorted(mapped))}")
        mapped[column] = recode(mapped[column], table)
    typed = {n: convert(v, TABLES[kind].get(n, Column("text")), source.read, time_zone) for n, v in mapped.items()}
    _count_unreadable(raw, mapped, typed, loaded, kind)
    loaded.table = raw.select(**typed, **{ROW: raw[ROW]})
    return loaded


def _drop_duplicates(raw: ir.Table, loaded: Loaded, kind: str) -> ir.Table:
    columns = [name for name in raw.columns if name != ROW]
    unique = raw.group_by(columns).aggregate(**{ROW: _[ROW].min()})
    n_left = int(unique.count().execute())
    n_double = loaded.n_total - n_left
    if n_double == 0:
        return raw
    text = (
        f"{n_double:,} of {loaded.n_total:,} rows are equal to an earlier row in every column; they were dropped. "
        "Say `duplicates: keep` if each is a real event."
    )
    loaded.problems.append(Problem(kind, loaded.name, "duplicate_rows", "dropped", n_double, loaded.n_total, text))
    return unique


def _count_unreadable(
    raw: ir.Table, mapped: dict[str, ir.Value], typed: dict[str, ir.Value], loaded: Loaded, kind: str
) -> None:
    """Report, in one pass, the values that are there and do not convert."""
    checked = [n for n in mapped if TABLES[kind].get(n, Column("text")).kind != "text"]
    if not checked:
        return
    bad = {name: mapped[name].notnull() & typed[name].isnull() for name in checked}
    counts = {f"n_{name}": flag.sum().fill_null(0) for name, flag in bad.items()}
    firsts = {f"row_{name}": raw[ROW].min(where=flag) for name, flag in bad.items()}
    found = raw.aggregate(**counts, **firsts).execute().iloc[0]
    for name in checked:
        n = int(found[f"n_{name}"])
        if n:
            what = TABLES[kind][name].kind
            text = (
                f"{n:,} of {loaded.n_total:,} values of {name} are no {what} as declared "
                f"(first: row {int(found[f'row_{name}']) + 2:,}); {_remedy(what)}"
            )
            loaded.problems.append(Problem(kind, loaded.name, f"unreadable_{name}", "error", n, loaded.n_total, text))


def _remedy(kind: str) -> str:
    return {
        "timestamp": "declare `read: {timestamp_format: ...}`, such as '%d.%m.%Y %H:%M', or mend the values at source.",
        "number": "declare `read: {decimal: ','}` or list the code under `read: {missing: [...]}`.",
        "flag": "allowed are true/false, yes/no and 1/0; map others under `values:`.",
    }[kind]
