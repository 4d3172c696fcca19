"""Hazard ratios for readers: checked covariates, both outcomes, and one ratio or two by the size of the change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cj_helpers.contract import ABANDONED, COMPLETED, DataError
from cj_helpers.inference import BoolArray, FloatArray, adjust_p_values, normal_quantile
from cj_helpers.survival.covariates import LEAST_EVENTS, ModelData, checked_covariates, of_outcome, read_model
from cj_helpers.survival.cox import coefficient_table, fitted
from cj_helpers.survival.fitting import CoxFit, SeparationError, estimable
from cj_helpers.survival.spells import Columns, Spells

#: Early and late hazard ratios that differ by less count as one (statistics by size, not by p).
SAME_RATIO = (0.8, 1.25)

WHOLE, EARLY, LATE = "whole", "early", "late"
SIZES = ("n", "n_events", "n_customers")


def hazard_ratios(
    table: pd.DataFrame,
    *,
    covariates: Sequence[str],
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    spell_col: str = "",
    split_days: float | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Cause-specific hazard ratios of every outcome, early and late apart where one number would mislead.

    Parameters
    ----------
    table : DataFrame
        One row per spell; start-stop rows (several per spell, with `entry_col`) for covariates that change.
    covariates : sequence of str
        Numeric or boolean columns, the most important first; see `covariate_checks`.
    duration_col, entry_col, weight_col
        As in `survival_curve`.
    outcome_col, outcomes
        As in `cumulative_incidence`; every outcome gets a model of its own in which the others are censored.
    cluster_col : str
        Customer: errors by the sandwich of Lin & Wei (1989), of the change from early to late as well.
    spell_col : str
        Number of the spell that a start-stop row belongs to, so that n counts spells and not rows.
    split_days : float, optional
        Where early ends; default: the median time of the outcome's events.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    DataFrame
        Per outcome and covariate three rows, period whole, early, late: outcome, term, period, split_days,
        hazard_ratio, conf_low, conf_high, estimate (log), std_error, p_value, p_adjusted, change (early / late),
        change_low, change_high, is_reported, n, n_events, n_customers, problem. `is_reported` marks what a reader
        should see: the whole, or early and late when the change is outside 0.8 to 1.25 and its interval excludes 1.
        Covariates that are not used, and outcomes without enough events, hold NaN and their problem.

    Raises
    ------
    ConfigError, DataError
        As `covariate_checks`; DataError also when no outcome has ten events.

    Notes
    -----
    Cox (1972) with Efron's ties. A cause-specific ratio compares rates among those still running; it is an association.
    p_adjusted is by Holm (1979) over the covariates of one outcome. Early and late come from the partial likelihoods up
    to and after the split, with all covariates free in both.
    """
    columns = Columns(duration_col, "", cluster_col, entry_col, weight_col)
    data = read_model(table, covariates, columns, (outcome_col, outcomes), spell_col)
    parts = []
    for code, outcome in enumerate(outcomes, start=1):
        checks = checked_covariates(data, code, str(outcome))
        parts.append(_ratios(data, code, checks, split_days, conf_level))
    result = pd.concat(parts, ignore_index=True)
    if result["hazard_ratio"].isna().all():
        problems = ", ".join(sorted(set(result["problem"])))
        raise DataError(
            f"hazard ratios: no outcome of {', '.join(map(str, outcomes))} has {LEAST_EVENTS} events for a covariate "
            f"that varies (found: {problems}); take a longer window or fewer segments"
        )
    return result


def _ratios(data: ModelData, code: int, checks: pd.DataFrame, split: float | None, conf_level: float) -> pd.DataFrame:
    whole, fit, checks = _fitted(of_outcome(data, code), checks)
    used, table = np.flatnonzero(checks["is_used"]), _empty(checks)
    if fit is None:
        return table
    split_at = _median_event(whole.spells) if split is None else split
    halves = [_half(whole, split_at, late=late) for late in (False, True)]
    parts = [_fill(data, fit, whole, conf_level, code)] + [_fill(*half, whole, conf_level) for half in halves]
    change = _change(halves, whole, conf_level)
    for position, part in enumerate(parts):
        rows = (3 * used + position).tolist()
        table.loc[rows, list(part.columns)] = part.to_numpy()
    rows = (3 * np.repeat(used, 3) + np.tile([0, 1, 2], len(used))).tolist()
    table.loc[rows, ["change", "change_low", "change_high"]] = np.repeat(change, 3, axis=0)
    table.loc[(3 * used).tolist(), "p_adjusted"] = adjust_p_values(parts[0]["p_value"].to_numpy(dtype=float))
    table["split_days"] = split_at
    differs = _differs(change)
    table.loc[rows, "is_reported"] = (np.repeat(differs, 3) != np.tile([True, False, False], len(used))).tolist()
    return table


