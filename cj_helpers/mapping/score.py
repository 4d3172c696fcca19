"""The journey score: 0 to 100, an open formula of what a journey should do for customer and company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, COMPLETED, JourneyDefinition
from cj_helpers.dataset import Dataset, ScoreFormula
from cj_helpers.inference import FloatArray

_BUCKETS = 2_000  # customers are sampled in this many groups, so that memory does not grow with the log
_BINS = 200  # of the horizon, for the bootstrap of completed_within
ANSWER_WITHIN = timedelta(days=30)

Definitions = Mapping[str, JourneyDefinition]


@dataclass(frozen=True)
class Answers:
    """Survey answers for the score.

    Attributes
    ----------
    table : ibis table
        customer_id, answered_at, row_number and csat, ces where asked.
    csat_top, ces_easy : sequence of float
        Answers that count as satisfied and as easy.
    """

    table: ir.Table
    csat_top: Sequence[float] = ()
    ces_easy: Sequence[float] = ()


def score_answers(data: Dataset) -> Answers | None:
    """Return the survey answers of a data set that enter the score; None when there are none with date and customer.

    Good are the answers under ``top`` of survey.csat and survey.ces, else the best two of the scale.
    """
    table, survey = data.surveys, data.config.survey
    if table is None or not {"customer_id", "answered_at"} <= set(table.columns):
        return None
    good: dict[str, Sequence[float]] = {"csat": (), "ces": ()}
    for name, rating in (("csat", survey.csat), ("ces", survey.ces)):
        if rating is not None:
            low, high = rating.scale
            good[name] = rating.top or ([high - 1, high] if rating.easy_is == "high" else [low, low + 1])
    return Answers(table, good["csat"], good["ces"])


@dataclass(frozen=True)
class _Sums:
    """What one journey's components are made of, per group of customers."""

    n_groups: int
    ratios: dict[str, tuple[FloatArray, FloatArray]]  # successes or money, and trials
    spells: FloatArray  # group x (completed, abandoned, open) x time


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
    samples of customers.
    """
    weights = _normal(dict(formula.weights.items()))
    rates = summary[summary["segment"].eq("all")].set_index("journey")["completed_within"]
    rows, samples = [], {}
    rng = np.random.default_rng(seed)
    answered = None if answers is None else _answers_of(journeys, answers)
    for key, definition in definitions.items():
        own = journeys.filter(_.journey == key)
        sums = _sums(steps.filter(_.journey == key), own, definition, as_of, answered)
        one = np.ones((1, sums.n_groups))
        drawn = rng.multinomial(sums.n_groups, np.full(sums.n_groups, 1 / sums.n_groups), n_bootstrap)
        point, tried = _values(sums, one, weights), _values(sums, drawn.astype(float), weights)
        if "completed_within" in weights:
            exact = float(rates.get(key, np.nan))
            tried["completed_within"] += exact - point["completed_within"]
            point["completed_within"][:] = exact
        rows += [_component(formula, key, name, point[name][0], sums, weights[name]) for name in weights]
        samples[key] = {name: _utility(formula, key, name, tried[name]) for name in weights}
    components = pd.DataFrame(rows)
    return _scores(components, samples, weights), components


def _normal(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def _answers_of(journeys: ir.Table, answers: Answers) -> ir.Table:
    """Give each answer to the customer's last journey that ended in the 30 days before it."""
    ended = journeys.filter(_.ended_at.notnull()).select("journey", "journey_id", "customer_id", "ended_at")
    table = answers.table
    asked = table.select(
        "customer_id",
        "answered_at",
        "row_number",
        csat=_good(table, "csat", answers.csat_top),
        ces=_good(table, "ces", answers.ces_easy),
    )
    pairs = asked.inner_join(ended, "customer_id")
    reach = ibis.interval(seconds=round(ANSWER_WITHIN.total_seconds()))
    pairs = pairs.filter((_.answered_at >= _.ended_at) & (_.answered_at <= _.ended_at + reach))
    latest = ibis.row_number().over(
        group_by=pairs.row_number, order_by=[ibis.desc(pairs.ended_at), pairs.journey, pairs.journey_id]
    )
    return pairs.mutate(_latest=latest).filter(_._latest == 0)


