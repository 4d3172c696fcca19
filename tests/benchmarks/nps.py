"""Time and memory of the driver models beside public ways to do the same.

    python tests/benchmarks/nps.py [--peers]

Targets on two cores, under 1 GB: exact LMG of 15 drivers with 1,000 bootstrap samples within 6 s, of 20 drivers
within 1 s; the ordinal model on 50,000 answers, 11 levels and 10 drivers within 8 s. `--peers` also times
statsmodels' OrderedModel on the same answers, and LMG by solving every subset of 15 drivers once.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import resource
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from cj_helpers.nps import drivers
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", action="store_true")
    peers = parser.parse_args().peers
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {memory:.0f} GB, load {load:.1f}, Python {platform.python_version()}", flush=True)
    fifteen = ratings(5_000, 15)
    names = {"all": [name for name in fifteen if name != "nps"]}
    timed("drivers: 15, 5,000 answers, 1,000 samples", lambda: drivers(fifteen, drivers=names, n_boot=1000))
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


if __name__ == "__main__":
    main()
