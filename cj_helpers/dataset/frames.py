"""The border to pandas: surveys and customers without any raw id."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ALL, MISSING, ConfigError, DataError
from cj_helpers.dataset.attributes import with_customers
from cj_helpers.dataset.config import nearest
from cj_helpers.dataset.engine import ROW
from cj_helpers.dataset.model import Dataset
from cj_helpers.dataset.schema_survey import Survey

_DAY_SECONDS = 86_400


def survey_frame(
    data: Dataset, *, surveys: ir.Table | None = None, segment_col: str = "", attributes: Sequence[str] = ()
) -> pd.DataFrame:
    """Bring survey answers into pandas.

    Parameters
    ----------
    surveys : ibis table, optional
        The answers with further columns, as `journeys.last_ended` gives them; by default those of the data set.
    segment_col : str
        A column of surveys (looked up first) or of customers.
    attributes : sequence of str
        Columns of customers to bring along.

    Returns
    -------
    DataFrame, one row per answer in the order of the file
        customer (a running number; missing in an anonymous survey), answered_at (UTC), answered_on (local
        day), nps, csat, ces, weight, the drivers, ``<driver>__not_applicable``, csat_top and ces_easy
        (True: among the good answers), the
        attributes as text, and segment. A declared code for no answer is marked in ``nps__missing_code`` and
        ``<driver>__missing_code``.
        Identifiers and verbatims do not come along.

    Raises
    ------
    DataError
        When the data set has no surveys.
    """
    if data.surveys is None:
        raise DataError(f"{data.key}: has no surveys; name a source under tables.surveys.")
    table = data.surveys if surveys is None else surveys
    wanted = [*attributes, *([segment_col] if segment_col else [])]
    frame = _in_order(_without_ids(with_customers(table, data.customers, wanted), segment_col, data))
    if "answered_at" in frame:
        local = frame["answered_at"].dt.tz_localize("UTC").dt.tz_convert(data.time_zone)
        frame = frame.assign(answered_on=local.dt.tz_localize(None).dt.normalize())
    return frame.assign(**_good_answers(frame, data.config.survey))


def _good_answers(frame: pd.DataFrame, survey: Survey) -> dict[str, pd.Series]:
    """Say which answers on satisfaction and effort are good; missing where there is no answer."""
    good = {}
    if survey.csat:
        good["csat_top"] = frame["csat"].isin(survey.csat.top or [survey.csat.scale[1]])
    if survey.ces:
        low, high = survey.ces.scale
        best = [high - 1, high] if survey.ces.easy_is == "high" else [low, low + 1]
        good["ces_easy"] = frame["ces"].isin(survey.ces.top or best)
    return {name: flag.astype("boolean").mask(frame[name.split("_")[0]].isna()) for name, flag in good.items()}


def customer_frame(data: Dataset, *, segment_col: str = "") -> pd.DataFrame:
    """Bring customers into pandas with the time each was under contract.

    Returns
    -------
    DataFrame, one row per customer in the order of the file
        customer (a running number), duration (days for dated contracts, else in tenure_unit), event (True:
        left), entry (duration at which observed_from began to show the customer; 0 without it), the contract's
        columns, the attributes as text, and segment. Customers without time under observation (a duration that
        is missing or not above entry) are left out; ``durations_left_out`` counts them.

    Notes
    -----
    Dated contracts: from started_at to ended_at (or to notice_at, where there is one and ``churn: {event: notice}``),
    or to as_of (or observed_until) while active. The columns that ``churn`` names as reason and revenue come as
    exit_reason and monthly_revenue.
    """
    table = _with_duration(data)
    churn = data.config.churn
    named = {"exit_reason": churn.reason, "monthly_revenue": churn.revenue}
    table = table.mutate(**{name: table[column] for name, column in named.items() if column and column != name})
    known = table.filter(_observed(table))
    return _in_order(_without_ids(known, segment_col, data))


def durations_left_out(data: Dataset) -> int:
    """Count the customers that ``customer_frame`` leaves out for want of time under observation."""
    table = _with_duration(data)
    return int((~_observed(table)).sum().fill_null(0).execute())


def _observed(table: ir.Table) -> ir.BooleanValue:
    return (table.duration > table.entry).fill_null(False)


def tenure_unit(data: Dataset) -> str:
    """Return the unit of ``duration``: days for dated contracts, else what dataset.yml says."""
    sources = data.config.tables.customers
    return next((source.tenure_unit for source in sources if source.tenure_unit), "days")


def _with_duration(data: Dataset) -> ir.Table:
    table = data.customers
    if table is None:
        raise DataError(f"{data.key}: has no customers; name a source under tables.customers.")
    if {"tenure", "churned"} <= set(table.columns):
        return table.mutate(duration=table.tenure, event=table.churned.fill_null(False), entry=ibis.literal(0.0))
    if "started_at" not in table.columns or pd.isna(data.as_of):
        raise ConfigError(
            "tables.customers: found neither started_at (with ended_at) nor tenure with churned; map one of the two."
        )
    end = ibis.literal(data.as_of.to_pydatetime(), type="timestamp")
    if "observed_until" in table.columns:
        end = ibis.least(end, table.observed_until.fill_null(end))
    ended = _left_at(table, data)
    event = (ended <= end).fill_null(False)
    last = event.ifelse(ended, end)
    seconds = last.epoch_seconds() - table.started_at.epoch_seconds()
    shown = table.observed_from if "observed_from" in table.columns else ibis.null("timestamp")
    late = (shown.epoch_seconds() - table.started_at.epoch_seconds()) / _DAY_SECONDS
    return table.mutate(
        duration=seconds / _DAY_SECONDS, event=event, entry=ibis.greatest(late.fill_null(0.0), ibis.literal(0.0))
    )


def _in_order(table: ir.Table) -> pd.DataFrame:
    """Bring rows into pandas as the file had them; those of a warehouse by their values."""
    order = [ROW] if ROW in table.columns else list(table.columns)
    return table.order_by(order).execute().drop(columns=ROW, errors="ignore").reset_index(drop=True)


def _left_at(table: ir.Table, data: Dataset) -> ir.TimestampValue:
    """When a customer left: the end of the contract, or the notice before it where dataset.yml says so."""
    names = ["notice_at", "ended_at"] if data.config.churn.event == "notice" else ["ended_at"]
    known = [table[name] for name in names if name in table.columns]
    if len(known) == 2:
        return ibis.least(known[0].fill_null(known[1]), known[1].fill_null(known[0]))
    return known[0] if known else ibis.null("timestamp")


def _without_ids(table: ir.Table, segment_col: str, data: Dataset) -> ir.Table:
    private = {"customer_id", "verbatim", "source", ROW}
    columns = {name: table[name] for name in table.columns if name not in private}
    if "customer_id" in table.columns:
        rank = ibis.dense_rank().over(order_by=table.customer_id)
        columns = {"customer": table.customer_id.isnull().ifelse(ibis.null("int64"), rank), **columns}
    row = {ROW: table[ROW]} if ROW in table.columns else {}
    return table.select(**columns, segment=_segment(table, segment_col), **row)


def _segment(table: ir.Table, segment_col: str) -> ir.Value:
    """Return the segment of each row: of its own column, or of the customer's."""
    if not segment_col:
        return ibis.literal(ALL)
    if segment_col in table.columns:
        return table[segment_col].cast("string").fill_null(MISSING)
    raise ConfigError(f"segment_col: found no column {segment_col!r}; {nearest(segment_col, table.columns)}")
