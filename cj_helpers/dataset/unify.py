"""Loaded sources -> one clean table each: required values, spelling, identities, as_of."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import TABLES
from cj_helpers.dataset.files import ROW
from cj_helpers.dataset.problems import Loaded, Problem, row_in_file, verb

TOLERATED_SHARE = 0.01
FUTURE = timedelta(days=30)
OPEN_ENDED = datetime(9000, 1, 1)
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


def drop_incomplete(loaded: Loaded, kind: str) -> Loaded:
    """Drop rows without a required value; more than 1 % of a source is an error."""
    table = loaded.table
    required = [name for name, column in TABLES[kind].items() if column.required and name in table.columns]
    if not required:
        return loaded
    empty = {name: table[name].isnull() | (table[name].cast("string").strip() == "") for name in required}
    found = table.aggregate(
        **{f"n_{name}": flag.sum().fill_null(0) for name, flag in empty.items()},
        **{f"row_{name}": table[ROW].min(where=flag) for name, flag in empty.items()},
    ).execute()
    unreadable = {problem.check for problem in loaded.problems if problem.outcome == "error"}
    for name in required:
        n = int(found[f"n_{name}"].iloc[0])
        if n == 0 or f"unreadable_{name}" in unreadable:
            continue
        share = n / loaded.n_total
        text = (
            f"{loaded.where}: {n:,} of {loaded.n_total:,} rows ({share:.1%}) {verb(n, 'has', 'have')} no {name} "
            f"(first: {row_in_file(loaded, found[f'row_{name}'].iloc[0])}); up to 1 % are dropped and counted. "
            "Fill the column at source."
        )
        outcome = "dropped" if share <= TOLERATED_SHARE else "error"
        loaded.problems.append(Problem(kind, loaded.name, f"missing_{name}", outcome, n, loaded.n_total, text))
    kept = table
    for flag in empty.values():
        kept = kept.filter(~flag)
    loaded.table = kept
    return loaded


def union_sources(parts: list[Loaded], kind: str) -> ir.Table:
    """Stack the sources of one table; a column that a source lacks is empty there."""
    types: dict[str, Any] = {}
    for part in parts:
        for name, dtype in part.table.schema().items():
            types[name] = dtype if name not in types or types[name] == dtype else ibis.dtype("string")
    shifted = []
    for index, part in enumerate(parts):
        have = part.table.columns
        columns = {
            name: part.table[name].cast(dtype) if name in have else ibis.null(dtype) for name, dtype in types.items()
        }
        columns[ROW] = part.table[ROW] + ibis.literal(index * 2**40)
        shifted.append(part.table.select(**columns, source=ibis.literal(part.name)))
    table = shifted[0] if len(shifted) == 1 else ibis.union(*shifted)
    optional = [name for name in TABLES[kind] if name in table.columns]
    others = sorted(name for name in table.columns if name not in optional)
    return table.select(*optional, *others)


def plain_spelling(text: str) -> str:
    """Return the text in NFC without invisible characters and doubled or odd spaces."""
    clean = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return " ".join(clean.split())


def same_spelling(names: pd.Series, counts: pd.Series) -> dict[str, str]:
    """Map each variant of a touchpoint to its most frequent spelling.

    Variants differ in case, Unicode form, invisible characters or spaces only.
    """
    frame = pd.DataFrame({"name": names, "n": counts})
    frame["plain"] = [plain_spelling(name) for name in frame["name"]]
    frame["key"] = frame["plain"].str.casefold()
    frame = frame.sort_values(["key", "n", "plain"], ascending=[True, False, True])
    chosen = frame.groupby("key")["plain"].first()
    target = frame["key"].map(chosen)
    changed = frame["name"] != target
    return dict(zip(frame.loc[changed, "name"], target[changed], strict=True))


def unify_touchpoints(events: ir.Table, problems: list[Problem]) -> ir.Table:
    """Give every touchpoint one spelling; what changed is listed and counted."""
    found = events.group_by("touchpoint").aggregate(n=_.count()).execute()
    if found.empty:
        return events
    mapping = same_spelling(found["touchpoint"], found["n"])
    if not mapping:
        return events
    n = int(found.loc[found["touchpoint"].isin(list(mapping)), "n"].sum())
    total = int(found["n"].sum())
    listed = "; ".join(f"{old!r} to {new!r}" for old, new in sorted(mapping.items())[:5])
    text = f"{n:,} of {total:,} events {verb(n, 'spells', 'spell')} a touchpoint differently; unified: {listed}."
    problems.append(Problem("events", "all sources", "touchpoint_spelling", "repaired", n, total, text))
    return events.mutate(touchpoint=events.touchpoint.substitute(mapping))


def stitch(table: ir.Table, identities: ir.Table | None, problems: list[Problem], kind: str) -> ir.Table:
    """Replace aliases by the customer they belong to."""
    if identities is None or "customer_id" not in table.columns:
        return table
    names = identities.group_by("alias").aggregate(_stitched=_.customer_id.min())
    joined = table.left_join(names, table["customer_id"] == names["alias"])
    n = int(joined._stitched.notnull().sum().execute())
    total = int(table.count().execute())
    if n:
        carry = verb(n, "carries", "carry")
        text = f"{n:,} of {total:,} rows came under an alias and now {carry} the customer it belongs to."
        problems.append(Problem(kind, "identities", "stitched", "stitched", n, total, text))
    known = joined._stitched.fill_null(joined.customer_id)
    return joined.select(**{name: known if name == "customer_id" else joined[name] for name in table.columns})


def drop_future(events: ir.Table, problems: list[Problem]) -> ir.Table:
    """Remove impossible future rows: more than 30 days after the 99.9 % quantile of the timestamps.

    Years from 9000 on are no dates of events, so they have no say in the quantile.
    """
    dated = events.filter(events.timestamp < ibis.literal(OPEN_ENDED, type="timestamp"))
    quantile = dated.aggregate(q=dated.timestamp.epoch_seconds().quantile(0.999)).execute().q[0]
    if pd.isna(quantile):
        return events
    bulk = datetime(1970, 1, 1) + timedelta(seconds=float(quantile))
    late = events.timestamp > ibis.literal(bulk + FUTURE, type="timestamp")
    found = events.aggregate(n=late.sum().fill_null(0), total=_.count(), last=_.timestamp.max()).execute().iloc[0]
    n, total = int(found.n), int(found.total)
    if n == 0:
        return events
    text = (
        f"{n:,} of {total:,} events {verb(n, 'lies', 'lie')} more than 30 days after the 99.9 % quantile "
        f"({bulk:%Y-%m-%d}), the last on "
        f"{found['last']:%Y-%m-%d}; up to 1 % are dropped and counted. Mend the clock or the date format at source."
    )
    outcome = "dropped" if n / total <= TOLERATED_SHARE else "error"
    problems.append(Problem("events", "all sources", "future_events", outcome, n, total, text))
    return events.filter(~late)


def local_time(moment: pd.Timestamp, time_zone: str) -> pd.Timestamp:
    """Return a UTC moment as the zone's clocks show it."""
    return moment.tz_localize("UTC").tz_convert(time_zone)


