"""Which journeys are old enough to judge by, and which steps can lose one."""

from __future__ import annotations

from datetime import datetime, timedelta

from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.journeys import observed_for


def longest_timeout(definition: JourneyDefinition) -> timedelta:
    """Return how long a loss may take to be declared after the last event; zero where silence never ends a journey.

    After touchpoints that wait for the company no timeout runs, so theirs do not count.
    """
    waiting = definition.waiting_on_company
    limits = [limit for touchpoint, limit in definition.timeouts.items() if touchpoint not in waiting]
    return max([*limits, definition.timeout or timedelta(0)])


def loss_known(journeys: ir.Table, definition: JourneyDefinition, as_of: datetime) -> ir.BooleanValue:
    """Say of which journeys a loss would be known: those observed for the horizon and the longest timeout.

    Journeys that go on are known at once, those that are lost only after a whole timeout: among younger ones the share
    lost would be too small.
    """
    return observed_for(journeys, definition.within + longest_timeout(definition), as_of=as_of)


def until_end(steps: ir.Table, definition: JourneyDefinition) -> ir.Table:
    """Keep the steps of one definition before the event that ends the journey.

    Where the source names its journeys, steps may come after the end; nothing is lost or won by them.
    """
    ends = [*definition.success, *definition.abandon]
    ended = steps.filter(_.touchpoint.isin(ends)).group_by("journey_id").aggregate(_end=_.position.min())
    rows = steps.left_join(ended, "journey_id")
    return rows.filter((rows.position < rows["_end"]).fill_null(True)).select(*steps.columns)


def by_customers(steps: ir.Table) -> ir.Table:
    """Keep what customers did, where events say so: a mail that the company sends is not where one gives up."""
    return steps.filter(_.actor.fill_null("customer") == "customer") if "actor" in steps.columns else steps
