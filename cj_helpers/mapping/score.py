"""The journey score: 0 to 100, an open formula of what a journey should do for customer and company."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset import ScoreFormula
from cj_helpers.inference import FloatArray, wilson_interval
from cj_helpers.mapping.score_parts import BINS, Answers, Sums, answers_of, component_sums

Definitions = Mapping[str, JourneyDefinition]


def journey_scores(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    summary: pd.DataFrame,
    definitions: Definitions,
    as_of: datetime,
    formula: ScoreFormula,
    answers: Answers | None = None,
    n_bootstrap: int = 500,
    seed: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every journey.

    Parameters
    ----------
    summary : DataFrame
        What `journey_summary` returns, for the headline rate.
    formula : ScoreFormula
        ``score`` of dataset.yml: weights, target and worst by component.
    answers : Answers, optional
        For csat_top and ease_top.

    Returns
    -------
    scores : DataFrame, one row per journey definition, lowest score first
        journey, score, score_low, score_high (95 %), rank (1: lowest), rank_low and rank_high (over every weight halved
        and doubled, one at a time), missing (components without data: the journey is then not comparable and has no
        score).
    components : DataFrame, one row per journey definition and component of the formula
        journey, component, value, n (journeys, waits or answers), weight (they add up to 1), worst, target, utility
        (0 to 1), points (of the score).

    Notes
    -----
    utility = clip((value - worst) / (target - worst), 0, 1); score = 100 * sum of weight * utility. Targets come from
    dataset.yml, never from the spread of the journeys at hand. Components: completed_within; promise_kept (waits for
    the company that ended within the promise, of those old enough); csat_top and ease_top (good answers within 30 days
    after a journey's end, given to the customer's last one); cost (per started journey). Intervals: percentiles over
    samples of customers. Where all customers agree (6 of 6 completed), no sample varies; the interval is then widened
    by that of the headline rate, or by Wilson's (1927) for as many customers (Zou & Donner 2008).
    """
    weights = _normal(dict(formula.weights.items()))
    headline = summary[summary["segment"].eq("all")].set_index("journey")
    rates = headline["completed_within"]
    rows, samples, unsure = [], {}, {}
    rng = np.random.default_rng(seed)
    answered = None if answers is None else answers_of(journeys, answers).cache()
    for key, definition in definitions.items():
        own = journeys.filter(_.journey == key)
        sums = component_sums(steps.filter(_.journey == key), own, definition, as_of, answered)
        one = np.ones((1, sums.n_groups))
        drawn = rng.multinomial(sums.n_groups, np.full(sums.n_groups, 1 / sums.n_groups), n_bootstrap)
        point, tried = _values(sums, one, weights), _values(sums, drawn.astype(float), weights)
        if "completed_within" in weights:
            exact = float(rates.get(key, np.nan))
            tried["completed_within"] += exact - point["completed_within"]
            point["completed_within"][:] = exact
        rows += [_component(formula, key, name, point[name][0], sums, weights[name]) for name in weights]
        samples[key] = {name: _utility(formula, key, name, tried[name]) for name in weights}
        alike = [name for name in weights if name != "cost" and point[name][0] in (0.0, 1.0)]
        limits = {name: _limits(headline, key, sums.ratios, name, point[name][0]) for name in alike}
        unsure[key] = {name: _utility(formula, key, name, np.array(ends)) for name, ends in limits.items()}
    components = pd.DataFrame(rows)
    return _scores(components, samples, unsure, weights), components


def _limits(
    headline: pd.DataFrame, key: str, ratios: Mapping[str, tuple[FloatArray, FloatArray]], name: str, share: float
) -> tuple[float, float]:
    """Limits of a share of 0 or 1, which no sample of customers can tell."""
    if name == "completed_within":
        return float(headline["conf_low"][key]), float(headline["conf_high"][key])
    customers = int((ratios[name][1] > 0).sum())
    low, high = wilson_interval(share * customers, customers)
    return float(low), float(high)


