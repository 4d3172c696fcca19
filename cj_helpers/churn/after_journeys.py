"""What journeys do to exits: who left within some days after a completed and after an abandoned journey."""

from __future__ import annotations

from datetime import datetime

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.churn.known import exit_at, is_dated, literal, moment, steps_of_all_time
from cj_helpers.contract import ABANDONED, ALL, COMPLETED, DataError
from cj_helpers.dataset import Dataset
from cj_helpers.inference import combined_interval
from cj_helpers.journeys import build_journeys
from cj_helpers.survival import incidence_at

LEFT, STAYED, OTHER = "left", "stayed", "other exit"
AFTER_DAYS = 90.0
DIFFERENCE = "difference"


def journey_ends(data: Dataset, *, steps: ir.Table | None = None) -> pd.DataFrame:
    """Journeys of customers that ended, and whether and when the customer left afterwards.

    Parameters
    ----------
    steps : ibis table, optional
        What `steps_of_all_time` returns.

    Returns
    -------
    DataFrame, one row per journey that ended while the customer was under contract and not under notice
        journey, customer (a running number), outcome (completed or abandoned), duration_days (from the journey's end to
        the exit or the end of observation), exit (left for voluntary and unknown reasons, other exit, or stayed so
        far).

    Raises
    ------
    DataError
        When contracts are not dated or no journey is defined.

    Notes
    -----
    The end of the journey is the landmark: nothing that came after it decides whether the journey counts, and an
    abandoned one ends when its silence is called so, not at its last event. Who left before is not at risk any more.
    """
    steps = steps if steps is not None else steps_of_all_time(data)
    if steps is None or not is_dated(data):
        raise DataError("exits after journeys need journeys and dated contracts (started_at with ended_at)")
    at = moment(data.as_of)
    ended = build_journeys(steps, definitions=data.journeys, as_of=at).filter(_.outcome.isin([COMPLETED, ABANDONED]))
    contracts = _contracts(data, at)
    both = ended.select("journey", "customer_id", "outcome", "ended_at").inner_join(contracts, "customer_id")
    both = both.filter((both.started_at <= both.ended_at) & (both.until > both.ended_at))
    table = both.select(
        "journey",
        "customer",
        "outcome",
        "exit",
        duration_days=(both.until.epoch_seconds() - both.ended_at.epoch_seconds()) / 86_400,
    )
    return table.order_by("journey", "customer", "outcome", "duration_days").execute()


def _contracts(data: Dataset, at: datetime) -> ir.Table:
    """Start, end of observation and exit of every customer."""
    churn, table = data.config.churn, data.customers
    reason = churn.reason or "exit_reason"
    given = table[reason].cast("string") if reason in table.columns else ibis.null("string")  # type: ignore[union-attr,index]
    exits, end = exit_at(table, churn.event), literal(at)  # type: ignore[arg-type]
    last = ibis.least(end, table.observed_until.fill_null(end)) if "observed_until" in table.columns else end  # type: ignore[union-attr]
    gone = (exits <= last).fill_null(False)
    own = given.fill_null("voluntary") == "voluntary"
    return table.select(  # type: ignore[union-attr]
        "customer_id",
        "started_at",
        customer=ibis.dense_rank().over(order_by=table.customer_id),  # type: ignore[union-attr]
        until=gone.ifelse(exits, last),
        exit=ibis.cases((gone & own, LEFT), (gone, OTHER), else_=STAYED),
    )


def exits_after_journeys(
    ends: pd.DataFrame, *, days: float = AFTER_DAYS, min_journeys: int = 30, conf_level: float = 0.95
) -> pd.DataFrame:
    """Share of customers who left within some days after a completed, and after an abandoned journey.

    Parameters
    ----------
    ends : DataFrame
        What `journey_ends` returns.
    days : float
        How long after the end of the journey.
    min_journeys : int
        A kind of journey with fewer of either outcome gets no row.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    DataFrame, three rows per journey, "all" journeys first
        journey, outcome (abandoned, completed, or difference: abandoned minus completed), time_days, estimate (share
        who left of their own will), conf_low, conf_high, std_error, n (journeys), n_customers, n_customers_smaller (of
        a difference, the side with fewer).

    Raises
    ------
    DataError
        When no kind of journey has enough of both outcomes.

    Notes
    -----
    Aalen & Johansen (1978), other exits competing, censored at the end of observation; errors clustered by customer,
    limits of a share of 0 or 1 as in `incidence_at`. A difference joins the intervals of both (Zou & Donner 2008).
    The two groups of a difference may share customers, whose covariance is left out. Association: who abandons may
    differ in other ways too; `churn_model` holds those in the data equal.
    """
    kinds = [(ALL, ends)] if len(ends["journey"].unique()) > 1 else []
    kinds += [(str(key), part) for key, part in ends.groupby("journey", sort=True)]
    rows = []
    for key, part in kinds:
        counts = part["outcome"].value_counts()
        if min(counts.get(ABANDONED, 0), counts.get(COMPLETED, 0)) >= min_journeys:
            rows += _compared(part, days, conf_level, key)
    if not rows:
        raise DataError(
            f"journeys: none has {min_journeys} completed and {min_journeys} abandoned ends under contract; too few to "
            "compare"
        )
    names = ["journey", "outcome", "time_days", "estimate", "conf_low", "conf_high", "std_error"]
    names += ["n", "n_customers", "n_customers_smaller"]
    return pd.DataFrame(rows)[names]


def _compared(part: pd.DataFrame, days: float, conf_level: float, key: str) -> list[dict[str, object]]:
    found = []
    for outcome in (ABANDONED, COMPLETED):
        group = part[part["outcome"] == outcome]
        value = incidence_at(
            group,
            time_days=days,
            outcome=LEFT,
            outcome_col="exit",
            outcomes=[LEFT, OTHER],
            cluster_col="customer",
            conf_level=conf_level,
        ).iloc[0]
        least = {"n_customers_smaller": value["n_customers"]}
        found.append({"journey": key, "time_days": days, **value.drop("segment"), "outcome": outcome, **least})
    first, second = found
    ends = [[side[name] for side in found] for name in ("estimate", "conf_low", "conf_high")]
    difference, low, high = combined_interval([1, -1], *ends)
    error = float(np.hypot(first["std_error"], second["std_error"]))
    both = {"n": first["n"] + second["n"], "n_customers": part["customer"].nunique(), "std_error": error}
    both["n_customers_smaller"] = min(first["n_customers"], second["n_customers"])
    limits = {"estimate": difference, "conf_low": low, "conf_high": high}
    return [*found, {"journey": key, "outcome": DIFFERENCE, "time_days": days, **limits, **both}]
