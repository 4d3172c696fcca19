"""What `mapping.py` times: the five tables by this package, by hand-written SQL, by Polars and by pandas.

Every engine takes the log and returns the seconds of each table and a fingerprint of it, so that all can be held
against each other: the same rows with the same numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset.config import journey_definition, read_config

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = datetime(2026, 6, 26)
SQL = Path(__file__).with_suffix("").with_name("mapping.sql")
Times = dict[str, float]
Prints = dict[str, list[int]]

# One number per table: the sum of hashes of its rows, with waits in quarters of a second and times in seconds.
FINGERPRINTS = {
    "steps": "journey, journey_id, customer_id, position::BIGINT, timestamp::TIMESTAMP, touchpoint::VARCHAR, "
    "channel::VARCHAR, stage::VARCHAR, next_touchpoint::VARCHAR, next_channel::VARCHAR, round(wait * 3600)::BIGINT, "
    "is_repeat, is_handoff, is_left_truncated",
    "journeys": "journey, journey_id, customer_id, started_at::TIMESTAMP, last_event_at::TIMESTAMP, "
    "ended_at::TIMESTAMP, outcome, n_steps::BIGINT, n_repeats::BIGINT, n_handoffs::BIGINT, n_channels::BIGINT, "
    "furthest_stage::VARCHAR, round(duration * 86400)::BIGINT, is_left_truncated, is_overdue",
    "transitions": "journey, source::VARCHAR, target::VARCHAR, n_transitions::BIGINT, n_journeys::BIGINT, "
    "n_customers::BIGINT, round(wait_p25_hours * 14400)::BIGINT, round(wait_median_hours * 14400)::BIGINT, "
    "round(wait_p75_hours * 14400)::BIGINT",
    "variants": "journey, path, n_journeys::BIGINT, round(completed_share * n_journeys)::BIGINT, n_customers::BIGINT, "
    "round(median_days * 172800)::BIGINT",
    "funnel": "journey, stage, n_reached::BIGINT, n_previous::BIGINT, n_matured::BIGINT, "
    "round(coalesce(matured_share, 0) * n_matured)::BIGINT, n_customers::BIGINT",
}


def definitions() -> dict[str, JourneyDefinition]:
    """Return the journeys of the sample."""
    config = read_config(ROOT / "data" / "sample" / "dataset.yml")
    return {key: journey_definition(key, journey) for key, journey in config.journeys.items()}


@contextmanager
def lap(times: Times, name: str) -> Iterator[None]:
    """Take the wall time of a block."""
    begin = time.perf_counter()
    yield
    times[name] = time.perf_counter() - begin


def fingerprints(con: Any, tables: Mapping[str, Any]) -> Prints:
    """Return number of rows and sum of hashes of each table; a table is a name in the connection or a frame."""
    found = {}
    for name, table in tables.items():
        if not isinstance(table, str):
            con.register(f"frame_{name}", table)
            table = f"frame_{name}"
        query = f"SELECT count(*), sum(hash({FINGERPRINTS[name]})::HUGEINT) FROM {table}"  # noqa: S608
        found[name] = [int(value) for value in con.execute(query).fetchone()]
    return found


def ours(log: Path, memory: str, times: Times) -> Callable[[], Prints]:
    """Run this package."""
    import ibis

    from cj_helpers import mapping
    from cj_helpers.journeys import keep_journeys, keep_steps

    con = ibis.duckdb.connect(temp_directory=str(log.parent / "spill"), memory_limit=memory)
    con.raw_sql("SET TimeZone='UTC'")
    known, events = definitions(), con.read_parquet(log)
    with lap(times, "steps"):
        steps = keep_steps(events, definitions=known, as_of=AS_OF)
    with lap(times, "journeys"):
        journeys = keep_journeys(steps, definitions=known, as_of=AS_OF)
    tables: dict[str, Any] = {"steps": _name(steps), "journeys": _name(journeys)}
    with lap(times, "transitions"):
        tables["transitions"] = mapping.transitions(steps, journeys=journeys)
    with lap(times, "variants"):
        tables["variants"] = mapping.variants(steps, journeys=journeys)
    with lap(times, "funnel"):
        options = {"definitions": known, "as_of": AS_OF, "kinds": ["ordered"]}
        tables["funnel"] = mapping.funnel(steps, journeys=journeys, **options)
    kept = (steps, journeys)  # Ibis drops what it cached when nobody holds it any more
    return lambda: fingerprints(con.con, tables) if kept else {}


def _name(table: Any) -> str:
    """Return where a kept table is."""
    space = table.op().namespace
    return ".".join(filter(None, (space.catalog, space.database, table.op().name)))


def rules() -> pd.DataFrame:
    """Return the definitions as one row per journey and touchpoint; lengths in seconds, missing for never."""
    rows = []
    for d in definitions().values():
        place = {t: (i, name) for i, (name, ts) in enumerate(d.stages.items()) for t in ts}
        for name in d.members:
            waiting = name in d.waiting_on_company
            number, stage = place.get(name, (None, None))
            row = {"journey": d.key, "touchpoint": name, "stage": stage, "stage_no": number}
            row["patience"] = None if waiting else d.timeouts.get(name, d.timeout).total_seconds()
            row |= {"is_start": name in d.start, "succeeds": name in d.success, "abandons": name in d.abandon}
            row |= {"usual": d.timeout.total_seconds(), "horizon": d.within.total_seconds()}
            rows.append(row | {"promise": d.promise.total_seconds() if waiting and d.promise else None})
    return pd.DataFrame(rows).astype({"patience": float, "promise": float, "stage_no": "Int64"})


def sql(log: Path, memory: str, times: Times) -> Callable[[], Prints]:
    """Run the hand-written SQL beside this file."""
    con = duckdb.connect(config={"temp_directory": str(log.parent / "spill"), "memory_limit": memory})
    con.execute("SET TimeZone='UTC'")
    con.execute("SET preserve_insertion_order = false")  # less memory; the order of the rows does not matter here
    con.register("rules_frame", rules())
    con.execute("CREATE TABLE rules AS SELECT * FROM rules_frame")
    tables: dict[str, Any] = {}
    for part in SQL.with_suffix(".sql").read_text(encoding="utf-8").split("-- table: ")[1:]:
        name, query = part.split("\n", 1)
        with lap(times, name):
            done = con.execute(query.replace("{log}", str(log)).replace("{as_of}", str(AS_OF)))
            tables[name] = name if "CREATE TABLE" in query else done.df()
    return lambda: fingerprints(con, tables)


def ordered(frame: pd.DataFrame, definition: JourneyDefinition) -> pd.DataFrame:
    """Count the ordered funnel from one row per journey: customer_id, ripe, and path, one digit per stage."""
    rows, before = [], pd.Series(1, index=frame.index)
    for number, stage in enumerate(definition.stages):
        wanted = ".*".join(str(i) for i in range(number + 1))
        reached = frame["path"].str.contains(wanted, regex=True).astype(int)
        old = int((before * frame["ripe"]).sum())
        row = {"journey": definition.key, "stage": stage, "n_reached": reached.sum(), "n_previous": before.sum()}
        row |= {"n_matured": old, "matured_share": (reached * frame["ripe"]).sum() / old if old else float("nan")}
        rows.append(row | {"n_customers": frame.loc[before == 1, "customer_id"].nunique()})
        before = reached
    return pd.DataFrame(rows)
