"""Differences of the score between groups, with intervals and what a difference could have shown."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.inference import adjust_p_values, cluster_codes
from cj_helpers.nps.inputs import require_columns, require_conf_level
from cj_helpers.nps.scores import ScoreEstimate, answer_values, estimate_score, segment_rows, weight_values
from cj_helpers.nps.trends import smallest_detectable_difference


def nps_differences(
    answers: pd.DataFrame,
    *,
    segment_col: str,
    nps_col: str = "nps",
    weight_col: str = "",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compare each segment's score with that of all other answers.

    Returns
    -------
    DataFrame
        One row per segment: segment, difference (points, the segment minus the others), conf_low, conf_high, std_error,
        p_value, p_adjusted (Holm over the segments), n, n_other, n_customers (of the segment), n_customers_smaller (of
        it or of all others), detectable_difference (points that groups of these sizes would show 4 times in 5). NaN
        without answers on one side.

    Raises
    ------
    ConfigError, DataError
        As in `nps_score`.

    Notes
    -----
    The interval joins those of both scores by the square-and-add method (Newcombe 1998; Zou and Donner 2008) and
    allows for customers who answered in both groups. The standard error is linearised by customer.

    References
    ----------
    Zou, G. and Donner, A. (2008). Construction of confidence limits about effect measures: a general approach.
    Statistics in Medicine 27(10).
    """
    require_conf_level(conf_level)
    require_columns(answers, [name for name in (segment_col, nps_col, weight_col, cluster_col) if name])
    options = {"nps_col": nps_col, "weight_col": weight_col, "cluster_col": cluster_col, "conf_level": conf_level}
    rows = []
    for segment, members in list(segment_rows(answers, segment_col))[1:]:
        sides = np.zeros(len(answers))
        sides[members] = 1
        rows.append({"segment": segment, **nps_difference(answers, sides, **options)})  # type: ignore[arg-type]
    columns = ["segment", *nps_difference(answers.iloc[:0], np.zeros(0), **options)]  # type: ignore[arg-type]
    table = pd.DataFrame(rows, columns=columns).rename(columns={"estimate": "difference"})
    table.insert(6, "p_adjusted", adjust_p_values(table["p_value"].to_numpy(dtype=float)))
    return table


def nps_difference(
    answers: pd.DataFrame,
    sides: np.ndarray,
    *,
    nps_col: str = "nps",
    weight_col: str = "",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> dict[str, float]:
    """Compare the scores of two groups of answers.

    Parameters
    ----------
    sides : array of shape (n,)
        1 for the group, 0 for what it is compared with, NaN for answers in neither.

    Returns
    -------
    dict
        estimate (score of 1 minus that of 0, in points), conf_low, conf_high, std_error, p_value, n, n_other,
        n_customers, n_customers_smaller, detectable_difference.
    """
    values, weights = answer_values(answers, nps_col), weight_values(answers, weight_col)
    customers = cluster_codes(answers, cluster_col)
    parts, influences = [], []
    for side in (1, 0):
        chosen = (sides == side) & ~np.isnan(values) & ~np.isnan(weights)
        part = estimate_score(values[chosen], weights[chosen], customers[chosen], conf_level)
        parts.append((part, int(chosen.sum()), values[chosen], customers[chosen]))
        total = weights[chosen].sum()
        shift = weights[chosen] * (values[chosen] - part.estimate / 100) / total if total else np.zeros(chosen.sum())
        influences.append(np.bincount(customers[chosen], 100 * shift, len(answers)))
    (first, n, own, _), (second, n_other, others, _) = parts
    sizes = [len(np.unique(codes)) for *_rest, codes in parts]
    factor = math.prod(math.sqrt(size / (size - 1)) if size > 1 else 1.0 for size in sizes)
    shared = factor * float(influences[0] @ influences[1])
    low, high, error = _difference_interval(first, second, shared)
    difference = first.estimate - second.estimate
    variance = float(np.concatenate([own, others]).var()) if n and n_other else math.nan
    return {
        "estimate": difference,
        "conf_low": low,
        "conf_high": high,
        "std_error": error,
        "p_value": float(2 * ndtr(-abs(difference) / error)) if error > 0 else math.nan,
        "n": n,
        "n_other": n_other,
        "n_customers": sizes[0],
        "n_customers_smaller": min(sizes),
        "detectable_difference": smallest_detectable_difference(n, n_other=n_other, variance=variance),
    }


def _difference_interval(first: ScoreEstimate, second: ScoreEstimate, shared: float) -> tuple[float, float, float]:
    """Limits and standard error of first minus second; `shared` is the covariance of the two."""
    product = first.std_error * second.std_error
    together = shared / product if product > 0 else 0.0
    error = math.sqrt(max(first.std_error**2 + second.std_error**2 - 2 * shared, 0.0))
    difference = first.estimate - second.estimate
    ends = []
    for own, other in (
        (first.estimate - first.conf_low, second.conf_high - second.estimate),
        (first.conf_high - first.estimate, second.estimate - second.conf_low),
    ):
        ends.append(math.sqrt(max(own**2 + other**2 - 2 * together * own * other, 0.0)))
    return max(difference - ends[0], -200.0), min(difference + ends[1], 200.0), error
