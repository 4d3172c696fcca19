"""The chain that a report needs: landmarks, guard, back-test, today's scores and the list, each from the one before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cj_helpers.churn.backtest import Backtest, backtest
from cj_helpers.churn.calibration import calibration_curve
from cj_helpers.churn.contacts import contact_facts, contact_list, cut_of
from cj_helpers.churn.known import moment, steps_of_all_time
from cj_helpers.churn.landmark import STAYED, take_landmark, take_landmarks
from cj_helpers.churn.leakage import KNOWN, leakage_guard
from cj_helpers.churn.margin import profit_curve
from cj_helpers.churn.moments import landmark_moments
from cj_helpers.churn.scoring import scored_customers
from cj_helpers.churn.transactions import inactive_customers, purchase_summary, purchases_until
from cj_helpers.contract import ALL, ConfigError, DataError
from cj_helpers.dataset import Dataset, customer_frame, customer_pseudonyms
from cj_helpers.inference import wilson_interval


@dataclass(frozen=True)
class Study:
    """Past landmarks and what they say about a prediction.

    Attributes
    ----------
    landmarks : DataFrame
        What `take_landmarks` returns for the landmarks whose outcome is known.
    guard : DataFrame
        What `leakage_guard` says about the last of them but one.
    test : Backtest
    curve : DataFrame
        `calibration_curve` of the last landmark.
    now : DataFrame
        What `take_landmark` returns for as_of.
    """

    landmarks: pd.DataFrame
    guard: pd.DataFrame
    test: Backtest
    curve: pd.DataFrame
    now: pd.DataFrame


def customers_of(data: Dataset, *, segment_col: str = "") -> pd.DataFrame:
    """Customers with the time that each was one: from contracts, or from purchases under the inactivity rule.

    Returns
    -------
    DataFrame
        What `customer_frame` returns for contracts, `inactive_customers` for purchases.
    """
    churn = data.config.churn
    if churn.contractual:
        return customer_frame(data, segment_col=segment_col)
    return inactive_customers(purchase_summary(data), inactive_after=churn.inactive_after)


def study_churn(data: Dataset, *, segment_col: str = "") -> Study:
    """Take the landmarks that the data allow, guard them against leaks, and try a model out on them.

    Raises
    ------
    DataError
        When contracts are not dated, the data are too short, too few customers left, or a feature leaks: the message
        names it.
    """
    horizon = data.config.churn.horizon
    moments = landmark_moments(data, horizon=horizon)
    steps = steps_of_all_time(data)
    landmarks = take_landmarks(data, moments=moments, horizon=horizon, segment_col=segment_col, steps=steps)
    guard = leakage_guard(data, as_of=moments[-2 if len(moments) > 1 else -1], horizon=horizon, steps=steps)
    leaks = guard[guard["used"] & guard["verdict"].ne(KNOWN)]
    if len(leaks):
        named = ", ".join(f"{row.feature} ({row.verdict})" for row in leaks.itertuples())
        raise DataError(
            f"leak: {named}; such a feature knows what happened after the landmark. Declare it under churn: snapshot "
            "in dataset.yml, or date it with valid_from."
        )
    test = backtest(landmarks)
    now = take_landmark(data, as_of=data.as_of, horizon=horizon, segment_col=segment_col, steps=steps)
    return Study(landmarks, guard, test, calibration_curve(test.scores), now)


def exit_shares(landmarks: pd.DataFrame, *, conf_level: float = 0.95) -> pd.DataFrame:
    """Share of the customers at risk at each landmark who left within the horizon, by reason.

    Returns
    -------
    DataFrame, one row per landmark and reason that occurs
        landmark, outcome, share, conf_low, conf_high (Wilson 1927), n_left, n.
    """
    known = landmarks[landmarks["outcome"].notna()]
    counts = known.groupby(["landmark", "outcome"]).size().rename("n_left").reset_index()
    counts = counts[counts["outcome"] != STAYED]
    n = counts["landmark"].map(known["landmark"].value_counts())
    low, high = wilson_interval(counts["n_left"], n, conf_level=conf_level)
    table = counts.assign(share=counts["n_left"] / n, conf_low=low, conf_high=high, n=n)
    return table[["landmark", "outcome", "share", "conf_low", "conf_high", "n_left", "n"]].reset_index(drop=True)


@dataclass(frozen=True)
class Contacts:
    """Today's customers with their risk, the profit of contacting them where costs are given, and the list."""

    scored: pd.DataFrame
    profit: pd.DataFrame | None
    listed: pd.DataFrame


def contacts_of(data: Dataset, study: Study, *, months: float, share: float) -> Contacts:
    """Score today's customers and draw up the list of those to contact.

    Parameters
    ----------
    months : float
        Months of margin that an exit costs, from `expected_margin`.
    share : float
        Top share of the customers that is eligible where dataset.yml gives no contact_cost and save_rate; with them the
        list ends where the assumed profit is highest.

    Raises
    ------
    DataError
        When there is no revenue.
    """
    churn = data.config.churn
    if study.now["revenue"].isna().all():
        raise DataError("contact list: no revenue, so no loss to expect; name its column under churn: revenue")
    chosen = study.test.penalties
    scored = scored_customers(
        study.landmarks,
        study.now,
        curve=study.curve,
        penalty=float(chosen.loc[chosen["chosen"], "penalty"].iloc[0]),
        months=months,
        margin=churn.margin,
    )
    profit = None
    if churn.contact_cost is not None and churn.save_rate is not None:
        profit = profit_curve(scored, value_col="value", contact_cost=churn.contact_cost, save_rate=churn.save_rate)
    eligible = cut_of(profit, scored, share=share)
    listed = contact_list(scored, facts=contact_facts(data), data=data, eligible=eligible, names=_names_if_any(data))
    return Contacts(scored, profit, listed)


def _names_if_any(data: Dataset) -> pd.DataFrame | None:
    """Pseudonyms where there is a key; what is wrong with a key is said where the list is written."""
    try:
        return list_names(data)
    except ConfigError:
        return None


def list_names(data: Dataset) -> pd.DataFrame:
    """Pseudonym of every customer beside the running number of the list."""
    contractual = data.config.churn.contractual
    table = data.customers if contractual else purchases_until(data, moment(data.as_of))
    return customer_pseudonyms(data, table)


def expected_loss_by_segment(scored: pd.DataFrame) -> pd.DataFrame:
    """Loss to expect by segment: the sum of risk times margin over the customers of today.

    Returns
    -------
    DataFrame, one row per segment, "all" first
        segment, n, score (mean risk), expected_loss, conf_low, conf_high (of the sum: single customers leave or stay),
        largest_share (of the loss, of the tenth of the customers with the highest).
    """
    rows = []
    groups = [] if scored["segment"].eq(ALL).all() else list(scored.groupby("segment", sort=True))
    for segment, part in [(ALL, scored), *groups]:
        risk, value = part["score"].to_numpy(), part["value"].fillna(0).to_numpy()
        total = float((risk * value).sum())
        half = 1.959964 * float(np.sqrt((risk * (1 - risk) * value**2).sum()))
        top = np.sort(risk * value)[::-1][: max(len(part) // 10, 1)].sum() / total if total else np.nan
        rows.append((segment, len(part), float(risk.mean()), total, max(total - half, 0.0), total + half, float(top)))
    names = ["segment", "n", "score", "expected_loss", "conf_low", "conf_high", "largest_share"]
    return pd.DataFrame(rows, columns=names)
