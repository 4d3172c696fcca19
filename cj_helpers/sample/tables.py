"""The survey answers and the contract file as arrow tables; column ``owner`` as in the feeds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from cj_helpers.sample.clock import Ints
from cj_helpers.sample.contracts import REASONS, STAYS, Contracts
from cj_helpers.sample.feeds import timestamps
from cj_helpers.sample.ids import person_ids
from cj_helpers.sample.people import BLOCK, COUNTRIES, People
from cj_helpers.sample.surveys import BLANK, COMMENTS_PER_CLASS, ITEMS, NO_ANSWER, Surveys
from cj_helpers.sample.texts import COMMENTS, TARIFFS

OPEN_ENDED = np.datetime64("9999-12-31")  # another way to say "no end", in two rows a block (truth 12)


def survey_table(surveys: Surveys, first: int) -> pa.Table:
    """One row per answer, by time."""
    order = np.argsort(surveys.answered_at, kind="stable")

    def blanked(values: Ints) -> pa.Array:
        return pa.array(values[order], mask=values[order] == BLANK)

    person, score, comment = (x[order] for x in (surveys.person, surveys.score, surveys.comment))
    tone = np.select([score == NO_ANSWER, score >= 9, score >= 7], [1, 0, 1], 2)
    text = pa.array(tone * COMMENTS_PER_CLASS + comment, mask=comment == BLANK)
    columns = {
        "owner": person,
        "customer": person_ids(first, 0).take(pa.array(person)),
        "answered_at": timestamps(surveys.answered_at[order]),
        "recommend": blanked(surveys.score),
        "csat": blanked(surveys.csat),
        "effort": blanked(surveys.effort),
    }
    columns |= {f"q_{name}": blanked(surveys.items[:, number]) for number, name in enumerate(ITEMS)}
    return pa.table({**columns, "comment": pa.array(COMMENTS).take(text)})


def customer_table(people: People, contracts: Contracts, first: int) -> pa.Table:
    """One row per customer: the contract file as exported on the last day."""

    def dates(seconds: np.ndarray) -> pa.Array:
        return timestamps(seconds).cast(pa.date32())

    ended = dates(contracts.ended_at).to_numpy(zero_copy_only=False).astype("M8[D]")
    ended[np.flatnonzero(np.isnat(ended))[[10, 1000]]] = OPEN_ENDED
    tariff = np.where(people.business, 3 + (people.revenue > 85), np.searchsorted([30, 42], people.revenue))
    columns = {
        "owner": np.arange(BLOCK),
        "customer_id": person_ids(first, 0),
        "started_at": dates(people.started),
        "observed_from": dates(np.maximum(people.started, 0)),
        "ended_at": ended,
        "notice_at": dates(contracts.notice_at),
        "exit_reason": pa.array(REASONS).take(pa.array(contracts.reason, mask=contracts.reason == STAYS)),
        "bound_until": dates(np.where(np.isfinite(people.bound_until), people.bound_until, np.inf)),
        "consent": contracts.consent,
        "last_contacted_at": dates(contracts.last_contacted_at),
        "monthly_revenue": people.revenue,
        "country": pa.array(COUNTRIES).take(pa.array(people.country)),
        "customer_type": pa.array(["residential", "business"]).take(pa.array(people.business.astype(np.int8))),
        "tariff": pa.array(TARIFFS).take(pa.array(tariff)),
        "loyalty_programme": people.member,
        "newsletter": people.newsletter,
        "retention_offer": contracts.retention_offer,
    }
    return pa.table(columns)
