"""One declared source -> one table with the contract's names and types.

Text is read as text and converted here, so that nothing is guessed: every value that does not convert is
counted and reported with its column and first row.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, Column, ConfigError, DataError
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.convert import convert, recode
from cj_helpers.dataset.files import FILE, ROW, find_files, fingerprint, read_raw
from cj_helpers.dataset.schema import Source

_RESERVED = ("source", ROW, "segment", "customer", "duration", "event")


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
    problems: list[Problem] = field(default_factory=list)


def map_columns(raw: ir.Table, source: Source, kind: str, where: str) -> dict[str, ir.Value]:
    """Name each source column by the contract; the others stay as attributes.

    A column that already has the contract's name need not be mapped.

    An attribute whose name is taken gets a trailing underscore.

    Raises
    ------
    ConfigError
        When a mapped column is not in the file, a name is almost one of the contract's, or a required one is
        not mapped.
    """
    known, present = TABLES[kind], [name for name in raw.columns if name != ROW]
    for name, column in source.columns.items():
        _refuse_misspelling(name, list(known), f"{where}.columns")
        if column not in present:
            raise ConfigError(f"{where}.columns.{name}: no column {column!r} in the file; {nearest(column, present)}")
    for name in source.constants:
        _refuse_misspelling(name, list(known), f"{where}.constants")
    named = {*source.columns, *source.constants, *(set(present) - set(source.columns.values()))}
    missing = [name for name, c in known.items() if c.required and name not in named]
    if missing:
        raise ConfigError(f"{where}.columns: {', '.join(missing)} required and not mapped; name the source column.")
    mapped: dict[str, ir.Value] = {name: raw[column] for name, column in source.columns.items()}
    mapped |= {name: ibis.literal(value) for name, value in source.constants.items()}
    used = set(source.columns.values())
    taken = {*mapped, *_RESERVED}
    attributes = {f"{name}_" if name in taken else name: raw[name] for name in present if name not in used}
    return {**mapped, **attributes}


def _refuse_misspelling(name: str, known: list[str], where: str) -> None:
    """A name that is almost one of the contract's is a typing error; any other new name is an attribute."""
    if name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.8):
        raise ConfigError(f"{where}: unknown name {name!r}; {nearest(name, sorted(known))}")


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
    name = "raw_" + hashlib.sha256(where.encode()).hexdigest()[:8]
    loaded = Loaded(source.source, raw, 0, [fingerprint(path, folder) for path in files], name)
    try:
        raw = con.create_table(name, raw, temp=True)
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(f"{where}: cannot be read as declared: {reason}. Compare `read:` with the file.") from None
    loaded.n_total = int(raw.count().execute())
    if loaded.n_total == 0:
        raise DataError(f"{where}: {files[0].name} holds a header and no rows; export it again.")
    raw = _count_by_file(raw, files, loaded)
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


def _count_by_file(raw: ir.Table, files: list[Path], loaded: Loaded) -> ir.Table:
    """Note the rows of each file, and drop the column that said which file a row came from."""
    counts = raw.group_by(FILE).aggregate(n=_.count()).execute().set_index(FILE)["n"]
    for entry, path in zip(loaded.inputs, files, strict=True):
        entry["rows"] = int(counts.get(str(path), 0))
    return raw.drop(FILE)


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
