"""Cox regression: unpenalised, Efron's ties, left truncation, robust errors.

An own short implementation because the libraries at hand miss on ties: lifelines' robust errors differ from R by up to
3.6 % and its entries by .0003 in a coefficient, statsmodels' entries have the wrong sign; and both need minutes where
sums over risk sets need seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import BoolArray, FloatArray, normal_quantile, tally
from cj_helpers.survival.partial_likelihood import RiskSums, Steps, risk_sums, score_residuals, steps
from cj_helpers.survival.spells import Columns, Spells, covariate_values, event_status, observed_spells

MAX_ITERATIONS = 40
#: A coefficient that still grows when hazards differ by exp(20) between the extremes of its covariate has no maximum.
MAX_LOG_RATIO = 20.0


def cox_model(
    table: pd.DataFrame,
    *,
    covariates: Sequence[str],
    duration_col: str = "duration_days",
    event_col: str = "event",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Log hazard ratios of covariates known at the origin.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    covariates : sequence of str
        Numeric or boolean columns without missing values.
    duration_col, event_col, entry_col, weight_col
        As in `survival_curve`. To study one of several outcomes, code the others as no event (cause-specific hazard).
    cluster_col : str
        Customer, where customers have several rows: errors by the sandwich of Lin & Wei (1989) with score residuals
        summed per customer. Without it, errors from the observed information.
    conf_level : float
        Level of the two-sided interval.

    Returns
    -------
    DataFrame
        One row per covariate in the order given: term, estimate (log hazard ratio per unit), std_error, statistic,
        p_value, conf_low, conf_high. A covariate that is constant or a combination of earlier ones is not estimable:
        its row holds NaN.

    Raises
    ------
    ConfigError
        When a column is not in the table or a covariate is named twice.
    DataError
        When values are missing or impossible, no event was seen, or a coefficient has no finite maximum (separation);
        the message names the term.

    Notes
    -----
    Cox (1972), ties by Efron (1977). Assumes that hazards are proportional over time. A covariate measured over the
    spell (number of contacts so far) is not known at the origin: used here it answers the wrong question.

    Examples
    --------
    >>> spells = pd.DataFrame({"duration_days": [1, 2, 3, 4, 5], "event": 1, "x": [1, 1, 0, 1, 0]})
    >>> round(float(cox_model(spells, covariates=["x"])["estimate"].iloc[0]), 3)
    1.208
    """
    if not covariates or len(set(covariates)) < len(covariates):
        raise ConfigError(f"covariates: found {list(covariates)}, needed is at least one, each named once")
    values = covariate_values(table, covariates)
    columns = Columns(duration_col, cluster=cluster_col, entry=entry_col, weight=weight_col)
    spells, values = observed_spells(table, columns, event_status(table, event_col), values)
    if not spells.status.any():
        raise DataError(f"{event_col}: no event in {spells.n:,} rows; a Cox model needs events")
    compared = spells.duration >= spells.duration[spells.status > 0].min()  # earlier ends meet no event
    spells, values = spells.take(compared), values[compared]
    estimate, error = np.full(len(covariates), np.nan), np.full(len(covariates), np.nan)
    kept = _estimable(values, spells.weight)
    if kept.any():
        names = [name for name, keep in zip(covariates, kept, strict=True) if keep]
        estimate[kept], error[kept] = _fit(values[:, kept], spells, names)
    return _coefficient_table(covariates, estimate, error, conf_level)


def _coefficient_table(
    terms: Sequence[str], estimate: FloatArray, error: FloatArray, conf_level: float
) -> pd.DataFrame:
    statistic = estimate / error
    half = normal_quantile(conf_level) * error
    return pd.DataFrame(
        {
            "term": list(terms),
            "estimate": estimate,
            "std_error": error,
            "statistic": statistic,
            "p_value": 2 * ndtr(-np.abs(statistic)),
            "conf_low": estimate - half,
            "conf_high": estimate + half,
        }
    )


def _estimable(values: FloatArray, weight: FloatArray) -> BoolArray:
    """Which columns vary and are no linear combination of earlier kept ones."""
    centred = values - np.average(values, axis=0, weights=weight)
    spread = np.sqrt(np.average(centred**2, axis=0, weights=weight))
    varies = spread > 1e-10 * np.maximum(np.abs(values).max(axis=0), 1e-300)
    scaled = centred / np.where(varies, spread, 1.0)
    correlation = (scaled * weight[:, None]).T @ scaled / weight.sum()
    kept: list[np.intp] = []
    for j in np.flatnonzero(varies):
        with_kept = correlation[np.ix_(kept, [j])]
        explained = with_kept.T @ np.linalg.solve(correlation[np.ix_(kept, kept)], with_kept) if kept else np.zeros(1)
        if 1 - explained.item() > 1e-9:
            kept.append(j)
    return np.isin(np.arange(values.shape[1]), kept)


def _fit(values: FloatArray, spells: Spells, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Coefficients and standard errors in the units of the covariates."""
    weight = spells.weight / spells.weight.sum()
    centre = weight @ values
    scale = np.sqrt(weight @ (values - centre) ** 2)
    x = (values - centre) / scale
    grid = steps(spells)
    beta = _maximise(x, spells, grid, names)
    sums = risk_sums(x, beta, spells, grid)
    sizes = np.linalg.eigvalsh(sums.information)
    if sizes[0] <= 1e-10 * sizes[-1]:
        _refuse(names, np.diag(sums.information) <= 1e-8 * sizes[-1])
    covariance = np.linalg.inv(sums.information)
    if spells.cluster is not None:
        residuals = score_residuals(x, spells, grid, sums) * spells.weight[:, None]
        _, customer = np.unique(spells.cluster, return_inverse=True)
        summed = np.stack([tally(customer, column) for column in residuals.T], axis=1)
        influence = summed @ covariance
        covariance = influence.T @ influence
    return beta / scale, np.sqrt(np.diag(covariance)) / scale


def _maximise(x: FloatArray, spells: Spells, grid: Steps, names: Sequence[str]) -> FloatArray:
    """Newton's method with step halving; refuses when a coefficient runs away."""
    reach = np.ptp(x, axis=0)
    beta: FloatArray = np.zeros(x.shape[1])
    step: FloatArray = np.zeros(x.shape[1])
    best: RiskSums | None = None
    for _ in range(MAX_ITERATIONS):
        sums = risk_sums(x, beta + step, spells, grid)
        if best is not None and sums.log_likelihood < best.log_likelihood - 1e-9 * abs(best.log_likelihood):
            step = step / 2
            continue
        beta, best = beta + step, sums
        step = np.asarray(np.linalg.lstsq(sums.information, sums.gradient, rcond=None)[0], dtype=np.float64)
        if np.abs(step).max() < 1e-9:
            return beta + step
        running = (np.abs(beta) * reach > MAX_LOG_RATIO) & (np.abs(step) * reach > 0.1)
        if running.any():
            _refuse(names, running)
    _refuse(names, np.abs(step) * reach >= 1e-6)
    return beta


def _refuse(names: Sequence[str], running: BoolArray) -> None:
    terms = ", ".join(name for name, away in zip(names, running, strict=True) if away) or ", ".join(names)
    raise DataError(
        f"Cox model: no finite estimate for {terms}: some of its values go with no event at all, or only with events "
        "(separation). Merge rare levels or leave the covariate out."
    )
