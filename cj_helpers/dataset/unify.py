"""One clean table each: one spelling of touchpoints, nothing later than as_of, one row a customer."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.dataset.engine import ROW
from cj_helpers.dataset.problems import Problem, verb

OPEN_ENDED = datetime(9000, 1, 1)
# A zero-width joiner between signs beyond the letters (an emoji of a family) is part of the text.
_EMOJI = "\ufe0f\U00010000-\U0010ffff"
_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]" + f"|(?<![{_EMOJI}])\u200d")


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


def unify_touchpoints(events: ir.Table, problems: list[Problem]) -> tuple[ir.Table, list[str]]:
    """Give every touchpoint one spelling; what changed is listed and counted.

    Returns
    -------
    (the events, the touchpoints that occur)
    """
    found = events.group_by("touchpoint").aggregate(n=_.count()).execute()
    mapping = same_spelling(found["touchpoint"], found["n"]) if len(found) else {}
    names = sorted({mapping.get(name, name) for name in found["touchpoint"]})
    if not mapping:
        return events, names
    n = int(found.loc[found["touchpoint"].isin(list(mapping)), "n"].sum())
    total = int(found["n"].sum())
    listed = "; ".join(f"{old!r} to {new!r}" for old, new in sorted(mapping.items())[:5])
    text = f"{n:,} of {total:,} events {verb(n, 'spells', 'spell')} a touchpoint differently; unified: {listed}."
    problems.append(Problem("events", "all sources", "touchpoint_spelling", "repaired", n, total, text))
    return events.mutate(touchpoint=events.touchpoint.substitute(mapping)), names


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


def current_versions(customers: ir.Table, as_of: pd.Timestamp) -> ir.Table:
    """Keep, of customers with dated attributes, the version that held at as_of (else the first one)."""
    if "valid_from" not in customers.columns:
        return customers
    moment = ibis.literal(as_of.to_pydatetime(), type="timestamp")
    since = customers.valid_from
    began = (since.isnull() | (since <= moment)).ifelse(0, 1)
    age = moment.epoch_seconds() - since.epoch_seconds()
    far = (age < 0).ifelse(-age, age).fill_null(2**60)
    ties = [customers[ROW]] if ROW in customers.columns else []
    order = ibis.window(group_by=customers.customer_id, order_by=[began, far, *ties])
    ranked = customers.mutate(_version=ibis.row_number().over(order))
    return ranked.filter(_._version == 0).drop("_version")


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


def watched(events: ir.Table | None, customers: ir.Table | None) -> ir.Table | None:
    """Give every event the end of its customer's observation, unless it has an earlier one of its own."""
    if events is None or customers is None or "observed_until" not in customers.columns:
        return events
    until = customers.group_by("customer_id").aggregate(_until=_.observed_until.max())
    joined = events.left_join(until, "customer_id")
    end = joined["_until"]
    if "observed_until" in events.columns:
        own = joined.observed_until
        end = ibis.least(end.fill_null(own), own.fill_null(end))
    return joined.select(*[name for name in events.columns if name != "observed_until"], observed_until=end)
