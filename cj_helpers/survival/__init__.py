"""Survival analysis of (duration, outcome, segment, covariates, cluster); knows nothing of journeys or customers."""

from cj_helpers.survival.comparisons import logrank_test
from cj_helpers.survival.concordance import concordance
from cj_helpers.survival.cox import cox_model
from cj_helpers.survival.curves import cumulative_incidence, incidence_at, survival_curve
from cj_helpers.survival.readings import curve_at, daily, median_time, time_quantile

__all__ = [
    "concordance",
    "cox_model",
    "cumulative_incidence",
    "curve_at",
    "daily",
    "incidence_at",
    "logrank_test",
    "median_time",
    "survival_curve",
    "time_quantile",
]
