"""Two segments or two periods side by side: differences with intervals, and what of a change is mix."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import combinations

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir
from scipy.special import ndtr

from cj_helpers.contract import ALL, COMPLETED, MISSING, JourneyDefinition
from cj_helpers.inference import adjust_p_values, combined_interval, newcombe_difference, normal_quantile
from cj_helpers.journeys import observed_for, seconds_between
from cj_helpers.mapping.clustered import customer_sums, effective_of, share_intervals
from cj_helpers.survival import incidence_at

_DAY = 86_400
_WHOLE = "(all)"
_Z = normal_quantile(0.95)
_COLUMNS = ["journey", "part", "difference", "conf_low", "conf_high", "share_before", "share_after"]
_COLUMNS += ["n_before", "n_after", "n_customers"]


def segment_differences(
    frame: pd.DataFrame, *, definitions: Mapping[str, JourneyDefinition], most: int = 4
) -> pd.DataFrame:
    """Set the headline rates of the largest segments side by side, two by two.

    Parameters
    ----------
    frame : DataFrame
        What ``journey_frame`` returns, with a segment.
    most : int
        Segments of a journey that are compared, the largest; journeys without a value are not.

    Returns
    -------
    DataFrame, one row per journey definition and pair of segments
        journey, segment_a, segment_b, n (journeys of both), n_customers, n_customers_smaller (of the smaller side),
        completed_a, completed_b, difference (a minus b), conf_low, conf_high, p_value, p_adjusted (Holm 1979; all rows
        are one family).

    Notes
    -----
    Aalen-Johansen incidence; the interval joins those of both rates (Zou & Donner 2008), which are Wilson's where a
    rate is 0 or 1 and its error tells nothing: for rates without repeats and open journeys about Newcombe's (1998).
    The p-value is that of a normal test with the error that the limit towards 0 implies. Segments that share customers
    make both a little too careful. Differences are associations: segments differ in other ways, too.
    """
    rows = []
    for key, definition in definitions.items():
        part = frame[(frame["journey"] == key) & ~frame["segment"].isin([ALL, MISSING])]
        names = part["segment"].value_counts().sort_index().sort_values(ascending=False, kind="stable").index[:most]
        days = definition.within.total_seconds() / _DAY
        rates = {}
        for name in names:
            own = part[part["segment"] == name]
            rates[name] = incidence_at(own, time_days=days, outcome=COMPLETED, cluster_col="customer").iloc[0]
        for one, two in combinations(names, 2):
            both = part[part["segment"].isin([one, two])]
            rows.append({"journey": key, "segment_a": one, "segment_b": two, "n": len(both)})
            least = min(rates[name]["n_customers"] for name in (one, two))
            rows[-1] |= {"n_customers": both["customer"].nunique(), "n_customers_smaller": least}
            rows[-1] |= _difference(rates[one], rates[two])
    columns = ["journey", "segment_a", "segment_b", "completed_a", "completed_b", "difference", "conf_low", "conf_high"]
    table = pd.DataFrame(rows, columns=[*columns, "n", "n_customers", "n_customers_smaller", "p_value"])
    return table.assign(p_adjusted=adjust_p_values(table["p_value"].astype(float)))


def _difference(one: pd.Series, two: pd.Series) -> dict[str, float]:
    sides = [[side[name] for side in (one, two)] for name in ("estimate", "conf_low", "conf_high")]
    gap, low, high = combined_interval([1, -1], *sides)
    # the error that the limit on the side of 0 implies: below .05 where the interval leaves 0 out
    error = (gap - low if gap > 0 else high - gap) / normal_quantile(0.95)
    p = 2 * float(ndtr(-abs(gap) / error)) if error > 0 else float("nan")
    ends = {"conf_low": max(low, -1.0), "conf_high": min(high, 1.0)}
    return {"completed_a": one["estimate"], "completed_b": two["estimate"], "difference": gap, **ends, "p_value": p}


def period_change(
    journeys: ir.Table,
    *,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    mix: ir.Table | None = None,
    period: timedelta = timedelta(days=90),
) -> pd.DataFrame:
    """Compare the last period that had its whole horizon with the one before, and split the change.

    Parameters
    ----------
    mix : ibis table, optional
        journey, journey_id and ``segment`` (as `add_segment` gives them): what the mix is of.
    period : timedelta
        Length of both periods; the later one ends ``within`` before as_of.

    Returns
    -------
    DataFrame, one row per journey definition and part of the change
        journey, part (total | mix | true_change; the last two with two segments or more), difference (later minus
        earlier share completed within the horizon), conf_low, conf_high, share_before, share_after, n_before, n_after,
        n_customers (of the smaller period). Definitions with an empty period are left out.

    Notes
    -----
    Kitagawa (1955): true change holds the mix at the mean of both periods, mix holds the shares of the segments at
    theirs; both add up to the total. Intervals: Newcombe (1998) for the total, `split_change` for the parts; clustered
    by customer within a period. Customers of both periods make an interval a little too wide.
    """
    parts = []
    for key, definition in definitions.items():
        rates = _period_rates(journeys.filter(_.journey == key), definition, as_of, mix, period)
        if set(rates["later"]) == {0, 1}:
            parts.append(_change(rates).assign(journey=key))
    return pd.concat(parts, ignore_index=True)[_COLUMNS] if parts else pd.DataFrame(columns=_COLUMNS)


def _period_rates(
    own: ir.Table, definition: JourneyDefinition, as_of: datetime, mix: ir.Table | None, period: timedelta
) -> pd.DataFrame:
    """Share completed within the horizon per period and segment; segment ``all`` is the whole period."""
    end = as_of - definition.within
    last, middle, first = (ibis.literal(end - k * period, type="timestamp") for k in (0, 1, 2))
    table = own.filter((_.started_at > first) & (_.started_at <= last))
    table = table.filter(observed_for(table, definition.within, as_of=as_of))
    if mix is not None:
        names = mix.select("journey", "journey_id", "segment")
        table = table.left_join(names, ["journey", "journey_id"])
        # a segment that is called like the whole would be counted twice
        table = table.mutate(segment=table.segment.fill_null(MISSING).nullif(ALL).fill_null(_WHOLE))
    else:
        table = table.mutate(segment=ibis.literal(MISSING))
    days = seconds_between(table.started_at, table.ended_at) / _DAY
    won = (table.outcome == COMPLETED) & (days <= definition.within.total_seconds() / _DAY)
    rows = table.select(
        "customer_id", "segment", later=(table.started_at > middle).ifelse(1, 0), x=won.fill_null(False).ifelse(1, 0)
    )
    both = ibis.union(rows, rows.mutate(segment=ibis.literal(ALL)))
    each = both.group_by("later", "segment", "customer_id").aggregate(x=_.x.sum(), m=_.count())
    sums = each.group_by("later", "segment").aggregate(**customer_sums(each.x, each.m)).execute()
    shares = share_intervals(sums)
    return sums[["later", "segment"]].join(shares).assign(n_effective=effective_of(sums, shares))


def _change(rates: pd.DataFrame) -> pd.DataFrame:
    whole = rates[rates["segment"].eq(ALL)].set_index("later")
    one, two = whole.loc[1], whole.loc[0]
    pairs = ((row["share"] * row["n_effective"], row["n_effective"]) for row in (one, two))
    first, second = pairs
    gap, low, high = newcombe_difference(*first, *second)
    rows = [("total", float(gap), float(low), float(high))]
    parts = rates[rates["segment"].ne(ALL)]
    if len(set(parts["segment"])) > 1:
        rows += split_change(parts, whole["n_customers"])
    table = pd.DataFrame(rows, columns=["part", "difference", "conf_low", "conf_high"])
    sizes = {"n_before": int(two["n"]), "n_after": int(one["n"])}
    least = int(min(one["n_customers"], two["n_customers"]))
    return table.assign(share_before=two["share"], share_after=one["share"], **sizes, n_customers=least)


def split_change(rates: pd.DataFrame, customers: pd.Series) -> list[tuple[str, float, float, float]]:
    """Split a change into mix and true change, with intervals.

    Parameters
    ----------
    rates : DataFrame
        One row per period (``later`` 0 or 1) and segment: n, share, conf_low, conf_high, n_effective.
    customers : Series
        Customers of each period.

    Returns
    -------
    list of (part, difference, conf_low, conf_high)
        A segment absent from one period has the other's share there.

    Notes
    -----
    Both parts are weighted sums of shares. Their interval (Zou & Donner 2008) takes Wilson's limits of each share, so
    that segments of which all or none succeeded add their uncertainty, which a variance p(1-p)/n would call none. The
    mix adds that of the segments' sizes, multinomial over customers, and that of the product of both (Goodman 1960),
    with shares after Agresti & Coull (1998). The parts share their data, so their limits do not add up.
    """
    names = ["share", "conf_low", "conf_high", "n_effective", "n"]
    by_period = [rates[rates["later"].eq(later)].set_index("segment")[names] for later in (0, 1)]
    share, low, high, size, n = (pd.concat([part[name] for part in by_period], axis=1, keys=[0, 1]) for name in names)
    known, weight = share.notna(), n.fillna(0) / n.sum()
    both = known.all(axis=1).to_numpy()
    limits = [np.ravel(table.to_numpy()[known]) for table in (share, low, high)]
    true_weights = np.outer(weight.mean(axis=1) * both, [-1, 1])
    moved = (weight[1] - weight[0]).to_numpy()
    mix_weights = np.outer(moved * np.where(both, 0.5, 1.0), [1, 1])
    true = combined_interval(true_weights[known], *limits)
    mix, mix_low, mix_high = combined_interval(mix_weights[known], *limits)
    error = _Z * _mix_error(share, size, weight, customers)
    return [
        ("mix", mix, mix - float(np.hypot(mix - mix_low, error)), mix + float(np.hypot(mix_high - mix, error))),
        ("true_change", *true),
    ]


def _mix_error(share: pd.DataFrame, size: pd.DataFrame, weight: pd.DataFrame, customers: pd.Series) -> float:
    """Standard error of the mix by the sampling of segments, and of shares and segments together."""
    level = share.mean(axis=1)
    spread = sum(((level**2 * weight[k]).sum() - (level * weight[k]).sum() ** 2) / customers[k] for k in (0, 1))
    drawn = (share * size + _Z**2 / 2) / (size + _Z**2)
    of_share = (drawn * (1 - drawn) / (size + _Z**2)).sum(axis=1) / share.notna().sum(axis=1) ** 2
    of_weight = sum(weight[k] * (1 - weight[k]) / customers[k] for k in (0, 1))
    return float(np.sqrt(max(spread, 0.0) + (of_share * of_weight).sum()))
