"""Funnels through the stages of a journey, in four kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ConfigError, JourneyDefinition
from cj_helpers.journeys import observed_for
from cj_helpers.mapping.clustered import customer_sums, share_intervals
from cj_helpers.mapping.paths import FIRST_SIGN, joined_in_order

KINDS = ("ordered", "consecutive", "window", "reached")
_COLUMNS = ["journey", "kind", "stage", "n_reached", "n_previous", "share", "conf_low", "conf_high"]
_COLUMNS += ["n_matured", "matured_share", "matured_low", "matured_high", "n_customers"]
_NO_STAGE = "-"


def funnel(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    window: timedelta | None = None,
    kinds: Sequence[str] = KINDS,
) -> pd.DataFrame:
    """Follow journeys from stage to stage.

    Parameters
    ----------
    window : timedelta or None
        Longest time from first to last stage of the kind ``window``; None: the definition's ``within``.
    kinds : sequence of {"ordered", "consecutive", "window", "reached"}
        Which funnels to count.

    Returns
    -------
    DataFrame, one row per journey definition, kind and stage
        journey, kind, stage, n_reached, n_previous, share (n_reached / n_previous), conf_low, conf_high,
        n_matured, matured_share, matured_low, matured_high, n_customers.

        kind: ``ordered`` (other steps allowed in between), ``consecutive`` (stage follows stage directly),
        ``window`` (ordered within the window; every start is tried), ``reached`` (each stage for itself; its
        n_previous is all journeys). n_matured: the journeys of n_previous that were observed for at least
        ``within``; matured_share is the share among them, the one to show, because the others may yet go on.

    Raises
    ------
    ConfigError
        When a kind is unknown.

    Notes
    -----
    Definitions without stages have no funnel. Intervals: Wilson (1927) with the effective n of journeys
    clustered by customer.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ConfigError(f"kinds: found {unknown}; allowed are {', '.join(KINDS)}")
    parts = [
        _funnel_of(steps, journeys, definition, as_of, window or definition.within, kinds)
        for definition in definitions.values()
        if definition.stages
    ]
    return pd.concat(parts, ignore_index=True)[_COLUMNS] if parts else pd.DataFrame(columns=_COLUMNS)


def _funnel_of(
    steps: ir.Table,
    journeys: ir.Table,
    definition: JourneyDefinition,
    as_of: datetime,
    window: timedelta,
    kinds: Sequence[str],
) -> pd.DataFrame:
    names = list(definition.stages)
    inside = steps.filter(_.journey == definition.key)
    own = journeys.filter(_.journey == definition.key)
    ripe = observed_for(own, definition.within, as_of=as_of).ifelse(1, 0)
    facts = own.select("journey_id", "customer_id", "started_at", "last_event_at", ripe=ripe)
    seen = facts.inner_join(_stage_paths(inside, names), "journey_id")
    parts = [_flags(seen, inside, names, kind, window) for kind in KINDS if kind in kinds]
    trials = parts[0] if len(parts) == 1 else ibis.union(*parts)
    sums = _sums(trials, len(names)).execute().set_index("kind").reindex([k for k in KINDS if k in kinds])
    rows = [_stage_rows(sums, name, index) for index, name in enumerate(names)]
    table = pd.concat(rows).assign(journey=definition.key)
    place = {kind: number for number, kind in enumerate(KINDS)}
    return table.sort_values("kind", key=lambda kind: kind.map(place), kind="stable")


def _stage_paths(inside: ir.Table, names: list[str]) -> ir.Table:
    """Write the stages of each journey as a text of one sign per step."""
    signs = [(inside.stage == name, chr(FIRST_SIGN + index)) for index, name in enumerate(names)]
    return joined_in_order(inside, ibis.cases(*signs, else_=_NO_STAGE), by=["journey_id"])


