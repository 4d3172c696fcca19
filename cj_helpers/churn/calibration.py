"""How far predicted risks agree with what happened: calibration, Brier score, net benefit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import logit

from cj_helpers.churn.logit import fit_logit
from cj_helpers.contract import DataError
from cj_helpers.inference import FloatArray, check_rows, indicator, normal_quantile, require_columns, wilson_interval
from cj_helpers.text import value_label

#: Risks from which a contact may pay: where few leave, and where more than a fifth do.
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
HIGH_THRESHOLDS = tuple(np.round(np.arange(0.1, 0.91, 0.05), 2))


def _read(scores: pd.DataFrame, score_col: str, label_col: str) -> tuple[FloatArray, FloatArray]:
    """Predicted risk and label of each row, checked."""
    require_columns(scores, score_col, label_col)
    risk = scores[score_col].to_numpy(dtype=float)
    check_rows(~((risk >= 0) & (risk <= 1)), scores[score_col], allowed="a risk from 0 to 1")
    return risk, indicator(scores, label_col)


def calibration(
    scores: pd.DataFrame, *, score_col: str = "score", label_col: str = "left", conf_level: float = 0.95
) -> pd.DataFrame:
    """Whether predicted risks are right on average, and neither too extreme nor too timid.

    Parameters
    ----------
    scores : DataFrame
        One row per customer, not used to fit the model.
    score_col : str
        Predicted risk, 0 to 1.
    label_col : str
        Boolean or 0/1: left within the horizon.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    DataFrame, one row per measure
        measure, estimate, std_error, conf_low, conf_high, n. Measures: observed (share who left), predicted (mean
        risk), observed_to_predicted (1 is right), in_the_large (log-odds to add to every prediction; 0 is right),
        slope (1 is right; below 1 the predictions are too extreme), intercept (of the line with that slope), brier
        (mean squared error), brier_base_rate (of predicting the observed share for everybody), brier_skill (1 - their
        ratio), average_error (mean distance of the predictions to the smoothed calibration curve; no interval).

    Raises
    ------
    DataError
        When all left or all stayed, or every prediction is the same.

    Notes
    -----
    Cox (1958); Van Calster et al. (2019), BMC Medicine 17. The intercept and the slope are logits of the label on the
    log-odds of the prediction, as an offset and as a covariate. The average error is Harrell's with Cleveland's (1979)
    lowess of span 2/3.
    """
    risk, left = _read(scores, score_col, label_col)
    log_odds = logit(np.clip(risk, 1e-9, 1 - 1e-9))[:, None]
    if np.ptp(log_odds) < 1e-12:
        raise DataError(f"{score_col}: all {len(risk):,} predictions are the same; calibration needs different ones")
    z, n = normal_quantile(conf_level), len(risk)
    large = fit_logit(np.zeros((n, 0)), left, names=[], offset=log_odds[:, 0])
    line = fit_logit(log_odds, left, names=[score_col])
    observed, predicted = left.mean(), risk.mean()
    low, high = wilson_interval(left.sum(), n, conf_level=conf_level)
    errors = (left - risk) ** 2
    base = observed * (1 - observed)
    # the base rate's own error counts, so the skill is a ratio of means: linearised
    skill = errors / base - errors.mean() / base**2 * ((left - observed) * (1 - 2 * observed))
    rows = [
        ("observed", observed, np.sqrt(base / n), float(low), float(high)),
        ("predicted", predicted, np.nan, np.nan, np.nan),
        ("observed_to_predicted", observed / predicted, np.nan, float(low) / predicted, float(high) / predicted),
        _measure("in_the_large", large.coefficients[0], large.covariance[0, 0], z),
        _measure("slope", line.coefficients[1], line.covariance[1, 1], z),
        _measure("intercept", line.coefficients[0], line.covariance[0, 0], z),
        _measure("brier", errors.mean(), errors.var(ddof=1) / n, z),
        ("brier_base_rate", base, np.nan, np.nan, np.nan),
        _measure("brier_skill", 1 - errors.mean() / base, skill.var(ddof=1) / n, z),
        ("average_error", _average_error(risk, left), np.nan, np.nan, np.nan),
    ]
    names = ["measure", "estimate", "std_error", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=names).assign(n=n)


def _average_error(risk: FloatArray, left: FloatArray) -> float:
    """Mean distance of the predictions to the smoothed share who left."""
    from statsmodels.nonparametric.smoothers_lowess import lowess

    smooth = lowess(left, risk, frac=2 / 3, it=0, delta=0.01 * np.ptp(risk), return_sorted=False)
    return float(np.abs(smooth - risk).mean())


def _measure(name: str, estimate: float, variance: float, z: float) -> tuple[str, float, float, float, float]:
    error = float(np.sqrt(variance))
    return name, float(estimate), error, float(estimate) - z * error, float(estimate) + z * error


def calibration_words(measures: pd.DataFrame) -> dict[str, float | str]:
    """What one sentence on calibration says: predicted and observed share, the slope and its verdict in words.

    Parameters
    ----------
    measures : DataFrame
        What `calibration` returns, with measure as index.

    Returns
    -------
    dict
        predicted, observed, n, slope, low, high, verdict: whether the spread of the risks is right within the error of
        the slope, too wide (slope clearly below 1: high risks overstated) or too narrow.
    """
    spread, estimates = measures.loc["slope"], measures["estimate"].to_dict()
    low, high = float(spread["conf_low"]), float(spread["conf_high"])
    verdict = "too extreme" if high < 1 else "too timid" if low > 1 else "right spread"
    return {
        "predicted": float(estimates["predicted"]),
        "observed": float(estimates["observed"]),
        "n": int(spread["n"]),
        "slope": float(spread["estimate"]),
        "low": low,
        "high": high,
        "verdict": value_label("verdict", verdict),
    }


def calibration_curve(
    scores: pd.DataFrame,
    *,
    score_col: str = "score",
    label_col: str = "left",
    bands: int = 10,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share who left among customers of similar predicted risk.

    Parameters
    ----------
    scores, score_col, label_col, conf_level
        As in `calibration`.
    bands : int
        Number of bands of equally many customers; fewer where predictions tie.

    Returns
    -------
    DataFrame, one row per band from the lowest risk
        band (1, 2, ...), score_from, score_to, predicted (mean), estimate (share who left), conf_low, conf_high, n,
        n_left.

    Notes
    -----
    Wilson (1927). The share of a band is what a reader may expect of its customers; an interval for a single customer
    does not exist.
    """
    risk, left = _read(scores, score_col, label_col)
    edges = np.unique(np.quantile(risk, np.linspace(0, 1, bands + 1)[1:-1]))
    band = np.searchsorted(edges, risk, side="right")
    rows = pd.DataFrame({"band": band, "risk": risk, "left": left}).groupby("band", as_index=False)
    table = rows.agg(
        score_from=("risk", "min"),
        score_to=("risk", "max"),
        predicted=("risk", "mean"),
        n=("left", "size"),
        n_left=("left", "sum"),
    )
    low, high = wilson_interval(table["n_left"], table["n"], conf_level=conf_level)
    table = table.assign(
        band=np.arange(1, len(table) + 1),
        estimate=table["n_left"] / table["n"],
        conf_low=low,
        conf_high=high,
        n_left=table["n_left"].astype(int),
    )
    return table[["band", "score_from", "score_to", "predicted", "estimate", "conf_low", "conf_high", "n", "n_left"]]


