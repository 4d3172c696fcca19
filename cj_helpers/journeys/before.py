"""The last journey that had ended before a moment: what was known then, and nothing later."""

from __future__ import annotations

import ibis
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import OPEN
from cj_helpers.journeys.moves import seconds_between


def last_ended(moments: ir.Table, *, journeys: ir.Table, steps: ir.Table, when: str = "answered_at") -> ir.Table:
    """Add to each row the customer's last journey that had ended at or before a moment.

    Parameters
    ----------
    moments : ibis table
        customer_id, and a time in the column `when`.
    journeys, steps : ibis table
        What ``build_journeys`` and ``build_steps`` return.

    Returns
    -------
    ibis table, one row per row of `moments`
        Its columns, and last_journey, last_outcome (completed | abandoned), last_ended_days (days from its end to the
        moment), last_wait_hours (longest wait in it), last_handoffs, last_repeats; null where none had ended.

    Notes
    -----
    A journey given up ends when its timeout has passed, as everywhere; one still open at the moment is not used, even
    if it ended later. Journeys that end together are told apart by their start, then by their key.
    """
    waits = steps.group_by("journey", "journey_id").aggregate(last_wait_hours=_.wait.max())
    ended = journeys.filter((_.outcome != OPEN) & _.ended_at.notnull()).left_join(waits, ["journey", "journey_id"])
    ended = ended.select(
        "customer_id",
        "ended_at",
        "started_at",
        "last_wait_hours",
        last_journey=_.journey,
        last_outcome=_.outcome,
        last_handoffs=_.n_handoffs.cast("int64"),
        last_repeats=_.n_repeats.cast("int64"),
    )
    key = ["customer_id", when]
    asked = moments.select(*key).filter(_.customer_id.notnull() & _[when].notnull()).distinct()
    pairs = asked.inner_join(ended, "customer_id")
    pairs = pairs.filter(pairs.ended_at <= pairs[when])
    order = [pairs.ended_at.desc(), pairs.started_at.desc(), pairs.last_journey]
    newest = ibis.row_number().over(group_by=[pairs[name] for name in key], order_by=order)
    pairs = pairs.mutate(_rank=newest).filter(_._rank == 0)
    names = ["last_journey", "last_outcome", "last_ended_days", "last_wait_hours", "last_handoffs", "last_repeats"]
    found = pairs.mutate(last_ended_days=seconds_between(pairs.ended_at, pairs[when]) / 86_400).select(*key, *names)
    return moments.left_join(found, key).select(*moments.columns, *names)
