"""Net Promoter Score in points, overall and by segment, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from cj_helpers.contract import ALL, MISSING, DataError
from cj_helpers.inference import cluster_codes
from cj_helpers.nps.inputs import (
    CODED,
    NOT_APPLICABLE,
    SHOWN,
    companion_flag,
    number_column,
    recode,
    require_columns,
    require_conf_level,
    row_numbers,
)

PROMOTER_FROM, DETRACTOR_TO, HIGHEST = 9, 6, 10


def nps_score(
    answers: pd.DataFrame,
    *,
    nps_col: str = "nps",
    segment_col: str = "",
    weight_col: str = "",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Estimate the Net Promoter Score, overall and by segment.

    The score is the share of promoters (9, 10) minus the share of detractors (0 to 6), in points from -100 to
    100. Blanks are not in its denominator.

    Parameters
    ----------
    answers : DataFrame
        One row per answer; `nps_col` holds whole numbers from 0 to 10, or NaN for a blank.
    segment_col : str
        Column to compare by; "" for none. A missing value is the segment ``(missing)``.
    weight_col : str
        Survey weight of an answer, at least 0. An answer without a weight stays in `estimate` and is left out
        of `estimate_weighted`. "" gives every answer the weight 1, so that both are the same.
    cluster_col : str
        Customer of an answer, needed when customers answer more than once. "" takes every answer for another
        customer's, and so is an answer whose customer is unknown.

    Returns
    -------
    DataFrame
        One row per segment, ``all`` first: segment, estimate (points, as observed), conf_low, conf_high,
        n (answers), promoters, passives, detractors (counts), estimate_weighted, std_error (points),
        n_customers, n_blank (left empty), n_missing_coded (a declared code for no answer: the column
        ``<nps_col>__missing_code``), n_not_applicable (``<nps_col>__not_applicable``), conf_low_weighted,
        conf_high_weighted, std_error_weighted, n_effective (equally weighted answers worth the same), n_weighted
        (answers with a weight). Without answers n is 0 and the estimates are NaN.

    Raises
    ------
    ConfigError
        A column does not exist, or `conf_level` is not between 0 and 1.
    DataError
        A value is not a whole number from 0 to 10, a weight is negative, or a segment is called ``all``.

    Notes
    -----
    The interval is the adjusted Wald interval AW3 (Rocks 2016, after Agresti and Coull 1998): 3/4 promoters,
    3/2 passives and 3/4 detractors are added, and the ends are cut at -100 and 100; an interval that misses
    the observed score (a single answer, or a low `conf_level`) is widened to hold it. When customers repeat
    or weights differ, the answers first shrink to n over the design effect, the linearised variance over that
    of n independent answers, and never count as more than n. Standard errors are linearised too, by customer
    (with one answer each and no weights, the usual ones with n - 1). n_effective follows Kish (1965) and
    knows the weights alone.

    References
    ----------
    Rocks, B. (2016). Interval estimation for the "Net Promoter Score". The American Statistician 70(4).
    Agresti, A. and Coull, B. (1998). Approximate is better than "exact". The American Statistician 52(2).
    Kish, L. (1965). Survey Sampling. Wiley.

    Examples
    --------
    Two promoters, one passive and one detractor: (2 - 1) / 4.

    >>> float(nps_score(pd.DataFrame({"nps": [10, 9, 7, 3]})).loc[0, "estimate"])
    25.0
    """
    require_conf_level(conf_level)
    columns = [name for name in (nps_col, segment_col, weight_col, cluster_col) if name]
    require_columns(answers, columns)
    table = pd.DataFrame(
        {
            "value": answer_values(answers, nps_col),
            "weight": weight_values(answers, weight_col),
            "customer": cluster_codes(answers, cluster_col),
            "coded": companion_flag(answers, nps_col, CODED),
            "unused": companion_flag(answers, nps_col, NOT_APPLICABLE),
        }
    )
    rows = [
        {"segment": segment, **_score(table.iloc[members], conf_level)}
        for segment, members in segment_rows(answers, segment_col)
    ]
    return pd.DataFrame(rows)


def answer_values(answers: pd.DataFrame, nps_col: str) -> np.ndarray:
    """Turn answers into +1 (promoter), 0 (passive), -1 (detractor), NaN (blank)."""
    scores = number_column(answers, nps_col)
    wrong = ~np.isnan(scores) & ((scores < 0) | (scores > HIGHEST) | (scores != np.round(scores)))
    if wrong.any():
        codes = [f"{code:g}" for code in np.unique(scores[wrong]) if abs(code) < 1000][:SHOWN]
        raise DataError(
            f"answers: {wrong.sum():,} of {len(scores):,} values of {nps_col} are not whole numbers from 0 "
            f"to {HIGHEST} (first: row {row_numbers(wrong)}{'; values ' + ', '.join(codes) if codes else ''}). "
            f"Declare codes for blanks under survey.missing in dataset.yml, or correct the source."
        )
    values = np.where(scores >= PROMOTER_FROM, 1.0, np.where(scores <= DETRACTOR_TO, -1.0, 0.0))
    return np.where(np.isnan(scores), np.nan, values)


