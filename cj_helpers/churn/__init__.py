"""Who leaves and when: retention curves, exits by reason, what goes with leaving, what it may cost.

Every function takes one row per customer with a duration (since the start of the contract, in days or months) and an
event (has left). Customers still active are censored, never counted as staying for good.
"""

from cj_helpers.churn.model import churn_model, complete_cases, model_fit
from cj_helpers.churn.retention import churn_incidence, on_whole_units, retention_at, retention_curve
from cj_helpers.churn.revenue import revenue_at_risk

__all__ = [
    "churn_incidence",
    "churn_model",
    "complete_cases",
    "model_fit",
    "on_whole_units",
    "retention_at",
    "retention_curve",
    "revenue_at_risk",
]
