"""One declared source -> one table with the contract's names and types.

Text is read as text and converted here, so that nothing is guessed: every value that does not convert is
counted and reported with its column and first row.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import TABLES, Column, ConfigError, DataError
from cj_helpers.dataset.columns import map_columns
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.convert import convert, recode
from cj_helpers.dataset.engine_errors import unreadable_file
from cj_helpers.dataset.files import FILE, RAW_ROW, ROW, find_files, fingerprint, read_raw
from cj_helpers.dataset.problems import Loaded, Problem, verb
from cj_helpers.dataset.schema_tables import Source
from cj_helpers.dataset.unreadable import Conversion, count_unreadable


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
    loaded = Loaded(source.source, raw, 0, [fingerprint(path, folder) for path in files], name, where)
    try:
        raw = con.create_table(name, raw, temp=True)
    except duckdb.Error as error:
        raise unreadable_file(error, files, source.read, where) from None
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
    checked = [
        Conversion(name, _found_as(name, source), TABLES[kind][name].kind, mapped[name], typed[name])
        for name in mapped
        if name in TABLES[kind] and TABLES[kind][name].kind != "text"
    ]
    count_unreadable(raw, raw[RAW_ROW], checked, loaded, kind=kind, read=source.read)
    loaded.table = raw.select(**typed, **{ROW: raw[RAW_ROW]})
    return loaded


def _found_as(name: str, source: Source) -> str:
    """Say where a reader finds the values of a column."""
    return f"constant {name!r}" if name in source.constants else f"column {source.columns.get(name, name)!r}"


def _count_by_file(raw: ir.Table, files: list[Path], loaded: Loaded) -> ir.Table:
    """Note the rows of each file, and drop the column that said which file a row came from."""
    counts = raw.group_by(FILE).aggregate(n=_.count()).execute().set_index(FILE)["n"]
    if not set(counts.index) <= {str(path) for path in files}:
        raise DataError(f"{loaded.name}: rows came from other files than those declared; rename the files.")
    for entry, path in zip(loaded.inputs, files, strict=True):
        entry["rows"] = int(counts.get(str(path), 0))
    return raw.drop(FILE)


def _drop_duplicates(raw: ir.Table, loaded: Loaded, kind: str) -> ir.Table:
    columns = [name for name in raw.columns if name != RAW_ROW]
    unique = raw.group_by(columns).aggregate(**{RAW_ROW: _[RAW_ROW].min()})
    n_left = int(unique.count().execute())
    n_double = loaded.n_total - n_left
    if n_double == 0:
        return raw
    text = (
        f"{n_double:,} of {loaded.n_total:,} rows {verb(n_double, 'is', 'are')} equal to an earlier row in every "
        f"column; {verb(n_double, 'it was', 'they were')} dropped. Say `duplicates: keep` if each is a real event."
    )
    loaded.problems.append(Problem(kind, loaded.name, "duplicate_rows", "dropped", n_double, loaded.n_total, text))
    return unique
