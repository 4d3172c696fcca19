"""Measure churn: features of a million customers with 50 million events, and a model on 200,000 customers.

    python tests/benchmarks/churn.py features     target: 180 s, 6 GB
    python tests/benchmarks/churn.py model        target: 120 s; calibration slope of the last landmark .9 to 1.1
    python tests/benchmarks/churn.py truths       20 sample seeds: planted odds covered, leak caught, newsletter null

The first multiplies the events of data/sample; the second makes a sample of 200,000 customers (3 million events) and
counts neither its making nor its reading. The third takes SEEDS and CUSTOMERS as further arguments; a truth should be
covered at least 16 times in 20, a null be flagged at most 4 times, a leak be caught each time.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import ibis

from cj_helpers import churn
from cj_helpers.dataset import Dataset, open_dataset
from cj_helpers.sample import make_sample

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from churn_truths import PLANTED, monthly_landmarks, monthly_odds  # noqa: E402

CUSTOMERS, EVENTS = 1_000_000, 50_000_000


def measured(what: str, begun: tuple[float, float]) -> None:
    """Print wall time, CPU time and peak memory since `begun`."""
    wall, cpu = time.perf_counter() - begun[0], time.process_time() - begun[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what}: {wall:.0f} s wall, {cpu:.0f} s CPU, peak {peak:.1f} GB, load {os.getloadavg()[0]:.1f}", flush=True)


def begin() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def large(sample: Dataset, folder: str) -> Dataset:
    """The sample's tables with its customers copied, and their events until there are 50 million."""
    con = ibis.duckdb.connect(f"{folder}/large.db", memory_limit="4GB", temp_directory=folder, threads=2)
    n_customers = int(sample.customers.count().execute())
    copies = -(-CUSTOMERS // n_customers)
    known = sample.events.semi_join(sample.customers, "customer_id")
    again = -(-EVENTS // (int(known.count().execute()) * copies))
    plain = "customer_id || '-' || copy AS customer_id"
    later = f"{plain}, timestamp + to_minutes(7 * turn) AS timestamp"
    parts = {"events": (known, again, later), "surveys": (sample.surveys, 1, plain)}
    tables = {}
    for name, (table, times, columns) in (parts | {"customers": (sample.customers, 1, plain)}).items():
        con.create_table(f"{name}_one", table.to_pyarrow())
        con.raw_sql(
            f"CREATE TABLE {name} AS SELECT * REPLACE ({columns}) FROM {name}_one, "  # noqa: S608
            f"range({copies}) AS c(copy), range({times}) AS t(turn)"
        )
        tables[name] = con.table(name).drop("copy", "turn")
    return replace(sample, con=con, **tables)


def features() -> None:
    """Features of one landmark, from raw events to one row per customer in pandas."""
    with tempfile.TemporaryDirectory() as folder:
        sample = open_dataset(ROOT / "data" / "sample")
        data = large(sample, folder)
        n, events = data.customers.count().execute(), data.events.count().execute()
        print(f"{n:,} customers, {events:,} events", flush=True)
        begun = begin()
        horizon = data.config.churn.horizon
        table = churn.take_landmark(data, as_of=churn.landmark_moments(data, horizon=horizon)[-1], horizon=horizon)
        measured(f"features of {len(table):,} customers at risk ({table.shape[1]} columns)", begun)


def model() -> None:
    """Landmarks, guard, back-test and scores of a sample of 200,000 customers."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cj_helpers", "sample", f"{folder}/sample", "--customers", "200000"]
        subprocess.run(command, check=True, cwd=ROOT)
        data = open_dataset(f"{folder}/sample")
        print(f"{data.customers.count().execute():,} customers, {data.events.count().execute():,} events", flush=True)
        begun = begin()
        horizon = data.config.churn.horizon
        landmarks = churn.take_landmarks(data, moments=churn.landmark_moments(data, horizon=horizon), horizon=horizon)
        measured(f"features of {len(landmarks):,} rows at {len(landmarks['landmark'].unique())} landmarks", begun)
        begun = begin()
        test = churn.backtest(landmarks)
        churn.lift(test.scores)
        churn.net_benefit(test.scores)
        churn.calibration_curve(test.scores)
        odds = churn.churn_model(landmarks, covariates=churn.feature_columns(landmarks), label_col="left")
        measured("fit and evaluation", begun)
        last = test.summary[test.summary["role"].eq("touched once")]
        print(last[["measure", "estimate", "conf_low", "conf_high", "n"]].to_string(index=False))
        print(odds[["term", "estimate", "conf_low", "conf_high"]].to_string(index=False))


def truths(seeds: int = 20, customers: int = 8000) -> None:
    """Planted truths 11 and 12 over sample seeds, and the newsletter, which is null once loyalty is held equal."""
    covered, flagged, caught, raw = Counter(), Counter(), 0, 0
    for seed in range(201, 201 + seeds):
        with tempfile.TemporaryDirectory() as place:
            make_sample(Path(place) / "sample", customers=customers, seed=seed)
            data = open_dataset(Path(place) / "sample")
            landmarks = monthly_landmarks(data)
            odds = monthly_odds(landmarks)
            guard = leaking(data)
        for term, row in odds.iterrows():
            covered[term] += bool(row["conf_low"] <= row["planted"] <= row["conf_high"])
            flagged[term] += bool(row["conf_low"] > 0 or row["conf_high"] < 0)
        raw += bool(monthly_odds(landmarks, ["newsletter"])["conf_high"].iloc[0] < 0)
        caught += guard
        print(f"seed {seed} done, load {os.getloadavg()[0]:.1f}", flush=True)
    for term, truth in PLANTED.items():
        print(f"{term} (planted {truth:g}): covered {covered[term]}, told from none {flagged[term]} of {seeds}")
    print(
        f"newsletter alone looks protective: {raw} of {seeds}; retention_offer caught by the guard: {caught} of {seeds}"
    )


def leaking(data: Dataset) -> bool:
    """Whether the guard keeps the leak out and lets everything else pass."""
    horizon = data.config.churn.horizon
    moments = churn.landmark_moments(data, horizon=horizon)
    guard = churn.leakage_guard(data, as_of=moments[-2], horizon=horizon).set_index("feature")
    leak = guard.loc["retention_offer"]
    others = guard.drop(index="retention_offer")
    return bool(not leak["used"] and leak["auc"] > 0.9 and others["verdict"].eq("as known then").all())


if __name__ == "__main__":
    part, *sizes = sys.argv[1:] or ["features"]
    {"features": features, "model": model, "truths": truths}[part](*map(int, sizes))
