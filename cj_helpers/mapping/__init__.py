"""Journey mapping: what customers really do on the way to the goal.

Result tables made from events start with ``journey``; rates come with their n and an interval clustered by
customer.
"""

from cj_helpers.mapping.funnel import funnel
from cj_helpers.mapping.paths import outcomes, transitions, variants
from cj_helpers.mapping.places import stages, touchpoints
from cj_helpers.mapping.summary import handoffs, journey_summary

__all__ = ["funnel", "handoffs", "journey_summary", "outcomes", "stages", "touchpoints", "transitions", "variants"]
