"""Funnels through the stages of a journey, in four kinds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.mapping.clustered import clustered_shares

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
        n_matured, matured_share, matured_low, matured_high, n_customers.

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
    columns += ["n_matured", "matured_share", "matured_low", "matured_high", "n_customers"]
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
    joined = flags.inner_join(facts, "journey_id").cache()
    table = pd.concat([_stage_rows(joined, stages, index) for index in range(len(stages))], ignore_index=True)
    place = {kind: i for i, kind in enumerate(KINDS)}
    table = table.sort_values(
        ["kind", "index"], key=lambda column: column.map(place) if column.name == "kind" else column
    )
    return table.assign(journey=definition.key).reset_index(drop=True)


def _reached(steps: ir.Table, stages: list[str], kind: str, window: timedelta) -> ir.Table:
    """Say per journey which stages were reached, as columns r0, r1, ... of 0 and 1.

    Each step carries the latest moment at which a chain of stages that ends here began; the next stage takes
    the latest over the steps before it (``ordered``, ``window``) or of the step just before (``consecutive``).
    """
    by_journey = {"group_by": "journey_id", "order_by": "position"}
    before = ibis.window(preceding=(None, 1), **by_journey)  # type: ignore[arg-type]
    table = steps
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
    return table.group_by("journey_id").aggregate(
        **{f"r{i}": _[f"c{i}"].notnull().ifelse(1, 0).max() for i in range(len(stages))}
    )


def _stage_rows(joined: ir.Table, stages: list[str], index: int) -> pd.DataFrame:
    """Count one stage in every kind, over all journeys and over the matured ones."""
    every = ibis.literal(1)
    before = every if index == 0 else joined[f"r{index - 1}"]
    m = (joined.kind == "reached").ifelse(every, before)
    x = joined[f"r{index}"] * m
    ripe = joined.is_matured
    started = _shares(joined.select("kind", "customer_id", x=x, m=m))
    matured = _shares(joined.select("kind", "customer_id", x=x * ripe, m=m * ripe))
    return pd.DataFrame(
        {
            "kind": KINDS,
            "stage": stages[index],
            "index": index,
            "n_reached": started["n_success"].fillna(0).astype("int64"),
            "n_previous": started["n"].fillna(0).astype("int64"),
            "share": started["share"],
            "conf_low": started["conf_low"],
            "conf_high": started["conf_high"],
            "n_matured": matured["n"].fillna(0).astype("int64"),
            "matured_share": matured["share"],
            "matured_low": matured["conf_low"],
            "matured_high": matured["conf_high"],
            "n_customers": started["n_customers"].fillna(0).astype("int64"),
        }
    )


def _shares(rows: ir.Table) -> pd.DataFrame:
    """Shares in the order of the kinds; a kind without journeys is an empty row."""
    return pd.DataFrame({"kind": KINDS}).merge(clustered_shares(rows, group_cols=["kind"]), how="left", on="kind")
