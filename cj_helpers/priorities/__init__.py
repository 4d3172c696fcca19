"""What to fix first, and whether the last fix worked.

Takes the tables of the other analyses and ranks what they found; it computes no second version of their numbers.
"""

from cj_helpers.priorities.changes import change_columns, changes_compared

__all__ = ["change_columns", "changes_compared"]
