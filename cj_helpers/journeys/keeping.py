"""Steps and journeys computed once and kept; those of a large log part by part, and compressed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime

import ibis
from ibis.expr import types as ir

from cj_helpers.journeys.outcomes import build_journeys
from cj_helpers.journeys.steps import Definitions, build_steps

#: Events of a part. The windows over so many, and what is kept of the parts before, fit into the memory that DuckDB
#: gets for a large log, so that hardly anything spills to disk. Each part reads the log once more.
PART_EVENTS = 20_000_000
_ATTACH = "ATTACH IF NOT EXISTS ':memory:' AS cj_kept (COMPRESS)"
_COMPRESS = "FORCE CHECKPOINT cj_kept"
_PLACE = ("cj_kept", "main")


@ibis.udf.scalar.builtin(name="hash", signature=(("string",), "uint64"))
def _hash(value):  # type: ignore[no-untyped-def]
    """Give the engine's own hash of a text."""


def keep_steps(
    events: ir.Table, *, definitions: Definitions, as_of: datetime, keep: Iterable[str] = (), most: int = PART_EVENTS
) -> ir.Table:
    """Build the steps and keep them, so that no later query does it again.

    Parameters
    ----------
    events, definitions, as_of, keep
        As in `build_steps`.
    most : int
        A log with more events is done in parts of its customers, one after the other, and kept compressed. Engines
        other than DuckDB share the work out by themselves.

    Returns
    -------
    ibis table
        As `build_steps` returns it, in a temporary table.
    """
    keep = list(keep)
    n_parts = _n_parts(events, most)
    if n_parts == 1:
        return build_steps(events, definitions=definitions, as_of=as_of, keep=keep).cache()
    # a journey lies in one part: that of its name in the source, else that of its customer
    owner = events.customer_id
    if "journey_id" in events.columns:
        owner = events.journey_id.fill_null(owner)
    log_start = events.timestamp.min().as_scalar()

    # most of a log may belong to no journey; a definition without members takes every touchpoint
    named = [set(d.members) for d in definitions.values()]
    members = events.filter(events.touchpoint.isin(sorted(set().union(*named)))) if all(named) else events

    def parts() -> Iterator[ir.Table]:
        for number in range(n_parts):
            part = members.filter(_hash(owner) % n_parts == number).cache()
            yield build_steps(part, definitions=definitions, as_of=as_of, keep=keep, log_start=log_start)
            part.release()

    return _kept(events, parts(), "cj_steps")


def keep_journeys(steps: ir.Table, *, definitions: Definitions, as_of: datetime, most: int = PART_EVENTS) -> ir.Table:
    """Build the journeys and keep them; of many steps one definition after the other.

    Parameters
    ----------
    steps : ibis table
        What `keep_steps` returns for the same definitions and as_of.
    most : int
        As in `keep_steps`.

    Returns
    -------
    ibis table
        As `build_journeys` returns it, in a temporary table.
    """
    if _n_parts(steps, most) == 1:
        return build_journeys(steps, definitions=definitions, as_of=as_of).cache()
    parts = (build_journeys(steps, definitions={key: d}, as_of=as_of) for key, d in definitions.items())
    return _kept(steps, parts, "cj_journeys")


def _n_parts(table: ir.Table, most: int) -> int:
    if table.get_backend().name != "duckdb":
        return 1
    return max(math.ceil(int(table.count().execute()) / most), 1)


def _kept(source: ir.Table, parts: Iterable[ir.Table], name: str) -> ir.Table:
    """Compute the parts one after the other into a table of the engine's memory, compressed after each."""
    con, name = source.get_backend(), ibis.util.gen_name(name)
    con.raw_sql(_ATTACH)
    for number, part in enumerate(parts):
        if number == 0:
            con.create_table(name, part, database=_PLACE)
        else:
            con.insert(name, part, database=_PLACE)
        con.raw_sql(_COMPRESS)
    return con.table(name, database=_PLACE)
