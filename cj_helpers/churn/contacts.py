"""Whom to contact, whom not and why, and who is left alone to measure the effect."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd

from cj_helpers.churn.known import contracts_known_at, days_between, literal, moment
from cj_helpers.contract import ConfigError
from cj_helpers.dataset import Dataset
from cj_helpers.text import _
from cj_helpers.text.contact_words import (
    BOUND,
    HOLD_OUT,
    NO_CONSENT,
    OPEN_PROBLEM,
    RECENTLY,
    action_words,
    reason_words,
    suppression_words,
)

#: Changes when a column of the list changes its name or meaning.
LIST_VERSION = 1
VALID_DAYS = 30
ELIGIBLE, SUPPRESSED, HELD_OUT, TO_CONTACT = "eligible", "suppressed", "hold-out", "to contact"
LIST_COLUMNS = (
    "pseudonym",
    "status",
    "score",
    "band",
    "band_observed",
    "band_low",
    "band_high",
    "expected_loss",
    "main_reason",
    "recommended_action",
    "suppression",
    "valid_until",
    "list_version",
)


def contact_facts(data: Dataset) -> pd.DataFrame:
    """What decides whether a customer may be contacted, as known at as_of.

    Returns
    -------
    DataFrame, one row per customer
        customer (the running number of `take_landmark`), contacted_days (since the last contact), bound_days (until
        the minimum term ends), missing where the table holds no such column; and consent (True, False or missing), if
        the table has that column.
    """
    at, table = moment(data.as_of), data.customers
    if table is None or not data.config.churn.contractual:
        return pd.DataFrame({"customer": pd.Series(dtype="int64"), "contacted_days": np.nan, "bound_days": np.nan})
    everyone = table.select("customer_id").distinct()
    ranked = everyone.mutate(customer=ibis.dense_rank().over(order_by=everyone.customer_id))
    known = contracts_known_at(data, at)
    dates = {"contacted_days": "last_contacted_at", "bound_days": "bound_until"}
    columns = {
        name: days_between(known[source], literal(at)) * (1 if name == "contacted_days" else -1)
        if source in known.columns
        else ibis.null("float64")
        for name, source in dates.items()
    }
    asked = ["consent"] if "consent" in known.columns else []
    facts = known.select("customer_id", *asked, **columns)
    joined = ranked.inner_join(facts, "customer_id")
    return joined.select("customer", *asked, *columns).order_by("customer").execute()


def contact_list(
    scored: pd.DataFrame, *, facts: pd.DataFrame, data: Dataset, eligible: int, names: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Decide for the customers with the highest expected loss: contact, suppress or leave alone.

    Parameters
    ----------
    scored : DataFrame
        Customers of the latest landmark with score, band, band_observed, band_low, band_high, expected_loss and term
        (what raises the risk most), beside the features of `take_landmark`.
    facts : DataFrame
        What `contact_facts` returns.
    data : Dataset
        For the rules under churn: quiet_after_contact, hold_out, horizon.
    eligible : int
        Length of the list, such as `cut_of` gives it.
    names : DataFrame, optional
        What `customer_pseudonyms` returns: the hold-out is drawn by pseudonym, so that it stays when customers come or
        go. Without it the running number decides, which stays only as long as the customers are the same.

    Returns
    -------
    DataFrame, one row per eligible customer, the highest expected loss first
        customer, then the columns of the list without the pseudonym: status (to contact, suppressed, hold-out),
        score, band and the observed risk of the band with its interval, expected_loss, main_reason,
        recommended_action, suppression (its reason in words, empty for those to contact), valid_until, list_version.

    Notes
    -----
    The first reason that applies suppresses: an open problem (service first, no up-sell), no consent, contacted
    recently, bound beyond the horizon. Where the table has a column consent, a missing one is none. Of the others a
    fixed share is left alone at random: those whose draw, a hash of the pseudonym, is lowest. It depends on the
    customer alone, so the same customers stay left alone from run to run, but for the few at the edge of the share.
    """
    if eligible < 0:
        raise ConfigError(f"eligible: found {eligible}; needed is a number of customers")
    # the order of equals is that of the customers
    table = scored.sort_values(["expected_loss", "customer"], ascending=[False, True]).head(eligible)
    table = table.merge(facts, on="customer", how="left").reset_index(drop=True)
    why = suppression(table, facts, data)
    free = np.flatnonzero(why.eq("").to_numpy())
    known_as = table["customer"] if names is None else table["customer"].map(names.set_index("customer")["pseudonym"])
    held = free[np.argsort([_draw(str(known_as.iloc[i])) for i in free])][
        : round(data.config.churn.hold_out * len(free))
    ]
    status = np.where(why.eq(""), TO_CONTACT, SUPPRESSED).astype(object)
    status[held] = HELD_OUT
    why = why.where(status != HELD_OUT, HOLD_OUT)
    action = np.where(why.eq(OPEN_PROBLEM), suppression_words(OPEN_PROBLEM), table["term"].map(action_words))
    until = (pd.Timestamp(data.as_of) + pd.Timedelta(days=VALID_DAYS)).date()
    table = table.assign(
        status=status,
        suppression=[suppression_words(reason) for reason in why],
        main_reason=table["term"].map(reason_words),
        recommended_action=np.where(status == TO_CONTACT, action, np.where(why.eq(OPEN_PROBLEM), action, "")),
        valid_until=until.isoformat(),
        list_version=LIST_VERSION,
    )
    return table[["customer", *LIST_COLUMNS[1:]]]


