"""Five tables of journey mapping from logs of `cj sample`, beside hand-written SQL, Polars and pandas.

    python tests/benchmarks/mapping.py                                  # 1, 10 and 100 million events
    python tests/benchmarks/mapping.py --events 1000000 --folder /tmp/logs  # keeps the log for the next time

Steps, journeys, transitions, variants and the ordered funnel of all four journeys of the sample. Each engine runs in a
process of its own over the same Parquet file; printed are seconds by table, their sum, the ratio to SQL, peak memory,
and how much longer than at the size before. Every engine must give the same rows with the same numbers, or the run
fails; one that needs more memory than DuckDB is given is said to fail. Polars and pandas go up to 10 million; Polars is
no dependency of the project (`uv pip install polars`).
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
from pathlib import Path
from typing import Any

import duckdb
from mapping_frames import with_pandas, with_polars
from mapping_peers import ours, sql

from cj_helpers.sample import make_sample

EVENTS_A_CUSTOMER = 14.3
ENGINES = {"ours": ours, "sql": sql, "polars": with_polars, "pandas": with_pandas}
IN_MEMORY = ("polars", "pandas")

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


def make_log(events: int, folder: Path) -> Path:
    """Write the events of a sample as one Parquet file, unless it is there."""
    target = folder / f"events_{events}.parquet"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=folder) as place:
        sample = Path(place)
        make_sample(sample / "sample", customers=round(events / EVENTS_A_CUSTOMER), seed=7)
        names = {"web": "web/*.parquet", "app": "app/*.parquet", "calls": "calls.csv", "chat": "chat.csv"}
        names |= {"store": "store.csv.gz", "email": "email/*.csv", "identities": "identities.csv"}
        con = duckdb.connect(config={"temp_directory": place, "memory_limit": "3GB"})
        con.execute("SET preserve_insertion_order = false")
        con.execute("SET enable_progress_bar = false")
        files = {key: str(sample / "sample" / name) for key, name in names.items()}
        con.execute(EVENTS.replace("{target}", f"{target}.part"), files)
    Path(f"{target}.part").rename(target)
    return target


def alone(engine: str, log: Path, memory: str) -> dict[str, Any]:
    """Run one engine in this process; the fingerprints are neither timed nor part of the memory."""
    times: dict[str, float] = {}
    before, begin = os.times(), time.perf_counter()
    try:
        done = ENGINES[engine](log, memory, times)
    except duckdb.OutOfMemoryException as error:
        return {"failed": f"after {time.perf_counter() - begin:.0f} s: {str(error).splitlines()[0]}"}
    after = os.times()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = after.user + after.system - before.user - before.system
    return {"times": times, "cpu": cpu, "peak_mb": peak, "prints": done()}


def run(engine: str, log: Path, memory: str) -> dict[str, Any]:
    """Run one engine in a process of its own."""
    command = [sys.executable, __file__, "--memory", memory, "--alone", engine, str(log)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=3 * 3600)
    return json.loads(done.stdout.splitlines()[-1])


def compare(log: Path, engines: list[str], memory: str, before: dict[str, float]) -> None:
    """Print one line per engine, and fail when the tables differ; `before` has the times of the size before."""
    found: dict[str, dict[str, Any]] = {}
    for engine in engines:
        result = run(engine, log, memory)
        if "failed" in result:
            print(f"  {engine:7} failed {result['failed']}", flush=True)
            continue
        found[engine] = result
        total = sum(result["times"].values())
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result["times"].items())
        growth = f", {total / before[engine]:.1f} times the size before" if engine in before else ""
        before[engine] = total
        print(
            f"  {engine:7} {total:7.1f} s ({result['cpu']:.0f} s CPU), {result['peak_mb']:,.0f} MB{growth}: {parts}, "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    if not found:
        return
    if "sql" in found:
        sums = {engine: sum(result["times"].values()) for engine, result in found.items()}
        print("  ratio to SQL: " + ", ".join(f"{engine} {each / sums['sql']:.2f}" for engine, each in sums.items()))
    first, *_ = found
    for engine, result in found.items():
        wrong = [name for name, value in found[first]["prints"].items() if result["prints"][name] != value]
        if wrong:
            rows = {name: result["prints"][name][0] for name in result["prints"]}
            raise SystemExit(f"{engine} and {first} differ in {', '.join(wrong)}; rows of {engine}: {rows}")
    rows = {name: f"{value[0]:,}" for name, value in found[first]["prints"].items()}
    print(f"  the same tables from {', '.join(found)}: rows {rows}", flush=True)


def main() -> None:
    """Print one line per size and engine."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument(
        "--memory", help="DuckDB's limit, for the package and SQL; default: 2000MB, 3800MB at 100 million"
    )
    parser.add_argument("--folder", help="where logs are made and stay; default: a temporary one")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(alone(arguments.alone[0], Path(arguments.alone[1]), arguments.memory)))
        return
    print(f"{os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}")
    before: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(arguments.folder or place)
        for events in arguments.events:
            log = make_log(events, folder)
            n = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(log)]).fetchone()[0]
            engines = [name for name in arguments.engines if events <= 10_000_000 or name not in IN_MEMORY]
            memory = arguments.memory or ("2000MB" if events <= 10_000_000 else "3800MB")
            print(f"{n:,} events, DuckDB limited to {memory}", flush=True)
            compare(log, engines, memory, before)


if __name__ == "__main__":
    main()
