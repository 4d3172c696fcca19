"""Who answers surveys, and whether an answer can be joined to what happened before it."""

from __future__ import annotations

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.dataset.invitations import invitation_frame
from cj_helpers.dataset.model import Dataset

LINK_COLUMNS = ["link", "n_answers", "share"]
MONTH_COLUMNS = ["month", "n_invited", "n_answered", "share", "n_customers"]


def survey_links(surveys: ir.Table | None, events: ir.Table | None, customers: ir.Table | None) -> pd.DataFrame:
    """Count what each answer can be joined to.

    Returns
    -------
    DataFrame, one row per link
        link (answers: all; dated; customer: with an id; in_events: whose customer is in the log;
        in_customers: whose customer is in the customer file), n_answers, share of all. Empty without surveys.
    """
    if surveys is None:
        return pd.DataFrame(columns=LINK_COLUMNS)
    counts = {"answers": int(surveys.count().execute())}
    if "answered_at" in surveys.columns:
        counts["dated"] = int(surveys.answered_at.count().execute())
    if "customer_id" in surveys.columns:
        counts["customer"] = int(surveys.customer_id.count().execute())
        for link, table in (("in_events", events), ("in_customers", customers)):
            if table is not None:
                known = table.select("customer_id").distinct()
                counts[link] = int(surveys.semi_join(known, "customer_id").count().execute())
    table = pd.DataFrame(list(counts.items()), columns=LINK_COLUMNS[:2])
    table["share"] = table["n_answers"] / max(counts["answers"], 1)
    return table


def survey_response(data: Dataset) -> pd.DataFrame:
    """Count invitations that were answered, by month of the invitation.

    Returns
    -------
    DataFrame, one row per month in the zone of the data set
        month (first day), n_invited (invitations that could have been answered in time by as_of), n_answered, share
        (answered), n_customers (different customers asked). Empty when nobody knows who was asked (``survey.invited``
        names no touchpoint) or the answers carry no customer and date.

    Notes
    -----
    An invitation is answered as ``invitation_frame`` has it, so that the sum over the months is report 03's rate.

    Examples
    --------
    Two customers asked in May, of whom one answered within ``survey.answer_within``: n_invited 2, n_answered 1.
    """
    empty = pd.DataFrame(columns=MONTH_COLUMNS)
    named = data.surveys is not None and {"customer_id", "answered_at"} <= set(data.surveys.columns)
    if not data.config.survey.invited or data.events is None or not named:
        return empty
    asked = invitation_frame(data)
    asked = asked[asked["is_mature"]]
    if asked.empty:
        return empty
    local = asked["sent_at"].dt.tz_localize("UTC").dt.tz_convert(data.time_zone).dt.tz_localize(None)
    months = asked.groupby(local.dt.to_period("M").dt.to_timestamp().rename("month"))
    table = months.agg(
        n_invited=("answered", "size"), n_answered=("answered", "sum"), n_customers=("customer", "nunique")
    )
    table["share"] = table["n_answered"] / table["n_invited"]
    return table.reset_index()[MONTH_COLUMNS]
