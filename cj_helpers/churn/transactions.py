"""Customers without a contract: who bought, who is silent for too long, and who bought again."""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.churn.known import days_between, literal, moment
from cj_helpers.contract import ALL, DAYS_PER_MONTH, DataError
from cj_helpers.dataset import Dataset
from cj_helpers.inference import clustered_share

WEEK_DAYS = 7.0


def purchases_until(data: Dataset, at: datetime) -> ir.Table:
    """Purchases up to a moment: customer_id, timestamp and amount (0 where the events hold none).

    Raises
    ------
    DataError
        When there are no events, or an amount is negative or not a number.
    """
    churn = data.config.churn
    if data.events is None:
        raise DataError(f"{data.key}: has no events; without contracts customers are known by their purchases.")
    table = data.events.filter(data.events.timestamp <= literal(at))
    if churn.purchase:
        table = table.filter(table.touchpoint.isin(list(churn.purchase)))
    amount = ibis.literal(0.0)
    if churn.revenue:
        amount = table[churn.revenue].cast("string").try_cast("float64")
        bad = int(table.filter((amount < 0) | (amount.isnull() & table[churn.revenue].notnull())).count().execute())
        if bad:
            raise DataError(
                f"{churn.revenue}: {bad:,} purchases have an amount that is negative or not a number; needed are 0 or "
                "more. Leave returns out or correct them at source."
            )
    return table.select("customer_id", "timestamp", amount=amount.fill_null(0.0))


def buyers_known_at(data: Dataset, at: datetime) -> ir.Table:
    """One row per customer whose last purchase by then was not longer ago than the inactivity rule allows."""
    bought = (
        purchases_until(data, at)
        .group_by("customer_id")
        .aggregate(started_at=_.timestamp.min(), last_at=_.timestamp.max())
    )
    return bought.filter(bought.last_at > literal(at - data.config.churn.inactive_after))


def buying_again(data: Dataset, at: datetime, until: datetime, seen: bool) -> ir.Table:
    """Running number, revenue a month until the landmark and whether the customer stayed away afterwards."""
    everything = purchases_until(data, moment(data.as_of))
    now, later = everything.timestamp <= literal(at), (_.timestamp > literal(at)) & (_.timestamp <= literal(until))
    bought = everything.group_by("customer_id").aggregate(
        first=_.timestamp.min(), spent=everything.amount.sum(where=now), again=_.count(where=later)
    )
    months = ibis.greatest(days_between(bought.first, literal(at)), DAYS_PER_MONTH) / DAYS_PER_MONTH
    away = (bought.again == 0).ifelse("voluntary", "stayed") if seen else ibis.null("string")
    return bought.select(
        "customer_id",
        customer=ibis.dense_rank().over(order_by=bought.customer_id),
        segment=ibis.literal(ALL),
        revenue=bought.spent.fill_null(0.0) / months if data.config.churn.revenue else ibis.null("float64"),
        outcome=away,
        left=(bought.again == 0).ifelse(1, 0).cast("float64") if seen else ibis.null("float64"),
    )


def purchase_summary(data: Dataset, *, as_of: pd.Timestamp | None = None) -> pd.DataFrame:
    """Purchases of each customer as models without a contract read them.

    Parameters
    ----------
    as_of : Timestamp, optional
        Nothing later counts; the data set's as_of without it.

    Returns
    -------
    DataFrame, one row per customer, ordered by customer
        customer (a running number), frequency (days with a purchase after the first day), recency and age (weeks from
        the first purchase to the last and to as_of), first_at, last_at, amount (in all).

    Notes
    -----
    Several purchases of one day are one, as Fader, Hardie & Lee (2005) count them: orders of a day belong together.
    """
    at = moment(data.as_of if as_of is None else as_of)
    bought = purchases_until(data, at)
    summary = bought.group_by("customer_id").aggregate(
        first_at=_.timestamp.min(),
        last_at=_.timestamp.max(),
        days=bought.timestamp.truncate("D").nunique(),
        amount=_.amount.sum(),
    )
    first, last, end = (moment_.truncate("D") for moment_ in (summary.first_at, summary.last_at, literal(at)))
    return (
        summary.select(
            customer=ibis.dense_rank().over(order_by=summary.customer_id),
            frequency=summary.days - 1,
            recency=days_between(first, last) / WEEK_DAYS,
            age=days_between(first, end) / WEEK_DAYS,
            first_at=summary.first_at,
            last_at=summary.last_at,
            amount=summary.amount,
        )
        .order_by("customer")
        .execute()
    )


def inactivity_rule(purchases: pd.DataFrame, *, later: pd.DataFrame, days: list[float]) -> pd.DataFrame:
    """How often a customer called inactive after so many silent days comes back all the same.

    Parameters
    ----------
    purchases : DataFrame
        `purchase_summary` at a moment in the past.
    later : DataFrame
        `purchase_summary` of the same data now.
    days : list of float
        Rules to compare: silent for longer than so many days at that moment means gone.

    Returns
    -------
    DataFrame, one row per rule
        silent_days, n (customers at that moment), inactive_share (called gone), returned_share (of these, who bought
        again since), conf_low, conf_high (of the returned), active_returned_share (of those not called gone, who
        bought again).

    Notes
    -----
    Who bought is counted whether early or late: a longer look ahead finds more returns. Wilson (1927).
    """
    again = (
        later.set_index("customer")["last_at"].reindex(purchases["customer"]).to_numpy()
        > purchases["last_at"].to_numpy()
    )
    silent = (purchases["age"] - purchases["recency"]).to_numpy() * WEEK_DAYS
    rows = []
    for limit in days:
        gone = silent > limit
        back = clustered_share(pd.DataFrame({"again": again[gone].astype(float)}), success_col="again").iloc[0]
        rows.append(
            {
                "silent_days": float(limit),
                "n": len(gone),
                "inactive_share": float(gone.mean()) if len(gone) else float("nan"),
                "returned_share": back["share"],
                "conf_low": back["conf_low"],
                "conf_high": back["conf_high"],
                "active_returned_share": float(again[~gone].mean()) if (~gone).any() else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def inactive_customers(purchases: pd.DataFrame, *, inactive_after: timedelta) -> pd.DataFrame:
    """Contracts that the inactivity rule makes of purchases: left once silent for longer than allowed.

    Returns
    -------
    DataFrame, one row per customer
        customer, duration (days from the first purchase to the last plus the allowed silence, or to the end of
        observation), event (silent for longer), entry (0), monthly_revenue (a month since the first purchase),
        started_at, segment.
    """
    limit = inactive_after.total_seconds() / 86_400
    recency, age = purchases["recency"] * WEEK_DAYS, purchases["age"] * WEEK_DAYS
    gone = age - recency > limit
    months = (age / DAYS_PER_MONTH).clip(lower=1)
    return pd.DataFrame(
        {
            "customer": purchases["customer"],
            "duration": (recency + limit).where(gone, age),
            "event": gone,
            "entry": 0.0,
            "monthly_revenue": purchases["amount"] / months,
            "started_at": purchases["first_at"],
            "segment": ALL,
        }
    )
