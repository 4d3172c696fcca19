"""How journeys, recommendation and leaving go together: one row per link, each with its n and interval."""

from __future__ import annotations

import pandas as pd

from cj_helpers.contract import ABANDONED
from cj_helpers.inference import combined_interval

EXPERIENCE_NPS, EXPERIENCE_EXITS = "journey to score", "journey to leaving"
NPS_RETENTION, NPS_REVENUE = "score to staying", "score to revenue"
LINK_COLUMNS = ["from_to", "estimate", "conf_low", "conf_high", "unit", "n", "n_customers"]


def links(
    *,
    drivers: pd.DataFrame | None = None,
    retention: pd.DataFrame | None = None,
    revenue: pd.DataFrame | None = None,
    exits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Collect what an abandoned journey goes with, and what the answer to a survey goes with.

    Parameters
    ----------
    drivers : DataFrame, optional
        Score by how the last journey went, others held equal: factor, case, difference, conf_low, conf_high (points),
        n, n_customers; the row outcome, abandoned counts.
    retention : DataFrame, optional
        Share still there after the survey: group (promoters, detractors), share, conf_low, conf_high, n.
    revenue : DataFrame, optional
        Revenue after the survey: group, difference to promoters (per customer and month), difference_low,
        difference_high, n; the row detractors counts.
    exits : DataFrame, optional
        Share leaving after abandoned journeys above that after completed ones, over all journeys: estimate, conf_low,
        conf_high, n, n_customers.

    Returns
    -------
    DataFrame, one row per link that could be estimated
        from_to (journey to score | score to staying | score to revenue | journey to leaving), estimate, conf_low,
        conf_high, unit (points: of NPS, or percentage points; money), n (answers, customers or journeys), n_customers.

    Notes
    -----
    Nothing is estimated here except the difference of detractors and promoters, from their own limits (Zou & Donner
    2008). Each link is an association, and they do not multiply to an effect of journeys on revenue.
    """
    rows = []
    if drivers is not None:
        given_up = drivers.loc[drivers["factor"].eq("outcome") & drivers["case"].eq(ABANDONED)]
        rows += [_row(EXPERIENCE_NPS, row, row["difference"], "points") for _, row in given_up.iterrows()]
    if retention is not None:
        rows += _retention_gap(retention)
    if revenue is not None:
        unhappy = revenue.loc[revenue["group"].eq("detractors")]
        named = {"difference_low": "conf_low", "difference_high": "conf_high"}
        unhappy = unhappy.drop(columns=list(named.values())).rename(columns=named).assign(n_customers=unhappy["n"])
        rows += [_row(NPS_REVENUE, row, row["difference"], "money") for _, row in unhappy.iterrows()]
    if exits is not None:
        limits = ["estimate", "conf_low", "conf_high"]
        percent = exits.assign(**{name: 100 * exits[name] for name in limits})
        rows += [_row(EXPERIENCE_EXITS, row, row["estimate"], "points") for _, row in percent.iterrows()]
    table = pd.DataFrame(rows, columns=LINK_COLUMNS)
    return table.loc[table["estimate"].notna()].reset_index(drop=True)


def _row(link: str, row: pd.Series, estimate: float, unit: str) -> tuple[object, ...]:
    return link, estimate, row["conf_low"], row["conf_high"], unit, row["n"], row["n_customers"]


def _retention_gap(retention: pd.DataFrame) -> list[tuple[object, ...]]:
    groups = retention.set_index("group")
    if not {"promoters", "detractors"} <= set(groups.index):
        return []
    both = groups.loc[["detractors", "promoters"]]
    limits = combined_interval([100, -100], both["share"], both["conf_low"], both["conf_high"])
    n = int(both["n"].sum())
    return [(NPS_RETENTION, *limits, "points", n, n)]
