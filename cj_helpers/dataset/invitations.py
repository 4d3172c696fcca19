"""Who was asked to answer the survey, and who did."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import MISSING, ConfigError
from cj_helpers.dataset.attributes import with_customers
from cj_helpers.dataset.model import Dataset


def invitation_frame(data: Dataset, *, attributes: Sequence[str] = ()) -> pd.DataFrame:
    """Bring invitations into pandas, with whether they were answered.

    Parameters
    ----------
    attributes : sequence of str
        Columns of customers to bring along, as text.

    Returns
    -------
    DataFrame, one row per invitation in the order sent
        customer (a running number), sent_at (UTC), answered (an answer by the same customer within
        ``survey.answer_within`` of it and before the next invitation), is_mature (sent so long before as_of
        that it could have been answered in time), then the attributes (``(missing)`` where not known).
        Identifiers do not come along.

    Raises
    ------
    ConfigError
        When dataset.yml does not name who was invited, or surveys carry no customer or date.
    """
    survey, events, surveys = data.config.survey, data.events, data.surveys
    if not survey.invited or events is None or surveys is None:
        raise ConfigError("survey.invited: names no touchpoint of events by which customers were asked to answer.")
    if not {"customer_id", "answered_at"} <= set(surveys.columns):
        raise ConfigError("survey.invited: the answers carry no customer_id and answered_at; map both columns.")
    sent = events.filter(_.touchpoint.isin(survey.invited)).select("customer_id", sent_at=_.timestamp)
    sent = sent.distinct()  # asked twice in one second is asked once
    order = ibis.window(group_by=sent.customer_id, order_by=sent.sent_at)
    sent = sent.mutate(next_at=sent.sent_at.lead().over(order))
    limit = ibis.interval(seconds=round(survey.answer_within.total_seconds()))
    table = with_customers(_answered(sent, surveys, limit), data.customers, attributes)
    as_of = ibis.literal(data.as_of.to_pydatetime(), type="timestamp")
    rank = ibis.dense_rank().over(order_by=table.customer_id)
    known = {name: table[name].cast("string").fill_null(MISSING) for name in attributes}
    frame = table.select("sent_at", "answered", customer=rank, is_mature=table.sent_at + limit <= as_of, **known)
    return frame.order_by("sent_at", "customer").execute()[
        ["customer", "sent_at", "answered", "is_mature", *attributes]
    ]


def _answered(sent: ir.Table, surveys: ir.Table, limit: ibis.expr.types.IntervalValue) -> ir.Table:
    """Mark invitations that an answer follows in time."""
    answers = surveys.select("customer_id", "answered_at").filter(_.answered_at.notnull())
    pairs = sent.inner_join(answers, "customer_id")
    fits = (pairs.answered_at >= pairs.sent_at) & (pairs.answered_at <= pairs.sent_at + limit)
    before_next = pairs.next_at.isnull() | (pairs.answered_at < pairs.next_at)
    key = ["customer_id", "sent_at"]
    hits = pairs.filter(fits & before_next).select(*key).distinct().mutate(_hit=ibis.literal(True))
    joined = sent.left_join(hits, key)
    return joined.select(*key, answered=joined._hit.fill_null(False))
