"""Journeys out of the engine: segments, what stayed outside, and the frame the models read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ALL, MISSING, DataError
from cj_helpers.journeys.moves import seconds_between
from cj_helpers.journeys.steps import Definitions, member_events


def events_outside(events: ir.Table, *, steps: ir.Table, definitions: Definitions, as_of: datetime) -> pd.DataFrame:
    """Count the members' events that no journey holds.

    Returns
    -------
    DataFrame, one row per journey definition
        journey, n_events, n_events_outside, n_success_outside. A success outside a journey means that
        its start was not recorded, or that the definition's start is too narrow.
    """
    rows = []
    for definition in definitions.values():
        members = member_events(events, definition, as_of, [])
        inside = steps.filter(_.journey == definition.key)
        successes = _.touchpoint.isin(definition.success)
        total = members.aggregate(n=_.count(), n_success=_.count(where=successes)).execute().iloc[0]
        held = inside.aggregate(n=_.count(), n_success=_.count(where=successes)).execute().iloc[0]
        rows.append((definition.key, int(total.n), int(total.n - held.n), int(total.n_success - held.n_success)))
    return pd.DataFrame(rows, columns=["journey", "n_events", "n_events_outside", "n_success_outside"])


def add_segment(
    journeys: ir.Table, *, segment_col: str, steps: ir.Table | None = None, customers: ir.Table | None = None
) -> ir.Table:
    """Add the column ``segment``: the value of an event column at the journey's first step, or of a customer.

    Parameters
    ----------
    segment_col : str
        A column of steps (looked up first) or of customers; ``""`` puts every journey into ``all``.

    Notes
    -----
    Journeys without a value are the segment ``(missing)``; none is dropped.
    """
    if not segment_col:
        return journeys.mutate(segment=ibis.literal(ALL))
    if steps is not None and segment_col in steps.columns:
        first = steps.filter(_.position == 1)
        values = first.select("journey", "journey_id", segment=first[segment_col].cast("string"))
        joined = journeys.left_join(values, ["journey", "journey_id"])
    elif customers is not None and segment_col in customers.columns:
        values = customers.select("customer_id", segment=customers[segment_col].cast("string"))
        joined = journeys.left_join(values, "customer_id")
    else:
        raise KeyError(f"segment_col: found no column {segment_col!r} in events or customers")
    return joined.select(*journeys.columns, segment=joined.segment.fill_null(MISSING))


def journey_frame(journeys: ir.Table, *, keep_left_truncated: bool = True) -> pd.DataFrame:
    """Bring journeys into pandas for the models, without any raw id.

    Parameters
    ----------
    keep_left_truncated : bool
        False leaves out the journeys that began before the log, whose true start is not known.

    Returns
    -------
    DataFrame, one row per journey, ordered by journey, start and customer
        journey, customer (a running number, the cluster of its journeys), started_at, outcome,
        duration_days, last_seen_days (from the start to the last event), n_steps, n_repeats, n_handoffs,
        n_channels, furthest_stage, cost,
        is_left_truncated, is_overdue, segment (``all`` unless ``add_segment`` set it).
        Journeys whose observation ended before they began are left out; ``exclusions`` counts them.
    """
    journeys = journeys.filter((_.duration >= 0).fill_null(False))
    if not keep_left_truncated:
        journeys = journeys.filter(~_.is_left_truncated)
    segment = journeys.segment if "segment" in journeys.columns else ibis.literal(ALL)
    frame = journeys.select(
        "journey",
        "started_at",
        "outcome",
        "n_steps",
        "n_repeats",
        "n_handoffs",
        "n_channels",
        "furthest_stage",
        "cost",
        "is_left_truncated",
        "is_overdue",
        customer=ibis.dense_rank().over(order_by=journeys.customer_id),
        duration_days=journeys.duration,
        last_seen_days=seconds_between(journeys.started_at, journeys.last_event_at) / 86_400,
        segment=segment,
    )
    return frame.order_by("journey", "started_at", "customer", "duration_days").execute()


def by_journey(
    frame: pd.DataFrame,
    function: Callable[..., pd.DataFrame],
    *,
    definitions: Definitions | None = None,
    problems: dict[str, str] | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Apply an analysis that knows nothing of journeys to each journey's rows.

    Parameters
    ----------
    frame : DataFrame
        What ``journey_frame`` returns.
    function : callable of (DataFrame, **options) -> DataFrame
        Such as ``survival.survival_curve``.
    definitions : mapping of journey key to JourneyDefinition
        When given, the function gets each journey's horizon as ``time_days`` and the result the column
        ``within_days``.
    problems : dict, optional
        Takes the journeys whose data the function refuses (DataError), with the reason; without it the error goes on.

    Returns
    -------
    DataFrame
        The stacked results with ``journey`` as first column.
    """
    parts = []
    for key, rows in frame.groupby("journey", sort=True):
        horizon = {}
        if definitions is not None:
            horizon = {"time_days": definitions[str(key)].within.total_seconds() / 86_400}
        try:
            part = function(rows.reset_index(drop=True), **horizon, **options)
        except DataError as error:
            if problems is None:
                raise
            problems[str(key)] = str(error)
            continue
        part = part.assign(within_days=horizon["time_days"]) if horizon else part
        parts.append(part.assign(journey=key))
    if not parts:
        return pd.DataFrame(columns=["journey"])
    table = pd.concat(parts, ignore_index=True)
    return table[["journey", *[name for name in table.columns if name != "journey"]]]
