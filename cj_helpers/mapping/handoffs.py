"""Changes of channel, device or mode: how many, how long they take, what is done again, and who still succeeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import DataError, JourneyDefinition
from cj_helpers.inference import adjust_p_values
from cj_helpers.journeys import own_moves
from cj_helpers.mapping.clustered import against_others
from cj_helpers.mapping.landmarks import LANDMARK_DAYS, take_landmarks

ANY = "(any)"


def handoffs(steps: ir.Table, *, journeys: ir.Table | None = None, dimension: str = "channel") -> pd.DataFrame:
    """Count changes of channel, device or mode from one step of the customer to the customer's next.

    Parameters
    ----------
    journeys : ibis table, optional
        Adds the share and the cost of the journeys.
    dimension : {"channel", "device", "mode"}

    Returns
    -------
    DataFrame, one row per journey definition and pair of values
        journey, from_channel, to_channel, n_handoffs, n_journeys, n_customers, wait_median_hours (from the last step
        of the customer before to the first after the change), wait_elsewhere_hours (median wait of all other moves of
        customers in the definition), reentry_share (changes after which a touchpoint already done in this journey is
        done again), then with journeys: journeys_share of all journeys of the definition, cost_with and cost_without
        (mean cost of journeys with and without it; missing without costs).

    Raises
    ------
    DataError
        When events have no such column.

    Notes
    -----
    What the company does in between and steps that do not know the value are skipped (see ``journeys.own_moves``): web,
    a mail that the company sends, phone is one hand-off from web to phone.
    """
    moves = _moves(steps, dimension)
    changed = moves.filter(_.changes)
    table = changed.group_by("journey", "from_channel", "to_channel").aggregate(
        n_handoffs=_.count(),
        n_journeys=_.journey_id.nunique(),
        n_customers=_.customer_id.nunique(),
        wait_median_hours=_.wait.median(),
        reentry_share=_.again.mean(),
    )
    order = ["journey", ibis.desc("n_handoffs"), "from_channel", "to_channel"]
    found = table.order_by(order).execute()
    found.insert(7, "wait_elsewhere_hours", _elsewhere(moves, found))
    return found if journeys is None else _with_journeys(found, changed, journeys)


def _moves(steps: ir.Table, dimension: str) -> ir.Table:
    """List the moves of customers from step to step with the values before and after."""
    if dimension not in steps.columns:
        raise DataError(f"hand-offs between {dimension}s need the column {dimension}; give it in dataset.yml.")
    moves = own_moves(steps, dimension=dimension).rename(from_channel="from_value", to_channel="to_value")
    return moves.mutate(again=moves.again.ifelse(1, 0))  # 1.0 would be a decimal to Spark, and round


def _elsewhere(moves: ir.Table, found: pd.DataFrame) -> list[float]:
    """Return the median wait of all other moves of the definition, for each pair."""
    rows = list(found[["journey", "from_channel", "to_channel"]].itertuples(index=False))
    # a condition inside the aggregate is not allowed for medians on Spark, so others become null before
    wanted = {
        f"w{i}": ((moves.journey == key) & ~(moves.changes & (moves.from_channel == one) & (moves.to_channel == two)))
        .ifelse(moves.wait, ibis.null("float64"))
        .median()
        for i, (key, one, two) in enumerate(rows)
    }
    values = moves.aggregate(**wanted).execute().iloc[0] if wanted else {}
    return [float(values[f"w{i}"]) for i in range(len(rows))]


def _with_journeys(found: pd.DataFrame, changed: ir.Table, journeys: ir.Table) -> pd.DataFrame:
    """Add the share of journeys with each hand-off, and what journeys with and without it cost."""
    own = journeys.select(
        "journey", "journey_id", cost=journeys.cost.fill_null(0.0) * 1.0, known=journeys.cost.notnull()
    )
    pairs = changed.select("journey", "journey_id", "from_channel", "to_channel").distinct()
    joined = pairs.inner_join(own, ["journey", "journey_id"])
    costs = joined.group_by("journey", "from_channel", "to_channel").aggregate(cost_sum=_.cost.sum())
    totals = own.group_by("journey").aggregate(n=_.count(), total=_.cost.sum(), known=_.known.ifelse(1, 0).max())
    table = found.merge(costs.execute(), on=["journey", "from_channel", "to_channel"]).merge(
        totals.execute(), on="journey"
    )
    known = table["known"].eq(1)
    with_it, others = table["n_journeys"], table["n"] - table["n_journeys"]
    table = table.assign(
        journeys_share=with_it / table["n"],
        cost_with=(table["cost_sum"] / with_it).where(known),
        # rounded, because sums by several threads differ in the last digits, and a rest of nothing would show it
        cost_without=((table["total"] - table["cost_sum"]).round(9) / others.where(others > 0)).where(known),
    )
    first = ["journey", "from_channel", "to_channel", "n_journeys", "journeys_share", "wait_median_hours"]
    first += ["wait_elsewhere_hours", "cost_with", "cost_without", "reentry_share", "n_handoffs", "n_customers"]
    return table[first]


def handoff_success(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    dimension: str = "channel",
    days: Sequence[float] = LANDMARK_DAYS,
) -> pd.DataFrame:
    """Compare the success of journeys that had a hand-off by a landmark with those that had not, both still running.

    Returns
    -------
    DataFrame, one row per journey definition, landmark and pair of values
        journey, landmark_days, from_channel (``(any)``: every change into to_channel), to_channel, n (journeys with it
        by the landmark), n_customers, share (completed within ``within`` after the landmark), share_low, share_high,
        n_others, share_others, difference, conf_low, conf_high, p_value, p_adjusted (Holm 1979; all rows are one
        family).

    Notes
    -----
    The landmark rule: journeys already ended by then are out, later changes do not count. "Any hand-off ever" would
    favour journeys that last. The difference is an association: customers who change may have harder problems.
    """
    changed = _moves(steps, dimension).filter(_.changes)
    into = changed.mutate(from_channel=ibis.literal(ANY))
    columns = ["journey", "journey_id", "from_channel", "to_channel", "arrived"]
    pairs = ibis.union(changed.select(*columns), into.select(*columns))
    running = take_landmarks(journeys, definitions=definitions, as_of=as_of, days=days)
    seen = pairs.inner_join(running, ["journey", "journey_id"]).filter(_.arrived <= _.at)
    keys = ["journey", "landmark_days"]
    group = [*keys, "from_channel", "to_channel"]
    with_it = seen.select(*group, "journey_id", "customer_id", "x", "m").distinct()
    rows = with_it.group_by(*group, "customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    base = running.group_by(*keys, "customer_id").aggregate(x=_.x.sum(), m=_.m.sum())
    table = against_others(rows, base, group_cols=group, by=keys)
    table["p_adjusted"] = adjust_p_values(table["p_value"])
    first = ["journey", "landmark_days", "from_channel", "to_channel", "share", "share_others", "difference"]
    first += ["conf_low", "conf_high", "n"]
    table = table[[*first, *[name for name in table.columns if name not in first]]]
    order = ["journey", "landmark_days", "n", "from_channel", "to_channel"]
    return table.sort_values(order, ascending=[True, True, False, True, True]).reset_index(drop=True)


def notable_handoffs(
    table: pd.DataFrame, success: pd.DataFrame, *, least_share: float = 0.05, slower: float = 2.0, alpha: float = 0.05
) -> pd.DataFrame:
    """Pick the hand-offs a manager should know of, the most journeys first.

    Parameters
    ----------
    table, success : DataFrame
        What `handoffs` (with journeys) and `handoff_success` return.
    least_share : float
        Share of the journeys of a definition that must have it.
    slower : float
        How many times longer than elsewhere its median wait must be.
    alpha : float
        Fewer succeed where p_adjusted is below it.

    Returns
    -------
    DataFrame, rows of `table`
        With landmark_days, share, share_others, difference, conf_low, conf_high of the last landmark and fewer_succeed:
        neither the interval of the difference nor its p-value, adjusted for all comparisons, leaves it to chance. Kept
        are hand-offs in at least `least_share` of the journeys at which customers wait `slower` times as long as
        elsewhere, unless more succeed after them (the interval lies above 0): these are a way on, not a detour.
    """
    last = success[success["landmark_days"] == success.groupby("journey")["landmark_days"].transform("max")]
    keys = ["journey", "from_channel", "to_channel"]
    columns = ["landmark_days", "share", "share_others", "difference", "conf_low", "conf_high", "p_adjusted"]
    both = table.merge(last[[*keys, *columns]], on=keys)
    both = both.assign(fewer_succeed=both["conf_high"].lt(0) & both["p_adjusted"].lt(alpha))
    slow = both["wait_median_hours"] >= slower * both["wait_elsewhere_hours"]
    kept = both[slow & (both["journeys_share"] >= least_share) & both["conf_low"].le(0)].drop(columns="p_adjusted")
    return kept.sort_values("n_journeys", ascending=False, kind="stable").reset_index(drop=True)
