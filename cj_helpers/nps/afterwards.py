"""What became of promoters, passives and detractors after they answered: who stayed, and with which revenue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cj_helpers.contract import DataError
from cj_helpers.inference import normal_quantile
from cj_helpers.nps.driver_data import control_columns
from cj_helpers.nps.inputs import number_column, require_columns
from cj_helpers.nps.logits import fit_least_squares
from cj_helpers.nps.scores import answer_values
from cj_helpers.survival import cox_model, curve_at, survival_curve

GROUPS = ("promoters", "passives", "detractors")
FEWEST_EXITS = 10  # exits for each term of the adjusted model


def followed_answers(
    answers: pd.DataFrame, *, as_of: pd.Timestamp, nps_col: str = "nps", revenue_col: str = ""
) -> pd.DataFrame:
    """Take each customer's first answer given under contract, and follow the customer from there.

    Parameters
    ----------
    answers : DataFrame
        One row per answer: customer, answered_at, started_at, ended_at (empty: still there), notice_at (optional).
    as_of : Timestamp
        UTC; end of the follow-up.

    Returns
    -------
    DataFrame
        One row per customer: the columns of `answers`, group (promoters, passives, detractors), days (from the answer
        to the end of the contract or to as_of), left (True: the contract ended), follow_days (from the answer to
        as_of). Left out are answers before the
        contract began, after it ended or after notice, and answers without score, customer or date.

    Raises
    ------
    ConfigError, DataError
        A column does not exist; as in `nps_score`.
    """
    columns = ["customer", "answered_at", "started_at", "ended_at", *([revenue_col] if revenue_col else [])]
    require_columns(answers, columns)
    values = answer_values(answers, nps_col)
    when, ended = answers["answered_at"], answers["ended_at"]
    fits = answers["customer"].notna() & (answers["started_at"] <= when) & ~(ended <= when) & ~np.isnan(values)
    if "notice_at" in answers.columns:
        fits &= ~(answers["notice_at"] <= when)
    table = answers.assign(group=np.select([values == 1, values == 0], GROUPS[:2], GROUPS[2]))
    table = table[fits & (when < as_of)].sort_values("answered_at", kind="stable").drop_duplicates("customer")
    left = table["ended_at"].notna() & (table["ended_at"] <= as_of)
    end = table["ended_at"].where(left, as_of)
    days = (end - table["answered_at"]).dt.total_seconds() / 86_400
    follow = (as_of - table["answered_at"]).dt.total_seconds() / 86_400
    return table.assign(days=days, left=left, follow_days=follow).reset_index(drop=True)


def retention_after_survey(
    followed: pd.DataFrame, *, horizon_days: float, controls: Sequence[str] = (), conf_level: float = 0.95
) -> pd.DataFrame:
    """Share of promoters, passives and detractors still there some time after their answer.

    Parameters
    ----------
    followed : DataFrame
        Result of `followed_answers`.
    horizon_days : float
        Days after the answer.
    controls : sequence of str
        What the adjusted comparison holds constant, all known at the answer; how long customers had been there is held
        constant anyway.

    Returns
    -------
    DataFrame
        One row per group: group, share (still there after `horizon_days`, Kaplan-Meier), conf_low, conf_high, n,
        n_left (in all the follow-up), hazard_ratio (of leaving against promoters, adjusted), hazard_low, hazard_high,
        n_controls. The ratio is NaN for promoters and where there are too few exits.

    Raises
    ------
    DataError
        Nobody can be followed, or nobody of promoters, passives and detractors is there.

    Notes
    -----
    The answer is the landmark: everyone is at risk from it on, and only what was known then is held constant. Cox
    (1972). An association after the fact, not the effect of the score: what made a customer unhappy may also make them
    leave. With fewer than 10 exits per term the controls are left out (n_controls says how many terms were held
    constant).
    """
    if followed.empty:
        raise DataError(
            "answers: no customer answered while under contract, so nobody can be followed. Check that surveys and "
            "customers share ids, and that started_at lies before the answers."
        )
    curve = survival_curve(followed, duration_col="days", event_col="left", segment_col="group", conf_level=conf_level)
    rows = []
    for group in GROUPS:
        own, part = followed[followed["group"].eq(group)], curve[curve["segment"].eq(group)]
        row = {"group": group, "n": len(own), "n_left": int(own["left"].sum())}
        if len(own) and own["days"].max() >= horizon_days:
            at = curve_at(part, horizon_days).iloc[0]
            row |= {"share": at["estimate"], "conf_low": at["conf_low"], "conf_high": at["conf_high"]}
        rows.append(row)
    table = pd.DataFrame(rows).reindex(columns=["group", "share", "conf_low", "conf_high", "n", "n_left"])
    return table.merge(_hazards(followed, controls, conf_level), on="group", how="left")


def revenue_after_survey(
    followed: pd.DataFrame,
    *,
    horizon_days: float,
    revenue_col: str = "monthly_revenue",
    controls: Sequence[str] = (),
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of the monthly revenue of each group that was still earned in the time after the answer.

    Only customers whose answer lies at least `horizon_days` before the end of the data count, so that all were followed
    as long.

    Returns
    -------
    DataFrame
        One row per group: group, monthly_revenue (mean per customer), kept_share (of it, over the horizon), conf_low,
        conf_high, n, difference (revenue per customer and month against promoters with the same revenue and controls,
        in the currency), difference_low, difference_high. NaN for promoters' difference and for groups of fewer than 2.

    Raises
    ------
    ConfigError
        A column does not exist.
    DataError
        Nobody was followed that long, or revenue is not a number.

    Notes
    -----
    A ratio of sums with linearised errors; the difference by least squares with HC3 errors. The revenue is the one in
    the customer file: changes of tariff after the answer are not seen.
    """
    require_columns(followed, [revenue_col, *controls])
    revenue = number_column(followed, revenue_col)
    kept = (followed["follow_days"].to_numpy() >= horizon_days) & ~np.isnan(revenue)
    table, revenue = followed[kept], revenue[kept]
    if table.empty:
        raise DataError(
            f"answers: no customer with a revenue was followed for {horizon_days:g} days after the answer. Choose a "
            f"shorter horizon, or wait."
        )
    earned = revenue * np.minimum(table["days"].to_numpy() / horizon_days, 1.0)
    half = normal_quantile(conf_level)
    rows = [
        {"group": group, **_kept(revenue[own], earned[own], half)}
        for group in GROUPS
        for own in [table["group"].eq(group).to_numpy()]
    ]
    gaps = _revenue_gaps(table, revenue, earned, controls, half)
    return pd.DataFrame(rows).merge(gaps, on="group", how="left")