def suppression(table: pd.DataFrame, facts: pd.DataFrame, data: Dataset) -> pd.Series:
    """First reason not to contact each customer, "" for none."""
    churn = data.config.churn
    problem = sum(
        (table[name].fillna(0) for name in ("open_complaints", "overdue") if name in table),
        start=pd.Series(0.0, index=table.index),
    )
    refused = ~table["consent"].eq(True) if "consent" in facts else pd.Series(False, index=table.index)
    quiet = churn.quiet_after_contact.total_seconds() / 86_400
    rules = {
        OPEN_PROBLEM: problem > 0,
        NO_CONSENT: refused,
        RECENTLY: table["contacted_days"].lt(quiet),
        BOUND: table["bound_days"].gt(churn.horizon.total_seconds() / 86_400),
    }
    why = pd.Series("", index=table.index)
    for reason, applies in rules.items():
        why = why.mask(why.eq("") & applies.fillna(False), reason)
    return why


def _draw(customer: str) -> str:
    return hashlib.sha256(f"hold-out {customer}".encode()).hexdigest()


def waterfall(listed: pd.DataFrame, *, min_group: int = 0) -> pd.DataFrame:
    """From the customers eligible to those to contact.

    Parameters
    ----------
    listed : DataFrame
        What `contact_list` returns.
    min_group : int
        Reasons of fewer customers are put together as "other reasons".

    Returns
    -------
    DataFrame, one row per step
        step (eligible, then each reason of suppression that occurs, hold-out, to contact), kind (total or loss), n
        (customers), share (of the eligible).
    """
    total = len(listed)
    rows = [(_("eligible"), "total", total)]
    suppressed = listed[listed["status"] == SUPPRESSED]["suppression"].value_counts()
    small = suppressed.lt(min_group)
    if small.any() and suppressed[small].sum() < min_group and not small.all():
        small |= suppressed.eq(suppressed[~small].iloc[-1])  # or the total would give the small ones away
    rows += [(str(reason), "loss", int(n)) for reason, n in suppressed[~small].items()]
    rows += [(_("other reasons"), "loss", int(suppressed[small].sum()))] if small.any() else []
    rows.append((suppression_words(HOLD_OUT), "loss", int(listed["status"].eq(HELD_OUT).sum())))
    rows.append((_("to contact"), "total", int(listed["status"].eq(TO_CONTACT).sum())))
    table = pd.DataFrame(rows, columns=["step", "kind", "n"])
    return table.assign(share=table["n"] / max(total, 1))


def with_bands(scored: pd.DataFrame, curve: pd.DataFrame) -> pd.DataFrame:
    """Put the observed risk of the score's band beside each score.

    Parameters
    ----------
    scored : DataFrame
        With score.
    curve : DataFrame
        What `calibration_curve` returns for the last landmark, whose bands are used.

    Returns
    -------
    DataFrame
        The rows given, with band (1 is the lowest risk), band_observed, band_low, band_high.
    """
    edges = curve["score_from"].to_numpy()[1:]
    band = np.searchsorted(edges, scored["score"].to_numpy(), side="right")
    names = {"band": "band", "band_observed": "estimate", "band_low": "conf_low", "band_high": "conf_high"}
    return scored.assign(**{name: curve[source].to_numpy()[band] for name, source in names.items()})


def cut_of(profit: pd.DataFrame | None, scored: pd.DataFrame, *, share: float) -> int:
    """Length of the list: where the assumed profit is highest, or a share of the customers where no costs are given."""
    if profit is None:
        return int(np.ceil(share * len(scored)))
    best = profit[profit["is_assumed"] & profit["is_best"]]
    return int(best["n_listed"].iloc[0]) if len(best) and best["profit"].iloc[0] > 0 else 0


def under_pseudonyms(listed: pd.DataFrame, names: pd.DataFrame) -> pd.DataFrame:
    """The list as it leaves the project: the customer's pseudonym instead of the running number.

    Parameters
    ----------
    listed : DataFrame
        What `contact_list` returns.
    names : DataFrame
        What `dataset.pseudonyms` returns: customer, pseudonym.
    """
    joined = listed.merge(names, on="customer", how="left", validate="one_to_one")
    columns: Sequence[str] = LIST_COLUMNS
    return joined[list(columns)]
