"""What the components of the journey score are made of: survey answers, and sums per group of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, COMPLETED, JourneyDefinition
from cj_helpers.dataset import Dataset
from cj_helpers.inference import FloatArray

_BUCKETS = 2_000  # customers are sampled in this many groups, so that memory does not grow with the log
BINS = 200  # of the horizon, for the bootstrap of completed_within
ANSWER_WITHIN = timedelta(days=30)


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
class Sums:
    """What one journey's components are made of, per group of customers."""

    n_groups: int
    ratios: dict[str, tuple[FloatArray, FloatArray]]  # successes or money, and trials
    spells: FloatArray  # group x (completed, abandoned, open) x time


def answers_of(journeys: ir.Table, answers: Answers) -> ir.Table:
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


def component_sums(
    steps: ir.Table, own: ir.Table, definition: JourneyDefinition, as_of: datetime, answered: ir.Table | None
) -> Sums:
    """Sum every component per group of customers."""
    code = own.select("customer_id").distinct()
    group = code.mutate(group=ibis.dense_rank().over(order_by=code.customer_id) % _BUCKETS).cache()
    days = definition.within.total_seconds() / 86_400
    bins = (own.duration / days * BINS).ceil().cast("int64").clip(1, BINS + 1)
    state = ibis.cases((own.outcome == COMPLETED, 0), (own.outcome == ABANDONED, 1), else_=2)
    spells = own.select("customer_id", bin=bins, state=state).inner_join(group, "customer_id")
    counts = spells.group_by("group", "state", "bin").aggregate(n=_.count()).execute()
    size = int(counts["group"].max()) + 1 if len(counts) else 1
    grid = np.zeros((size, 3, BINS + 2))
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
    return Sums(size, ratios, grid)


def _pair(rows: ir.Table, group: ir.Table, size: int) -> tuple[FloatArray, FloatArray]:
    joined = rows.inner_join(group, "customer_id")
    table = joined.group_by("group").aggregate(x=_.x.sum(), m=_.m.sum()).execute()
    x, m = np.zeros(size), np.zeros(size)
    x[table["group"]] = pd.to_numeric(table["x"]).fillna(0)
    m[table["group"]] = table["m"]
    return x, m
