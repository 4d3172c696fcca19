"""How often 95 % intervals of shares and differences hold the truth: plain ones, and those clustered by customer.

    python tests/benchmarks/coverage.py --samples 20000

Customers with one journey each, and with three or twenty whose chances differ (beta-binomial, intraclass correlation .3
and .1); then the difference of two such groups. 200 customers with shares from .05 to .95, and few customers.
Printed are shares of the samples; the simulation's own error at 20,000 samples is about .0015.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from cj_helpers.inference import newcombe_difference, wilson_interval
from cj_helpers.mapping.clustered import effective_of, share_intervals

MANY, FEW = 200, (10, 20, 50)
SHARES = (0.05, 0.1, 0.3, 0.5, 0.8, 0.95)
DESIGNS = ((1, 0.0), (3, 0.3), (20, 0.1))
Design = tuple[int, float]


def sums_of(rng: np.random.Generator, share: float, design: Design, customers: int, samples: int) -> pd.DataFrame:
    """Draw samples and return their sums over customers, one row each, as the engine gives them."""
    (each, correlation), size = design, (samples, customers)
    a = share * (1 / correlation - 1) if correlation else np.inf
    own = rng.beta(a, a * (1 - share) / share, size) if correlation else np.full(size, share)
    x, m = rng.binomial(each, own), np.full(size, each)
    sums = {"x": x, "m": m, "xx": x * x, "xm": x * m, "mm": m * m}
    return pd.DataFrame({name: values.sum(axis=1) for name, values in sums.items()}).assign(k=customers)


def coverage(share: float, design: Design, customers: int, samples: int, seed: int) -> dict[str, float]:
    """Return how often plain and clustered Wilson intervals, and the clustered difference of two groups, hold."""
    rng = np.random.default_rng(seed)
    groups = [sums_of(rng, share, design, customers, samples) for _group in range(2)]
    shares = [share_intervals(sums) for sums in groups]
    low, high = wilson_interval(shares[0]["n_success"], shares[0]["n"])
    sizes = [effective_of(*pair) for pair in zip(groups, shares, strict=True)]
    pairs = [(row["share"] * size, size) for row, size in zip(shares, sizes, strict=True)]
    _gap, below, above = newcombe_difference(*pairs[0], *pairs[1])
    return {
        "plain": float(np.mean((low <= share) & (share <= high))),
        "clustered": float(shares[0]["conf_low"].le(share).mul(shares[0]["conf_high"].ge(share)).mean()),
        "difference": float(np.mean((below <= 0) & (above >= 0))),
    }


def main() -> None:
    """Print one line per design."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    cells = [(MANY, share) for share in SHARES] + [(customers, share) for customers in FEW for share in (0.2, 0.5)]
    for design in DESIGNS:
        for customers, share in cells:
            found = coverage(share, design, customers, arguments.samples, arguments.seed)
            text = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
            name = f"{customers} customers, {design[0]} journeys each, correlation {design[1]}, share {share}"
            print(f"{name}: {text}", flush=True)


if __name__ == "__main__":
    main()
