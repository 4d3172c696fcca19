"""Customers of today with their risk, what an exit would cost, and what raises the risk."""

from __future__ import annotations

import pandas as pd

from cj_helpers.churn.contacts import with_bands
from cj_helpers.churn.prediction import fit_risk, predict_risk, reasons


def scored_customers(
    landmarks: pd.DataFrame, now: pd.DataFrame, *, curve: pd.DataFrame, penalty: float, months: float, margin: float
) -> pd.DataFrame:
    """Score the customers at risk today with a model of all landmarks whose outcome is known.

    Parameters
    ----------
    landmarks : DataFrame
        What `take_landmarks` returns.
    now : DataFrame
        What `take_landmark` returns for as_of.
    curve : DataFrame
        `calibration_curve` of the last landmark's test: the observed risk of each band of scores.
    penalty : float
        As the back-test chose it.
    months : float
        Months of margin that an exit costs, such as the restricted mean of `expected_margin`.
    margin : float
        Margin per unit of revenue.

    Returns
    -------
    DataFrame, one row per customer
        The columns of `now` with score, value (margin lost by an exit), expected_loss (score times value), band,
        band_observed, band_low, band_high, and term (what raises the risk most).
    """
    model = fit_risk(landmarks, penalty=penalty)
    value = now["revenue"] * margin * months
    scored = now.assign(score=predict_risk(model, now), value=value)
    scored = scored.assign(
        expected_loss=scored["score"] * value.fillna(0.0), term=reasons(model, now)["term"].to_numpy()
    )
    return with_bands(scored, curve)
