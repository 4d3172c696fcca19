"""Self-service: what it solves by itself, what it hands to people, and what only seemed solved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ALL, ASSISTED, COMPLETED, SELF_SERVICE, DataError, JourneyDefinition
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
        conf_high. solved: completed without an assisted step after the contact; escalated: an assisted step after it;
        contained: solved, and no assisted contact of the customer anywhere within `days` after completion;
        repeat_contact: share of the solved that had one.

    Raises
    ------
    DataError
        When events do not say which mode they are, or no journey uses self-service.

    Notes
    -----
    Only journeys that started ``within`` + `days` before as_of: the others have not had the time to fail. Wilson
    (1927) clustered by customer.
    """
    if "mode" not in steps.columns:
        raise DataError("containment needs the column mode (self_service or assisted); give it in dataset.yml.")
    after = ibis.interval(days=days)
    people = events.filter((_.mode == ASSISTED) & (_.timestamp <= ibis.literal(as_of, type="timestamp")))
    people = people.select("customer_id", at=people.timestamp)
    parts = []
    for key, definition in definitions.items():
        end = ibis.literal(as_of - definition.within - timedelta(days=days), type="timestamp")
        own = journeys.filter((_.journey == key) & (_.started_at <= end))
        done = own.filter(_.outcome == COMPLETED).select("journey_id", "customer_id", "ended_at")
        later = done.inner_join(people, "customer_id")
        later = later.filter((_.at > _.ended_at) & (_.at <= _.ended_at + after))
        later = later.select("journey_id").distinct().mutate(again=1)
        facts = own.select("journey_id", completed=(own.outcome == COMPLETED).ifelse(1, 0)).left_join(
            later, "journey_id"
        )
        facts = facts.select("journey_id", "completed", again=facts.again.fill_null(0))
        parts.append(_shares(steps.filter(_.journey == key), facts).assign(journey=key))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise DataError("containment: no journey old enough to judge has a self-service step.")
    return table[["journey", "channel", "measure", "n", "n_customers", "share", "conf_low", "conf_high"]]


def _shares(steps: ir.Table, facts: ir.Table) -> pd.DataFrame:
    helped = steps.filter(_.mode == ASSISTED).group_by("journey_id").aggregate(helped_at=_.position.max())
    own = steps.filter(_.mode == SELF_SERVICE)
    by_channel = own.group_by("journey_id", "customer_id", "channel").aggregate(first=_.position.min())
    anywhere = own.group_by("journey_id", "customer_id").aggregate(first=_.position.min())
    anywhere = anywhere.select("journey_id", "customer_id", "first", channel=ibis.literal(ALL))
    contacts = ibis.union(anywhere, by_channel.select(*anywhere.columns).filter(_.channel.notnull()))
    joined = contacts.inner_join(facts, "journey_id").left_join(helped, "journey_id")
    passed_on = (joined.helped_at > joined["first"]).fill_null(False).ifelse(1, 0)
    solved = joined.completed * (1 - passed_on)
    per_customer = joined.group_by("channel", "customer_id").aggregate(
        m=_.count(), solved=solved.sum(), escalated=passed_on.sum(), again=(solved * joined.again).sum()
    )
    table = per_customer
    trials = {
        "solved": (table.solved, table.m),
        "escalated": (table.escalated, table.m),
        "contained": (table.solved - table.again, table.m),
        "repeat_contact": (table.again, table.solved),
    }
    sums = {k: v for name, (x, m) in trials.items() for k, v in customer_sums(x, m, f"_{name}").items()}
    found = table.group_by("channel").aggregate(**sums).order_by("channel").execute()
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
