"""Journeys step by step: what stands at the first, second, third place, and what flows between them."""

from __future__ import annotations

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import OTHER


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


def positions(flows: pd.DataFrame) -> pd.DataFrame:
    """Give the share of journeys that stand at each touchpoint, or have ended, at each place.

    Parameters
    ----------
    flows : DataFrame
        What `flows` returns.

    Returns
    -------
    DataFrame, one row per journey definition, position and touchpoint or end
        journey, position, touchpoint, n_journeys, share of all journeys of the definition. Those that ended earlier
        stay in ``(completed)``, ``(abandoned)`` and ``(open)``, so the shares of a position add up to one.
    """
    here = flows.groupby(["journey", "position", "source"])["n_journeys"].sum().reset_index()
    here = here.rename(columns={"source": "touchpoint"})
    done = flows[flows["target"].str.startswith("(") & flows["target"].ne(OTHER)]
    done = done.groupby(["journey", "target", "position"])["n_journeys"].sum().reset_index()
    parts = [here]
    for pair, part in done.groupby(["journey", "target"]):
        key, end = (str(name) for name in pair)
        last = int(here.loc[here["journey"].eq(key), "position"].max())
        counts = part.set_index("position")["n_journeys"].reindex(range(1, last + 1), fill_value=0).cumsum().shift(1)
        counts = counts.fillna(0).astype("int64")
        parts.append(pd.DataFrame({"journey": key, "position": counts.index, "touchpoint": end, "n_journeys": counts}))
    table = pd.concat(parts, ignore_index=True)
    first = here[here["position"] == 1].groupby("journey")["n_journeys"].sum()
    table["share"] = table["n_journeys"] / table["journey"].map(first)
    table = table[table["n_journeys"] > 0]
    order = ["journey", "position", "n_journeys", "touchpoint"]
    return table.sort_values(order, ascending=[True, True, False, True]).reset_index(drop=True)
