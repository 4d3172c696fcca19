"""What a journey could reach: the rate it is held against, and the gap to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ALL, MISSING, JourneyDefinition
from cj_helpers.inference import combined_interval
from cj_helpers.journeys import add_segment, journey_frame
from cj_helpers.survival import incidence_at

REFERENCE_COLUMNS = [
    "journey",
    "reference_kind",
    "reference_group",
    "n_groups",
    "n_reference",
    "reference",
    "gap",
    "gap_low",
    "gap_high",
    "reason",
]
FEW_GROUPS, NOT_KNOWN, NO_JOURNEYS = "fewer than two groups", "group not known", "no journeys"
UNKNOWN_SHARE = 0.1


class DeclaredReference(Protocol):
    """What a journey is held against, as dataset.yml says under ``reference``."""

    kind: str  # best_period | best_channel | best_segment | benchmark
    column: str
    value: float | None
    source: str


def reference_columns(references: Mapping[str, DeclaredReference]) -> list[str]:
    """Name the columns that references compare by, for the ``keep`` of ``build_steps``."""
    return sorted({reference.column for reference in references.values() if reference.column})


def reference_rates(
    journeys: ir.Table,
    *,
    references: Mapping[str, DeclaredReference],
    definitions: Mapping[str, JourneyDefinition],
    time_zone: str,
    min_group: int = 10,
    steps: ir.Table | None = None,
    customers: ir.Table | None = None,
) -> pd.DataFrame:
    """Find the reference of every journey and how far the journey is from it.

    Parameters
    ----------
    journeys : ibis table
        What ``build_journeys`` returns.
    references : mapping of journey key to DeclaredReference
        ``best_period``: the best quarter of its own, by local start; ``best_channel``: the best channel of the first
        step; ``best_segment``: the best value of a column; ``benchmark``: a declared share.
    min_group : int
        Groups with fewer customers are no reference.
    steps, customers : ibis tables
        Where columns are looked up, as in ``add_segment``.

    Returns
    -------
    DataFrame, one row per journey definition
        journey, reference_kind, reference_group (the best group, or the source of the benchmark), n_groups (that were
        compared), n_reference (journeys of the best group), reference (completed within the horizon there), gap (to
        the rate of all journeys; below 0 when they are better), gap_low, gap_high, reason (empty, or why there is no
        reference: fewer than two groups | group not known | no journeys).

    Notes
    -----
    The best group is the one with the highest lower limit, not the highest rate, so that a small group that was lucky
    is not the measure; still, the best of several groups is partly so by chance, which makes the gap a ceiling. Where
    the group of more than 10 % of the journeys is not known nothing is compared: what is known only of customers who
    came far says how the journey ended, not where. The
    group is part of all journeys: with share w of them, the gap is 1 - w times the difference to the others, and so is
    its interval (Zou & Donner 2008 on the clustered intervals of both).

    Examples
    --------
    Half of the journeys start in the app and 80 % of these are completed, of the others 60 %: the reference is 80 %,
    all journeys reach 70 %, the gap is 10 points.
    """
    rows = []
    for key, definition in definitions.items():
        found = {"journey": key, "reference_kind": references[key].kind, "reason": NO_JOURNEYS}
        frame = _frame(journeys.filter(journeys.journey == key), references[key], time_zone, steps, customers)
        if len(frame):
            days = definition.within.total_seconds() / 86_400
            found |= _reference(frame, references[key], days, min_group)
        rows.append(found)
    return pd.DataFrame(rows, columns=REFERENCE_COLUMNS)


def _frame(
    journeys: ir.Table,
    reference: DeclaredReference,
    time_zone: str,
    steps: ir.Table | None,
    customers: ir.Table | None,
) -> pd.DataFrame:
    """One row per journey with the group that is compared as its segment."""
    column = {"best_channel": "channel", "best_segment": reference.column}.get(reference.kind, "")
    frame: pd.DataFrame = journey_frame(add_segment(journeys, segment_col=column, steps=steps, customers=customers))
    if reference.kind == "best_period":
        local = frame["started_at"].dt.tz_localize("UTC").dt.tz_convert(time_zone).dt.tz_localize(None)
        quarter = local.dt.year.astype(str) + " Q" + local.dt.quarter.astype(str)
        frame = frame.assign(segment=quarter)
    return frame


def _reference(frame: pd.DataFrame, reference: DeclaredReference, days: float, min_group: int) -> dict[str, Any]:
    if reference.kind == "benchmark":
        return _to_benchmark(frame, reference, days)
    if frame["segment"].eq(MISSING).mean() > UNKNOWN_SHARE:
        return {"reason": NOT_KNOWN}
    rates = incidence_at(frame, time_days=days, segment_col="segment", cluster_col="customer")
    able = rates["n_customers"].ge(min_group) & rates["conf_low"].notna() & ~rates["segment"].isin([ALL, MISSING])
    groups = rates.loc[able].sort_values(["conf_low", "segment"], kind="stable")
    if len(groups) < 2:
        return {"n_groups": len(groups), "reason": FEW_GROUPS}
    return {"n_groups": len(groups), "reason": "", **_to_best(frame, groups.iloc[-1], rates.iloc[0], days)}


def _to_benchmark(frame: pd.DataFrame, reference: DeclaredReference, days: float) -> dict[str, Any]:
    overall = incidence_at(frame, time_days=days, cluster_col="customer").iloc[0]
    value = float(reference.value or np.nan)
    return {
        "reference_group": reference.source,
        "reference": value,
        "gap": value - overall["estimate"],
        "gap_low": value - overall["conf_high"],
        "gap_high": value - overall["conf_low"],
        "reason": "",
    }


def _to_best(frame: pd.DataFrame, best: pd.Series, overall: pd.Series, days: float) -> dict[str, Any]:
    """Gap to the best group: its difference to the others, as far as these make up all journeys."""
    others = frame.loc[frame["segment"].ne(best["segment"])]
    rest = incidence_at(others, time_days=days, cluster_col="customer").iloc[0]
    both = pd.DataFrame([best, rest])
    between, low, high = combined_interval([1, -1], both["estimate"], both["conf_low"], both["conf_high"])
    gap, part = best["estimate"] - overall["estimate"], 1 - best["n"] / overall["n"]
    return {
        "reference_group": best["segment"],
        "n_reference": best["n"],
        "reference": best["estimate"],
        "gap": gap,
        "gap_low": gap - part * (between - low),
        "gap_high": gap + part * (high - between),
    }
