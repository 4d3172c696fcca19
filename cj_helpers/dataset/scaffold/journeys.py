"""Journeys that a log suggests: its typical last steps, what leads to them, and how long silence lasts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset.quality.timeouts import suggested_timeouts

_DONE = re.compile(
    r"paid|complete|completion|purchas|order_placed|signed|restored|activated|deliver|success|solved|resolved|converted|approved|"
    r"checkout_done|thank|bezahlt|abgeschlossen|gekauft|geliefert|payment|exam|granted|bought|renewed"
)
_LOST = re.compile(r"cancel|declin|unregist|reject|abandon|storn|abgelehnt|withdr|lost|quit|refus|expired|given_up")
_MOST_JOURNEYS = 4
_MOST_STAGES = 8
_SPECIFIC = 1 / 3
_USUAL_SILENCE = 30
_USUAL_START = 0.8
_LEAD = timedelta(days=90)  # what happened longer before a goal is not taken for a way to it


@dataclass(frozen=True)
class Proposal:
    """One journey that the log suggests.

    Attributes
    ----------
    key : str
    start : tuple of str
        The touchpoint with which nearly every such journey begins, if there is one.
    success : str
        The touchpoint that ends it well.
    abandon : tuple of str
        Touchpoints whose name says that it ended badly.
    stages : tuple of str
        Touchpoints on the way, the usual first one first.
    timeout_days, within_days : int
        Silence after which hardly anybody came back; time within which nine of ten got there.
    reason : str
        Why this touchpoint is taken for a goal.
    """

    key: str
    start: tuple[str, ...]
    success: str
    abandon: tuple[str, ...]
    stages: tuple[str, ...]
    timeout_days: int
    within_days: int
    reason: str


def touchpoint_table(events: ir.Table) -> pd.DataFrame:
    """Count touchpoints, and how often each is the last thing that a customer did.

    Returns
    -------
    DataFrame, one row per touchpoint, the most frequent first
        touchpoint, n_events, n_customers, n_first, n_last, last_share (of its customers).
    """
    customer = ibis.window(group_by="customer_id", order_by=["timestamp", "row_number"])
    places = events.mutate(before=_.touchpoint.lag().over(customer), after=_.touchpoint.lead().over(customer))
    counts = places.group_by("touchpoint").aggregate(
        n_events=_.count(),
        n_customers=_.customer_id.nunique(),
        n_first=_.before.isnull().sum(),
        n_last=_.after.isnull().sum(),
    )
    table = counts.order_by(_.n_events.desc(), _.touchpoint).execute()
    table["last_share"] = table["n_last"] / table["n_customers"]
    return table


def propose(events: ir.Table, touchpoints: pd.DataFrame) -> list[Proposal]:
    """Propose journeys: one for each touchpoint that looks like a goal, at most four.

    A goal has a name that says so, or is the last step of more customers than any other touchpoint. The
    touchpoints that mostly come before it, within 90 days and before any other goal, are its stages.
    """
    goals = _goals(touchpoints)
    lost = [name for name in touchpoints["touchpoint"] if _LOST.search(str(name).lower())]
    ways = _ways(events, list(goals), lost)
    ways = _specific(ways, touchpoints)
    lost_for = _lost_for(events, lost, ways)
    return [_proposal(events, goal, reason, ways, lost_for) for goal, reason in goals.items()]


def _goals(touchpoints: pd.DataFrame) -> dict[str, str]:
    common = touchpoints[touchpoints["n_customers"] >= max(0.01 * touchpoints["n_customers"].max(), 2)]
    named = common[
        [bool(_DONE.search(str(n).lower())) and not _LOST.search(str(n).lower()) for n in common["touchpoint"]]
    ]
    named = named.sort_values(["last_share", "n_customers"], ascending=False, kind="stable").head(_MOST_JOURNEYS)
    found = {
        str(row.touchpoint): f"its name says so; it is the last step of {row.last_share:.0%} of its "
        f"{row.n_customers:,} customers"
        for row in named.itertuples()
    }
    if not found and len(common):
        row = common.sort_values("n_last", ascending=False, kind="stable").iloc[0]
        found[str(row.touchpoint)] = f"it is the last step of {row.n_last:,} customers, of no other more"
    return found


def _ways(events: ir.Table, goals: list[str], lost: list[str]) -> pd.DataFrame:
    """Return, per touchpoint and the goal it most often precedes, the median time to the goal.

    Returns
    -------
    DataFrame, one row per touchpoint and goal
        touchpoint, goal, n, n_steps (events of the touchpoint that a goal follows), lead_days, p90_days.
    """
    later = ibis.window(group_by="customer_id", order_by=["timestamp", "row_number"], following=(1, None))
    is_goal = events.touchpoint.isin(goals)
    marked = events.mutate(goal=is_goal.ifelse(events.touchpoint, None), reached=is_goal.ifelse(events.timestamp, None))
    marked = marked.mutate(
        goal=marked.goal.argmin(marked.reached).over(later), reached=marked.reached.min().over(later)
    )
    lead = (marked.reached.epoch_seconds() - marked.timestamp.epoch_seconds()) / 86_400
    steps = marked.mutate(lead=lead).filter(
        _.goal.notnull() & (_.lead <= _LEAD.total_seconds() / 86_400) & ~_.touchpoint.isin([*goals, *lost])
    )
    table = (
        steps.group_by("touchpoint", "goal")
        .aggregate(n=_.count(), lead_days=_.lead.quantile(0.5), p90_days=_.lead.quantile(0.9))
        .execute()
    )
    return table.sort_values(["n", "touchpoint", "goal"], ascending=[False, True, True], kind="stable")


def _specific(ways: pd.DataFrame, touchpoints: pd.DataFrame) -> pd.DataFrame:
    """Keep the goal that follows a touchpoint most often, where it does so after a third of its events or more.

    What leads anywhere and nowhere, such as a newsletter, belongs to no journey.
    """
    best = ways.drop_duplicates("touchpoint").merge(touchpoints[["touchpoint", "n_events"]], on="touchpoint")
    return best[best["n"] >= _SPECIFIC * best["n_events"]]


def _lost_for(events: ir.Table, lost: list[str], ways: pd.DataFrame) -> dict[str, str]:
    """Give each touchpoint that ends badly to the goal whose way its customers were on."""
    if not lost or ways.empty:
        return {}
    owner = ways.set_index("touchpoint")["goal"].to_dict()
    order = ibis.window(group_by="customer_id", order_by=["timestamp", "row_number"])
    pairs = events.mutate(before=_.touchpoint.lag().over(order)).filter(_.touchpoint.isin(lost) & _.before.notnull())
    counts = pairs.group_by("touchpoint", "before").aggregate(n=_.count()).execute()
    counts["goal"] = counts["before"].map(owner)
    known = counts.dropna(subset=["goal"]).groupby(["touchpoint", "goal"], as_index=False)["n"].sum()
    known = known.sort_values(["n", "goal"], ascending=[False, True], kind="stable").drop_duplicates("touchpoint")
    return dict(zip(known["touchpoint"], known["goal"], strict=True))


def _proposal(events: ir.Table, goal: str, reason: str, ways: pd.DataFrame, lost_for: dict[str, str]) -> Proposal:
    own = ways[ways["goal"].eq(goal)].head(_MOST_STAGES).sort_values("lead_days", ascending=False, kind="stable")
    stages = tuple(str(name) for name in own["touchpoint"])
    abandon = tuple(sorted(name for name, owner in lost_for.items() if owner == goal))
    start = _start(events, stages, (goal, *abandon))
    way = {"way": (*start, *stages)} if stages else {}
    draft = JourneyDefinition("draft", "draft", start=start, success=(goal,), abandon=abandon, stages=way)
    waits = suggested_timeouts(events, [draft])
    silence = int(waits["suggested_days"].iloc[0]) if len(waits) else _USUAL_SILENCE
    longest = float(own["p90_days"].max()) if len(own) else 1.0
    ordered = (*start, *(name for name in stages if name not in start))
    return Proposal(key_of(goal), start, goal, abandon, ordered, silence, max(math.ceil(longest), 1), reason)


def _start(events: ir.Table, stages: tuple[str, ...], ends: tuple[str, ...]) -> tuple[str, ...]:
    """Return the touchpoint with which four of five ways to the goal begin; none when there is no such."""
    own = events.filter(_.touchpoint.isin([*stages, *ends]))
    order = ibis.window(group_by="customer_id", order_by=["timestamp", "row_number"])
    before = own.mutate(before=_.touchpoint.lag().over(order))
    first = before.filter((_.before.isnull() | _.before.isin(list(ends))) & ~_.touchpoint.isin(list(ends)))
    counts = first.group_by("touchpoint").aggregate(n=_.count()).order_by(_.n.desc(), _.touchpoint).execute()
    if counts.empty or counts["n"].iloc[0] < _USUAL_START * counts["n"].sum():
        return ()
    return (str(counts["touchpoint"].iloc[0]),)


def key_of(name: str) -> str:
    """Return a journey's key for a touchpoint: letters, digits, _ and - only."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:64] or "journey"