def _hazards(followed: pd.DataFrame, controls: Sequence[str], conf_level: float) -> pd.DataFrame:
    """Hazard ratios against promoters; without controls, or not at all, where exits are few."""
    terms = {group: followed["group"].eq(group).astype(float) for group in GROUPS[1:]}
    tenure = np.log1p((followed["answered_at"] - followed["started_at"]).dt.total_seconds() / 86_400)
    held, names = control_columns(followed.assign(_tenure=tenure), ["_tenure", *controls])
    exits = int(followed["left"].sum())
    wanted = 0 if exits < FEWEST_EXITS * (2 + len(names)) else len(names)
    empty = pd.DataFrame({"group": list(GROUPS), "hazard_ratio": np.nan, "hazard_low": np.nan, "hazard_high": np.nan})
    by_group = followed.groupby("group")["left"].sum().reindex(list(GROUPS)).fillna(0)
    if exits < 2 * FEWEST_EXITS or by_group.eq(0).any():
        return empty.assign(n_controls=0)
    table = pd.DataFrame({**terms, **{f"control_{j}": held[:, j] for j in range(wanted)}})
    table = table.assign(days=followed["days"], left=followed["left"])
    covariates = [name for name in table.columns if name not in ("days", "left")]
    model = cox_model(table, covariates=covariates, duration_col="days", event_col="left", conf_level=conf_level)
    ratios = model.iloc[:2][["estimate", "conf_low", "conf_high"]].astype(float)
    found = pd.DataFrame(np.exp(ratios.to_numpy()), columns=["hazard_ratio", "hazard_low", "hazard_high"])
    found.insert(0, "group", list(GROUPS[1:]))
    return pd.concat([empty.iloc[:1], found], ignore_index=True).assign(n_controls=wanted)


def _kept(revenue: np.ndarray, earned: np.ndarray, half: float) -> dict[str, float]:
    """Kept share of the revenue of one group, a ratio of sums."""
    n, total = len(revenue), revenue.sum()
    if n < 2 or total <= 0:
        return {"monthly_revenue": np.nan, "kept_share": np.nan, "conf_low": np.nan, "conf_high": np.nan, "n": n}
    share = earned.sum() / total
    residual = earned - share * revenue
    error = np.sqrt(n / (n - 1) * (residual @ residual)) / total
    low, high = max(share - half * error, 0.0), min(share + half * error, 1.0)
    return {"monthly_revenue": total / n, "kept_share": share, "conf_low": low, "conf_high": high, "n": n}


def _revenue_gaps(
    table: pd.DataFrame, revenue: np.ndarray, earned: np.ndarray, controls: Sequence[str], half: float
) -> pd.DataFrame:
    """Adjusted difference of the revenue kept from that of promoters."""
    groups = np.column_stack([table["group"].eq(group).to_numpy(dtype=float) for group in GROUPS[1:]])
    held, _names = control_columns(table.assign(_revenue=revenue), ["_revenue", *controls])
    empty = pd.DataFrame(
        {"group": list(GROUPS), "difference": np.nan, "difference_low": np.nan, "difference_high": np.nan}
    )
    enough = min(groups.sum(axis=0).min(), (groups.sum(axis=1) == 0).sum()) >= 2
    if not enough or len(table) <= held.shape[1] + 4:
        return empty
    fit = fit_least_squares(earned, np.column_stack([groups, held]))
    gap, error = fit.slopes[1:3], np.sqrt(np.diag(fit.covariance)[1:3])
    ends = {"difference": gap, "difference_low": gap - half * error, "difference_high": gap + half * error}
    return pd.concat([empty.iloc[:1], pd.DataFrame({"group": list(GROUPS[1:]), **ends})], ignore_index=True)
