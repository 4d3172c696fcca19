"""Survival analysis of (duration, outcome, segment, covariates, cluster); knows nothing of journeys or customers."""

from cj_helpers.survival.comparisons import compare_segments, gray_test, logrank_test
from cj_helpers.survival.concordance import concordance
from cj_helpers.survival.covariates import covariate_checks, level_columns
from cj_helpers.survival.cox import cox_model
from cj_helpers.survival.curves import cumulative_incidence, survival_curve
from cj_helpers.survival.hazards import hazard_over_time
from cj_helpers.survival.incidence_at import incidence_at
from cj_helpers.survival.mean_differences import restricted_mean_differences
from cj_helpers.survival.occupancy import naive_incidence, transient_share
from cj_helpers.survival.prediction import predicted_survival
from cj_helpers.survival.proportionality import hazard_ratio_over_time, proportional_hazards_test
from cj_helpers.survival.ratios import hazard_ratios
from cj_helpers.survival.readings import curve_at, daily, median_time, time_quantile
from cj_helpers.survival.restricted import common_horizon, restricted_mean

__all__ = [
    "common_horizon",
    "compare_segments",
    "concordance",
    "covariate_checks",
    "cox_model",
    "cumulative_incidence",
    "curve_at",
    "daily",
    "gray_test",
    "hazard_over_time",
    "hazard_ratio_over_time",
    "hazard_ratios",
    "incidence_at",
    "level_columns",
    "logrank_test",
    "median_time",
    "naive_incidence",
    "predicted_survival",
    "proportional_hazards_test",
    "restricted_mean",
    "restricted_mean_differences",
    "survival_curve",
    "time_quantile",
    "transient_share",
]
