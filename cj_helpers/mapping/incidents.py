"""Incidents: weeks in which a touchpoint let far fewer journeys go on than at other times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir
from scipy.special import chdtrc, xlogy

from cj_helpers.contract import JourneyDefinition
from cj_helpers.inference import FloatArray, adjust_p_values, newcombe_difference
from cj_helpers.mapping.channels import DIMENSIONS

MOST_WEEKS = 12
_WEEK = 7 * 86_400
_MONDAY = 4 * 86_400  # the epoch began on a Thursday


def incidents(
    steps: ir.Table,
    *,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    least_difference: float = 0.1,
    least_n: int = 30,
) -> pd.DataFrame:
    """Find runs of weeks in which far fewer journeys went on after a touchpoint, by channel, device and mode.

    Parameters
    ----------
    least_difference : float
        Smaller falls are not worth a reader's time.
    least_n : int
        Customers, each counted once a week, that a run of weeks must hold.

    Returns
    -------
    DataFrame, one row per incident, the most certain first
        journey, touchpoint, dimension, value, first_day, last_day, n (customers at the touchpoint in these weeks, each
        counted once a week), share that went on after it at least once in the week, n_others and share_others (same
        touchpoint and value in other weeks), share_elsewhere (same weeks, other values; missing where there are none),
        difference, conf_low, conf_high, p_adjusted, n_customers (in these weeks, each once).

    Notes
    -----
    A scan statistic (Kulldorff 1997): every run of 1 to 12 weeks is compared with the rest by a likelihood ratio;
    the p-value of the best run is multiplied by the number of runs tried, then adjusted over all touchpoints and
    values (Holm 1979). Steps younger than the timeout do not count: they may still go on; nor those within one timeout
    of the first one, where the log may have missed what came before. Of incidents at one touchpoint that overlap, the
    most certain is kept. Newcombe (1998) for the difference. One customer who tries again and again is one a week, so
    that nobody makes an incident alone; few come back in another week, so the interval is not clustered.
    """
    rows = []
    for key, definition in definitions.items():
        weeks = _weeks(_judged(steps.filter(_.journey == key), definition, as_of))
        for keys, part in weeks.groupby(["touchpoint", "dimension", "value"], sort=True):
            found = _worst_run(part, least_n)
            if found is not None:
                rows.append(
                    {"journey": key, **dict(zip(["touchpoint", "dimension", "value"], keys, strict=True)), **found}
                )
                rows[-1]["share_elsewhere"] = _elsewhere(weeks, rows[-1])
    columns = ["journey", "touchpoint", "value", "first_day", "last_day", "share", "share_others", "n", "dimension"]
    columns += ["share_elsewhere", "n_others", "difference", "conf_low", "conf_high", "p_adjusted", "n_customers"]
    if not rows:
        return pd.DataFrame(columns=columns)
    table = pd.DataFrame(rows)
    table["p_adjusted"] = adjust_p_values(table["p_value"])
    kept = table[(table["p_adjusted"] < 0.05) & (table["difference"] <= -least_difference)]
    table = _without_echoes(kept.sort_values(["p_value", "journey"], kind="stable"))
    counts = []
    for row in table.to_dict("records"):
        judged = _judged(steps.filter(_.journey == row["journey"]), definitions[row["journey"]], as_of)
        counts.append(_customers(judged, row))
    return table.assign(n_customers=counts)[columns].reset_index(drop=True)


def _without_echoes(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the first of the incidents that overlap at one touchpoint."""
    kept: list[int] = []
    for index, row in table.iterrows():
        same = table.loc[kept]
        same = same[same["journey"].eq(row["journey"]) & same["touchpoint"].eq(row["touchpoint"])]
        if not (same["first_day"].le(row["last_day"]) & same["last_day"].ge(row["first_day"])).any():
            kept.append(index)  # type: ignore[arg-type]
    return table.loc[kept]


def _judged(steps: ir.Table, definition: JourneyDefinition, as_of: datetime) -> ir.Table:
    """Steps after which one may go on, and of which it is known whether one did, with their week."""
    patience = max([definition.timeout or timedelta(days=30), *definition.timeouts.values()])
    done = [*definition.success, *definition.abandon, *definition.waiting_on_company]
    length = ibis.interval(seconds=round(patience.total_seconds()))
    old = steps.filter((_.timestamp <= ibis.literal(as_of, type="timestamp") - length) & ~_.touchpoint.isin(done))
    old = old.filter(_.timestamp >= steps.timestamp.min().as_scalar() + length)
    return old.mutate(week=((old.timestamp.epoch_seconds() + (_WEEK - _MONDAY)) / _WEEK).floor().cast("int64"))


