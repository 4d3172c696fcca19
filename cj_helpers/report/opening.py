"""Opening a data set in a notebook: parameters checked, language and privacy set, what is analysed shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from cj_helpers.contract import ConfigError
from cj_helpers.report.cells import to_cell
from cj_helpers.report.display import LAB_STYLE, grid, paragraph, plain_grid, publish
from cj_helpers.report.state import begin, state
from cj_helpers.report.tables import publishable
from cj_helpers.text import (
    N_,
    PURCHASE_WORDS,
    _,
    fill,
    format_value,
    label,
    set_currency,
    set_language,
    set_time_zone,
    set_wording,
    value_label,
)

if TYPE_CHECKING:
    from cj_helpers.dataset import Dataset

ONLY_VARIABLE = "CJ_ONLY"
_TIME_COLUMNS = {"events": "timestamp", "surveys": "answered_at", "customers": "started_at"}
_MISSING = {
    "events": N_("This data set has no events: dataset.yml names no source under tables: events."),
    "surveys": N_("This data set has no survey answers: dataset.yml names no source under tables: surveys."),
    "customers": N_("This data set has no customers: dataset.yml names no source under tables: customers."),
    "journeys": N_("This data set defines no journey: dataset.yml has no entry under journeys."),
}
# Segments are shown by value, so these would bring customers, cases or free text into a report.
_NEVER_SEGMENTS = {"customer_id", "journey_id", "order", "row_number", "session_id", "verbatim"}
# What became of a customer: comparing by it compares what is to be explained with itself.
_KNOWN_LATER = {"churned", "exit_reason", "tenure"}


class NotebookSkipped(Exception):
    """The data set lacks what a notebook needs: no fault, so the run reports the notebook as skipped."""

    def _render_traceback_(self) -> list[str]:
        """One line instead of a traceback, in JupyterLab and in the executed notebook."""
        return [fill("Skipped: {reason}", reason=str(self))]


def open(
    dataset: str,
    *,
    as_of: str = "",
    journey: str = "",
    segment_col: str = "",
    needs: Iterable[str] = ("events",),
    strict: bool = True,
) -> Dataset:
    """Open a data set for a notebook and show what is analysed.

    Parameters
    ----------
    dataset : str
        Folder with a dataset.yml, or that file.
    as_of : str
        Date or timestamp after which nothing is used; ``""`` as the data tell.
    journey : str
        Key of one journey; ``""`` for all.
    segment_col : str
        Column whose values are compared; ``""`` for none.
    needs : iterable of {"events", "surveys", "customers", "journeys", "churn"}
        What the notebook cannot do without; empty: it takes whatever there is. "churn" stands for the customers, or for
        the events where dataset.yml says that there are no contracts.
    strict : bool
        Raise when the data are not fit for analysis.

    Returns
    -------
    Dataset

    Raises
    ------
    NotebookSkipped
        When the data set lacks something needed.
    ConfigError
        When journey or segment_col is not in the data set, or dataset.yml is wrong.
    DataError
        When the data are not fit (strict).
    """
    from cj_helpers.dataset import keep_segment, open_dataset

    wanted = _known_needs(needs)
    data = open_dataset(dataset, as_of=as_of, strict=strict)
    only = only_segment()
    if only:
        data = keep_segment(data, **only)
    set_language(data.language)
    set_currency(data.currency)
    set_time_zone(data.time_zone)
    set_wording({} if data.config.churn.contractual else PURCHASE_WORDS)
    begin(data)
    wanted = [("customers" if data.config.churn.contractual else "events") if n == "churn" else n for n in wanted]
    for need in wanted:
        part: Any = getattr(data, need)
        if part is None or (need == "journeys" and not part):
            raise NotebookSkipped(_(_MISSING[need]))
    _check_journey(data, journey)
    _check_segment(data, segment_col, wanted)
    shown = wanted or [name for name in _TIME_COLUMNS if getattr(data, name) is not None]
    _show_analysed(data, journey, segment_col, [need for need in shown if need in _TIME_COLUMNS])
    return data


def need_customers(counts: pd.DataFrame) -> None:
    """End the notebook as skipped when no journey has customers enough to report anything of it.

    Parameters
    ----------
    counts : DataFrame
        What ``journeys.customer_counts`` returns.

    Raises
    ------
    NotebookSkipped
        When no row stands for as many customers as a report may show: no fault of a small market or an early day.
    """
    if publishable(counts).empty:
        least = 1 if state().public else state().min_group
        raise NotebookSkipped(fill("Up to this day no journey has {n:count} customers or more to report on.", n=least))


def _known_needs(needs: Iterable[str]) -> list[str]:
    wanted = [needs] if isinstance(needs, str) else list(needs)
    unknown = [need for need in wanted if need not in {*_MISSING, "churn"}]
    if unknown:
        raise ValueError(f"needs: {unknown} unknown; allowed are {', '.join(_MISSING)}, churn.")
    return wanted


def _check_journey(data: Dataset, journey: str) -> None:
    from cj_helpers.dataset import nearest

    if journey and journey not in data.journeys:
        raise ConfigError(
            f"journey: {journey!r} is not defined in dataset.yml; {nearest(journey, sorted(data.journeys))}"
            ' Use "" for all journeys.'
        )


def _check_segment(data: Dataset, segment_col: str, wanted: list[str]) -> None:
    """Events and answers may be compared by attributes of their customers too."""
    from cj_helpers.dataset import nearest

    if not segment_col:
        return
    names = {*wanted, "customers"} if {"events", "surveys"} & {*wanted} else {*wanted}
    tables = [getattr(data, name) for name in _TIME_COLUMNS if name in names]
    columns = {name: dtype for table in tables if table is not None for name, dtype in table.schema().items()}
    allowed = sorted(n for n, dtype in columns.items() if n not in _NEVER_SEGMENTS and not dtype.is_temporal())
    if segment_col not in allowed:
        why = "tells single customers, cases or moments apart" if segment_col in columns else "is not a column"
        raise ConfigError(f'segment_col: {segment_col!r} {why}; {nearest(segment_col, allowed)} Use "" for none.')
    late = {*_KNOWN_LATER, data.config.churn.reason}
    if segment_col in late and (data.customers is not None and segment_col in data.customers.columns):
        raise ConfigError(
            f"segment_col: {segment_col!r} is known only when a customer has left, so it sorts customers by how they "
            "ended (immortal time); allowed are columns known when what is compared began, such as "
            f"{', '.join(data.config.churn.static) or 'those under churn: static'}."
        )


def _show_analysed(data: Dataset, journey: str, segment_col: str, names: list[str]) -> None:
    tables = [{"table": name, **_extent(getattr(data, name), name), "removed": _removed(data, name)} for name in names]
    as_of = to_cell(data.as_of, "datetime")
    payload = {"dataset": data.key, "name": data.name, "as_of": as_of, "as_of_text": format_value(as_of, "datetime")}
    payload |= {"time_zone": data.time_zone, "language": data.language, "currency": data.currency}
    payload |= {"journey": journey, "segment_col": segment_col, "public": data.public, "min_group": data.min_group}
    payload |= {"tables": tables, "notes": _notes(data, journey, segment_col)}
    caption = fill("What is analysed: {name}", name=data.name)
    if as_of:
        template = "What is analysed: {name}, data up to {as_of:datetime} ({zone})"
        caption = fill(template, name=data.name, as_of=as_of, zone=data.time_zone)
    kinds = {"table": "text", "rows": "count", "customers": "count", "first": "datetime", "last": "datetime"}
    kinds["removed"] = "count"
    headings = [(label(name), kind != "text") for name, kind in kinds.items()]
    rows = [
        [value_label("table", row["table"]), *(format_value(row[key], kind) for key, kind in list(kinds.items())[1:])]
        for row in tables
    ]
    html = LAB_STYLE + grid(caption, headings, rows) + "".join(paragraph(line) for line in payload["notes"])
    plain = plain_grid(caption, [heading for heading, _numeric in headings], rows, payload["notes"])
    publish("analysed", payload, html=html, plain=plain)


def _extent(table: Any, name: str) -> dict[str, Any]:
    """Rows, distinct customers, first and last moment; None where the table has no such column."""
    measures = {"rows": table.count()}
    if "customer_id" in table.columns:
        measures["customers"] = table["customer_id"].nunique()
    if _TIME_COLUMNS[name] in table.columns:
        moment = table[_TIME_COLUMNS[name]]
        measures |= {"first": moment.min(), "last": moment.max()}
    found = table.aggregate(**measures).execute()
    kinds = {"rows": "count", "customers": "count", "first": "datetime", "last": "datetime"}
    return {key: to_cell(found[key].iloc[0], kind) if key in measures else None for key, kind in kinds.items()}


def _removed(data: Dataset, name: str) -> int:
    """Rows that the data-quality rules dropped."""
    quality = data.quality
    return int(quality.loc[quality["table"].eq(name) & quality["outcome"].eq("dropped"), "n_rows"].sum())


def only_segment() -> dict[str, str]:
    """Column and value of the only customers that a run is about (``CJ_ONLY``); empty for all."""
    return json.loads(os.environ.get(ONLY_VARIABLE, "") or "{}")


def _notes(data: Dataset, journey: str, segment_col: str) -> list[str]:
    current, only = state(), only_segment()
    lines = [fill("Only {column}: {value}.", column=label(only["column"]), value=only["value"])] if only else []
    lines += [fill("Journey: {journey}.", journey=current.journeys[journey])] if journey else []
    if segment_col:
        lines.append(fill("Compared by: {segment}.", segment=label(segment_col)))
    if segment_col in data.config.churn.snapshot:
        lines.append(
            fill(
                "{segment}: only the value of today is known, which may have come about after what is compared here.",
                segment=label(segment_col),
            )
        )
    return [*lines, privacy_note()]


def privacy_note() -> str:
    """What the reader should know about protection in this report."""
    if state().public:
        return _("Public data: suppression of small groups and pseudonyms are off.")
    return fill("Groups of fewer than {least:count} customers are not shown.", least=state().min_group)