def _flags(seen: ir.Table, inside: ir.Table, names: list[str], kind: str, window: timedelta) -> ir.Table:
    """Say per journey which stages were reached (r0, r1, ...) and which may count as tried (p0, p1, ...)."""
    signs = [chr(FIRST_SIGN + index) for index in range(len(names))]
    firsts = [signs[: index + 1] for index in range(len(names))]
    if kind == "consecutive":
        reached = [seen.path.contains("".join(first)) for first in firsts]
    elif kind == "reached":
        reached = [seen.path.contains(sign) for sign in signs]
    else:
        reached = [seen.path.like("%" + "%".join(first) + "%") for first in firsts]
    flags = {f"r{index}": flag.ifelse(1, 0) for index, flag in enumerate(reached)}
    table = seen.select("journey_id", "customer_id", "started_at", "last_event_at", "ripe", **flags)
    if kind == "window":
        table = _within_window(table, inside, names, window)
    before = {
        f"p{i}": ibis.literal(1) if i == 0 or kind == "reached" else table[f"r{i - 1}"] for i in range(len(names))
    }
    return table.select("customer_id", "ripe", *flags, kind=ibis.literal(kind), **before)


def _within_window(ordered: ir.Table, inside: ir.Table, names: list[str], window: timedelta) -> ir.Table:
    """Count again the journeys that last longer than the window; in the others its stages are the ordered ones."""
    length = ibis.interval(seconds=round(window.total_seconds()))
    longer = ordered.filter(_.last_event_at > _.started_at + length).select("journey_id")
    again = _chains(inside.semi_join(longer, "journey_id"), names, length)
    joined = ordered.left_join(again, "journey_id")
    flags = {f"r{index}": joined[f"w{index}"].fill_null(joined[f"r{index}"]) for index in range(len(names))}
    return joined.select("customer_id", "ripe", **flags)


def _chains(steps: ir.Table, names: list[str], length: ibis.Value) -> ir.Table:
    """Say per journey which stages were reached within the window, as columns w0, w1, ... of 0 and 1.

    Each step carries the latest moment at which a chain of stages that ends here began; the next stage takes
    the latest over the steps before it. So every start is tried.
    """
    before = ibis.window(preceding=(None, 1), group_by="journey_id", order_by="position")
    table = steps.filter(_.stage.notnull())
    for index, name in enumerate(names):
        began = table.timestamp if index == 0 else table[f"c{index - 1}"].max().over(before)
        here = (table.stage == name) & (table.timestamp <= began + length)
        table = table.mutate(**{f"c{index}": here.ifelse(began, ibis.null("timestamp"))})
    return table.group_by("journey_id").aggregate(
        **{f"w{i}": _[f"c{i}"].notnull().ifelse(1, 0).max() for i in range(len(names))}
    )


def _sums(trials: ir.Table, n: int) -> ir.Table:
    """Sum per kind what the intervals need: first over the journeys of a customer, then over customers."""
    each = {f"{name}{i}": trials[f"{name}{i}"] for i in range(n) for name in ("r", "p")}
    per_customer = trials.group_by("kind", "customer_id").aggregate(
        **{f"{name}_all": value.sum() for name, value in each.items()},
        **{f"{name}_ripe": (value * trials.ripe).sum() for name, value in each.items()},
    )
    sums: dict[str, ibis.Value] = {}
    for index in range(n):
        for which in ("_all", "_ripe"):
            x, m = per_customer[f"r{index}{which}"], per_customer[f"p{index}{which}"]
            sums |= customer_sums(x, m, f"{index}{which}")
    return per_customer.group_by("kind").aggregate(**sums)


def _stage_rows(sums: pd.DataFrame, stage: str, index: int) -> pd.DataFrame:
    """Return one stage in every kind, over all journeys and over the matured ones."""
    started, matured = share_intervals(sums, f"{index}_all"), share_intervals(sums, f"{index}_ripe")
    return pd.DataFrame(
        {
            "kind": sums.index,
            "stage": stage,
            "n_reached": started["n_success"].to_numpy(),
            "n_previous": started["n"].to_numpy(),
            "share": started["share"].to_numpy(),
            "conf_low": started["conf_low"].to_numpy(),
            "conf_high": started["conf_high"].to_numpy(),
            "n_matured": matured["n"].to_numpy(),
            "matured_share": matured["share"].to_numpy(),
            "matured_low": matured["conf_low"].to_numpy(),
            "matured_high": matured["conf_high"].to_numpy(),
            "n_customers": started["n_customers"].to_numpy(),
        }
    )
