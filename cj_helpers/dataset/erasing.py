"""Where a customer stands in the sources: what somebody must delete there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.dataset.config import dataset_file, read_config
from cj_helpers.dataset.engine import Engine, connect, start_duckdb
from cj_helpers.dataset.files import allowed_folders, find_files
from cj_helpers.dataset.pseudonyms import find_key, pseudonym
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.schema_tables import Source
from cj_helpers.dataset.sources import load_source, scan_raw

_TABLES = ("events", "surveys", "customers", "identities")
COLUMNS = ["table", "source", "column", "n_rows"]


@dataclass(frozen=True)
class Footprint:
    """What a data set holds of one customer.

    Attributes
    ----------
    ids : tuple of str
        The id that was asked for and every alias or id that belongs to the same customer.
    rows : DataFrame, one row per file (or table of the engine) that holds some
        table, source, column (where the ids stand; of identities two), n_rows.
    pseudonyms : tuple of str
        Names under which reports know these ids; empty without a key.
    """

    ids: tuple[str, ...]
    rows: pd.DataFrame
    pseudonyms: tuple[str, ...]


def find_customer(path: str | Path, customer: str) -> Footprint:
    """Find all rows of a customer in the sources, aliases included; nothing is changed.

    Raises
    ------
    ConfigError, DataError
        When dataset.yml is wrong or a file cannot be read.
    """
    file = dataset_file(path)
    config, folder = read_config(file), file.parent.resolve()
    local = start_duckdb(allowed_folders(folder, config.allow))
    engine = local if config.engine == "duckdb" else Engine(connect(config.engine), local.private, numbers_rows=False)
    if config.raw:
        scan_raw(local, folder, config, "raw")
    parts = [part for kind in _TABLES for part in _parts(engine, folder, config, kind)]
    ids = _same_customer(customer, [table for kind, _name, _source, table in parts if kind == "identities"])
    rows = [row for part in parts for row in _count(*part, ids)]
    key = find_key(config.privacy, folder)
    known = tuple(pseudonym(one, key) for one in ids) if key else ()
    return Footprint(ids, pd.DataFrame(rows, columns=COLUMNS), known)


def _parts(engine: Engine, folder: Path, config: DatasetConfig, kind: str) -> list[tuple[str, str, Source, ir.Table]]:
    """Return the rows of each file, table or query of one kind, under the ids they came with."""
    found = []
    for index, declared in enumerate(getattr(config.tables, kind)):
        where = f"tables.{kind}[{index}] ({declared.name})"
        names = [declared.source]
        if declared.source and "://" not in declared.source:
            names = [shown for _path, shown in find_files(folder, declared.source, config.allow, engine.private, where)]
        for name in names:
            update = {"source": name, "sha256": {}, "rows": {}, "duplicates": "keep"}
            source = declared.model_copy(update=update if name else {"duplicates": "keep"})
            table = load_source(engine, folder, config, source, kind=kind, where=where).table
            found.append((kind, source.name, source, table))
    return found


def _same_customer(customer: str, identities: list[ir.Table]) -> tuple[str, ...]:
    """Follow identities from one id to all that belong to the same customer."""
    ids, size = {customer}, 0
    while len(ids) > size:
        size = len(ids)
        for table in identities:
            pairs = table.filter(table["alias"].isin(sorted(ids)) | table["customer_id"].isin(sorted(ids)))
            found = pairs.select("alias", "customer_id").distinct().execute()
            ids |= {str(value) for value in found.to_numpy().ravel() if not pd.isna(value)}
    return (customer, *sorted(ids - {customer}))


def _count(kind: str, name: str, source: Source, table: ir.Table, ids: tuple[str, ...]) -> list[tuple[object, ...]]:
    wanted = ("alias", "customer_id") if kind == "identities" else ("customer_id",)
    names = [column for column in wanted if column in table.columns]
    if not names:
        return []
    held = [table[column].isin(list(ids)) for column in names]
    n = int(table.filter(held[0] | held[-1]).count().execute())
    return [(kind, name, ", ".join(source.columns.get(column, column) for column in names), n)] if n else []
