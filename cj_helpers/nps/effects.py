"""What goes with a higher answer, all drivers at a time: the ordinal model first, simpler ones beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import chdtrc, stdtr

from cj_helpers.contract import DataError
from cj_helpers.inference import adjust_p_values
from cj_helpers.nps.driver_data import COMPLETE_CASE, DriverData, driver_data
from cj_helpers.nps.driver_signs import require_distinct
from cj_helpers.nps.imputation import Pooled, pool_estimates
from cj_helpers.nps.inputs import require_conf_level, t_quantile
from cj_helpers.nps.logits import fit_cuts, fit_least_squares, fit_logit
from cj_helpers.nps.ordinal import fit_ordinal
from cj_helpers.nps.scores import DETRACTOR_TO, PROMOTER_FROM

MODELS = ("ordinal", "ols", "promoter", "detractor")


def driver_effects(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    controls: Sequence[str] = (),
    models: Sequence[str] = MODELS,
    cluster_col: str = "",
    seed: int = 0,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Estimate what goes with a higher answer, one driver beside all others.

    Association, not effect: the ratings of one survey share a mood.

    Parameters
    ----------
    answers, drivers, method, cluster_col, seed
        As in `drivers`. `method` "imputed" takes every answer with an outcome: 10 imputations, pooled.
    controls : sequence of str
        Columns held constant; text becomes one term per level against the most frequent one.
    models : sequence of {"ordinal", "ols", "promoter", "detractor"}
        "ordinal": log-odds of a higher answer per step of a driver. "ols": points of the outcome per step, errors
        HC3 or by customer. "promoter" and "detractor": log-odds of 9 or 10, and of 0 to 6, per step.

    Returns
    -------
    DataFrame
        One row per model and term: model, term (a driver; "<driver> (not used)"; a control), kind ("driver",
        "not_used", "control"), dimension, estimate, std_error, statistic, p_value, p_adjusted (Holm over the
        drivers of a model; NaN for other terms), conf_low, conf_high, method, n, n_customers. A model that the
        data do not allow has NaN.

    Raises
    ------
    ConfigError, DataError
        As in `drivers`; also when the ordinal model has no finite estimate.

    Notes
    -----
    Proportional odds (McCullagh 1980). Each step of a rating counts the same; `cut_differences` shows how far the
    slope differs along the scale of the outcome. Where customers answered more than once, errors are by customer.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B 42(2).
    Rubin, D. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.
    """
    require_conf_level(conf_level)
    data = driver_data(
        answers,
        drivers,
        outcome_col=outcome_col,
        cluster_col=cluster_col,
        method=method,
        controls=controls,
        seed=seed,
    )
    require_distinct(data)
    tables = [_effects_of(model, data, conf_level) for model in models]
    return pd.concat(tables, ignore_index=True)


