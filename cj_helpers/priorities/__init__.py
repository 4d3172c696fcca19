"""What to fix first, and whether the last fix worked.

Takes the tables of the other analyses and ranks what they found; it computes no second version of their numbers.
"""

from cj_helpers.priorities.actions import ACTIONS_VERSION, actions
from cj_helpers.priorities.changes import change_columns, changes_compared
from cj_helpers.priorities.contacts import avoidable_contacts
from cj_helpers.priorities.links import links
from cj_helpers.priorities.places import places
from cj_helpers.priorities.references import reference_columns, reference_rates
from cj_helpers.priorities.volume import observed_months
from cj_helpers.priorities.worth import priorities

__all__ = [
    "ACTIONS_VERSION",
    "actions",
    "avoidable_contacts",
    "change_columns",
    "changes_compared",
    "links",
    "observed_months",
    "places",
    "priorities",
    "reference_columns",
    "reference_rates",
]