def net_benefit(
    scores: pd.DataFrame,
    *,
    score_col: str = "score",
    label_col: str = "left",
    thresholds: Sequence[float] = (),
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """What contacting everybody above a risk is worth, against contacting all or nobody.

    Parameters
    ----------
    scores, score_col, label_col, conf_level
        As in `calibration`.
    thresholds : sequence of float
        Risks from which a contact pays: at a threshold of .05 one leaver found is worth 19 needless contacts. By
        default 1 to 30 %, or 10 to 90 % where more than a fifth left.

    Returns
    -------
    DataFrame, one row per threshold
        threshold, estimate (net benefit in leavers found per customer), std_error, conf_low, conf_high, all_contacted
        (net benefit of contacting everybody; of nobody it is 0), n_listed, n.

    Notes
    -----
    Vickers & Elkin (2006): TP/n - FP/n * t/(1 - t), a mean over customers, hence its interval. It supposes that a
    contact keeps the leaver found; no save rate enters.
    """
    risk, left = _read(scores, score_col, label_col)
    z, n = normal_quantile(conf_level), len(risk)
    rows = []
    for threshold in thresholds or (HIGH_THRESHOLDS if left.mean() > 0.2 else THRESHOLDS):
        weight = threshold / (1 - threshold)
        listed = risk >= threshold
        worth = np.where(listed, np.where(left > 0, 1.0, -weight), 0.0)
        everybody = left.mean() - (1 - left.mean()) * weight
        error = float(worth.std(ddof=1) / np.sqrt(n))
        estimate = float(worth.mean())
        rows.append(
            (threshold, estimate, error, estimate - z * error, estimate + z * error, everybody, listed.sum(), n)
        )
    names = ["threshold", "estimate", "std_error", "conf_low", "conf_high", "all_contacted", "n_listed", "n"]
    return pd.DataFrame(rows, columns=names)
