"""Words of the tables of drop-off survival (report 02)."""

from __future__ import annotations

from cj_helpers.text.language import N_

LABELS = {
    "covariate": N_("Characteristic"),
    "difference_days": N_("Difference"),
    "end_days": N_("To"),
    "from_days": N_("From"),
    "to_days": N_("To"),
    "split_days": N_("Early ends after"),
    "is_reported": N_("Reported"),
    "n_at_risk": N_("At risk"),
    "n_customers_at_risk": N_("Customers at risk, at least"),
    "n_censored": N_("Censored"),
    "abandoned_within": N_("Given up in time"),
    "concordance": N_("Concordance"),
    "hazard": N_("Hazard"),
    "hazard_ratio": N_("Hazard ratio"),
    "mean_days": N_("Mean time"),
}

VALUES = {
    "moved_on": N_("moved on"),
    "(others)": N_("all others"),
    "whole": N_("all the time"),
    "early": N_("early"),
    "late": N_("late"),
    "started": N_("started"),
    "no_duration": N_("left out: observed no longer when they began"),
    "left_truncated_out": N_("left out: began before the log"),
    "left_truncated_kept": N_("kept, dated from their first recorded step: began before the log"),
    "zero_duration": N_("kept: ended at the moment of their first step"),
    "analysed": N_("analysed"),
    "used": N_("used"),
    "constant": N_("left out: one value only"),
    "combination": N_("left out: follows from others"),
    "separated": N_("left out: one value has all events or none"),
    "few_events": N_("left out: fewer than 10 events for it"),
    "competing": N_("as it is"),
    "alone": N_("overstated"),
}
