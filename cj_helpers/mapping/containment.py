"""Self-service: what it solves by itself, what it hands to people, and what only seemed solved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ALL, ASSISTED, COMPLETED, SELF_SERVICE, DataError, JourneyDefinition
from cj_helpers.journeys import observed_for
from cj_helpers.mapping.clustered import customer_sums, share_intervals

MEASURES = ("solved", "escalated", "contained", "repeat_contact")


def containment(
    steps: ir.Table,
    *,
    journeys: ir.Table,
    events: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    as_of: datetime,
    days: int = 7,
) -> pd.DataFrame:
    """Follow journeys from their first contact with self-service in a channel.

    Parameters
    ----------
    events : ibis table
        All events: a contact elsewhere need not belong to a journey.
    days : int
        How long after completion no assisted contact may come.

    Returns
    -------
    DataFrame, one row per journey definition, channel and measure
        journey, channel (``all``: the first self-service step in any), measure, n, n_customers, share, conf_low,
        conf_high. solved: completed without an assisted contact of the customer from the first use of self-service to
        the end of the journey; escalated: an assisted contact in this time; contained: solved, and no assisted contact
        within `days` after completion; repeat_contact: share of the solved that had one.

    Raises
    ------
    DataError
        When events do not say which mode they are, or no journey uses self-service.

    Notes
    -----
    An assisted contact is any of the customer, whatever its touchpoint: a call on something that is no part of the
    definition counts. Only journeys that started ``within`` + `days` before as_of: the others have not had the time to
    fail. Of these, contained and repeat_contact leave out the ones solved less than `days` before the end of what was
    observed: nobody has followed them long enough, and their n is smaller by so many. Wilson (1927) clustered by
    customer.
    """
    if "mode" not in steps.columns:
        raise DataError("containment needs the column mode (self_service or assisted); give it in dataset.yml.")
    people = events.filter((_.mode == ASSISTED) & (_.timestamp <= ibis.literal(as_of, type="timestamp")))
    people = people.select("customer_id", at=people.timestamp)
    parts = []
    for key, definition in definitions.items():
        own = journeys.filter(_.journey == key)
        own = own.filter(observed_for(own, definition.within + timedelta(days=days), as_of=as_of))
        contacts = _contacts(steps.filter(_.journey == key), own, as_of)
        parts.append(_shares(_followed(contacts, people, timedelta(days=days))).assign(journey=key))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise DataError("containment: no journey old enough to judge has a self-service step.")
    return table[["journey", "channel", "measure", "n", "n_customers", "share", "conf_low", "conf_high"]]


def _contacts(steps: ir.Table, journeys: ir.Table, as_of: datetime) -> ir.Table:
    """List the first use of self-service of each journey, in each channel and in any."""
    own = steps.filter(_.mode == SELF_SERVICE)
    by_channel = own.group_by("journey_id", "channel").aggregate(since=_.timestamp.min())
    anywhere = own.group_by("journey_id").aggregate(since=_.timestamp.min())
    anywhere = anywhere.select("journey_id", channel=ibis.literal(ALL), since=anywhere.since)
    contacts = ibis.union(anywhere, by_channel.select(*anywhere.columns).filter(_.channel.notnull()))
    end = ibis.literal(as_of, type="timestamp")
    seen = journeys.observed_until if "observed_until" in journeys.columns else end
    completed = (journeys.outcome == COMPLETED).ifelse(1, 0)
    facts = journeys.select("journey_id", "customer_id", "ended_at", completed=completed, seen=seen)
    return contacts.inner_join(facts, "journey_id")


def _followed(contacts: ir.Table, people: ir.Table, after: timedelta) -> ir.Table:
    """Add to each contact whether a person helped before the journey ended, and whether one did soon after it."""
    until = contacts.ended_at.fill_null(contacts.seen)
    met = contacts.mutate(until=until, last=until + ibis.interval(seconds=round(after.total_seconds())))
    later = met.inner_join(people, "customer_id").filter((_.at > _.since) & (_.at <= _.last))
    keys = ["journey_id", "channel"]
    helped = later.group_by(keys).aggregate(
        passed_on=(_.at <= _.until).ifelse(1, 0).max(), again=(_.at > _.until).ifelse(1, 0).max()
    )
    table = met.left_join(helped, keys)
    passed_on = table.passed_on.fill_null(0)
    solved = table.completed * (1 - passed_on)
    return table.select(
        *[table[name] for name in (*keys, "customer_id")],
        passed_on=passed_on,
        solved=solved,
        again=solved * table.again.fill_null(0),
        judged=((solved == 0) | (table["last"] <= table.seen)).ifelse(1, 0),
    )


def _shares(table: ir.Table) -> pd.DataFrame:
    per_customer = table.group_by("channel", "customer_id").aggregate(
        m=_.count(),
        solved=_.solved.sum(),
        escalated=_.passed_on.sum(),
        judged=_.judged.sum(),
        known=(_.solved * _.judged).sum(),
        again=(_.again * _.judged).sum(),
    )
    trials = {
        "solved": (per_customer.solved, per_customer.m),
        "escalated": (per_customer.escalated, per_customer.m),
        "contained": (per_customer.known - per_customer.again, per_customer.judged),
        "repeat_contact": (per_customer.again, per_customer.known),
    }
    sums = {k: v for name, (x, m) in trials.items() for k, v in customer_sums(x, m, f"_{name}").items()}
    found = per_customer.group_by("channel").aggregate(**sums).order_by("channel").execute()
    rows = [found[["channel"]].assign(measure=name).join(share_intervals(found, f"_{name}")) for name in MEASURES]
    return pd.concat(rows).sort_values("channel", kind="stable").drop(columns="n_success")


def containment_gaps(table: pd.DataFrame, *, least_customers: int = 30) -> pd.DataFrame:
    """Name the channel of each journey in which most of what seemed solved was not.

    Parameters
    ----------
    table : DataFrame
        What `containment` returns.
    least_customers : int
        Customers with a solved contact that a channel needs.

    Returns
    -------
    DataFrame, one row per journey definition with such a channel, largest repeat_contact first
        journey, channel, solved, contained, repeat_contact (with conf_low, conf_high), n (contacts), n_customers.
    """
    wide = table[table["channel"].ne(ALL)].pivot_table(index=["journey", "channel"], columns="measure", values="share")
    repeat = table[table["measure"].eq("repeat_contact")].set_index(["journey", "channel"])
    wide = wide.join(repeat[["conf_low", "conf_high", "n_customers"]])
    n = table[table["measure"].eq("solved")].set_index(["journey", "channel"])["n"]
    wide = wide.assign(n=n).query("n_customers >= @least_customers and repeat_contact > 0").reset_index()
    wide = wide.sort_values("repeat_contact", ascending=False, kind="stable").drop_duplicates("journey")
    columns = [
        "journey",
        "channel",
        "solved",
        "contained",
        "repeat_contact",
        "conf_low",
        "conf_high",
        "n",
        "n_customers",
    ]
    return wide[columns].reset_index(drop=True)