def _good(table: ir.Table, column: str, good: Sequence[float]) -> ir.NumericValue:
    """Return 1 for a good answer, 0 for another, null for none."""
    if column not in table.columns or not good:
        return ibis.null("int64")
    given = table[column].cast("float64")
    return given.isnull().ifelse(ibis.null("int64"), given.isin(list(good)).ifelse(1, 0))


def _sums(
    steps: ir.Table, own: ir.Table, definition: JourneyDefinition, as_of: datetime, answered: ir.Table | None
) -> _Sums:
    """Sum every component per group of customers."""
    code = own.select("customer_id").distinct()
    group = code.mutate(group=ibis.dense_rank().over(order_by=code.customer_id) % _BUCKETS).cache()
    days = definition.within.total_seconds() / 86_400
    bins = (own.duration / days * _BINS).ceil().cast("int64").clip(1, _BINS + 1)
    state = ibis.cases((own.outcome == COMPLETED, 0), (own.outcome == ABANDONED, 1), else_=2)
    spells = own.select("customer_id", bin=bins, state=state).inner_join(group, "customer_id")
    counts = spells.group_by("group", "state", "bin").aggregate(n=_.count()).execute()
    size = int(counts["group"].max()) + 1 if len(counts) else 1
    grid = np.zeros((size, 3, _BINS + 2))
    np.add.at(grid, (counts["group"], counts["state"], counts["bin"]), counts["n"])
    money = own.select("customer_id", x=own.cost, m=ibis.literal(1))
    ratios = {"cost": _pair(money, group, size)}
    if not own.filter(own.cost.notnull()).limit(1).count().execute():
        ratios["cost"] = (ratios["cost"][0], np.zeros(size))
    if definition.promise is not None and definition.waiting_on_company:
        old = ibis.literal(as_of - definition.promise, type="timestamp")
        waits = steps.filter(steps.touchpoint.isin(definition.waiting_on_company) & (steps.timestamp <= old))
        kept = (waits.wait <= definition.promise.total_seconds() / 3600).fill_null(False)
        ratios["promise_kept"] = _pair(waits.select("customer_id", x=kept.ifelse(1, 0), m=ibis.literal(1)), group, size)
    if answered is not None:
        given = answered.filter(answered.journey == definition.key)
        for name, column in (("csat_top", "csat"), ("ease_top", "ces")):
            valid = given.filter(given[column].notnull())
            ratios[name] = _pair(valid.select("customer_id", x=valid[column], m=ibis.literal(1)), group, size)
    return _Sums(size, ratios, grid)


def _pair(rows: ir.Table, group: ir.Table, size: int) -> tuple[FloatArray, FloatArray]:
    joined = rows.inner_join(group, "customer_id")
    table = joined.group_by("group").aggregate(x=_.x.sum(), m=_.m.sum()).execute()
    x, m = np.zeros(size), np.zeros(size)
    x[table["group"]] = pd.to_numeric(table["x"]).fillna(0)
    m[table["group"]] = table["m"]
    return x, m


def _values(sums: _Sums, drawn: FloatArray, weights: Mapping[str, float]) -> dict[str, FloatArray]:
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
    return np.asarray((before * won)[:, : _BINS + 1].sum(axis=1))


def _utility(formula: ScoreFormula, key: str, name: str, value: FloatArray | float) -> Any:
    worst, target = formula.bounds(name, key)
    return np.clip((np.asarray(value) - worst) / (target - worst), 0.0, 1.0)


def _component(
    formula: ScoreFormula, key: str, name: str, value: float, sums: _Sums, weight: float
) -> dict[str, object]:
    worst, target = formula.bounds(name, key)
    n = sums.spells.sum() if name == "completed_within" else sums.ratios.get(name, (None, np.zeros(1)))[1].sum()
    utility = float(_utility(formula, key, name, value))
    first = {"journey": key, "component": name, "value": value, "n": int(n), "weight": weight}
    return {**first, "worst": worst, "target": target, "utility": utility, "points": 100 * weight * utility}


def _scores(
    components: pd.DataFrame, samples: Mapping[str, Mapping[str, FloatArray]], weights: Mapping[str, float]
) -> pd.DataFrame:
    rows = []
    for key, part in components.groupby("journey", sort=False):
        tried = sum(100 * weight * samples[str(key)][name] for name, weight in weights.items())
        missing = ", ".join(part.loc[part["value"].isna(), "component"])
        score = float("nan") if missing else float(part["points"].sum())
        low, high = (float("nan"),) * 2 if missing else np.nanquantile(tried, [0.025, 0.975])
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
