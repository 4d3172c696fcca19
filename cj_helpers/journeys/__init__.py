"""Events -> steps -> journeys: who started, completed, abandoned or is still open.

Everything is an Ibis expression, so the same code runs on DuckDB and on Spark, PostgreSQL or a warehouse.
The rules are those of the README's section on journeys:

1. An event belongs to a journey if its touchpoint is a member of the definition.
2. Nothing after ``as_of`` is used.
3. Order is timestamp, then ``order``, else the row number in the source, else touchpoint.
4. A journey runs from a start touchpoint to success, an abandon touchpoint, silence longer than the
   timeout, or ``as_of``; a start touchpoint inside does not restart it.
5. It is completed at the success event, abandoned at an abandon event or at last event + timeout
   (if that is not after ``as_of``), otherwise open. While the customer waits on the company the clock stops.
6. When the source names the journey, its events are one journey and are never split.
"""

from cj_helpers.journeys.before import last_ended
from cj_helpers.journeys.contacts import contact_spells, frequent_handoffs
from cj_helpers.journeys.frames import add_segment, by_journey, events_outside, journey_frame
from cj_helpers.journeys.handoff_ratios import handoff_ratios
from cj_helpers.journeys.keeping import keep_journeys, keep_steps
from cj_helpers.journeys.moves import changes_next, own_moves, seconds_between
from cj_helpers.journeys.outcomes import build_journeys, observed_for
from cj_helpers.journeys.spells import (
    add_customer_columns,
    customer_counts,
    exclusions,
    journey_spells,
    last_seen,
    mark_escalated,
    with_customers,
)
from cj_helpers.journeys.stages import overdue_waits, stage_spells, stays
from cj_helpers.journeys.steps import build_steps, member_events, stage_of
from cj_helpers.journeys.truncation import left_truncation

__all__ = [
    "add_customer_columns",
    "add_segment",
    "build_journeys",
    "build_steps",
    "by_journey",
    "changes_next",
    "contact_spells",
    "customer_counts",
    "events_outside",
    "exclusions",
    "frequent_handoffs",
    "handoff_ratios",
    "journey_frame",
    "journey_spells",
    "keep_journeys",
    "keep_steps",
    "last_ended",
    "last_seen",
    "left_truncation",
    "mark_escalated",
    "member_events",
    "observed_for",
    "overdue_waits",
    "own_moves",
    "seconds_between",
    "stage_of",
    "stage_spells",
    "stays",
    "with_customers",
]
