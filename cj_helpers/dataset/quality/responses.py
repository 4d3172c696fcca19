"""Who answers surveys, and whether an answer can be joined to what happened before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

LINK_COLUMNS = ["link", "n_answers", "share"]
MONTH_COLUMNS = ["month", "n_invited", "n_answered", "share", "n_answers"]


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


def survey_response(
    surveys: ir.Table | None,
    events: ir.Table | None,
    *,
    invited: Sequence[str],
    within: timedelta,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Count invitations that were answered, by month of the invitation.

    Parameters
    ----------
    invited : sequence of str
        Touchpoints by which customers are asked; empty: nobody knows who was asked, and the result is empty.
    within : timedelta
        How long an answer may take. Invitations less than that before as_of are left out.

    Returns
    -------
    DataFrame, one row per month
        month (first day), n_invited (customers asked that month), n_answered (of these: answered in time), share,
        n_answers (answers that came in that month, asked or not).
    """
    empty = pd.DataFrame(columns=MONTH_COLUMNS)
    if surveys is None or events is None or not invited or not {"customer_id", "answered_at"} <= set(surveys.columns):
        return empty
    last = ibis.literal((as_of - within).to_pydatetime(), type="timestamp")
    asked = events.filter(_.touchpoint.isin(list(invited)) & (_.timestamp <= last))
    asked = asked.select("customer_id", month=_.timestamp.truncate("M"), at=_.timestamp)
    answers = surveys.select(who=_.customer_id, answered=_.answered_at)
    late = (answers.answered.epoch_seconds() - asked.at.epoch_seconds()) <= within.total_seconds()
    hits = asked.join(answers, [asked.customer_id == answers.who, answers.answered >= asked.at, late])
    table = asked.group_by("month").aggregate(n_invited=_.customer_id.nunique()).order_by("month").execute()
    answered = hits.group_by("month").aggregate(n_answered=_.customer_id.nunique()).execute()
    months = surveys.filter(_.answered_at.notnull()).group_by(month=_.answered_at.truncate("M"))
    table = table.merge(answered, on="month", how="left").merge(
        months.aggregate(n_answers=_.count()).execute(), on="month", how="left"
    )
    table[["n_answered", "n_answers"]] = table[["n_answered", "n_answers"]].fillna(0).astype("int64")
    table["share"] = table["n_answered"] / table["n_invited"]
    return table[MONTH_COLUMNS] if len(table) else empty
