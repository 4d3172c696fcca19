"""What closing the gap of each journey is worth at most, and who owns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from cj_helpers.inference import combined_interval

_PARTS = ("completion", "contacts", "revenue")
PRIORITY_COLUMNS = [
    "journey",
    "label",
    "kind",
    "place",
    "segment",
    "started_per_month",
    "completed_within",
    "conf_low",
    "conf_high",
    "reference_kind",
    "reference_group",
    "reference",
    "gap",
    "gap_low",
    "gap_high",
    "lost_per_month",
    "worth_completion",
    "contacts_per_month",
    "worth_contacts",
    "exits_per_month",
    "worth_revenue",
    "worth_at_most",
    "worth_low",
    "worth_high",
    "owner",
    "status",
    "n_journeys",
    "n_customers",
]


class Entry(Protocol):
    """What dataset.yml says of a journey."""

    value: float | None
    owner: str
    status: str


def priorities(
    summary: pd.DataFrame,
    *,
    references: pd.DataFrame,
    months: Mapping[str, float],
    entries: Mapping[str, Entry],
    places: pd.DataFrame | None = None,
    contacts: pd.DataFrame | None = None,
    exits: pd.DataFrame | None = None,
    revenue: float = np.nan,
) -> pd.DataFrame:
    """Rank journeys by what closing the gap to their reference is worth at most.

    Parameters
    ----------
    summary : DataFrame
        Headline rates: journey, label, completed_within, conf_low, conf_high, n_journeys, n_customers.
    references : DataFrame
        What `reference_rates` returns.
    months : mapping of journey key to months observed
    entries : mapping of journey key to what dataset.yml says
        value (of a completed journey), owner, status.
    places : DataFrame, optional
        What `places` returns; the first clear place of a journey is named, else none.
    contacts : DataFrame, optional
        What `avoidable_contacts` returns.
    exits : DataFrame, optional
        Share leaving after abandoned journeys above that after completed ones: journey, estimate, conf_low, conf_high.
    revenue : float
        What an exit takes with it, in the currency of the data set.

    Returns
    -------
    DataFrame, one row per journey, the largest worth first
        journey, label, kind, place, segment (the worst place), started_per_month, completed_within, conf_low,
        conf_high, reference_kind, reference_group, reference, gap, gap_low, gap_high, lost_per_month (started times
        gap), worth_completion (lost times value), contacts_per_month and worth_contacts (avoidable assisted contacts
        and their cost), exits_per_month and worth_revenue (exits that go with the lost journeys, times revenue),
        worth_at_most, worth_low, worth_high, owner, status, n_journeys, n_customers. All per month.

    Notes
    -----
    A ceiling if the whole gap closed, not a forecast: the gap need not be closable, contacts need not be avoidable, and
    exits that go with abandoned journeys need not be caused by them. A part without its data is missing and counts as
    nothing; without any, journeys rank by lost_per_month. A gap below 0 counts as 0. The limits combine those of the
    parts as if they were independent (Zou & Donner 2008); volumes, values and costs are taken as known.
    """
    rates = summary[["journey", "label", "completed_within", "conf_low", "conf_high", "n_journeys", "n_customers"]]
    table = rates.merge(references, on="journey", how="left", validate="one_to_one")
    table["started_per_month"] = table["n_journeys"] / table["journey"].map(dict(months))
    table = _with_place(table, places)
    for name, part in _worth(table, entries, contacts, exits, revenue).items():
        table[name] = part
    table["owner"] = [entries[key].owner for key in table["journey"]]
    table["status"] = [entries[key].status for key in table["journey"]]
    order = table.sort_values(["worth_at_most", "lost_per_month"], ascending=False, na_position="last", kind="stable")
    return order[PRIORITY_COLUMNS].reset_index(drop=True)


def _with_place(table: pd.DataFrame, places: pd.DataFrame | None) -> pd.DataFrame:
    names = ["journey", "kind", "place", "segment"]
    if places is None:
        return table.assign(kind="", place="", segment="")
    worst = places.loc[places["is_clear"], names].drop_duplicates("journey")
    return table.merge(worst, on="journey", how="left").fillna({"kind": "", "place": "", "segment": ""})


def _worth(
    table: pd.DataFrame,
    entries: Mapping[str, Entry],
    contacts: pd.DataFrame | None,
    exits: pd.DataFrame | None,
    revenue: float,
) -> dict[str, pd.Series]:
    """The parts of the worth, each with limits, and their sum."""
    value = pd.Series([entries[key].value for key in table["journey"]], index=table.index, dtype="float64")
    gap = table[["gap", "gap_low", "gap_high"]].clip(lower=0).to_numpy()
    lost = gap * table["started_per_month"].to_numpy()[:, None]
    leaving = _limits(table, exits, ["estimate", "conf_low", "conf_high"])
    known = _limits(table, contacts, ["contacts_per_month", "contacts_low", "contacts_high"])
    cost = _limits(table, contacts, ["contact_cost"])
    exits_lost = lost[:, :1] * np.clip(leaving, 0, None)
    parts = np.stack([lost * value.to_numpy()[:, None], known * cost, exits_lost * revenue])
    total, low, high = _sum(parts)
    columns = {f"worth_{name}": parts[i, :, 0] for i, name in enumerate(_PARTS)}
    columns |= {"lost_per_month": lost[:, 0], "contacts_per_month": known[:, 0], "exits_per_month": exits_lost[:, 0]}
    columns |= {"worth_at_most": total, "worth_low": low, "worth_high": high}
    return {name: pd.Series(values, index=table.index) for name, values in columns.items()}


def _limits(table: pd.DataFrame, found: pd.DataFrame | None, names: list[str]) -> np.ndarray:
    """Columns of another table in the order of this one's journeys; missing where it has none."""
    if found is None:
        return np.full((len(table), len(names)), np.nan)
    return found.set_index("journey")[names].reindex(table["journey"]).to_numpy(dtype="float64")


def _sum(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the parts that are known; missing when none is."""
    rows = []
    for journey in np.moveaxis(parts, 1, 0):
        known = journey[~np.isnan(journey).any(axis=1)]
        one = np.ones(len(known))
        rows.append(combined_interval(one, *known.T) if len(known) else (np.nan, np.nan, np.nan))
    total, low, high = np.array(rows).reshape(-1, 3).T
    return total, np.clip(low, 0, None), high
