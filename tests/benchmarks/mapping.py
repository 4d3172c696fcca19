"""Five tables of journey mapping from logs of `cj sample`, beside hand-written DuckDB SQL and pandas.

    python tests/benchmarks/mapping.py --customers 70000 700000 --engines ours sql pandas
    python tests/benchmarks/mapping.py --customers 7000000 --engines ours --memory 3800MB

Steps, journeys, transitions, variants and the ordered funnel of all four journeys of the sample. Each engine runs in a
process of its own over the same Parquet file; the prints are seconds by table, their sum, the ratio to SQL, and peak
memory. pandas does the first four tables of one journey definition only, so its line is a lower bound. The simulation
of intervals is `--coverage`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from cj_helpers.dataset.config import journey_definition, read_config
from cj_helpers.inference import clustered_share, wilson_interval
from cj_helpers.sample import make_sample

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = datetime(2026, 6, 26)
SQL = Path(__file__).with_suffix(".sql")

EVENTS = """
COPY (
    WITH raw AS (
        SELECT coalesce(i.customer, w.visitor) AS customer_id, ts AS timestamp, page AS touchpoint, 'web' AS channel
        FROM read_parquet($web) w LEFT JOIN read_csv($identities) i ON i.visitor = w.visitor
        UNION ALL SELECT "user", time, screen, 'app' FROM read_parquet($app)
        UNION ALL SELECT Kundennr, strptime(Zeitpunkt, '%d.%m.%Y %H:%M'), Anliegen, 'phone'
        FROM read_csv($calls, delim=';', encoding='latin-1', all_varchar=true)
        UNION ALL SELECT customer, said_at, event, 'chat' FROM read_csv($chat)
        UNION ALL SELECT card, time, subject, 'store' FROM read_csv($store)
        UNION ALL SELECT recipient, sent_at, mail, 'email' FROM read_csv($email)
    )
    SELECT customer_id, timestamp, lower(trim(touchpoint)) AS touchpoint, channel, row_number() OVER () AS row_number
    FROM raw WHERE customer_id IS NOT NULL AND timestamp < DATE '2026-07-01'
) TO '{target}' (FORMAT parquet)
"""


def make_log(customers: int, folder: Path) -> Path:
    """Write the events of a sample as one Parquet file."""
    sample, target = folder / "sample", folder / "events.parquet"
    make_sample(sample, customers=customers, seed=7)
    names = {"web": "web/*.parquet", "app": "app/*.parquet", "calls": "calls.csv", "chat": "chat.csv"}
    names |= {"store": "store.csv.gz", "email": "email/*.csv", "identities": "identities.csv"}
    con = duckdb.connect(config={"temp_directory": str(folder), "memory_limit": "3GB"})
    con.execute("SET preserve_insertion_order = false")
    con.execute(EVENTS.replace("{target}", str(target)), {key: str(sample / name) for key, name in names.items()})
    return target


def definitions() -> dict:
    """Return the journeys of the sample."""
    config = read_config(ROOT / "data" / "sample" / "dataset.yml")
    return {key: journey_definition(key, journey) for key, journey in config.journeys.items()}


@contextmanager
def lap(times: dict[str, float], name: str) -> Iterator[None]:
    """Take the wall time of a block."""
    begin = time.perf_counter()
    yield
    times[name] = time.perf_counter() - begin


def ours(log: Path, memory: str, times: dict[str, float]) -> dict[str, int]:
    """Run this package."""
    import ibis

    from cj_helpers import mapping
    from cj_helpers.journeys import build_journeys, build_steps

    con = ibis.duckdb.connect(temp_directory=str(log.parent), memory_limit=memory)
    con.raw_sql("SET TimeZone='UTC'")
    known, events = definitions(), con.read_parquet(log)
    with lap(times, "steps"):
        steps = build_steps(events, definitions=known, as_of=AS_OF).cache()
    with lap(times, "journeys"):
        journeys = build_journeys(steps, definitions=known, as_of=AS_OF).cache()
    with lap(times, "transitions"):
        moves = mapping.transitions(steps, journeys=journeys)
    with lap(times, "variants"):
        paths = mapping.variants(steps, journeys=journeys)
    with lap(times, "funnel"):
        funnel = mapping.funnel(steps, journeys=journeys, definitions=known, as_of=AS_OF, kinds=["ordered"])
    counts = {"steps": int(steps.count().execute()), "journeys": int(journeys.count().execute())}
    return counts | {"moves": len(moves), "paths": len(paths), "reached": int(funnel["n_reached"].sum())}


def sql(log: Path, memory: str, times: dict[str, float]) -> dict[str, int]:
    """Run the hand-written SQL beside this file."""
    con = duckdb.connect(config={"temp_directory": str(log.parent), "memory_limit": memory})
    con.execute("SET TimeZone='UTC'")
    rules = []
    for d in definitions().values():
        place = {t: (i, name) for i, (name, ts) in enumerate(d.stages.items()) for t in ts}
        for name in d.members:
            wait = None if name in d.waiting_on_company else d.timeouts.get(name, d.timeout).total_seconds()
            number, stage = place.get(name, (None, None))
            flags = (name in d.start, name in d.success, name in d.abandon)
            rules.append((d.key, name, stage, number, wait, *flags, d.timeout.total_seconds()))
    con.execute(
        "CREATE TABLE rules (journey VARCHAR, touchpoint VARCHAR, stage VARCHAR, stage_no INT, patience DOUBLE, "
        "is_start BOOL, succeeds BOOL, abandons BOOL, usual DOUBLE)"
    )
    con.executemany("INSERT INTO rules VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rules)
    results = {}
    for part in SQL.read_text(encoding="utf-8").split("-- table: ")[1:]:
        name, query = part.split("\n", 1)
        with lap(times, name.strip()):
            done = con.execute(query.replace("{log}", str(log)).replace("{as_of}", str(AS_OF)))
            results[name.strip()] = None if "CREATE TABLE" in query else done.df()
    counts = {name: con.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("steps", "journeys")}  # noqa: S608
    reached = int(results["funnel"][["r0", "r1", "r2", "r3", "r4"]].sum().sum())
    return counts | {"moves": len(results["transitions"]), "paths": len(results["variants"]), "reached": reached}


def pandas_one(log: Path, _memory: str, times: dict[str, float]) -> dict[str, int]:
    """Run the four tables of the outage journey in pandas."""
    d = definitions()["outage_recovery"]
    with lap(times, "steps"):
        rows = pd.read_parquet(log)
        rows = rows[rows["touchpoint"].isin(d.members) & (rows["timestamp"] <= AS_OF)]
        rows = rows.sort_values(["customer_id", "timestamp", "row_number"], kind="stable")
        who = rows["customer_id"]
        limit = rows["timestamp"] + d.timeout
        limit = limit.mask(rows["touchpoint"].isin(d.waiting_on_company))
        ends, same = rows["touchpoint"].isin(d.success), who.eq(who.shift())
        late = rows["timestamp"] > limit.shift()
        rows["block"] = (~same | ends.shift(fill_value=False) | late).cumsum()
        opened = rows["touchpoint"].isin(d.start).groupby(rows["block"]).cummax()
        rows = rows[opened]
        by = rows.groupby("block")
        rows = rows.assign(following=by["touchpoint"].shift(-1), wait=by["timestamp"].shift(-1) - rows["timestamp"])
    with lap(times, "journeys"):
        by = rows.groupby("block")
        journeys = by.agg(began=("timestamp", "first"), last=("touchpoint", "last"), n=("touchpoint", "size"))
    with lap(times, "transitions"):
        moves = rows.groupby(["touchpoint", "following"]).agg(
            n=("wait", "size"), cases=("block", "nunique"), wait=("wait", "median")
        )
    with lap(times, "variants"):
        paths = rows.groupby("block")["touchpoint"].agg(">".join).value_counts()
    return {"steps": len(rows), "journeys": len(journeys), "moves": len(moves), "paths": len(paths), "reached": 0}


ENGINES = {"ours": ours, "sql": sql, "pandas": pandas_one}


def coverage(n_samples: int = 2_000, seed: int = 1) -> None:
    """Print how often plain and clustered Wilson intervals hold the truth: three journeys each, correlation .3."""
    rng = np.random.default_rng(seed)
    for share in (0.1, 0.3, 0.5, 0.8):
        spread = share * (1 - share) * 0.3
        a = share * (share * (1 - share) / spread - 1)
        hits = {"plain": 0, "clustered": 0}
        for _sample in range(n_samples):
            own = rng.beta(a, a * (1 - share) / share, 200)
            frame = pd.DataFrame({"c": np.repeat(np.arange(200), 3), "x": rng.random(600) < np.repeat(own, 3)})
            row = clustered_share(frame, success_col="x", cluster_col="c").iloc[0]
            low, high = wilson_interval(frame["x"].sum(), 600)
            hits["clustered"] += row["conf_low"] <= share <= row["conf_high"]
            hits["plain"] += low <= share <= high
        print(f"share {share}: " + ", ".join(f"{name} {hit / n_samples:.3f}" for name, hit in hits.items()))


def main() -> None:
    """Print one line per size and engine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[70_000, 700_000])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--memory", default="2000MB", help="DuckDB's limit")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.coverage:
        coverage()
        return
    if arguments.alone:
        engine, log = arguments.alone
        times: dict[str, float] = {}
        counts = ENGINES[engine](Path(log), arguments.memory, times)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"times": times, "counts": counts, "peak_mb": peak}))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, DuckDB limited to {arguments.memory}")
    for customers in arguments.customers:
        with tempfile.TemporaryDirectory() as place:
            log = make_log(customers, Path(place))
            n = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(log)]).fetchone()[0]
            print(f"{n:,} events")
            compare(log, arguments.engines, arguments.memory)


def compare(log: Path, engines: list[str], memory: str) -> None:
    """Run the engines one after the other; ours and SQL must count the same."""
    found = {}
    for engine in engines:
        command = [sys.executable, __file__, "--memory", memory, "--alone", engine, str(log)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=3 * 3600)
        found[engine] = json.loads(done.stdout.splitlines()[-1])
    base = sum(found["sql"]["times"].values()) if "sql" in found else float("nan")
    for engine, result in found.items():
        total = sum(result["times"].values())
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result["times"].items())
        span = timedelta(seconds=round(total))
        print(f"  {engine:7} {total:7.1f} s ({span}), ratio {total / base:.2f}, {result['peak_mb']:,.0f} MB: {parts}")
    if {"ours", "sql"} <= set(found) and found["ours"]["counts"] != found["sql"]["counts"]:
        raise SystemExit(f"the counts differ: {found['ours']['counts']} and {found['sql']['counts']}")


if __name__ == "__main__":
    main()