def cut_differences(
    answers: pd.DataFrame,
    *,
    drivers: Mapping[str, Sequence[str]],
    outcome_col: str = "nps",
    method: str = COMPLETE_CASE,
    controls: Sequence[str] = (),
    seed: int = 0,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compare the slope of each driver at the low and the high end of the outcome's scale.

    The ordinal model takes one slope for all cuts (low answers against the rest, ..., the highest against the
    rest). Here each cut has its own logit.

    Returns
    -------
    DataFrame
        One row per term, then the row "all": term, slope_low and slope_high (at the lowest and the highest cut with
        at least 5 answers per term on both sides), difference (high minus low), conf_low, conf_high, spread
        (largest minus smallest slope of all cuts), statistic, df, p_value, p_adjusted (Holm), n_cuts, n. The row
        "all" has the test of all terms together and no slopes.

    Raises
    ------
    ConfigError, DataError
        As in `driver_effects`; also when fewer than 2 cuts have enough answers.

    Notes
    -----
    The size of the difference matters, not the p-value: with many answers any difference is "significant".
    Customers are taken as independent, and of imputed data the first set is used.

    References
    ----------
    Brant, R. (1990). Assessing proportionality in the proportional odds model for ordinal logistic regression.
    Biometrics 46(4).
    """
    require_conf_level(conf_level)
    data = driver_data(answers, drivers, outcome_col=outcome_col, method=method, controls=controls, seed=seed)
    require_distinct(data)
    return brant_table(data.outcome, data.design(data.sets[0]), data.names, conf_level=conf_level)


def brant_table(
    outcome: np.ndarray,
    terms: np.ndarray,
    names: Sequence[str],
    *,
    weights: np.ndarray | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Table of `cut_differences` from arrays."""
    cuts = fit_cuts(outcome, terms, names=names, weights=weights)
    k, p = cuts.slopes.shape
    contrast = np.hstack([-np.ones((k - 1, 1)), np.eye(k - 1)])
    slopes, blocks = cuts.slopes, cuts.covariance.reshape(k, p, k, p)
    rows: list[tuple[object, ...]] = []
    for j, name in enumerate(names):
        block = blocks[:, j, :, j]
        gap = float(slopes[-1, j] - slopes[0, j])
        half = t_quantile(conf_level, np.inf) * np.sqrt(max(block[0, 0] + block[-1, -1] - 2 * block[0, -1], 0.0))
        statistic = _wald(contrast @ slopes[:, j], contrast @ block @ contrast.T)
        rows.append((name, slopes[0, j], slopes[-1, j], gap, gap - half, gap + half, np.ptp(slopes[:, j]), statistic))
    whole = np.kron(contrast, np.eye(p))
    overall = _wald(whole @ slopes.ravel(), whole @ cuts.covariance @ whole.T)
    rows.append(("all", *[np.nan] * 6, overall))
    names_out = ["term", "slope_low", "slope_high", "difference", "conf_low", "conf_high", "spread", "statistic"]
    table = pd.DataFrame(rows, columns=names_out)
    table["df"] = [k - 1] * p + [(k - 1) * p]
    table["p_value"] = chdtrc(table["df"], table["statistic"])
    adjusted = [*adjust_p_values(table["p_value"].iloc[:-1]), np.nan]
    return table.assign(p_adjusted=adjusted, n_cuts=k, n=len(outcome) if weights is None else int(weights.sum()))


def _wald(difference: np.ndarray, covariance: np.ndarray) -> float:
    return float(difference @ np.linalg.pinv(covariance, hermitian=True) @ difference)


def _effects_of(model: str, data: DriverData, conf_level: float) -> pd.DataFrame:
    """Rows of one model; NaN where a model beside the ordinal one cannot be estimated."""
    try:
        pooled, free = _pooled(model, data)
    except DataError:
        if model == MODELS[0]:
            raise
        nothing = np.full(len(data.names), np.nan)
        pooled, free = Pooled(nothing, nothing, np.full(len(data.names), np.inf)), np.inf
    df = np.minimum(pooled.df, free)
    statistic = pooled.estimate / pooled.std_error
    half = np.array([t_quantile(conf_level, value) for value in df]) * pooled.std_error
    p_value = 2 * np.where(np.isfinite(df), stdtr(df, -np.abs(statistic)), stdtr(1e12, -np.abs(statistic)))
    n_drivers = len(data.listing)
    adjusted = np.full(len(statistic), np.nan)
    adjusted[:n_drivers] = adjust_p_values(p_value[:n_drivers])
    others = len(data.unused_of), len(data.control_names)
    return pd.DataFrame(
        {
            "model": model,
            "term": data.names,
            "kind": ["driver"] * n_drivers + ["not_used"] * others[0] + ["control"] * others[1],
            "dimension": [
                *data.listing["dimension"],
                *(data.listing["dimension"].iloc[j] for j in data.unused_of),
                *[""] * others[1],
            ],
            "estimate": pooled.estimate,
            "std_error": pooled.std_error,
            "statistic": statistic,
            "p_value": p_value,
            "p_adjusted": adjusted,
            "conf_low": pooled.estimate - half,
            "conf_high": pooled.estimate + half,
            "method": data.method,
            "n": len(data.outcome),
            "n_customers": data.n_customers,
        }
    )


def _pooled(model: str, data: DriverData) -> tuple[Pooled, float]:
    """Slopes pooled over the imputed sets, and the degrees of freedom of a single one."""
    fits = [_slopes(model, data, data.design(ratings)) for ratings in data.sets]
    pooled = pool_estimates(np.array([slopes for slopes, _ in fits]), np.array([variance for _, variance in fits]))
    residual = len(data.outcome) - len(data.names) - 1 if data.clusters is None else data.n_customers - 1
    return pooled, float(residual) if model == "ols" else np.inf


def _slopes(model: str, data: DriverData, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes of one model and their variances."""
    if model == "ordinal":
        fit = fit_ordinal(data.outcome, design, names=data.names, clusters=data.clusters)
        return fit.slopes, fit.errors**2
    if model == "ols":
        linear = fit_least_squares(data.outcome, design, clusters=data.clusters)
    else:
        event = data.outcome >= PROMOTER_FROM if model == "promoter" else data.outcome <= DETRACTOR_TO
        linear = fit_logit(event.astype(float), design, names=data.names, clusters=data.clusters)
    return linear.slopes[1:], np.diag(linear.covariance)[1:]
