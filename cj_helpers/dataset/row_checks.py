"""What can be wrong with a single row: found in one pass over a table, told by source, left out where it may be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import TABLES
from cj_helpers.dataset.engine import ROW
from cj_helpers.dataset.odd_ids import length_measures
from cj_helpers.dataset.points import all_bits
from cj_helpers.dataset.problems import Loaded, row_in_file, tolerated, verb
from cj_helpers.dataset.schema_survey import Survey
from cj_helpers.dataset.sources import AWARE, BAD, ORIGIN, POINT
from cj_helpers.dataset.survey_checks import rating_flags
from cj_helpers.dataset.unreadable import explain_unreadable

OPEN_ENDED = 9999  # a date in this year means "no end", or is a mistake of the clock: never a wrong unit
# Before and from these years a time is a count in the wrong unit or a typing error.
PLAUSIBLE = {"events": (1980, 2100), "surveys": (1980, 2100), "customers": (1900, 2200), "identities": (1900, 2200)}


def _required(table: ir.Table, kind: str) -> list[str]:
    return [name for name, column in TABLES[kind].items() if column.required and name in table.columns]


def _times(table: ir.Table, kind: str) -> list[str]:
    return [n for n, column in TABLES[kind].items() if column.kind == "timestamp" and n in table.columns]


def _empty(value: ir.Value) -> ir.BooleanValue:
    return value.isnull() | (value == "") if value.type().is_string() else value.isnull()


def _implausible(value: ir.TimestampValue, kind: str) -> ir.BooleanValue:
    first, last = (ibis.literal(datetime(year, 1, 1), type="timestamp") for year in PLAUSIBLE[kind])
    year = [ibis.literal(datetime(y, m, d), type="timestamp") for y, m, d in ((OPEN_ENDED - 1, 12, 31), (9999, 12, 31))]
    open_ended = (value >= year[0]) & (value < year[1] + ibis.interval(days=1))
    return ((value < first) | ((value >= last) & ~open_ended)).fill_null(False)


def usable_rows(table: ir.Table, kind: str) -> list[ir.BooleanValue]:
    """Rows that analyses can use; the others were counted."""
    usable = [~_empty(table[name]) for name in _required(table, kind)]
    if kind in ("events", "surveys"):
        usable += [~_implausible(table[name], kind) for name in _times(table, kind)[:1]]
    return usable


def findings(table: ir.Table, kind: str, survey: Survey) -> pd.DataFrame:
    """Count everything that can be wrong with a row, in one pass, by source."""
    flags = {f"missing_{name}": _empty(table[name]) for name in _required(table, kind)}
    flags |= {f"implausible_{name}": _implausible(table[name], kind) for name in _times(table, kind)}
    if "duration_s" in table.columns:
        flags["negative_duration"] = table.duration_s < 0
    if {"observed_from", "observed_until"} <= set(table.columns):
        flags["reversed_window"] = table.observed_until < table.observed_from
    flags |= rating_flags(table, survey) if kind == "surveys" else {}
    flags["unreadable"] = table[BAD]
    measures = {f"n_{name}": flag.sum().fill_null(0) for name, flag in flags.items()}
    if ROW in table.columns:
        measures |= {f"row_{name}": table[ROW].min(where=flag) for name, flag in flags.items()}
    aware = table[AWARE]
    measures["n"] = table.count()
    measures |= length_measures(table)
    measures["points"] = all_bits(table[POINT]).fill_null(0)
    measures |= {"n_aware": aware.sum().fill_null(0), "n_naive": (~aware).sum().fill_null(0)}
    return table.group_by(ORIGIN).aggregate(**measures).execute().set_index(ORIGIN)


_TEXTS = {
    "missing": ("has no {name}", "have no {name}", "up to 1 % are dropped and counted. Fill the column at source."),
    "implausible": (
        "has a {name} before {first} or after {last}",
        "have a {name} before {first} or after {last}",
        "a count in another unit, or a typing error. Declare `read: {{timestamp_format: epoch_s}}` (or epoch_ms, "
        "epoch_us, excel), or mend the values at source{drop}.",
    ),
    "negative_duration": ("has a duration_s below 0", "have a duration_s below 0", "mend it at source."),
    "reversed_window": (
        "has an observed_until before its observed_from",
        "have an observed_until before their observed_from",
        "mend the window at source.",
    ),
}


def report_rows(loaded: Loaded, row: pd.Series, offset: int) -> None:
    """Turn the counts of one source into findings."""
    if int(row["n_unreadable"]):
        explain_unreadable(loaded)
    if row["n_aware"] and row["n_naive"]:
        text = (
            f"{loaded.where}: {int(row['n_aware']):,} times carry an offset such as +02:00 and "
            f"{int(row['n_naive']):,} do not; write all of them in one way at source."
        )
        loaded.found("mixed_offsets", "error", int(min(row["n_aware"], row["n_naive"])), text)
    unreadable = {problem.check for problem in loaded.problems}
    for column, count in row.items():
        check = str(column).removeprefix("n_")
        kind = check if check in _TEXTS else check.partition("_")[0]
        n = int(count) if str(column).startswith("n_") and kind in _TEXTS else 0
        name = check.removeprefix(f"{kind}_")
        if n and f"unreadable_{name}" not in unreadable:
            _report_check(loaded, check, kind, n, row.get(f"row_{check}"), offset)


def _report_check(loaded: Loaded, check: str, kind: str, n: int, row: Any, offset: int) -> None:
    first, last = PLAUSIBLE[loaded.kind]
    main = check.endswith(("_timestamp", "_answered_at"))
    droppable = kind == "missing" or (kind == "implausible" and main)
    words = {"name": check.removeprefix(f"{kind}_"), "first": first, "last": last - 1}
    words["drop"] = "; up to 1 % are dropped and counted" if main else ""
    one, many, rest = (text.format(**words) for text in _TEXTS[kind])
    place = f" (first: {row_in_file(loaded, row - offset)})" if row is not None and not pd.isna(row) else ""
    share = f" ({n / loaded.n_total:.1%})"
    text = f"{loaded.where}: {n:,} of {loaded.n_total:,} rows{share} {verb(n, one, many)}{place}; {rest}"
    loaded.found(check, tolerated(n, loaded.n_total) if droppable else "error", n, text)