def cut_rows(
    table: ir.Table, column: str, as_of: pd.Timestamp, kind: str, problems: list[Problem], time_zone: str
) -> ir.Table:
    """Leave out rows later than as_of, and count them."""
    later = (table[column] > ibis.literal(as_of.to_pydatetime(), type="timestamp")).fill_null(False)
    n, total = (int(x) for x in table.aggregate(n=later.sum().fill_null(0), t=_.count()).execute().iloc[0])
    if n == 0:
        return table
    shown = f"{local_time(as_of, time_zone):%Y-%m-%d %H:%M} {time_zone}"
    text = (
        f"{n:,} of {total:,} rows {verb(n, 'lies', 'lie')} after as_of ({shown}) and {verb(n, 'is', 'are')} not used."
    )
    problems.append(Problem(kind, "all sources", "after_as_of", "not used", n, total, text))
    return table.filter(~later)


def cut_contracts(customers: ir.Table, as_of: pd.Timestamp, problems: list[Problem]) -> ir.Table:
    """Undo what contracts learnt after as_of, and read 9999-12-31 as open-ended."""
    moment = ibis.literal(as_of.to_pydatetime(), type="timestamp")
    total = int(customers.count().execute())
    for name in ("ended_at", "notice_at", "bound_until"):
        if name not in customers.columns:
            continue
        open_ended = customers[name] >= ibis.literal(OPEN_ENDED, type="timestamp")
        hidden = (customers[name] > moment) & ~open_ended & (name != "bound_until")
        counted = customers.aggregate(a=open_ended.sum().fill_null(0), b=hidden.sum().fill_null(0)).execute().iloc[0]
        for check, outcome, n, text in (
            ("open_ended", "repaired", int(counted.a), "a year from 9000 on; read as open-ended"),
            ("after_as_of", "not used", int(counted.b), "a date after as_of; read as not yet known"),
        ):
            if n:
                message = f"{n:,} of {total:,} values of {name} {verb(n, 'has', 'have')} {text}."
                problems.append(Problem("customers", "all sources", f"{check}_{name}", outcome, n, total, message))
        gone = (open_ended | hidden).fill_null(False)
        customers = customers.mutate(**{name: gone.ifelse(ibis.null("timestamp"), customers[name])})
    return customers
