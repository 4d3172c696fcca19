"""Contribution of touchpoints to completion: removal effects of an absorbing Markov chain. Descriptive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED, JourneyDefinition
from cj_helpers.inference import FloatArray
from cj_helpers.journeys import observed_for
from cj_helpers.mapping.losses import until_end

START, DONE, LOST = "(start)", "(completed)", "(lost)"
MOST_STATES = 100
_BUCKETS = 1_000  # customers are sampled in this many groups, so that memory does not grow with the log
_COLUMNS = ["journey", "touchpoint", "removal_effect", "conf_low", "conf_high", "n_journeys", "n_customers"]
_COLUMNS += ["weight", "attributed"]


def removal_effects(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    n_bootstrap: int = 200,
    seed: int = 1,
) -> pd.DataFrame:
    """Say how much of the completions passes through each touchpoint, and how much would be lost without it.

    Returns
    -------
    DataFrame, one row per journey definition and touchpoint, largest effect first
        journey, touchpoint, n_journeys, n_customers, removal_effect (share of the completions that would be missing if
        every way through the touchpoint led nowhere), conf_low, conf_high, weight (the effects scaled to one),
        attributed (weight times the number of completed journeys).

    Notes
    -----
    Anderl, Becker, von Wangenheim & Schumann (2016): a first-order chain over the matured journeys (observed
    for ``within``), P = e0' (I - Q)^-1 R. The touchpoints that end journeys are the absorbing states; steps
    after them, where the source names its journeys, earn nothing. Journeys still open count with the lost: they had
    the whole horizon. Mails of the company count like steps of customers. Which way a customer would have taken
    instead is not known, so the effect describes the log and predicts nothing.
    Intervals: percentiles over samples of customers, in at most 1,000 groups. Rare touchpoints beyond 100 lead to
    their own end, like silence.
    """
    parts = []
    for key, definition in definitions.items():
        own = journeys.filter((_.journey == key) & observed_for(journeys, definition.within, as_of=as_of))
        edges, counts = _edges(steps.filter(_.journey == key), own, definition)
        if edges.empty or not edges["target"].eq(DONE).any():
            continue
        part = _effects(edges, n_bootstrap, seed).merge(counts, how="left", on="touchpoint")
        n_completed = edges.loc[edges["target"].eq(DONE), "n"].sum()
        parts.append(part.assign(journey=key, attributed=part["weight"] * n_completed))
    if not parts:
        return pd.DataFrame(columns=_COLUMNS)
    table = pd.concat(parts)[_COLUMNS]
    order = ["journey", "removal_effect", "touchpoint"]
    return table.sort_values(order, ascending=[True, False, True]).reset_index(drop=True)


def _edges(steps: ir.Table, own: ir.Table, definition: JourneyDefinition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count moves per group of customers, from the start to one of the two ends."""
    group = own.select("journey_id", "outcome", bucket=ibis.dense_rank().over(order_by=own.customer_id) % _BUCKETS)
    inner = until_end(steps, definition).inner_join(group, "journey_id")
    in_order = ibis.window(group_by=inner.journey_id, order_by=inner.position)
    end = (inner.outcome == COMPLETED).ifelse(DONE, LOST)
    moves = inner.select(
        "bucket",
        "journey_id",
        "customer_id",
        "touchpoint",
        source=inner.touchpoint,
        target=inner.touchpoint.lead().over(in_order).fill_null(end),
        place=ibis.row_number().over(in_order),
    )
    counts = moves.group_by("touchpoint").aggregate(
        n_journeys=_.journey_id.nunique(), n_customers=_.customer_id.nunique()
    )
    first = moves.filter(_.place == 0).select("bucket", source=ibis.literal(START), target=_.touchpoint)
    every = ibis.union(moves.select("bucket", "source", "target"), first)
    return every.group_by("bucket", "source", "target").aggregate(n=_.count()).execute(), counts.execute()


def _effects(edges: pd.DataFrame, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """Removal effects of all states with percentile intervals over groups of customers."""
    volume = edges[edges["source"].ne(START)].groupby("source")["n"].sum().sort_index()
    names = volume.sort_values(ascending=False, kind="stable").index[:MOST_STATES].tolist()
    place = {name: index for index, name in enumerate([START, *names, DONE, LOST])}
    rare = place[LOST]
    source = edges["source"].map(place)
    kept = edges[source.notna()]
    cell = (source[kept.index] * len(place) + kept["target"].map(place).fillna(rare)).astype(int).to_numpy()
    bucket = pd.factorize(kept["bucket"], sort=True)[0]
    n, size = kept["n"].to_numpy(dtype=float), len(place)

    def table_of(weights: FloatArray) -> FloatArray:
        return np.bincount(cell, weights, size * size).reshape(size, size).astype(np.float64)

    rng, n_buckets = np.random.default_rng(seed), int(bucket.max()) + 1
    point = effects_of(table_of(n))
    drawn = rng.multinomial(n_buckets, np.full(n_buckets, 1 / n_buckets), n_bootstrap)
    sums = [table_of(n * weights[bucket]) for weights in drawn]
    samples = np.array([effects_of(counts) for counts in sums if counts[:, -2].sum() > 0])
    low, high = np.nanquantile(samples, [0.025, 0.975], axis=0)
    weight = point / point.sum()
    columns = {"touchpoint": names, "removal_effect": point, "conf_low": low, "conf_high": high, "weight": weight}
    return pd.DataFrame(columns)


def effects_of(counts: FloatArray) -> FloatArray:
    """Removal effects from a square table of moves: start, touchpoints, completed, lost.

    Without touchpoint i completion has the probability P - f_i h_i, where f_i is the chance ever to come to i and
    h_i that of completing from there; both come from one inverse of I - Q.

    Examples
    --------
    Three journeys: a-b to completion, a to the end, b to the end.

    >>> moves = np.array([[0, 2, 1, 0, 0], [0, 0, 1, 0, 1], [0, 0, 0, 1, 1], [0] * 5, [0] * 5], dtype=float)
    >>> effects_of(moves).round(3).tolist()
    [0.5, 1.0]
    """
    total = counts.sum(axis=1, keepdims=True)
    chance = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    inner = chance[:-2, :-2]
    visits = np.linalg.inv(np.eye(len(inner)) - inner)
    reach = visits @ chance[:-2, -2]
    ever = visits[0, 1:] / np.diag(visits)[1:]
    return np.asarray(ever * reach[1:] / reach[0])
