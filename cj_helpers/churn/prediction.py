"""Risk of leaving for each customer: a regularised logit, fitted on some landmarks and applied to later ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from cj_helpers.churn.design import ANY, Design, learn_design
from cj_helpers.churn.landmark import feature_columns
from cj_helpers.churn.logit import LogitFit, fit_logit
from cj_helpers.contract import DataError
from cj_helpers.inference import FloatArray

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
#: Fewer leavers than this allow no model that would hold elsewhere.
MIN_LEFT = 20
#: Features of what happened to a customer, which a caller can do something about; from this log-odds on they go first.
HAPPENED = (*ANY, "handoffs", "repeats", "assisted", "price_change")
LEAST = 0.1


@dataclass(frozen=True)
class RiskModel:
    """A fitted logit with the columns it needs."""

    design: Design
    fit: LogitFit
    penalty: float
    n: int
    n_left: int


def fit_risk(landmarks: pd.DataFrame, *, features: Sequence[str] = (), penalty: float = 10.0) -> RiskModel:
    """Fit the regularised logit of leaving within the horizon.

    Parameters
    ----------
    landmarks : DataFrame
        What `take_landmarks` returns; rows whose outcome was not observed for the whole horizon are not used.
    features : sequence of str
        Columns to use; all features when empty.
    penalty : float
        Ridge penalty of `logit.fit_logit`, on standardised columns.

    Raises
    ------
    DataError
        When fewer than 20 customers left or stayed.

    Notes
    -----
    Penalised coefficients predict; they get no errors and no p-values (`churn_model` has those).
    """
    known = landmarks[landmarks["left"].notna()]
    left = known["left"].to_numpy(dtype=float)
    few = min(left.sum(), len(left) - left.sum())
    if few < MIN_LEFT:
        raise DataError(
            f"left: {left.sum():,.0f} of {len(left):,} customers left within the horizon; a prediction needs at least "
            f"{MIN_LEFT} who left and {MIN_LEFT} who stayed. Take a longer horizon or more landmarks."
        )
    design = learn_design(known, list(features) or feature_columns(known))
    fit = fit_logit(design.columns(known), left, names=design.terms, penalty=penalty)
    return RiskModel(design, fit, penalty, len(left), int(left.sum()))


def predict_risk(model: RiskModel, landmarks: pd.DataFrame) -> FloatArray:
    """Risk of leaving within the horizon of each row, 0 to 1."""
    return np.asarray(expit(model.fit.log_odds(model.design.columns(landmarks))), dtype=np.float64)


def log_loss(risk: FloatArray, left: FloatArray) -> float:
    """Mean negative log-likelihood of what happened."""
    p = np.clip(risk, 1e-12, 1 - 1e-12)
    return float(-(left * np.log(p) + (1 - left) * np.log(1 - p)).mean())


def choose_penalty(
    landmarks: pd.DataFrame, *, features: Sequence[str] = (), penalties: Sequence[float] = PENALTIES
) -> pd.DataFrame:
    """Compare penalties on earlier landmarks, each predicted from those before it.

    Parameters
    ----------
    landmarks : DataFrame
        At least two landmarks with their outcome; the one that is kept for the last test is not among them.
    features : sequence of str
        As in `fit_risk`.
    penalties : sequence of float
        Ridge penalties to compare.

    Returns
    -------
    DataFrame, one row per penalty
        penalty, log_loss (mean over the predicted landmarks, lower is better), n_landmarks, chosen (True once).
    """
    moments = sorted(landmarks["landmark"].unique())
    rows = []
    for penalty in penalties:
        losses = []
        for at in moments[1:]:
            train, test = landmarks[landmarks["landmark"] < at], landmarks[landmarks["landmark"] == at]
            test = test[test["left"].notna()]
            model = fit_risk(train, features=features, penalty=penalty)
            losses.append(log_loss(predict_risk(model, test), test["left"].to_numpy(dtype=float)))
        rows.append((penalty, float(np.mean(losses)) if losses else np.nan, len(losses)))
    table = pd.DataFrame(rows, columns=["penalty", "log_loss", "n_landmarks"])
    best = 10.0 if table["log_loss"].isna().all() else table.loc[table["log_loss"].idxmin(), "penalty"]
    return table.assign(chosen=table["penalty"].eq(best))


def reasons(model: RiskModel, landmarks: pd.DataFrame) -> pd.DataFrame:
    """What raises each customer's risk most above that of the average customer, what happened before what is.

    Parameters
    ----------
    model : RiskModel
    landmarks : DataFrame
        Customers to explain, as `take_landmark` gives them.

    Returns
    -------
    DataFrame, one row per customer in the order given
        term (column of the model that adds most to the log-odds: of what happened to the customer where that adds at
        least a tenth, else of all; "" where none adds), contribution (log-odds above the average customer).

    Notes
    -----
    In a linear model a term's contribution is its coefficient times the distance to the mean. What the model says of a
    customer, not a cause.
    """
    x = model.design.columns(landmarks)
    parts = (x - x.mean(axis=0)) * model.fit.coefficients[1:]
    happened = np.array([name.partition("[")[0] in HAPPENED for name in model.design.terms])
    recent = np.where(happened & (parts >= LEAST), parts, -np.inf)
    found = np.isfinite(recent).any(axis=1, keepdims=True)
    ranked = np.where(found, recent, parts)
    best = ranked.argmax(axis=1)
    most = parts[np.arange(len(parts)), best]
    names = np.array(model.design.terms, dtype=object)[best]
    return pd.DataFrame({"term": np.where(most > 0, names, ""), "contribution": most})
