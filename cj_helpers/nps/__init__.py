"""Net Promoter Score with intervals, and what goes with it: knows only one row per answer.

``scores`` and ``trends`` hold the score; ``cases``, ``driver_tables`` and ``performance`` the tables about its
drivers; ``importance`` the linear algebra behind them (correlation matrices in, arrays out); ``inputs`` the
checks they share.
"""

from __future__ import annotations

from cj_helpers.nps.cases import driver_cases
from cj_helpers.nps.driver_tables import drivers
from cj_helpers.nps.performance import dimension_shares, importance_performance
from cj_helpers.nps.scores import nps_score
from cj_helpers.nps.trends import answers_needed, nps_over_time, smallest_detectable_difference

__all__ = [
    "answers_needed",
    "dimension_shares",
    "driver_cases",
    "drivers",
    "importance_performance",
    "nps_over_time",
    "nps_score",
    "smallest_detectable_difference",
]