def _normal(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def _values(sums: Sums, drawn: FloatArray, weights: Mapping[str, float]) -> dict[str, FloatArray]:
    """Value of every component for each row of weights of the groups; missing without trials."""
    values: dict[str, FloatArray] = {}
    for name in weights:
        if name == "completed_within":
            counts = (drawn @ sums.spells.reshape(sums.n_groups, -1)).reshape(len(drawn), 3, -1)
            values[name] = _incidence(counts)
            continue
        x, m = sums.ratios.get(name, (np.zeros(sums.n_groups), np.zeros(sums.n_groups)))
        with np.errstate(divide="ignore", invalid="ignore"):
            values[name] = np.where(drawn @ m > 0, (drawn @ x) / (drawn @ m), np.nan)
    return values


def _incidence(counts: FloatArray) -> FloatArray:
    """Aalen-Johansen incidence of completion at the end of the horizon from counts per interval of time."""
    gone = counts.sum(axis=1)
    at_risk = np.cumsum(gone[:, ::-1], axis=1)[:, ::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        won = np.where(at_risk > 0, counts[:, 0] / at_risk, 0.0)
        ended = np.where(at_risk > 0, (counts[:, 0] + counts[:, 1]) / at_risk, 0.0)
    left = np.cumprod(1 - ended, axis=1)
    before = np.concatenate([np.ones((len(left), 1)), left[:, :-1]], axis=1)
    return np.asarray((before * won)[:, : BINS + 1].sum(axis=1))


def _utility(formula: ScoreFormula, key: str, name: str, value: FloatArray | float) -> Any:
    worst, target = formula.bounds(name, key)
    return np.clip((np.asarray(value) - worst) / (target - worst), 0.0, 1.0)


def _component(
    formula: ScoreFormula, key: str, name: str, value: float, sums: Sums, weight: float
) -> dict[str, object]:
    worst, target = formula.bounds(name, key)
    n = sums.spells.sum() if name == "completed_within" else sums.ratios.get(name, (None, np.zeros(1)))[1].sum()
    utility = float(_utility(formula, key, name, value))
    first = {"journey": key, "component": name, "value": value, "n": int(n), "weight": weight}
    return {**first, "worst": worst, "target": target, "utility": utility, "points": 100 * weight * utility}


def _scores(
    components: pd.DataFrame,
    samples: Mapping[str, Mapping[str, FloatArray]],
    unsure: Mapping[str, Mapping[str, FloatArray]],
    weights: Mapping[str, float],
) -> pd.DataFrame:
    rows = []
    for key, part in components.groupby("journey", sort=False):
        tried = sum(100 * weight * samples[str(key)][name] for name, weight in weights.items())
        missing = ", ".join(part.loc[part["value"].isna(), "component"])
        score = float("nan") if missing else float(part["points"].sum())
        low, high = (float("nan"),) * 2 if missing else np.nanquantile(tried, [0.025, 0.975])
        own = part.set_index("component")["utility"]
        moves = [100 * weights[name] * (ends - own[name]) for name, ends in unsure[str(key)].items()]
        low = score - float(np.hypot.reduce([score - low, *(max(-ends.min(), 0.0) for ends in moves)]))
        high = score + float(np.hypot.reduce([high - score, *(max(ends.max(), 0.0) for ends in moves)]))
        rows.append({"journey": key, "score": score, "score_low": low, "score_high": high, "missing": missing})
    table = pd.DataFrame(rows)
    utility = components.pivot_table(index="journey", columns="component", values="utility", dropna=False)
    ranks = pd.DataFrame({k: _ranks(utility, varied) for k, varied in enumerate(_variations(weights))})
    table["rank"] = table["journey"].map(ranks[0])
    table["rank_low"], table["rank_high"] = (
        table["journey"].map(ranks.min(axis=1)),
        table["journey"].map(ranks.max(axis=1)),
    )
    table = table[["journey", "score", "score_low", "score_high", "rank", "rank_low", "rank_high", "missing"]]
    return table.sort_values(["score", "journey"], kind="stable").reset_index(drop=True)


def _variations(weights: Mapping[str, float]) -> list[dict[str, float]]:
    """Return the weights, then each of them halved and doubled."""
    return [dict(weights)] + [
        _normal({**weights, name: weight * factor}) for name, weight in weights.items() for factor in (0.5, 2.0)
    ]


def _ranks(utility: pd.DataFrame, weights: Mapping[str, float]) -> pd.Series:
    """Rank of the comparable journeys, 1 for the lowest score."""
    return (utility[list(weights)] * pd.Series(weights)).sum(axis=1, skipna=False).round(12).rank(method="min")