def _weeks(judged: ir.Table) -> pd.DataFrame:
    """Count per touchpoint, value and week the customers and those who went on."""
    went_on = judged.next_touchpoint.notnull().ifelse(1, 0)
    views = [
        judged.select(
            *("touchpoint", "customer_id", "week"),
            dimension=ibis.literal(name),
            value=judged[name].cast("string"),
            went_on=went_on,
        )
        for name in DIMENSIONS
        if name in judged.columns
    ]
    rows = (views[0] if len(views) == 1 else ibis.union(*views)).filter(_.value.notnull())
    keys = ["touchpoint", "dimension", "value", "week"]
    each = rows.group_by(*keys, "customer_id").aggregate(went_on=_.went_on.max())
    return each.group_by(keys).aggregate(m=_.count(), x=_.went_on.sum()).execute()


def _customers(judged: ir.Table, row: Mapping[Any, Any]) -> int:
    """Count the customers of one incident."""
    first, last = row["weeks"]
    rows = judged.filter((_.touchpoint == row["touchpoint"]) & _.week.between(first, last))
    rows = rows.filter(rows[row["dimension"]].cast("string") == row["value"])
    return int(rows.customer_id.nunique().execute())


def _worst_run(part: pd.DataFrame, least_n: int) -> dict[str, Any] | None:
    """Return the run of weeks with the largest likelihood ratio for a lower share inside than outside."""
    weeks = np.arange(part["week"].min(), part["week"].max() + 1)
    counts = part.set_index("week")[["x", "m"]].reindex(weeks, fill_value=0).to_numpy(dtype=float)
    sums = np.vstack([[0.0, 0.0], np.cumsum(counts, axis=0)])
    starts, lengths = np.meshgrid(np.arange(len(weeks)), np.arange(1, min(MOST_WEEKS, len(weeks)) + 1), indexing="ij")
    inside = starts + lengths <= len(weeks)
    first, last = starts[inside], (starts + lengths)[inside]
    x, m = (sums[last] - sums[first]).T
    total_x, total_m = sums[-1]
    ratio = _ratio(x, m, total_x, total_m)
    ratio[(m < least_n) | (total_m - m < least_n) | (x * (total_m - m) >= (total_x - x) * m)] = 0.0
    best = int(np.argmax(ratio))
    if ratio[best] <= 0:
        return None
    gap, low, high = newcombe_difference(x[best], m[best], total_x - x[best], total_m - m[best])
    day = pd.Timestamp(0) + pd.to_timedelta(_MONDAY - _WEEK, "s")
    return {
        "first_day": day + pd.Timedelta(int(weeks[first[best]]) * 7, "D"),
        "last_day": day + pd.Timedelta(int(weeks[last[best] - 1]) * 7 + 6, "D"),
        "weeks": (int(weeks[first[best]]), int(weeks[last[best] - 1])),
        "n": int(m[best]),
        "share": x[best] / m[best],
        "n_others": int(total_m - m[best]),
        "share_others": (total_x - x[best]) / (total_m - m[best]),
        "difference": float(gap),
        "conf_low": float(low),
        "conf_high": float(high),
        "p_value": min(1.0, len(first) * float(chdtrc(1, 2 * ratio[best])) / 2),
    }


def _ratio(x: FloatArray, m: FloatArray, total_x: float, total_m: float) -> FloatArray:
    """Logarithm of the likelihood ratio of two shares against one."""

    def log_likelihood(successes: FloatArray, trials: FloatArray) -> FloatArray:
        share = successes / np.maximum(trials, 1)
        return np.asarray(xlogy(successes, share) + xlogy(trials - successes, 1 - share))

    apart = log_likelihood(x, m) + log_likelihood(total_x - x, total_m - m)
    return apart - log_likelihood(np.asarray(total_x), np.asarray(total_m))


def _elsewhere(weeks: pd.DataFrame, row: Mapping[str, Any]) -> float:
    first, last = row["weeks"]
    same = weeks["touchpoint"].eq(row["touchpoint"]) & weeks["dimension"].eq(row["dimension"])
    others = weeks[same & weeks["value"].ne(row["value"]) & weeks["week"].between(first, last)]
    return float(others["x"].sum() / others["m"].sum()) if others["m"].sum() else float("nan")
