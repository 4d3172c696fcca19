"""Logs with thousands of touchpoints: the frequent ones keep their names, the rest become one."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import OTHER, JourneyDefinition
from cj_helpers.mapping.paths import one_by_one

SELF_LOOP = "is_self_loop"


def fold_touchpoints(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], most: int = 100
) -> tuple[ir.Table, pd.DataFrame]:
    """Fold the rare touchpoints of a definition into ``(other)``.

    Parameters
    ----------
    most : int
        Touchpoints of a definition that keep their names, by frequency. Start, success and abandon always do.

    Returns
    -------
    steps : ibis table
        As given, with touchpoint and next_touchpoint folded, and is_self_loop: whether the true touchpoint followed
        itself. Unchanged where no definition has more than `most`.
    folded : DataFrame, one row per definition with folded touchpoints
        journey, n_touchpoints, n_folded, n_steps (folded), share of the steps.

    Notes
    -----
    Fold after the journeys are built: where they begin and end, and what is a repeat, does not change.
    """
    names: dict[str, list[str]] = {}
    rows = []
    for key, own, _journeys in one_by_one(steps, journeys):
        counts = own.group_by("touchpoint").aggregate(n=_.count()).execute()
        if len(counts) <= most:
            continue
        counts = counts.sort_values(["n", "touchpoint"], ascending=[False, True])
        definition = definitions[key]
        ends = {*definition.start, *definition.success, *definition.abandon}
        kept = counts["touchpoint"].isin({*counts["touchpoint"][:most], *ends})
        if kept.all():
            continue
        names[key] = counts.loc[kept, "touchpoint"].tolist()
        n = int(counts.loc[~kept, "n"].sum())
        rows.append((key, len(counts), int((~kept).sum()), n, n / int(counts["n"].sum())))
    folded = pd.DataFrame(rows, columns=["journey", "n_touchpoints", "n_folded", "n_steps", "share"])
    return (_folded(steps, names) if names else steps), folded


def _folded(steps: ir.Table, names: dict[str, list[str]]) -> ir.Table:
    touchpoint, following = steps.touchpoint, steps.next_touchpoint
    for key, kept in names.items():
        own = steps.journey == key
        touchpoint = (own & ~steps.touchpoint.isin(kept)).ifelse(ibis.literal(OTHER), touchpoint)
        rare = own & steps.next_touchpoint.notnull() & ~steps.next_touchpoint.isin(kept)
        following = rare.ifelse(ibis.literal(OTHER), following)
    loops = {SELF_LOOP: (steps.touchpoint == steps.next_touchpoint).fill_null(False)}
    return steps.mutate(touchpoint=touchpoint, next_touchpoint=following, **loops)
