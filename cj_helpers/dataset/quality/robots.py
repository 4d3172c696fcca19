"""Customers whose volume or rate no person has."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr import types as ir

HOURS_A_DAY = 20
A_MINUTE = 60
TIMES_USUAL = 10
LEAST_A_DAY = 200
COLUMNS = ["kind", "limit", "n_robots", "n_events", "share"]


def likely_robots(events: ir.Table | None) -> pd.DataFrame:
    """Count customers that behave like programs: crawlers, test accounts, a shared tablet in a shop.

    Returns
    -------
    DataFrame, one row per rule and one for any of them
        kind (hours: events in 20 or more of the 24 hours of a day; minute: 60 or more events in one minute; volume:
        on one day 200 or more events, and more than ten times what 999 of 1,000 customers have on their days; any),
        limit (what the rule came to), n_robots (customers), n_events (theirs), share (of all events). Empty without
        events.

    Notes
    -----
    They are counted, not removed: whether such a customer is a robot, nobody can tell from the log alone. Events
    of the company or of a system do not count where ``actor`` says whose they are. Days are those of UTC.
    """
    if events is None:
        return pd.DataFrame(columns=COLUMNS)
    own = _of_customers(events)
    who, limit = _judged(own)
    limits = {"hours": float(HOURS_A_DAY), "minute": float(A_MINUTE), "volume": limit}
    return _by_rule(who, limits, int(own.count().execute()))


def without_robots(events: ir.Table) -> ir.Table:
    """Leave out every event of the customers that ``likely_robots`` counts under any of its rules.

    Notes
    -----
    A few loyal customers may be among them: look before removing.
    """
    who, _limit = _judged(_of_customers(events))
    return events.anti_join(who.filter(_any_rule(who)), "customer_id")


def _of_customers(events: ir.Table) -> ir.Table:
    if "actor" not in events.columns:
        return events
    return events.filter(~_.actor.isin(["company", "system"]).fill_null(False))


def _judged(own: ir.Table) -> tuple[ir.Table, float]:
    """Return customer_id, n_events and one flag a rule for every customer, and the events a day that are too many."""
    minutes = own.group_by("customer_id", minute=_.timestamp.truncate("m")).aggregate(n=_.count())
    days = minutes.group_by("customer_id", day=_.minute.truncate("D")).aggregate(
        n_day=_.n.sum(), n_minute=_.n.max(), n_hours=_.minute.hour().nunique()
    )
    usual = days.aggregate(q=_.n_day.quantile(0.999)).execute().q[0]
    limit = max(LEAST_A_DAY, TIMES_USUAL * (0 if pd.isna(usual) else float(usual)))
    who = days.group_by("customer_id").aggregate(
        n_events=_.n_day.sum(),
        hours=(_.n_hours >= HOURS_A_DAY).any(),
        minute=(_.n_minute >= A_MINUTE).any(),
        volume=((_.n_day >= limit) & (_.n_day > LEAST_A_DAY - 1)).any(),
    )
    return who, limit


def _any_rule(who: ir.Table) -> ir.BooleanValue:
    return who.hours | who.minute | who.volume


def _by_rule(who: ir.Table, limits: dict[str, float], total: int) -> pd.DataFrame:
    rules = {**{name: who[name] for name in limits}, "any": _any_rule(who)}
    measures = {f"k_{name}": flag.sum().fill_null(0) for name, flag in rules.items()}
    measures |= {f"e_{name}": who.n_events.sum(where=flag).fill_null(0) for name, flag in rules.items()}
    found = who.aggregate(**measures).execute().iloc[0]
    rows = [(name, limits.get(name, float("nan")), int(found[f"k_{name}"]), int(found[f"e_{name}"])) for name in rules]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    table["share"] = table["n_events"] / total if total else 0.0
    return table
