"""Mix and true change of a share between two periods: their intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cj_helpers.inference import newcombe_difference
from cj_helpers.mapping.clustered import effective_of, share_intervals
from cj_helpers.mapping.compare import split_change

Counts = dict[tuple[int, str], tuple[int, int]]


def split(counts: Counts) -> dict[str, tuple[float, float, float]]:
    """Mix and true change of successes and journeys by (period, segment), one journey a customer."""
    rows = [(later, name, x, n) for (later, name), (x, n) in counts.items() if n]
    sums = pd.DataFrame(rows, columns=["later", "segment", "x", "m"])
    sums = sums.assign(k=sums["m"], xx=sums["x"], xm=sums["x"], mm=sums["m"])
    shares = share_intervals(sums)
    rates = sums[["later", "segment"]].join(shares).assign(n_effective=effective_of(sums, shares))
    return {part: values for part, *values in split_change(rates, sums.groupby("later")["m"].sum())}


# shares of the segments before and after, rate of success of each before and after, journeys of each period
DESIGNS = {
    "ordinary": ([[0.5, 0.3, 0.2], [0.4, 0.3, 0.3]], [[0.6, 0.5, 0.3], [0.6, 0.45, 0.35]], 200),
    "nearly all succeed": ([[0.5, 0.3, 0.2], [0.4, 0.3, 0.3]], [[0.99, 0.97, 0.5], [0.98, 0.97, 0.5]], 100),
    "nearly none succeeds": ([[0.6, 0.3, 0.1], [0.6, 0.3, 0.1]], [[0.02, 0.02, 0.01], [0.02, 0.02, 0.01]], 100),
    "few in a segment": ([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]], [[0.9, 0.95, 0.05], [0.9, 0.95, 0.1]], 80),
}


@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_hold_the_truth(design):
    """Of 200 samples at least 92 %, two standard errors below .95."""
    weights, rates, n = (np.asarray(values) for values in DESIGNS[design])
    truth = {"mix": rates.mean(0) @ (weights[1] - weights[0]), "true_change": weights.mean(0) @ (rates[1] - rates[0])}
    rng, held = np.random.default_rng(1), dict.fromkeys(truth, 0)
    for _sample in range(200):
        sizes = [rng.multinomial(n, weights[later]) for later in (0, 1)]
        counts = {
            (later, str(segment)): (rng.binomial(size, rates[later, segment]), size)
            for later in (0, 1)
            for segment, size in enumerate(sizes[later])
        }
        for part, (_difference, low, high) in split(counts).items():
            held[part] += low <= truth[part] <= high
    assert min(held.values()) >= 0.92 * 200, held


@pytest.mark.parametrize("share", [0, 1])
def test_segments_of_which_all_or_none_succeed_have_an_interval(share):
    sizes = {(0, "a"): 20, (0, "b"): 10, (1, "a"): 10, (1, "b"): 20}
    found = split({key: (share * n, n) for key, n in sizes.items()})
    for difference, low, high in found.values():
        assert difference == pytest.approx(0)
        assert low < -0.01 < 0.01 < high


def test_one_segment_gives_the_interval_of_newcombe():
    found = split({(0, "a"): (48, 80), (1, "a"): (56, 70)})
    assert found["true_change"] == pytest.approx([float(value) for value in newcombe_difference(56, 70, 48, 80)])
    assert found["mix"] == pytest.approx([0, 0, 0])


def test_parts_add_up_also_where_a_segment_is_new():
    found = split({(0, "a"): (60, 100), (1, "a"): (40, 50), (1, "b"): (10, 50)})
    assert found["mix"][0] + found["true_change"][0] == pytest.approx(50 / 100 - 60 / 100)
    assert found["true_change"][0] == pytest.approx(0.75 * (0.8 - 0.6))  # the new segment has its own share before
