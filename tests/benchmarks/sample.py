"""Events per second and peak memory of the sample generator.

    python tests/benchmarks/sample.py --customers 100000 1000000

Each size runs in a process of its own and writes to a temporary folder, which is removed.
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

from cj_helpers.sample import make_sample

EVENTS = """
SELECT (SELECT count(*) FROM read_parquet($web)) + (SELECT count(*) FROM read_parquet($app))
     + (SELECT count(*) FROM read_csv($calls, delim=';', encoding='latin-1', all_varchar=true))
     + (SELECT count(*) FROM read_csv($chat)) + (SELECT count(*) FROM read_csv($store))
     + (SELECT count(*) FROM read_csv($email))
"""


def count_events(folder: Path) -> int:
    """Count the rows of all feeds of events."""
    names = {"web": "web/*.parquet", "app": "app/*.parquet", "calls": "calls.csv", "chat": "chat.csv"}
    names |= {"store": "store.csv.gz", "email": "email/*.csv"}
    paths = {key: str(folder / name) for key, name in names.items()}
    return int(duckdb.execute(EVENTS, paths).fetchone()[0])  # type: ignore[index]


def measure(customers: int, seed: int) -> None:
    """Write one sample and print its figures as JSON."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "sample"
        begin, begin_cpu = time.perf_counter(), time.process_time()
        make_sample(folder, customers=customers, seed=seed)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        figures = {"seconds": seconds, "cpu": cpu, "peak_mb": peak, "events": count_events(folder), "bytes": size}
        print(json.dumps(figures))


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        measure(arguments.customers[0], arguments.seed)
        return
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    print(f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.platform()}, Python {platform.python_version()}")
    for customers in arguments.customers:
        command = [sys.executable, __file__, "--alone", "--customers", str(customers), "--seed", str(arguments.seed)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(out)
        print(
            f"{customers:>10,} customers: {found['events']:>12,} events in {found['seconds']:6.1f} s = "
            f"{found['events'] / found['seconds']:>9,.0f} events/s "
            f"({found['cpu']:.1f} s of CPU), peak {found['peak_mb']:,.0f} MB, "
            f"{found['bytes'] / 1e6:,.1f} MB written"
        )


if __name__ == "__main__":
    main()