def _fitted(own: ModelData, checks: pd.DataFrame) -> tuple[ModelData, CoxFit | None, pd.DataFrame]:
    """Model of the covariates that can be used; those without a finite maximum are left out in turn."""
    rows = np.ones(len(own.x), dtype=bool)
    while True:
        whole = own.take(rows, columns=np.flatnonzero(checks["is_used"]).tolist())
        if not whole.names:
            return whole, None, checks
        try:
            return whole, fitted(whole.x, whole.spells, whole.names), checks
        except SeparationError as error:
            apart = checks["term"].isin(error.terms)
            problem = checks["problem"].mask(apart & checks["is_used"], "separated")
            checks = checks.assign(is_used=checks["is_used"] & ~apart, problem=problem)


def _empty(checks: pd.DataFrame) -> pd.DataFrame:
    table = checks.loc[checks.index.repeat(3), ["outcome", "term"]].reset_index(drop=True)
    table["period"] = np.tile([WHOLE, EARLY, LATE], len(checks))
    numbers = ["split_days", "hazard_ratio", "conf_low", "conf_high", "estimate", "std_error", "p_value", "p_adjusted"]
    numbers += ["change", "change_low", "change_high"]
    table = table.assign(**dict.fromkeys(numbers, np.nan), is_reported=False, **dict.fromkeys(SIZES, 0))
    return table.assign(problem=checks["problem"].repeat(3).to_numpy())


def _fill(
    data: ModelData | None, fit: CoxFit | None, whole: ModelData, conf_level: float, code: int = 1
) -> pd.DataFrame:
    """Columns of one period; NaN when it could not be fitted."""
    k = len(whole.names)
    beta, error = np.full(k, np.nan), np.full(k, np.nan)
    sizes = [0, 0, 0]
    if data is not None:
        spells = data.spells
        sizes = [data.n, int(spells.weight[spells.status == code].sum()), spells.n_clusters]
    if fit is not None:
        beta, error = fit.beta, np.sqrt(np.diag(fit.covariance))
    table = coefficient_table(whole.names, beta, error, conf_level)
    limits = {name: np.exp(table[name]) for name in ("conf_low", "conf_high")}
    table = table.assign(hazard_ratio=np.exp(table["estimate"]), **limits, **dict(zip(SIZES, sizes, strict=True)))
    return table.drop(columns=["term", "statistic"])


def _median_event(spells: Spells) -> float:
    """Median time of the events: half of what is known lies on either side."""
    died = spells.status > 0
    order = np.argsort(spells.duration[died], kind="stable")
    running = np.cumsum(spells.weight[died][order])
    return float(spells.duration[died][order][np.searchsorted(running, running[-1] / 2)])


def _half(whole: ModelData, split: float, *, late: bool) -> tuple[ModelData | None, CoxFit | None]:
    """Model of the time up to the split, or after it; none where it has no finite maximum."""
    spells = whole.spells
    entry = np.zeros(len(spells.weight)) if spells.entry is None else spells.entry
    rows = spells.duration > split if late else (entry < split) | (entry == 0)
    part = whole.take(rows)
    if late:
        cut = part.spells.with_entry(np.maximum(entry[rows], split))
    else:
        inside = part.spells.duration <= split
        cut = part.spells.with_end(np.minimum(part.spells.duration, split), part.spells.status * inside)
    if not cut.status.any():
        return None, None
    met = cut.duration >= cut.duration[cut.status > 0].min()
    data = ModelData(cut, part.x, whole.names, part.spell).take(met)
    n_events = data.spells.weight[data.spells.status > 0].sum()
    if n_events < LEAST_EVENTS * len(whole.names) or not estimable(data.x, data.spells.weight).all():
        return data, None
    try:
        return data, fitted(data.x, data.spells, data.names)
    except DataError:
        return data, None


def _change(halves: list[tuple[ModelData | None, CoxFit | None]], whole: ModelData, conf_level: float) -> FloatArray:
    """Early over late hazard ratio with its interval, covariates x 3."""
    (_first, early), (_second, late) = halves
    if early is None or late is None:
        return np.full((len(whole.names), 3), np.nan)
    if early.influence is not None and late.influence is not None:
        size = max(len(early.influence), len(late.influence))
        moved = _padded(early.influence, size) - _padded(late.influence, size)
        error = np.sqrt((moved**2).sum(axis=0))
    else:  # the two partial likelihoods share no event
        error = np.sqrt(np.diag(early.covariance) + np.diag(late.covariance))
    difference, half = early.beta - late.beta, normal_quantile(conf_level) * error
    return np.exp(np.column_stack([difference, difference - half, difference + half]))


def _padded(influence: FloatArray, size: int) -> FloatArray:
    return np.concatenate([influence, np.zeros((size - len(influence), influence.shape[1]))])


def _differs(change: FloatArray) -> BoolArray:
    estimate, low, high = change.T
    large = (estimate < SAME_RATIO[0]) | (estimate > SAME_RATIO[1])
    return large & ((low > 1) | (high < 1))
