"""Net Promoter Score with intervals, and what goes with it; only ``answers`` knows data sets, all else answers.

The score: ``scores``, ``trends``, ``differences``, ``control`` (real change or noise), ``mix`` and ``ratings``; who
answered: ``responses``. Its drivers: ``cases``, ``missing`` and ``imputation`` say which answers count;
``effects``, ``worth``, ``driver_tables``, ``performance`` and ``priorities`` are the tables; ``driver_shares`` and
``driver_signs`` their columns; ``ordinal``, ``logits`` and ``importance`` the mathematics behind them (arrays in,
arrays out). Before and after the answer:
``journey_drivers`` and ``afterwards``.
"""

from __future__ import annotations

from cj_helpers.nps.afterwards import followed_answers, retention_after_survey, revenue_after_survey
from cj_helpers.nps.answers import before_contract, linked_answers
from cj_helpers.nps.cases import driver_cases
from cj_helpers.nps.control import nps_control_chart
from cj_helpers.nps.differences import nps_differences
from cj_helpers.nps.driver_data import affordable_controls
from cj_helpers.nps.driver_tables import dimension_shares, driver_differences, drivers
from cj_helpers.nps.effects import cut_differences, driver_effects
from cj_helpers.nps.journey_drivers import journey_drivers
from cj_helpers.nps.missing import keep_usable, missing_ratings, usable_drivers
from cj_helpers.nps.mix import nps_adjusted_trend
from cj_helpers.nps.performance import importance_performance
from cj_helpers.nps.priorities import driver_segments, invest_first
from cj_helpers.nps.ratings import answers_by_value, rating_shares, scale_is_suspicious
from cj_helpers.nps.responses import response_rates
from cj_helpers.nps.scores import nps_score
from cj_helpers.nps.trends import answers_needed, nps_over_time, smallest_detectable_difference
from cj_helpers.nps.worth import driver_worth

__all__ = [
    "affordable_controls",
    "answers_by_value",
    "answers_needed",
    "before_contract",
    "cut_differences",
    "dimension_shares",
    "driver_cases",
    "driver_differences",
    "driver_effects",
    "driver_segments",
    "driver_worth",
    "drivers",
    "followed_answers",
    "importance_performance",
    "invest_first",
    "journey_drivers",
    "keep_usable",
    "linked_answers",
    "missing_ratings",
    "nps_adjusted_trend",
    "nps_control_chart",
    "nps_differences",
    "nps_over_time",
    "nps_score",
    "rating_shares",
    "response_rates",
    "retention_after_survey",
    "revenue_after_survey",
    "scale_is_suspicious",
    "smallest_detectable_difference",
    "usable_drivers",
]
