"""Who leaves, when and why, what it costs, and whom to contact.

Retention and reasons take one row per customer with a duration (days or months) and an event (has left); customers
still there are censored, never counted as staying for good. Prediction takes landmarks: what was known of a customer
at a moment, and who left within a horizon after it. Without contracts, purchases tell who is still a customer.
"""

from cj_helpers.churn.after_journeys import exits_after_journeys, journey_ends
from cj_helpers.churn.backtest import Backtest, backtest, slices
from cj_helpers.churn.bgnbd import PARAMETERS, expected_purchases, fit_bgnbd, purchase_check
from cj_helpers.churn.calibration import calibration, calibration_curve, calibration_words, net_benefit
from cj_helpers.churn.cohorts import retention_cohorts
from cj_helpers.churn.contacts import contact_facts, contact_list, cut_of, under_pseudonyms, waterfall, with_bands
from cj_helpers.churn.discrimination import auc, lift
from cj_helpers.churn.known import steps_of_all_time
from cj_helpers.churn.landmark import feature_columns, landmark_features, take_landmark, take_landmarks
from cj_helpers.churn.leakage import leakage_guard
from cj_helpers.churn.margin import expected_margin, profit_curve
from cj_helpers.churn.model import churn_model, complete_cases, in_words, model_fit
from cj_helpers.churn.moments import landmark_moments
from cj_helpers.churn.prediction import RiskModel, choose_penalty, fit_risk, predict_risk, reasons
from cj_helpers.churn.retention import churn_incidence, on_whole_units, retention_at, retention_curve
from cj_helpers.churn.revenue import revenue_at_risk
from cj_helpers.churn.scoring import scored_customers
from cj_helpers.churn.study import (
    Contacts,
    Study,
    contacts_of,
    customers_of,
    exit_shares,
    expected_loss_by_segment,
    list_names,
    study_churn,
)
from cj_helpers.churn.transactions import inactive_customers, inactivity_rule, purchase_summary

__all__ = [
    "PARAMETERS",
    "Backtest",
    "Contacts",
    "RiskModel",
    "Study",
    "auc",
    "backtest",
    "calibration",
    "calibration_curve",
    "calibration_words",
    "choose_penalty",
    "churn_incidence",
    "churn_model",
    "complete_cases",
    "contact_facts",
    "contact_list",
    "contacts_of",
    "customers_of",
    "cut_of",
    "exit_shares",
    "exits_after_journeys",
    "expected_loss_by_segment",
    "expected_margin",
    "expected_purchases",
    "feature_columns",
    "fit_bgnbd",
    "fit_risk",
    "in_words",
    "inactive_customers",
    "inactivity_rule",
    "journey_ends",
    "landmark_features",
    "landmark_moments",
    "leakage_guard",
    "lift",
    "list_names",
    "model_fit",
    "net_benefit",
    "on_whole_units",
    "predict_risk",
    "profit_curve",
    "purchase_check",
    "purchase_summary",
    "reasons",
    "retention_at",
    "retention_cohorts",
    "retention_curve",
    "revenue_at_risk",
    "scored_customers",
    "slices",
    "steps_of_all_time",
    "study_churn",
    "take_landmark",
    "take_landmarks",
    "under_pseudonyms",
    "waterfall",
    "with_bands",
]
