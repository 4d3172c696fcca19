"""Paths through a journey: what follows what, and which sequences occur."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import COMPLETED

_JOURNEY = ["journey", "journey_id"]
_DIGITS = 9  # of a position within a journey


def outcomes(journeys: ir.Table) -> pd.DataFrame:
    """Count how journeys ended.

    Returns
    -------
    DataFrame, one row per journey definition and outcome
        journey, outcome (completed | abandoned | open), n_journeys, share of all started journeys, n_customers.

    Notes
    -----
    These shares treat journeys that are still open as their own group. They are not the headline rate, which
    is ``journey_summary``'s ``completed_within``.
    """
    counts = journeys.group_by("journey", "outcome").aggregate(
        n_journeys=_.count(), n_customers=_.customer_id.nunique()
    )
    table = counts.order_by("journey", "outcome").execute()
    table["share"] = table["n_journeys"] / table.groupby("journey")["n_journeys"].transform("sum")
    return table[["journey", "outcome", "n_journeys", "share", "n_customers"]]


def transitions(steps: ir.Table, *, journeys: ir.Table) -> pd.DataFrame:
    """Count what follows each touchpoint, the ways a journey ends included.

    Parameters
    ----------
    steps, journeys : ibis tables
        What ``build_steps`` and ``build_journeys`` return.

    Returns
    -------
    DataFrame, one row per journey definition, source and target touchpoint
        journey, source, target, n_transitions, n_journeys, n_customers, probability, wait_median_hours,
        wait_p25_hours, wait_p75_hours. Each journey's last event adds a row to the target ``(completed)``,
        ``(abandoned)`` or ``(open)``, without waits. Ordered by journey and falling n_transitions.

    Notes
    -----
    ``n_transitions`` counts occurrences, ``n_journeys`` distinct journeys, and ``probability`` divides by all
    rows of the source, ends included: three different numbers.
    """
    ends = journeys.select(*_JOURNEY, end=ibis.literal("(").concat(journeys.outcome, ")"))
    joined = steps.left_join(ends, _JOURNEY)
    moves = joined.select(
        "journey",
        "journey_id",
        "customer_id",
        "wait",
        source=joined.touchpoint,
        target=joined.next_touchpoint.fill_null(joined.end),
    )
    table = (
        moves.group_by("journey", "source", "target")
        .aggregate(
            n_transitions=_.count(),
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            wait_median_hours=_.wait.median(),
            wait_p25_hours=_.wait.quantile(0.25),
            wait_p75_hours=_.wait.quantile(0.75),
        )
        .execute()
    )
    total = table.groupby(["journey", "source"])["n_transitions"].transform("sum")
    table.insert(6, "probability", table["n_transitions"] / total)
    order = ["journey", "n_transitions", "source", "target"]
    return table.sort_values(order, ascending=[True, False, True, True]).reset_index(drop=True)


def joined_in_order(steps: ir.Table, column: str, *, by: list[str], separator: str) -> ir.Table:
    """Write a text column of each journey's steps as one text ``path``, in the order of the steps."""
    # an ordered group_concat does not exist on every engine; sorting texts that begin with the position does
    placed = steps.position.cast("string").lpad(_DIGITS, "0").concat(steps[column])
    collected = steps.mutate(_placed=placed).group_by(by).aggregate(_path=_._placed.collect())
    path = collected._path.sort().map(lambda text: text.substr(_DIGITS)).join(separator)
    return collected.select(*by, path=path)


def variants(steps: ir.Table, *, journeys: ir.Table) -> pd.DataFrame:
    """Count the distinct paths.

    Returns
    -------
    DataFrame, one row per journey definition and path, most frequent first
        journey, path (touchpoints joined with ``>``), n_journeys, share of the definition's journeys,
        completed_share (among the path's journeys, open ones included), n_customers, median_days.
    """
    paths = joined_in_order(steps, "touchpoint", by=_JOURNEY, separator=">")
    joined = journeys.select(*_JOURNEY, "customer_id", "outcome", "duration").inner_join(paths, _JOURNEY)
    table = (
        joined.group_by("journey", "path")
        .aggregate(
            n_journeys=_.count(),
            completed_share=(_.outcome == COMPLETED).ifelse(1, 0).mean(),
            n_customers=_.customer_id.nunique(),
            median_days=_.duration.median(),
        )
        .execute()
    )
    table.insert(3, "share", table["n_journeys"] / table.groupby("journey")["n_journeys"].transform("sum"))
    table = table.sort_values(["journey", "n_journeys", "path"], ascending=[True, False, True])
    return table.reset_index(drop=True)
