"""Journeys step by step: what stands at the first, second, third place, and what flows between them."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

RARE = "(rare)"


def flows(steps: ir.Table, *, journeys: ir.Table, max_position: int = 8) -> pd.DataFrame:
    """Count the moves from each place in the journey to the next.

    Returns
    -------
    DataFrame, one row per journey definition, position, source and target
        journey, position (of the source, from 1), source, target (a touchpoint, or ``(completed)``, ``(abandoned)``,
        ``(open)`` where the journey ends), n_journeys, n_customers. Places after max_position are left out.
    """
    ends = journeys.select("journey", "journey_id", "outcome")
    early = steps.filter(_.position <= max_position).left_join(ends, ["journey", "journey_id"])
    end = ibis.literal("(").concat(early.outcome, ")")
    moves = early.select(
        "journey", "position", "customer_id", source=early.touchpoint, target=early.next_touchpoint.fill_null(end)
    )
    keys = ["journey", "position", "source", "target"]
    table = moves.group_by(keys).aggregate(n_journeys=_.count(), n_customers=_.customer_id.nunique()).execute()
    order = ["journey", "position", "n_journeys", "source", "target"]
    return table.sort_values(order, ascending=[True, True, False, True, True]).reset_index(drop=True)


def positions(steps: ir.Table, *, journeys: ir.Table, max_position: int = 8) -> pd.DataFrame:
    """Give the share of journeys that stand at each touchpoint, or have ended, at each place.

    Returns
    -------
    DataFrame, one row per journey definition, position and touchpoint or end
        journey, position, touchpoint, n_journeys, n_customers, share of all journeys of the definition. Those that
        ended earlier stay in ``(completed)``, ``(abandoned)`` and ``(open)``; the shares of a position add up to one.
    """
    early = steps.filter(_.position <= max_position)
    counts = {"n_journeys": _.count(), "n_customers": _.customer_id.nunique()}
    here = early.group_by("journey", "position", "touchpoint").aggregate(**counts).execute()
    table = pd.concat([here, _ended(journeys, max_position)], ignore_index=True)
    last = table["journey"].map(here.groupby("journey")["position"].max())
    table = table[table["n_journeys"].gt(0) & table["position"].le(last)]
    first = table[table["position"] == 1].groupby("journey")["n_journeys"].sum()
    table = table.assign(share=table["n_journeys"] / table["journey"].map(first))
    order = ["journey", "position", "n_journeys", "touchpoint"]
    return table.sort_values(order, ascending=[True, True, False, True]).reset_index(drop=True)


def _ended(journeys: ir.Table, max_position: int) -> pd.DataFrame:
    """Journeys and customers that had ended before each place."""
    places = range(2, max_position + 1)
    counts = {f"j{place}": _.count(where=_.n_steps < place) for place in places}
    counts |= {f"c{place}": _.customer_id.nunique(where=_.n_steps < place) for place in places}
    found = journeys.group_by("journey", "outcome").aggregate(**counts).execute()
    columns = ["journey", "position", "touchpoint", "n_journeys", "n_customers"]
    rows = [
        (row["journey"], place, f"({row['outcome']})", int(row[f"j{place}"]), int(row[f"c{place}"]))
        for row in found.to_dict("records")
        for place in places
    ]
    return pd.DataFrame(rows, columns=columns)


def fold_rare(places: pd.DataFrame, *, min_group: int) -> pd.DataFrame:
    """Put what fewer than `min_group` customers did at a place into one row ``(rare)``; shares still add up to one.

    As long as that row holds fewer than `min_group` itself, the next smallest joins it: the rest would tell it.

    Parameters
    ----------
    places : DataFrame
        What `positions` returns.
    """
    parts = [_folded(part, min_group) for _keys, part in places.groupby(["journey", "position"], sort=False)]
    return pd.concat(parts, ignore_index=True) if parts else places


def _folded(part: pd.DataFrame, min_group: int) -> pd.DataFrame:
    ranked = part.sort_values("n_customers", kind="stable")
    sizes = ranked["n_customers"]
    n = int(sizes.lt(min_group).sum())
    while 0 < n < len(ranked) and sizes[:n].sum() < min_group:
        n += 1
    if n == 0:
        return part
    rare = ranked.head(1).assign(
        touchpoint=RARE, **{name: ranked[name][:n].sum() for name in ("n_journeys", "n_customers", "share")}
    )
    return pd.concat([part.drop(ranked.index[:n]), rare])
