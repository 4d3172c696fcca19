"""Figures: ``plot_<noun>(table, *, ax=None)`` draws the result table of that name and computes nothing.

Tables made from events are drawn one journey at a time, unless a function says otherwise.
"""

from cj_helpers.plots.churn import (
    plot_churn_incidence,
    plot_churn_model,
    plot_retention_curve,
    plot_revenue_at_risk,
)
from cj_helpers.plots.churn_groups import (
    plot_exits_after_journeys,
    plot_inactivity_rule,
    plot_purchase_check,
    plot_retention_cohorts,
)
from cj_helpers.plots.churn_prediction import (
    plot_calibration_curve,
    plot_lift,
    plot_net_benefit,
    plot_profit_curve,
    plot_waterfall,
)
from cj_helpers.plots.compared import plot_invest_first, plot_journey_drivers, plot_response_rates
from cj_helpers.plots.drivers import plot_drivers, plot_importance_performance
from cj_helpers.plots.flow import plot_transitions
from cj_helpers.plots.hazards import (
    plot_hazard_over_time,
    plot_hazard_ratio_over_time,
    plot_hazard_ratios,
    plot_restricted_mean_differences,
    plot_stage_hazard,
)
from cj_helpers.plots.journey_checks import (
    plot_channel_use,
    plot_containment,
    plot_differences,
    plot_frictions,
    plot_removal_effects,
    plot_return_curve,
    plot_scores,
)
from cj_helpers.plots.journey_map import plot_stages
from cj_helpers.plots.mapping import (
    plot_funnel,
    plot_handoffs,
    plot_journeys,
    plot_outcomes,
)
from cj_helpers.plots.nps import plot_nps_distribution, plot_nps_scores, plot_nps_trend
from cj_helpers.plots.priorities import plot_links, plot_priorities
from cj_helpers.plots.quality import plot_channel_days, plot_feeds
from cj_helpers.plots.quality_waits import plot_suggested_timeouts, plot_survey_response
from cj_helpers.plots.stacked import plot_cumulative_incidence
from cj_helpers.plots.step_flow import plot_flows, plot_positions
from cj_helpers.plots.style import OUTCOME_COLORS, PALETTE, new_axes, new_panels, set_style
from cj_helpers.plots.survival import plot_incidence_by_segment, plot_survival_curve
from cj_helpers.plots.variants import plot_variants

__all__ = [
    "OUTCOME_COLORS",
    "PALETTE",
    "new_axes",
    "new_panels",
    "plot_calibration_curve",
    "plot_channel_days",
    "plot_channel_use",
    "plot_churn_incidence",
    "plot_churn_model",
    "plot_containment",
    "plot_cumulative_incidence",
    "plot_differences",
    "plot_drivers",
    "plot_exits_after_journeys",
    "plot_feeds",
    "plot_flows",
    "plot_frictions",
    "plot_funnel",
    "plot_handoffs",
    "plot_hazard_over_time",
    "plot_hazard_ratio_over_time",
    "plot_hazard_ratios",
    "plot_importance_performance",
    "plot_inactivity_rule",
    "plot_incidence_by_segment",
    "plot_invest_first",
    "plot_journey_drivers",
    "plot_journeys",
    "plot_lift",
    "plot_links",
    "plot_net_benefit",
    "plot_nps_distribution",
    "plot_nps_scores",
    "plot_nps_trend",
    "plot_outcomes",
    "plot_positions",
    "plot_priorities",
    "plot_profit_curve",
    "plot_purchase_check",
    "plot_removal_effects",
    "plot_response_rates",
    "plot_restricted_mean_differences",
    "plot_retention_cohorts",
    "plot_retention_curve",
    "plot_return_curve",
    "plot_revenue_at_risk",
    "plot_scores",
    "plot_stage_hazard",
    "plot_stages",
    "plot_suggested_timeouts",
    "plot_survey_response",
    "plot_survival_curve",
    "plot_transitions",
    "plot_variants",
    "plot_waterfall",
    "set_style",
]