def weight_values(answers: pd.DataFrame, weight_col: str) -> np.ndarray:
    """Take the weights of answers, 1 without a column; negative ones are refused."""
    if not weight_col:
        return np.ones(len(answers))
    weights = number_column(answers, weight_col)
    negative = weights < 0
    if negative.any():
        raise DataError(
            f"answers: {negative.sum():,} of {len(weights):,} weights in {weight_col} are negative (first: "
            f"row {row_numbers(negative)}); a weight is at least 0. Correct the source, or drop survey.weight."
        )
    return weights


def segment_rows(answers: pd.DataFrame, segment_col: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each segment's name and row positions: all, then sorted (numbers by value), missing last."""
    yield ALL, np.arange(len(answers))
    if not segment_col:
        return
    column = answers[segment_col]
    labels = column.astype(object).map(str, na_action="ignore").where(column.notna(), MISSING)
    if (labels == ALL).any():
        raise DataError(
            f"answers: a segment in {segment_col} is called {ALL!r}, the name of the overall row. "
            f"Rename that value at source."
        )
    codes, found = pd.factorize(labels.to_numpy())
    members, names = pd.Series(codes).groupby(codes).indices, pd.Series(found, dtype=object)
    keys = pd.DataFrame({"last": names == MISSING, "number": pd.to_numeric(names, errors="coerce"), "name": names})
    for code in keys.sort_values(["last", "number", "name"]).index:
        yield str(names[code]), np.asarray(members[code])


def _score(table: pd.DataFrame, conf_level: float) -> dict[str, Any]:
    """Score one group of answers with columns value, weight and customer."""
    answered = table[table["value"].notna()]
    weighted = answered[answered["weight"].notna()]
    raw = estimate_score(
        answered["value"].to_numpy(), np.ones(len(answered)), answered["customer"].to_numpy(), conf_level
    )
    adjusted = estimate_score(
        weighted["value"].to_numpy(), weighted["weight"].to_numpy(), weighted["customer"].to_numpy(), conf_level
    )
    return {
        "estimate": raw.estimate,
        "conf_low": raw.conf_low,
        "conf_high": raw.conf_high,
        "n": len(answered),
        "promoters": int((answered["value"] == 1).sum()),
        "passives": int((answered["value"] == 0).sum()),
        "detractors": int((answered["value"] == -1).sum()),
        "estimate_weighted": adjusted.estimate,
        "std_error": raw.std_error,
        "n_customers": answered["customer"].nunique(),
        **_not_answered(table[table["value"].isna()]),
        "conf_low_weighted": adjusted.conf_low,
        "conf_high_weighted": adjusted.conf_high,
        "std_error_weighted": adjusted.std_error,
        "n_effective": adjusted.n_effective,
        "n_weighted": len(weighted),
    }


def _not_answered(silent: pd.DataFrame) -> dict[str, int]:
    """Count answers without a score by what they hold instead."""
    unused, coded = silent["unused"], silent["coded"] & ~silent["unused"]
    counts = {"n_missing_coded": int(coded.sum()), "n_not_applicable": int(unused.sum())}
    return {"n_blank": len(silent) - sum(counts.values()), **counts}


class ScoreEstimate(NamedTuple):
    """Score in points with its interval; n_effective after Kish."""

    estimate: float = math.nan
    std_error: float = math.nan
    conf_low: float = math.nan
    conf_high: float = math.nan
    n_effective: float = 0.0


def estimate_score(values: np.ndarray, weights: np.ndarray, customer: np.ndarray, conf_level: float) -> ScoreEstimate:
    """Weighted score of answers +1, 0, -1 with its linearised standard error, in points."""
    total = weights.sum()
    if total == 0:
        return ScoreEstimate()
    shares = np.array([weights[values == value].sum() / total for value in (1, -1)])
    mean = shares[0] - shares[1]
    influence = np.bincount(recode(customer), weights * (values - mean)) / total
    n_customers, kish = len(influence), total**2 / (weights @ weights)
    variance = n_customers / (n_customers - 1) * (influence @ influence) if n_customers > 1 else math.nan
    spread, n = shares.sum() - mean**2, len(values)
    if variance > 1e-12 / n and spread > 1e-12:
        n_independent = min(n, n / (n - 1) * spread / variance)
    else:  # everyone alike: the answers say nothing about how alike a customer's own answers are
        n_independent = min(n_customers, kish)
    low, high = _adjusted_wald(shares, n_independent, conf_level)
    points = 100 * mean
    return ScoreEstimate(points, 100 * math.sqrt(variance), min(low, points), max(high, points), kish)


def _adjusted_wald(shares: np.ndarray, n: float, conf_level: float) -> tuple[float, float]:
    """Interval AW3 of Rocks (2016) for shares of promoters and detractors among n answers, in points."""
    promoters, detractors = (shares * n + 0.75) / (n + 3)
    centre = promoters - detractors
    half = ndtri(0.5 + conf_level / 2) * math.sqrt((promoters + detractors - centre**2) / (n + 3))
    return max(-100.0, 100 * (centre - half)), min(100.0, 100 * (centre + half))
