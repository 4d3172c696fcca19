"""Speed, coverage and planted truths of the score and its drivers.

    python tests/benchmarks/nps.py speed [--peers]
    python tests/benchmarks/nps.py coverage
    python tests/benchmarks/nps.py truths [--seeds 20] [--customers 8000]

Targets on two cores, under 1 GB: exact LMG of 15 drivers with 1,000 bootstrap samples within 6 s, of 20 drivers
within 1 s; the ordinal model on 50,000 answers, 11 levels and 10 drivers within 8 s. `--peers` also times
statsmodels' OrderedModel on the same answers, and LMG by solving every subset of 15 drivers once. `coverage` enumerates
every possible sample of 10, 20 and 50 answers. `truths` makes whole samples with other seeds.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from cj_helpers import nps
from cj_helpers.nps.importance import lmg
from cj_helpers.nps.ordinal import fit_ordinal


def timed(what: str, function: Callable[[], object]) -> None:
    """Print wall and CPU seconds of a call, and the peak memory so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {wall:.2f} s wall, {cpu:.2f} s CPU, peak {peak:.0f} MB", flush=True)


def ratings(n: int, p: int, seed: int = 0) -> pd.DataFrame:
    """Ratings that share a mood, and an outcome of 0 to 10."""
    random = np.random.default_rng(seed)
    latent = 0.6 * random.normal(size=(n, 1)) + 0.8 * random.normal(size=(n, p))
    items = np.searchsorted([-1.5, -0.6, 0.3, 1.2], latent) + 1.0
    opinion = (items - 3) @ np.linspace(0, 0.6, p) + random.logistic(size=n)
    borders = np.quantile(opinion, [0.01, 0.02, 0.035, 0.05, 0.07, 0.11, 0.16, 0.26, 0.47, 0.7])
    table = pd.DataFrame(items, columns=[f"q{j}" for j in range(p)])
    return table.assign(nps=np.searchsorted(borders, opinion).astype(float))


def subset_regressions(correlations: np.ndarray) -> None:
    """Solve one regression per subset, as dominance analysis does."""
    p = len(correlations) - 1
    for size in range(1, p + 1):
        for rows in itertools.combinations(range(p), size):
            chosen = list(rows)
            np.linalg.solve(correlations[np.ix_(chosen, chosen)], correlations[chosen, p])


def speed(*, peers: bool) -> None:
    """Time the models, and public ways to do the same."""
    fifteen = ratings(5_000, 15)
    items = [name for name in fifteen if name != "nps"]
    grouped = {f"d{k}": items[3 * k : 3 * k + 3] for k in range(5)}
    one = {"all": items}
    timed("drivers: 15, 5,000 answers, 1,000 samples", lambda: nps.drivers(fifteen, drivers=one, n_boot=1000))
    timed("the same in 5 dimensions (Owen)", lambda: nps.drivers(fifteen, drivers=grouped, n_boot=1000))
    matrix = np.corrcoef(ratings(5_000, 20).to_numpy(), rowvar=False)
    timed("exact LMG of 20 drivers", lambda: lmg(matrix[None]))
    answers = ratings(50_000, 10)
    x, y = answers.drop(columns="nps").to_numpy(), answers["nps"].to_numpy()
    timed("ordinal model, 50,000 answers, 11 levels, 10 drivers", lambda: fit_ordinal(y, x, names=list(answers)[:10]))
    if peers:
        from statsmodels.miscmodels.ordinal_model import OrderedModel

        small = np.corrcoef(fifteen.to_numpy(), rowvar=False)
        timed("LMG of 15 drivers by one regression per subset, no samples", lambda: subset_regressions(small))
        model = OrderedModel(y, x, distr="logit")
        timed("statsmodels OrderedModel on the same answers", lambda: model.fit(method="bfgs", disp=0, maxiter=500))


def coverage() -> None:
    """Chance that the interval holds the score, from every possible sample, for shares in steps of 5 %."""
    for n in (10, 20, 50):
        samples = np.array([(a, b, n - a - b) for a in range(n + 1) for b in range(n + 1 - a)])
        groups = np.tile([10, 8, 2], len(samples))
        table = pd.DataFrame({"nps": groups, "sample": np.repeat(np.arange(len(samples)), 3)})
        scores = nps.nps_score(table.loc[table.index.repeat(samples.ravel())], segment_col="sample").iloc[1:]
        scores = scores.sort_values("segment", key=lambda names: names.astype(int))
        low, high = scores["conf_low"].to_numpy(), scores["conf_high"].to_numpy()
        log_count = math.lgamma(n + 1) - np.vectorize(math.lgamma)(samples + 1.0).sum(axis=1)
        found = []
        for up, down in itertools.product(range(1, 19), repeat=2):
            if up + down < 20:
                shares = np.array([up, 20 - up - down, down]) / 20
                probability = np.exp(log_count + samples @ np.log(shares))
                score = 100 * (shares[0] - shares[2])
                found.append(probability[(low <= score + 1e-9) & (score <= high + 1e-9)].sum())
        print(f"n = {n}: coverage at least {min(found):.3f}, mean {np.mean(found):.3f}, at most {max(found):.3f}")


