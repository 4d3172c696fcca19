"""Early signals: what is known after a day or three that goes with success or failure later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ASSISTED, DataError, JourneyDefinition
from cj_helpers.inference import FloatArray, adjust_p_values
from cj_helpers.mapping.clustered import against_others
from cj_helpers.mapping.landmarks import LANDMARK_DAYS, take_landmarks

MOST_SIGNALS = 40
MOST_JOURNEYS = 200_000  # the model learns no more from further ones
LEAST = 50  # journeys on either side of a signal, and successes and failures of a model
_RIDGE = 1.0
_JOURNEY = ["journey", "landmark_days", "journey_id"]


def signals(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    days: Sequence[float] = LANDMARK_DAYS,
) -> pd.DataFrame:
    """Compare journeys with and without each early signal, among those still running at the landmark.

    Returns
    -------
    DataFrame, one row per journey definition, landmark and signal, largest difference first
        journey, landmark_days, signal (``touchpoint: ...``, ``channel: ...``, ``repeats``, ``several channels``,
        ``assisted``), n (journeys with it), n_customers, share that completed within ``within`` after the landmark,
        share_low, share_high, n_others, share_others, difference, conf_low, conf_high, p_value, p_adjusted (Holm 1979,
        all rows one family).

    Notes
    -----
    Signals come from the time up to the landmark only, and the time since the last event is none of them: silence is
    abandonment. Signals of fewer than 50 journeys, or of all but 50, are left out.
    """
    running = take_landmarks(journeys, definitions=definitions, as_of=as_of, days=days)
    seen = _seen(steps, running, definitions)
    keys = ["journey", "landmark_days"]
    rows = seen.group_by(*keys, "signal", "customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    base = running.group_by(*keys, "customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    table = against_others(rows, base, group_cols=[*keys, "signal"], by=keys)
    table = table[(table["n"] >= LEAST) & (table["n_others"] >= LEAST)].copy()
    table["p_adjusted"] = adjust_p_values(table["p_value"])
    table["size"] = table["difference"].abs()
    table = table.sort_values(["journey", "landmark_days", "size", "signal"], ascending=[True, True, False, True])
    first = ["journey", "landmark_days", "signal", "share", "share_others", "difference", "conf_low", "conf_high", "n"]
    return table[[*first, *[name for name in table.columns if name not in [*first, "size"]]]].reset_index(drop=True)


def _seen(steps: ir.Table, running: ir.Table, definitions: Mapping[str, JourneyDefinition]) -> ir.Table:
    """List which running journey showed which signal by the landmark: one row each."""
    early = steps.inner_join(running.drop("customer_id"), ["journey", "journey_id"]).filter(_.timestamp <= _["at"])
    # the only way to start says nothing: every journey has it
    always = [(d.key, d.start[0]) for d in definitions.values() if len(d.start) == 1]
    touched = early
    for key, start in always:
        touched = touched.filter((touched.journey != key) | (touched.touchpoint != start))
    views = [_as_signal(touched, ibis.literal("touchpoint: ").concat(touched.touchpoint))]
    views.append(_as_signal(early, ibis.literal("channel: ").concat(early.channel)).filter(_.signal.notnull()))
    repeated = early.filter(_.is_repeat)
    views.append(_as_signal(repeated, ibis.literal("repeats")))
    if "mode" in steps.columns:
        helped = early.filter(_.mode == ASSISTED)
        views.append(_as_signal(helped, ibis.literal(ASSISTED)))
    several = early.group_by(*_JOURNEY, "customer_id", "x", "m").aggregate(n=_.channel.nunique()).filter(_.n > 1)
    views.append(_as_signal(several, ibis.literal("several channels")))
    return ibis.union(*views).distinct()


def _as_signal(rows: ir.Table, name: ir.StringValue) -> ir.Table:
    return rows.select(*_JOURNEY, "customer_id", "x", "m", signal=name)


def signal_model(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definition: JourneyDefinition,
    as_of: datetime,
    days: float,
    n_bootstrap: int = 200,
    seed: int = 1,
) -> pd.DataFrame:
    """Say how well all early signals together tell later success, on journeys the model has not seen.

    Returns
    -------
    DataFrame, one row
        journey, landmark_days, n_signals, n_train, n (held out), n_customers (held out), share that succeeded, auc,
        conf_low, conf_high.

    Raises
    ------
    DataError
        When too few journeys succeeded or failed.

    Notes
    -----
    A logistic model with a small ridge penalty learns from the 70 % of journeys that started first and is judged on
    the later ones: the chance that it ranks a success above a failure (AUC), with a bootstrap interval by customer.
    Above 200,000 journeys the latest are used.
    """
    own = {definition.key: definition}
    running = take_landmarks(journeys, definitions=own, as_of=as_of, days=[days])
    seen = _seen(steps, running, own)
    counts = seen.group_by("signal").aggregate(n=_.count()).execute()
    names = counts[counts["n"] >= LEAST].sort_values(["n", "signal"], ascending=[False, True])["signal"][:MOST_SIGNALS]
    flags = {f"f{i}": (seen.signal == name).ifelse(1, 0).max() for i, name in enumerate(names)}
    wide = seen.group_by("journey_id").aggregate(**flags) if flags else None
    code = ibis.dense_rank().over(order_by=running.customer_id)
    base = running.select("journey_id", "started_at", "x", customer=code)
    joined = base if wide is None else base.left_join(wide, "journey_id")
    columns = ["started_at", "customer", "x", *flags]
    latest = joined.select(*columns).order_by([ibis.desc("started_at"), "customer"]).limit(MOST_JOURNEYS)
    frame = latest.execute().sort_values(["started_at", "customer"], kind="stable").reset_index(drop=True)
    cut = int(0.7 * len(frame))
    y, x = frame["x"].to_numpy(dtype=float), frame[list(flags)].fillna(0).to_numpy(dtype=float)
    _enough(y[:cut], y[cut:], definition, days)
    score = x[cut:] @ fit_logistic(x[:cut], y[:cut])[1:]
    customer = frame["customer"].to_numpy()[cut:]
    low, high = _auc_interval(score, y[cut:], customer, n_bootstrap, seed)
    return pd.DataFrame(
        {
            "journey": [definition.key],
            "landmark_days": days,
            "n_signals": len(flags),
            "n_train": cut,
            "n": len(frame) - cut,
            "n_customers": len(np.unique(customer)),
            "share": y[cut:].mean(),
            "auc": auc(score, y[cut:]),
            "conf_low": low,
            "conf_high": high,
        }
    )


def _enough(train: FloatArray, test: FloatArray, definition: JourneyDefinition, days: float) -> None:
    least = min(train.sum(), (1 - train).sum(), test.sum(), (1 - test).sum()) if len(train) else 0
    if least < LEAST:
        raise DataError(
            f"{definition.label}: early signals at day {days:g} need {LEAST} successes and {LEAST} failures before and "
            f"after the split; the fewest are {int(least)}."
        )


def fit_logistic(x: FloatArray, y: FloatArray, *, ridge: float = _RIDGE) -> FloatArray:
    """Fit a logistic regression with intercept by Newton's method; the ridge spares the intercept.

    Returns
    -------
    ndarray
        Intercept and coefficients.
    """
    design = np.column_stack([np.ones(len(y)), x])
    penalty = np.diag([0.0] + [ridge] * x.shape[1])
    beta = np.zeros(design.shape[1])
    for _step in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (y - p) - penalty @ beta
        step = np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design + penalty, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta


def auc(score: FloatArray, y: FloatArray) -> float:
    """Chance that a success scores above a failure, ties half (Hanley & McNeil 1982).

    Examples
    --------
    >>> auc(np.array([3.0, 2.0, 2.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0]))
    0.875
    """
    n_one = y.sum()
    ranks = pd.Series(score).rank().to_numpy()
    return float((ranks[y == 1].sum() - n_one * (n_one + 1) / 2) / (n_one * (len(y) - n_one)))


def _auc_interval(score: FloatArray, y: FloatArray, customer: FloatArray, n: int, seed: int) -> tuple[float, float]:
    """Percentiles of the AUC over samples of customers; scores are few, so weights per score are enough."""
    rng = np.random.default_rng(seed)
    codes, values = np.unique(customer, return_inverse=True)[1], np.unique(score, return_inverse=True)[1]
    found = []
    for _sample in range(n):
        weight = rng.multinomial(codes.max() + 1, np.full(codes.max() + 1, 1 / (codes.max() + 1)))[codes]
        one = np.bincount(values, weights=weight * y)
        two = np.bincount(values, weights=weight * (1 - y))
        below = np.concatenate([[0.0], np.cumsum(two)[:-1]])
        found.append((one * (below + two / 2)).sum() / max(one.sum() * two.sum(), 1e-300))
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))
