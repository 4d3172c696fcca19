"""Seconds and peak memory of opening, checking and unifying a log, beside hand-written SQL and pandas.

    python tests/benchmarks/reading.py --events 10000000 --kinds csv parquet

Each measurement runs in a process of its own on the same file, made by DuckDB in a temporary folder, which is removed.
The peers only read and type the columns and drop equal rows: no checks, no verdict, no unifying.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

ROWS = """
SELECT 'c' || lpad((hash(i // 8) % $customers)::VARCHAR, 9, '0') AS who,
       make_timestamp(1704067200000000 + (hash(i * 7 + 1) % 7603200)::BIGINT * 1000000) AS "at",
       ['home', 'search', 'tariff', 'order', 'help', 'login', 'bill', 'call', 'chat', 'store', 'mail', 'quote']
         [1 + (hash(i * 13 + 5) % 12)::INT] AS what,
       ['web', 'app', 'phone', 'store', 'email'][1 + (hash(i * 17 + 3) % 5)::INT] AS channel,
       ['mobile', 'desktop', 'tablet'][1 + (hash(i * 19 + 3) % 3)::INT] AS device,
       round((hash(i * 23 + 3) % 1000) / 100.0, 2) AS cost
FROM (SELECT CASE WHEN range % 500 = 0 THEN range + 1 ELSE range END AS i FROM range($events))
"""
YML = """\
version: 1
name: Benchmark
time_zone: Europe/Berlin
tables:
  events:
    - source: events.{kind}
      columns: {{customer_id: who, timestamp: at, touchpoint: what, channel: channel, cost: cost}}
"""


def make(folder: Path, events: int, kind: str) -> None:
    """Write a log of eight events a customer, one in 500 of them twice."""
    con = duckdb.connect()
    target = str(folder / f"events.{kind}")
    con.execute(f"COPY ({ROWS}) TO '{target}'", {"events": events, "customers": max(events // 8, 1)})
    (folder / "dataset.yml").write_text(YML.format(kind=kind), encoding="utf-8")


def ours(folder: Path, _kind: str) -> int:
    from cj_helpers.dataset import open_dataset

    return int(open_dataset(folder).events.count().execute())


def sql(folder: Path, kind: str) -> int:
    con = duckdb.connect()
    con.execute("SET threads = 2")
    read = {"csv": "read_csv($1)", "parquet": "read_parquet($1)"}[kind]
    con.execute(f"CREATE TEMP TABLE t AS SELECT DISTINCT * FROM {read}", [str(folder / f"events.{kind}")])  # noqa: S608
    return int(con.execute("SELECT count(*) FROM t").fetchone()[0])  # type: ignore[index]


def pandas(folder: Path, kind: str) -> int:
    import pandas as pd

    path = folder / f"events.{kind}"
    frame = pd.read_csv(path, parse_dates=["at"]) if kind == "csv" else pd.read_parquet(path)
    return len(frame.drop_duplicates())


TOOLS = {"ours": ours, "sql": sql, "pandas": pandas}


def measure(tool: str, folder: Path, kind: str) -> None:
    """Run one tool and print its figures as JSON."""
    begin, begin_cpu = time.perf_counter(), time.process_time()
    n = TOOLS[tool](folder, kind)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"events": n, "seconds": seconds, "cpu": cpu, "peak_mb": peak}))


def main() -> None:
    """Print one line per kind of file and tool."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--kinds", nargs="+", default=["csv", "parquet"], choices=["csv", "parquet"])
    parser.add_argument("--tools", nargs="+", default=list(TOOLS), choices=list(TOOLS))
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        tool, folder, kind = arguments.alone
        measure(tool, Path(folder), kind)
        return
    print(f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.1f}")
    for kind in arguments.kinds:
        with tempfile.TemporaryDirectory() as place:
            make(Path(place), arguments.events, kind)
            for tool in arguments.tools:
                command = [sys.executable, __file__, "--alone", tool, place, kind]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                found = json.loads(done.stdout)
                print(
                    f"{kind:8} {tool:7} {found['events']:>12,} events {found['seconds']:6.1f} s "
                    f"{found['cpu']:6.1f} s CPU {found['peak_mb']:7,.0f} MB"
                )


if __name__ == "__main__":
    main()