def truths(seeds: int, customers: int) -> None:
    """How often the planted truths 8, 9 and 10 are covered, and the nulls are flagged."""
    from cj_helpers.sample import make_sample
    from cj_helpers.sample.world import World

    found = []
    for seed in range(201, 201 + seeds):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "sample"
            make_sample(folder, customers=customers, seed=seed)
            found.append(one_sample(folder, World()))
    table = pd.DataFrame(found)
    for name in table.columns:
        print(f"{name}: {int(table[name].sum())} of {seeds}", flush=True)


def one_sample(folder: Path, world: object) -> dict[str, bool]:
    """What the analyses of notebook 03 find in one sample."""
    from cj_helpers.dataset import open_dataset

    data = open_dataset(folder)
    answers = nps.linked_answers(data)
    listed = data.config.survey.drivers
    recent = answers["last_outcome"].eq("abandoned") & (answers["last_ended_days"] <= 30)
    answers = answers.assign(recently=np.where(recent, "yes", "no"))
    common = {"drivers": listed, "cluster_col": "customer"}
    effects = nps.driver_effects(
        answers, method="imputed", models=("ordinal",), controls=["customer_type", "month", "recently"], **common
    )
    terms = effects.set_index("term")
    planted = {f"slope {name}": (f"q_{name}", getattr(world, f"slope_{name}")) for name in SLOPES}
    planted["latent score after a journey given up"] = ("recently[yes]", world.abandoned_effect)
    result = {f"8/9 {what}: covered": holds(terms.loc[term], truth) for what, (term, truth) in planted.items()}
    null = terms.loc["q_personalisation"]
    result["8 personalisation called a driver (null)"] = bool(null["p_adjusted"] < 0.05)
    shares = nps.drivers(answers, method="imputed", n_boot=0, **common).set_index("driver")
    result["8 direction of personalisation unclear"] = shares.loc["q_personalisation", "direction"] == "unclear"
    result["8 ease most important"] = shares["share"].idxmax() == "q_ease"
    return result | last_journeys(answers) | trend(answers, world)


def last_journeys(answers: pd.DataFrame) -> dict[str, bool]:
    """Truth 9 as operations see it: without the ratings held."""
    held = {"controls": ["customer_type", "month"], "cluster_col": "customer"}
    rows = nps.journey_drivers(answers, **held).set_index(["factor", "case"])
    return {"9 given up against completed: interval below 0": rows.loc[("outcome", "abandoned"), "conf_high"] < 0}


def trend(answers: pd.DataFrame, world: object) -> dict[str, bool]:
    """Truth 10: the fall, and the month in which only the mix is another."""
    months = nps.nps_over_time(answers, time_col="answered_on", cluster_col="customer")
    chart = nps.nps_control_chart(months)
    steps = chart.dropna(subset=["level_change"])
    fall = pd.Timestamp(2025, world.fall_month, 1)
    timely = steps[(steps["first_from"] <= fall) & (fall <= steps["first_to"])]
    names = {"level_change": "estimate", "change_low": "conf_low", "change_high": "conf_high"}
    adjusted = nps.nps_adjusted_trend(
        answers, mix_cols=["customer_type"], time_col="answered_on", cluster_col="customer"
    ).set_index("period")
    month = adjusted.loc[pd.Timestamp(2025 + (world.mix_month - 1) // 12, (world.mix_month - 1) % 12 + 1, 1)]
    mixed = {"conf_low": month["change_low"], "conf_high": month["change_high"]}
    return {
        "10 fall found, its month among those named": len(timely) > 0,
        "10 size of the fall: covered": len(timely) > 0 and holds(timely.iloc[0][list(names)].rename(names), -12.0),
        "10 a second step claimed (null)": len(steps) > 1,
        "10 change at the same mix: 0 covered": holds(mixed, 0.0),
        "10 mix explains part of the fall of that month": bool(month["change_mix"] < 0),
    }


SLOPES = ("ease", "helpfulness", "information", "self_service", "communication", "personalisation")


def holds(row: pd.Series | dict[str, float], truth: float) -> bool:
    """Whether an interval holds the truth."""
    return bool(row["conf_low"] <= truth <= row["conf_high"])


def main() -> None:
    """Choose a part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("speed").add_argument("--peers", action="store_true")
    parts.add_parser("coverage")
    planted = parts.add_parser("truths")
    planted.add_argument("--seeds", type=int, default=20)
    planted.add_argument("--customers", type=int, default=8000)
    given = parser.parse_args()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {memory:.0f} GB, load {load:.1f}, Python {platform.python_version()}", flush=True)
    if given.part == "speed":
        speed(peers=given.peers)
    elif given.part == "coverage":
        coverage()
    else:
        truths(given.seeds, given.customers)


if __name__ == "__main__":
    main()
