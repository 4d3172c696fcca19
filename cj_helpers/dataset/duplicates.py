"""Rows equal to an earlier one of their source in every column: counted, and left out unless they are declared real."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.dataset.engine import ROW, Engine
from cj_helpers.dataset.problems import Loaded, verb
from cj_helpers.dataset.sources import HASH, ORIGIN

# Rows whose digests are grouped at once; more than this many are taken in turns, to bound the memory. Each turn reads
# all digests, so there are few: what does not fit spills to disk.
_AT_ONCE, _MOST_TURNS = 6_000_000, 4


def drop_duplicates(engine: Engine, table: ir.Table, parts: list[Loaded], kind: str) -> ir.Table:
    """Leave out rows equal to an earlier one of their source in every column.

    Rows are compared by the digest of what was written, then by every typed value.
    """
    total = sum(loaded.n_total for loaded in parts)
    if not engine.numbers_rows or all(loaded.source.duplicates == "keep" for loaded in parts):
        return table
    turns = min(-(-total // _AT_ONCE), _MOST_TURNS)
    twice = []
    for turn in range(turns):
        part = table.filter(table[HASH] % turns == turn) if turns > 1 else table.filter(table[HASH].notnull())
        groups = part.group_by(HASH, ORIGIN).aggregate(n=_.count())
        twice += groups.filter(_.n > 1).execute()[HASH].tolist()
    if not twice:
        return table
    digests = engine.keep(f"{kind}_twice", ibis.memtable(pd.DataFrame({HASH: pd.Series(twice, dtype="uint64")})))
    same = table.semi_join(digests, HASH)
    order = ibis.window(group_by=[same[name] for name in same.columns if name != ROW], order_by=same[ROW])
    marked = same.mutate(nth=ibis.row_number().over(order)).filter(_.nth > 0)
    later = engine.keep(f"{kind}_later", marked.select(ROW, ORIGIN))
    counts = later.group_by(ORIGIN).aggregate(n=_.count()).execute().set_index(ORIGIN)["n"]
    for i, n in counts.items():
        note_duplicates(parts[int(i)], int(n))
    return table.anti_join(later, ROW) if len(counts) else table


def note_duplicates(loaded: Loaded, n: int) -> None:
    text = (
        f"{n:,} of {loaded.n_total:,} rows {verb(n, 'is', 'are')} equal to an earlier row in every "
        f"column; {verb(n, 'it was', 'they were')} dropped. Say `duplicates: keep` if each is a real event."
    )
    loaded.found("duplicate_rows", "dropped", n, text)
