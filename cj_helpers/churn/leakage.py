"""The guard against leaks: features recomputed from tables cut at the landmark, and features that know too much."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.churn.discrimination import auc
from cj_helpers.churn.known import contracts_known_at, literal, moment, versions_until
from cj_helpers.churn.landmark import STAYED, VOLUNTARY, feature_columns, landmark_features, take_landmark
from cj_helpers.contract import DataError
from cj_helpers.dataset import Dataset

#: A single feature that orders leavers better than this knows something it should not.
TOO_GOOD = 0.90
#: With fewer leavers any feature may order them by chance.
LEAST_LEFT = 20
KNOWN, DIFFERS, NOT_KNOWN, SUSPICIOUS = "as known then", "differs", "only today's value", "too good"


def cut_at(data: Dataset, at: datetime) -> Dataset:
    """The data set as it would have been read on the day of the landmark: every table ends there.

    Customers lose what only today's file says: snapshots, and a price without a date.
    """
    contractual = data.config.churn.contractual
    customers = contracts_known_at(data, at) if contractual else data.customers
    if contractual and customers is not None:
        undated = set(data.config.churn.snapshot) & set(customers.columns)
        if "valid_from" not in customers.columns:
            undated |= {data.config.churn.revenue or "monthly_revenue"} & set(customers.columns)
        customers = customers.drop(*undated - set(data.config.churn.static)) if undated else customers
    surveys = data.surveys
    if surveys is not None and "answered_at" in surveys.columns:
        surveys = surveys.filter(surveys.answered_at <= literal(at))
    return replace(
        data,
        events=None if data.events is None else data.events.filter(data.events.timestamp <= literal(at)),
        surveys=surveys,
        customers=customers,
        history=None if data.history is None else versions_until(data.history, at),
        as_of=pd.Timestamp(at),
    )


def leakage_guard(
    data: Dataset, *, as_of: pd.Timestamp, horizon: timedelta, steps: ir.Table | None = None
) -> pd.DataFrame:
    """Recompute every feature from tables cut at the landmark and name those that differ or know too much.

    Parameters
    ----------
    as_of : Timestamp
        The landmark, UTC; its outcome should be known.
    horizon : timedelta
        As in `take_landmark`.
    steps : ibis table, optional
        What `steps_of_all_time` returns.

    Returns
    -------
    DataFrame, one row per feature and per attribute declared a snapshot
        feature, used (enters the model), n (customers), n_different (whose value is another one when every table ends
        at the landmark), auc (of this feature alone for voluntary exits, either way round; NaN where the outcome does
        not allow it), verdict: "as known then", "differs", "only today's value" (a snapshot: nothing says what it was
        then), "too good" (an area above .90: look where it comes from).

    Notes
    -----
    What is used and not "as known then" must not enter a model. Kaufman et al. (2012) on leakage in data mining.
    """
    at = pd.Timestamp(moment(as_of))
    now = landmark_features(data, as_of=at, steps=steps)
    then = landmark_features(cut_at(data, moment(at)), as_of=at)
    frame = take_landmark(data, as_of=at, horizon=horizon, steps=steps)
    snapshot = snapshot_values(data)
    names = [name for name in data.config.churn.snapshot if name in snapshot.columns]
    frame = frame.merge(snapshot, on="customer", how="left")
    different = _different(now, then)
    rows = []
    for name in [*feature_columns(frame.drop(columns=names)), *names]:
        n_different = int(frame[name].notna().sum()) if name in names else different[name]
        area = _area(frame, name)
        verdict = NOT_KNOWN if name in names else DIFFERS if n_different else SUSPICIOUS if area > TOO_GOOD else KNOWN
        rows.append((name, name not in names, len(frame), n_different, area, verdict))
    return pd.DataFrame(rows, columns=["feature", "used", "n", "n_different", "auc", "verdict"])


def snapshot_values(data: Dataset) -> pd.DataFrame:
    """Today's value of the attributes that dataset.yml declares snapshots, by customer; for the guard alone."""
    table = data.customers
    names = [name for name in data.config.churn.snapshot if table is not None and name in table.columns]
    if table is None or not names:
        return pd.DataFrame({"customer": pd.Series(dtype="int64")})
    ranked = table.select(customer=ibis.dense_rank().over(order_by=table.customer_id), **{n: table[n] for n in names})
    return ranked.execute().drop_duplicates("customer", keep="last")


def _different(now: ir.Table, then: ir.Table) -> dict[str, int]:
    """How many customers have another value of each feature; a customer missing on one side differs in all."""
    names = [name for name in now.columns if name != "customer_id"]
    there = [name for name in names if name in then.columns]
    other = then.select(_id=then.customer_id, **{f"_{name}": then[name] for name in there})
    both = now.outer_join(other, now.customer_id == other["_id"])
    alone = both.customer_id.isnull() | both["_id"].isnull()
    counts = {
        name: (alone | ~both[name].identical_to(both[f"_{name}"])).sum()
        if name in there
        else both[name].notnull().sum()
        for name in names
    }
    found = both.aggregate(**counts).execute().iloc[0].fillna(0)
    return {name: int(found[name]) for name in names}


def _area(frame: pd.DataFrame, name: str) -> float:
    """Area under the ROC curve of one feature, turned upwards; levels of a text by their own rate."""
    known = frame[frame[name].notna() & frame["outcome"].isin([STAYED, VOLUNTARY])]
    left = known["outcome"].eq(VOLUNTARY).astype(float)
    if pd.api.types.is_numeric_dtype(known[name]) or pd.api.types.is_bool_dtype(known[name]):
        values = known[name].astype(float)
    else:
        values = left.groupby(known[name].astype(str)).transform("mean")
    if min(left.sum(), len(left) - left.sum()) < LEAST_LEFT:
        return float("nan")
    try:
        area = float(auc(pd.DataFrame({"score": values, "left": left}))["estimate"].iloc[0])
    except DataError:
        return float("nan")
    return max(area, 1 - area) if np.isfinite(area) else area
