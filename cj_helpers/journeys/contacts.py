"""Journeys as rows with a start and a stop, one for each time span in which what is known so far stays the same."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ASSISTED, OPEN, DataError
from cj_helpers.journeys.moves import is_known_own, own_moves, seconds_between

_DAY = 86_400
_KEYS = ["journey", "journey_id"]


def contact_spells(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    handoffs: Sequence[tuple[str, str]] = (),
    columns: Sequence[str] = (),
    keep_left_truncated: bool = True,
    one_in: int = 1,
) -> pd.DataFrame:
    """Start-stop rows with the contacts so far: what changes during a journey, never what its end will have been.

    Parameters
    ----------
    steps, journeys : ibis tables
        What ``build_steps`` and ``build_journeys`` return.
    handoffs : sequence of (from channel, to channel)
        Each becomes a covariate that is 1 from the customer's first step on the new channel on.
    columns : sequence of str
        Columns of `journeys` to carry along, such as covariates known at the start.
    keep_left_truncated : bool
        As in ``journey_spells``.
    one_in : int
        Take every so manieth customer, for logs too large for one model.

    Returns
    -------
    DataFrame, one row per journey and time span
        journey, customer, spell (number of the journey), entry_days, duration_days, outcome (how the journey ended in
        its last span, open before), contacts (with a person so far; only when steps carry mode), one column
        ``after FROM > TO`` per hand-off, then `columns`. The spans of a journey follow each other without gaps.

    Raises
    ------
    DataError
        When two hand-offs would give the same column, because channels hold " > ".

    Notes
    -----
    A step counts from its own moment on, so the one that completes a journey never explains its completion. Giving the
    whole journey's contacts to its start instead would credit waiting time to those who waited long enough to call
    (immortal time, Suissa 2008).
    """
    table = _so_far(steps, handoffs)
    states = [name for name in table.columns if name not in (*_KEYS, "timestamp", "position", "_order")]
    kept = journeys.filter((_.duration >= 0).fill_null(False))
    kept = kept if keep_left_truncated else kept.filter(~_.is_left_truncated)
    kept = kept.mutate(
        customer=ibis.dense_rank().over(order_by=kept.customer_id),
        spell=ibis.dense_rank().over(order_by=[kept.journey, kept.journey_id]),
    )
    kept = kept.filter(_.customer % one_in == 0) if one_in > 1 else kept
    joined = table.inner_join(
        kept.select(*_KEYS, "customer", "spell", "started_at", "duration", "outcome", *columns), _KEYS
    )
    joined = joined.mutate(entry_days=seconds_between(joined.started_at, joined.timestamp) / _DAY)
    joined = joined.filter((_.entry_days < _.duration) | (_.position == 1))
    order = ibis.window(group_by=_KEYS, order_by=["position"])
    joined = joined.mutate(_stop=joined.entry_days.lead().over(order))
    spans = joined.mutate(
        duration_days=joined._stop.fill_null(joined.duration),
        outcome=joined._stop.isnull().ifelse(joined.outcome, OPEN),
    )
    spans = spans.filter((_.entry_days < _.duration_days) | (_.duration == 0))
    names = ["journey", "customer", "spell", "entry_days", "duration_days", "outcome", *states, *columns]
    return spans.select(*names).order_by("journey", "customer", "entry_days", "duration_days").execute()


def _so_far(steps: ir.Table, handoffs: Sequence[tuple[str, str]]) -> ir.Table:
    """Steps at which what is known so far changed, each with its values from then on."""
    running = ibis.window(group_by=_KEYS, order_by=["position"], preceding=None, following=0)
    own = is_known_own(steps, "channel")
    before = steps.channel.lag().over(group_by=[*_KEYS, own], order_by="position")
    flags = {
        f"after {source} > {target}": (own & (before == source) & (steps.channel == target))
        .fill_null(False)
        .ifelse(1, 0)
        for source, target in handoffs
    }
    if len(flags) < len(set(handoffs)):
        raise DataError("hand-offs: channels with > in their names cannot be told apart; rename them.")
    if "mode" in steps.columns:
        flags["contacts"] = (steps["mode"] == ASSISTED).fill_null(False).ifelse(1, 0)
    marked = steps.select(*_KEYS, "position", "timestamp", **flags)
    sums = {name: marked[name].sum().over(running) for name in flags}
    sums |= {name: (total > 0).ifelse(1, 0) for name, total in sums.items() if name != "contacts"}
    changes = marked.mutate(**sums, _changed=sum((marked[name] for name in flags), ibis.literal(0)))
    kept = changes.filter((_.position == 1) | (_._changed > 0))
    return kept.select(*_KEYS, "position", "timestamp", *flags)


def frequent_handoffs(steps: ir.Table, *, least: int = 100, most: int = 3) -> list[tuple[str, str]]:
    """The hand-offs between channels that most journeys have, at least `least` journeys each."""
    changed = own_moves(steps).filter(_.changes).group_by(source=_.from_value, target=_.to_value)
    found = changed.aggregate(n=_.journey_id.nunique()).filter(_.n >= least)
    rows = found.order_by(ibis.desc("n"), "source", "target").limit(most).execute()
    return [(str(row.source), str(row.target)) for row in rows.itertuples()]
