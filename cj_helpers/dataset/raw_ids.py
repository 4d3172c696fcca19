"""Fingerprints of the raw customer ids: enough to find one in a report, without taking any out of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from cj_helpers.dataset.model import Dataset

Hashes = npt.NDArray[np.uint64]


def raw_id_hashes(data: Dataset) -> Hashes:
    """Return the sorted 64-bit hashes of all distinct customer ids of a data set, aliases too, computed in the process.

    DuckDB does not let an id out. Every other engine has a hash of its own, so that its distinct ids come here to get
    that of DuckDB, with which `find_raw_ids` compares.
    """
    given = (data.events, data.surveys, data.customers, data.aliases)
    tables = [table for table in given if table is not None]
    ids = [table.select(id=table["customer_id"].cast("string")) for table in tables if "customer_id" in table.columns]
    found = [_hashed(one.distinct()) for one in ids]
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint64)


def find_raw_ids(texts: Iterable[str], hashes: Hashes) -> set[str]:
    """Return those of some texts that are customer ids.

    Two different texts share a hash of 64 bits with a chance of about n / 10^19 for n customers.
    """
    words = sorted(set(texts))
    if not words or not len(hashes):
        return set()
    known = np.isin(_hashed_here(pd.DataFrame({"position": range(len(words)), "id": words})), hashes)
    return {word for word, is_id in zip(words, known, strict=True) if is_id}


def _hashed(ids: Any) -> Hashes:
    ids = ids.filter(ids["id"].notnull())
    if ids.get_backend().name != "duckdb":
        return _hashed_here(ids.execute().assign(position=0))
    return _unsigned(ids.select(hash=ids["id"].hash()).execute()["hash"])


def _hashed_here(words: pd.DataFrame) -> Hashes:
    """Return the hashes of texts (column ``id``) in the order of ``position``."""
    connection = ibis.duckdb.connect()
    try:
        table = connection.create_table("words", words)
        return _unsigned(table.order_by("position").select(hash=table["id"].hash()).execute()["hash"])
    finally:
        connection.disconnect()


def _unsigned(column: pd.Series[Any]) -> Hashes:
    return (
        column.to_numpy().astype(np.int64, copy=False).view(np.uint64)
        if column.dtype.kind == "i"
        else (column.to_numpy().astype(np.uint64, copy=False))
    )
