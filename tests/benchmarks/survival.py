"""Speed, agreement, coverage and planted truths of the survival analyses.

    python tests/benchmarks/survival.py speed [--scale 1.0]
    python tests/benchmarks/survival.py coverage [--repetitions 1000] [--journeys 4 1]
    python tests/benchmarks/survival.py truths [--seeds 20] [--customers 8000]

`speed` compares with plain lifelines in the same run; each part prints wall and CPU seconds and the peak memory of its
own process.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from cj_helpers import survival

ROOT = Path(__file__).resolve().parents[2]
COVARIATES = [f"x{i}" for i in range(6)]


@contextmanager
def clocked(what: str) -> Iterator[None]:
    """Print wall and CPU seconds of a block and the peak memory of the process so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = time.perf_counter() - wall
    print(f"  {what}: {seconds:.1f} s, {time.process_time() - cpu:.1f} s of CPU, peak {peak:.2f} GB", flush=True)


def machine() -> None:
    """Print what the figures were taken on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    print(f"{os.cpu_count()} cores, {memory:.0f} GB, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")


def model_table(n: int, seed: int, *, rounded: bool) -> pd.DataFrame:
    """Six covariates, competing ends, three journeys a customer; times in hours or without ties."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random((n, 3)) < [0.5, 0.2, 0.3], rng.integers(0, 4, (n, 2)), rng.random(n) < 0.1])
    score = x @ np.array([0.5, -0.3, 0.0, 0.1, -0.05, 0.4])
    times = np.column_stack([rng.exponential(8 / np.exp(score)), rng.exponential(20, n), rng.uniform(0.5, 60, n)])
    duration = times.min(axis=1)
    table = pd.DataFrame(x.astype(float), columns=COVARIATES)
    table["duration_days"] = np.ceil(duration * 24) / 24 if rounded else duration
    table["outcome"] = np.array(["completed", "abandoned", "open"])[times.argmin(axis=1)]
    table["event"] = table["outcome"] == "completed"
    return table.assign(customer=rng.integers(0, n // 3, n))


def bench_curves(n: int) -> None:
    """Ten million journeys: the engine's counts by hour, and by day and group of customers; curves from both."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE journeys AS SELECT (random() * 1440)::INT / 24.0 AS duration_days, "
        "CASE WHEN random() < .6 THEN 'completed' WHEN random() < .6 THEN 'abandoned' ELSE 'open' END AS outcome, "
        "(random() * 4)::INT AS segment, (random() * 3e6)::BIGINT % 128 AS customer FROM range($n)",
        {"n": n},
    )
    for cluster in ("", "customer"):
        by = "duration_days, outcome, segment" + (f", {cluster}" if cluster else "")
        clock = (
            "ceil(duration_days) AS duration_days" if cluster else "duration_days"
        )  # whole days where counts multiply
        select = by.replace("duration_days", clock, 1)
        with clocked(f"group by {by} of {n:,}"):
            counts = connection.execute(f"SELECT {select}, count(*) AS n FROM journeys GROUP BY ALL").df()  # noqa: S608
        options = {"segment_col": "segment", "weight_col": "n", "cluster_col": cluster}
        with clocked(f"survival curve and cumulative incidence by 5 segments from {len(counts):,} counts"):
            survival.survival_curve(counts.assign(event=counts["outcome"] != "open"), **options)
            survival.cumulative_incidence(counts, **options)


def bench_lifelines_curves(n: int) -> None:
    """The same by lifelines, row by row; its Aalen-Johansen without a variance, which takes minutes."""
    from lifelines import AalenJohansenFitter, KaplanMeierFitter

    table = model_table(n, 1, rounded=True)
    with clocked(f"lifelines Kaplan-Meier of {n:,} rows, one segment"):
        KaplanMeierFitter().fit(table["duration_days"], table["outcome"] != "open")
    codes = table["outcome"].map({"completed": 1, "abandoned": 2, "open": 0})
    with warnings.catch_warnings(), clocked(f"lifelines Aalen-Johansen of {n:,} rows, one outcome, no variance"):
        warnings.simplefilter("ignore")
        AalenJohansenFitter(calculate_variance=False).fit(table["duration_days"], codes, event_of_interest=1)


def bench_cox(n: int) -> None:
    """Clustered Cox of a million journeys, from rows and from counts by pattern and hour."""
    for rounded in (True, False):
        table = model_table(n, 2, rounded=rounded)
        kind = "hours" if rounded else "times without ties"
        with clocked(f"Cox, 6 covariates, clustered errors, {n:,} rows, {kind}"):
            full = survival.cox_model(table, covariates=COVARIATES, cluster_col="customer")
    table = table.assign(duration_days=np.ceil(table["duration_days"] * 24) / 24)
    with clocked("the same from counts by (covariates, hour, outcome)"):
        counts = table.groupby([*COVARIATES, "duration_days", "event"]).size().rename("n").reset_index()
        counted = survival.cox_model(counts, covariates=COVARIATES, weight_col="n")
    strong = full["estimate"].abs() > 0.02
    apart = (counted["estimate"] / full["estimate"] - 1).abs()[strong].max()
    print(f"  coefficients from {len(counts):,} counts differ from the full fit by at most {100 * apart:.3f} %")


def bench_checks(n: int) -> None:
    """Proportional-hazards test with GLOBAL, its picture, and concordance."""
    table = model_table(n, 3, rounded=False)
    with clocked(f"proportional-hazards test with GLOBAL, {n:,} rows"):
        survival.proportional_hazards_test(table, covariates=COVARIATES)
    with clocked("hazard ratios over time"):
        survival.hazard_ratio_over_time(table, covariates=COVARIATES)
    model = survival.cox_model(table, covariates=COVARIATES)
    table["score"] = table[COVARIATES].to_numpy() @ model["estimate"].to_numpy()
    with clocked(f"concordance, {n:,} rows"):
        survival.concordance(table, score_col="score")


def bench_lifelines_cox(n: int) -> None:
    """Plain lifelines: Cox and concordance on all rows, its test on a tenth, clustered errors on a hundredth."""
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test
    from lifelines.utils import concordance_index

    whole = model_table(n, 2, rounded=True)[[*COVARIATES, "duration_days", "event", "customer"]]
    plain = whole.drop(columns="customer")
    with clocked(f"lifelines Cox, {n:,} rows, batch_mode, no clustered errors"):
        fitter = CoxPHFitter().fit(plain, "duration_days", "event", batch_mode=True)
    score = plain[COVARIATES].to_numpy() @ fitter.params_.to_numpy()
    with clocked(f"lifelines concordance, {n:,} rows, no error"):
        concordance_index(plain["duration_days"], -score, plain["event"])
    part, small = plain.head(n // 10), whole.head(n // 100)
    with clocked(f"lifelines Cox with clustered errors, {len(small):,} rows"):
        CoxPHFitter().fit(small, "duration_days", "event", cluster_col="customer", batch_mode=True)
    fitter = CoxPHFitter().fit(part, "duration_days", "event", batch_mode=True)
    with clocked(f"lifelines proportional-hazards test (approximate, no GLOBAL), {len(part):,} rows"):
        proportional_hazard_test(fitter, part)


SPEED: dict[str, Callable[[int], None]] = {
    "curves": bench_curves,
    "lifelines_curves": bench_lifelines_curves,
    "cox": bench_cox,
    "checks": bench_checks,
    "lifelines_cox": bench_lifelines_cox,
}
ROWS = {"curves": 10_000_000, "lifelines_curves": 1_000_000, "cox": 1_000_000, "checks": 1_000_000}


def speed(scale: float) -> None:
    """Run every part in a process of its own."""
    machine()
    for name in SPEED:
        print(name, flush=True)
        rows = str(int(ROWS.get(name, 1_000_000) * scale))
        subprocess.run([sys.executable, __file__, "one", name, rows], check=True, cwd=ROOT)


def repeated(rng: np.random.Generator, customers: int, journeys: int) -> pd.DataFrame:
    """Customers who differ in speed (gamma, mean 1), half of them with completion at .8 of the rate."""
    shape, n = 2.0, customers * journeys
    speeds = np.repeat(rng.gamma(shape, 1 / shape, customers), journeys)
    group = np.repeat(np.arange(customers) % 2, journeys)
    rate = 0.1 * speeds * np.where(group == 1, 0.8, 1.0)
    times = np.column_stack([rng.exponential(1 / rate), rng.exponential(1 / (0.05 * speeds)), rng.uniform(8, 40, n)])
    table = pd.DataFrame({"duration_days": times.min(axis=1), "segment": np.where(group == 1, "b", "a")})
    table["outcome"] = np.array(["completed", "abandoned", "open"])[times.argmin(axis=1)]
    return table.assign(customer=np.repeat(np.arange(customers), journeys), event=table["outcome"] == "completed")


def coverage(repetitions: int, journeys_each: list[int]) -> None:
    """Share of 95 % intervals that hold the truth, for each number of journeys a customer."""
    machine()
    rng = np.random.default_rng(0)
    big = repeated(rng, 2_000_000, 1)
    truth = {
        "incidence at 10 days": survival.incidence_at(big, time_days=10)["estimate"].item(),
        "survival at 10 days": np.mean(big["duration_days"].to_numpy() > 1e9),
    }
    ended = big.assign(event=big["outcome"] != "open")
    truth["survival at 10 days"] = survival.curve_at(survival.survival_curve(ended), [10])["estimate"].item()
    pair = survival.restricted_mean_differences(big, horizon_days=14, outcome="completed")
    truth["days apart up to 14"] = abs(pair["difference_days"].item())
    truth["hazard of day 5 to 10"] = survival.hazard_over_time(big, until_days=10, width_days=5)["hazard"].iloc[1]
    for journeys in journeys_each:
        hits: dict[str, list[bool]] = {name: [] for name in truth}
        rejected: dict[str, list[bool]] = {"log-rank": [], "Gray": []}
        for seed in range(repetitions):
            table = repeated(np.random.default_rng([journeys, seed]), 150, journeys)
            for name, low, high in intervals(table):
                hits[name].append(bool(low <= truth[name] <= high))
            null = table.assign(segment=np.where(table["customer"] // 2 % 2, "a", "b"))
            rejected["log-rank"].append(survival.logrank_test(null, cluster_col="customer")["p_value"].item() < 0.05)
            gray = survival.gray_test(null, outcome="completed", cluster_col="customer")
            rejected["Gray"].append(gray["p_value"].item() < 0.05)
        shares = ", ".join(f"{name} {100 * np.mean(hit):.1f} %" for name, hit in hits.items())
        print(f"{journeys} journeys a customer, {repetitions} repetitions; covered: {shares}")
        levels = ", ".join(f"{name} {100 * np.mean(hit):.1f} %" for name, hit in rejected.items())
        print(f"  rejected without a difference (5 % wanted): {levels}", flush=True)


def intervals(table: pd.DataFrame) -> Iterator[tuple[str, float, float]]:
    """(what, low, high) of every kind of interval, clustered by customer."""
    row = survival.incidence_at(table, time_days=10, cluster_col="customer").iloc[0]
    yield "incidence at 10 days", row["conf_low"], row["conf_high"]
    curve = survival.survival_curve(table.assign(event=table["outcome"] != "open"), cluster_col="customer")
    row = survival.curve_at(curve, [10]).iloc[0]
    yield "survival at 10 days", row["conf_low"], row["conf_high"]
    row = survival.restricted_mean_differences(
        table, horizon_days=14, outcome="completed", cluster_col="customer"
    ).iloc[0]
    sign = 1 if row["segment"] == "b" else -1
    low, high = sorted((sign * row["conf_low"], sign * row["conf_high"]))
    yield "days apart up to 14", low, high
    row = survival.hazard_over_time(table, until_days=10, width_days=5, cluster_col="customer").iloc[1]
    yield "hazard of day 5 to 10", row["conf_low"], row["conf_high"]


def truths(seeds: int, customers: int) -> None:
    """How often the planted truths 1, 2, 6 and 7 are covered, and the null Switzerland is flagged."""
    from cj_helpers import journeys as built
    from cj_helpers.dataset import open_dataset
    from cj_helpers.sample import make_sample
    from cj_helpers.sample.world import World

    machine()
    world = World()
    planted = {
        ("after chat > phone", "whole"): world.handoff_hazard_ratio,
        ("austria", "whole"): world.austria_hazard_ratio,
        ("switzerland", "whole"): 1.0,
        ("business", "early"): world.business_hazard_ratio_early,
        ("business", "late"): world.business_hazard_ratio_late,
    }
    covered: dict[str, list[bool]] = {}
    flagged, changed = [], []
    for seed in range(101, 101 + seeds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "sample"
            make_sample(folder, customers=customers, seed=seed)
            data = open_dataset(folder)
            definitions = {"outage_recovery": data.journeys["outage_recovery"]}
            steps = built.build_steps(data.events, definitions=definitions, as_of=data.as_of).cache()
            journeys = built.build_journeys(steps, definitions=definitions, as_of=data.as_of).cache()
            names = ["country", "customer_type"]
            described = built.add_customer_columns(journeys, customers=data.customers, columns=names)
            spells = built.journey_spells(journeys)
            rows = built.contact_spells(steps, journeys=described, handoffs=[("chat", "phone")], columns=names)
        rate = survival.incidence_at(spells, time_days=14, cluster_col="customer").iloc[0]
        covered.setdefault("completed within 14 days", []).append(
            bool(rate["conf_low"] <= world.outage_completed_14d <= rate["conf_high"])
        )
        rows = rows.assign(
            austria=rows["country"] == "AT",
            switzerland=rows["country"] == "CH",
            business=rows["customer_type"] == "business",
        )
        ratios = survival.hazard_ratios(
            rows,
            covariates=["after chat > phone", "austria", "switzerland", "business"],
            cluster_col="customer",
            entry_col="entry_days",
            split_days=world.business_until_days,
        )
        done = ratios[ratios["outcome"] == "completed"].set_index(["term", "period"])
        for key, truth in planted.items():
            row = done.loc[key]
            covered.setdefault(" ".join(key), []).append(bool(row["conf_low"] <= truth <= row["conf_high"]))
        flagged.append(bool(done.loc[("switzerland", "whole"), "p_value"] < 0.05))
        changed.append(bool(done.loc[("business", "early"), "is_reported"]))
    for name, hits in covered.items():
        print(f"{name}: covered {sum(hits)} of {seeds}")
    print(f"Switzerland called different: {sum(flagged)} of {seeds}")
    print(f"business reported early and late: {sum(changed)} of {seeds}")


def main() -> None:
    """Choose a part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("speed").add_argument("--scale", type=float, default=1.0)
    covered = parts.add_parser("coverage")
    covered.add_argument("--repetitions", type=int, default=1000)
    covered.add_argument("--journeys", type=int, nargs="+", default=[4, 1])
    planted = parts.add_parser("truths")
    planted.add_argument("--seeds", type=int, default=20)
    planted.add_argument("--customers", type=int, default=8000)
    one = parts.add_parser("one")
    one.add_argument("name", choices=sorted(SPEED))
    one.add_argument("rows", type=int)
    arguments = parser.parse_args()
    if arguments.part == "one":
        SPEED[arguments.name](arguments.rows)
    elif arguments.part == "speed":
        speed(arguments.scale)
    elif arguments.part == "coverage":
        coverage(arguments.repetitions, arguments.journeys)
    else:
        truths(arguments.seeds, arguments.customers)


if __name__ == "__main__":
    main()
