"""Funnels through the stages of a journey, in four kinds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.inference import effective_size, wilson_interval

KINDS = ("ordered", "consecutive", "window", "reached")


def funnel(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    window: timedelta | None = None,
) -> pd.DataFrame:
    """Follow journeys from stage to stage.

    Parameters
    ----------
    window : timedelta or None
        Longest time from first to last stage of the kind ``window``; None: the definition's ``within``.

    Returns
    -------
    DataFrame, one row per journey definition, kind and stage
        journey, kind, stage, n_reached, n_previous, share (n_reached / n_previous), conf_low, conf_high,
        n_matured, matured_share, n_customers.

        kind: ``ordered`` (other steps allowed in between), ``consecutive`` (stage follows stage directly),
        ``window`` (ordered within the window; every start is tried), ``reached`` (each stage for itself; its
        n_previous is all journeys). n_matured: the journeys of n_previous that started at least ``within``
        before as_of; matured_share is the share among them, the one to show, because the others may yet go on.

    Notes
    -----
    Definitions without stages have no funnel. Intervals: Wilson (1927) with the effective n of journeys
    clustered by customer.
    """
    parts = [
        _funnel_of(steps, journeys, definition, as_of, window or definition.within)
        for definition in definitions.values()
        if definition.stages
    ]
    columns = ["journey", "kind", "stage", "n_reached", "n_previous", "share", "conf_low", "conf_high"]
    columns += ["n_matured", "matured_share", "n_customers"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _funnel_of(
    steps: ir.Table, journeys: ir.Table, definition: JourneyDefinition, as_of: datetime, window: timedelta
) -> pd.DataFrame:
    stages = list(definition.stages)
    of_journey = steps.filter(_.journey == definition.key)
    flags = ibis.union(*[_reached(of_journey, stages, kind, window).mutate(kind=ibis.literal(kind)) for kind in KINDS])
    ripe = ibis.literal(as_of - definition.within, type="timestamp")
    facts = journeys.filter(_.journey == definition.key).select(
        "journey_id", "customer_id", is_matured=(_.started_at <= ripe).ifelse(1, 0)
    )
    joined = flags.inner_join(facts, "journey_id")
    rows = [_stage_row(joined, stages, index) for index in range(len(stages))]
    table = pd.concat(rows, ignore_index=True)
    table["order"] = table["kind"].map({kind: i for i, kind in enumerate(KINDS)})
    table = table.sort_values(["order", "index"]).assign(journey=definition.key)
    return table.reset_index(drop=True)


def _reached(steps: ir.Table, stages: list[str], kind: str, window: timedelta) -> ir.Table:
    """Say per journey which stages were reached, as columns r0, r1, ... of 0 and 1.

    Each step carries the latest moment at which a chain of stages that ends here began; the next stage takes
    the latest over the steps before it (``ordered``, ``window``) or of the step just before (``consecutive``).
    """
    by_journey = {"group_by": "journey_id", "order_by": "position"}
    before = ibis.window(preceding=(None, 1), **by_journey)  # type: ignore[arg-type]
    chain, table = {}, steps
    for index, stage in enumerate(stages):
        here = table.stage == stage
        if index == 0 or kind == "reached":
            began = table.timestamp
        elif kind == "consecutive":
            began = table[f"c{index - 1}"].lag().over(ibis.window(**by_journey))
        else:
            began = table[f"c{index - 1}"].max().over(before)
        if kind == "window":
            latest = began + ibis.interval(seconds=round(window.total_seconds()))
            here = here & (table.timestamp <= latest)
        table = table.mutate(**{f"c{index}": here.ifelse(began, ibis.null("timestamp"))})
        chain[f"r{index}"] = table[f"c{index}"]
    return table.group_by("journey_id").aggregate(
        **{f"r{i}": _[f"c{i}"].notnull().ifelse(1, 0).max() for i in range(len(stages))}
    )


def _stage_row(joined: ir.Table, stages: list[str], index: int) -> pd.DataFrame:
    """Count one stage in every kind, with sums per customer for the clustered interval."""
    reached = joined[f"r{index}"]
    every = ibis.literal(1)
    first = every if index == 0 else joined[f"r{index - 1}"]
    previous = (joined.kind == "reached").ifelse(every, first)
    counted = joined.select("kind", "customer_id", x=reached * previous, m=previous, ripe=joined.is_matured)
    by_customer = counted.group_by("kind", "customer_id").aggregate(
        x=_.x.sum(), m=_.m.sum(), xr=(_.x * _.ripe).sum(), mr=(_.m * _.ripe).sum()
    )
    sums = (
        by_customer.filter(_.m > 0)
        .group_by("kind")
        .aggregate(
            n_reached=_.x.sum(),
            n_previous=_.m.sum(),
            n_customers=_.count(),
            sxx=(_.x * _.x).sum(),
            sxm=(_.x * _.m).sum(),
            smm=(_.m * _.m).sum(),
            n_matured=_.mr.sum(),
            matured=_.xr.sum(),
        )
        .execute()
    )
    everyone = pd.DataFrame({"kind": KINDS})
    table = everyone.merge(sums, how="left", on="kind").fillna(0)
    return _with_shares(table).assign(stage=stages[index], index=index)


def _with_shares(table: pd.DataFrame) -> pd.DataFrame:
    n = table["n_previous"].where(table["n_previous"] > 0)
    share = table["n_reached"] / n
    squares = table["sxx"] - 2 * share * table["sxm"] + share**2 * table["smm"]  # sum of (x - share m)^2
    size = effective_size(share, squares, n, table["n_customers"])
    low, high = wilson_interval(share * size, size)
    counts = {name: table[name].astype("int64") for name in ("n_reached", "n_previous", "n_matured", "n_customers")}
    ripe = table["n_matured"].where(table["n_matured"] > 0)
    return table.assign(**counts, share=share, conf_low=low, conf_high=high, matured_share=table["matured"] / ripe)
