"""Contacts with people that self-service was there to save."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ALL, ASSISTED, JourneyDefinition
from cj_helpers.inference import combined_interval
from cj_helpers.priorities.volume import MONTH_DAYS

CONTACT_COLUMNS = ["journey", "contacts_per_month", "contacts_low", "contacts_high", "contact_cost"]


def avoidable_contacts(
    containment: pd.DataFrame,
    *,
    steps: ir.Table,
    definitions: Mapping[str, JourneyDefinition],
    months: Mapping[str, float],
    days: int = 7,
) -> pd.DataFrame:
    """Count the assisted contacts that follow self-service, and what one costs.

    Parameters
    ----------
    containment : DataFrame
        One row per journey, channel and measure (solved, escalated, repeat_contact): n, share, conf_low, conf_high;
        the rows of channel ``all`` count.
    steps : ibis table
        What ``build_steps`` returns, with mode and cost.
    months : mapping of journey key to months observed
    days : int
        For how long after completion ``containment`` looked for contacts.

    Returns
    -------
    DataFrame, one row per journey with self-service
        journey, contacts_per_month (journeys that went on to a person, or came back to one after all seemed solved),
        contacts_low, contacts_high, contact_cost (mean of an assisted step; missing without costs).

    Notes
    -----
    One contact per journey counts, so that a long talk is not several. The share escalated and the share solved times
    the share of those that came back are added; the share solved is taken as known in the interval.
    """
    shares = containment.loc[containment["channel"].eq(ALL)].set_index(["journey", "measure"])
    cost = _contact_cost(steps)
    rows = []
    for key in shares.index.unique("journey"):
        own = shares.loc[key]
        judged = months[key] - (definitions[key].within.days + days) / MONTH_DAYS
        per_month = own.loc["escalated", "n"] / judged if judged > 0 else np.nan
        used = own.loc[["escalated", "repeat_contact"]].fillna(0)
        weights = [per_month, per_month * own.loc["solved", "share"]]
        limits = combined_interval(weights, used["share"], used["conf_low"], used["conf_high"])
        rows.append((key, limits[0], max(limits[1], 0.0), limits[2], cost.get(key, np.nan)))
    return pd.DataFrame(rows, columns=CONTACT_COLUMNS)


def _contact_cost(steps: ir.Table) -> dict[str, float]:
    if "cost" not in steps.columns:
        return {}
    assisted = steps.filter(_.mode == ASSISTED)
    found = assisted.group_by("journey").aggregate(cost=_.cost.mean()).execute()
    return dict(zip(found["journey"], found["cost"].astype("float64"), strict=True))
