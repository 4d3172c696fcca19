"""When events happened: one count by source and hour, from which feeds, the future and changes of clocks follow."""

from __future__ import annotations

from datetime import timedelta

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.dataset.model import CLOCK_COLUMNS
from cj_helpers.dataset.problems import Problem, tolerated, verb
from cj_helpers.dataset.zones import transitions

FUTURE = timedelta(days=30)
_OPEN_ENDED = 9000  # years from here on are no dates of events, so they have no say in the quantile


def no_hours() -> pd.DataFrame:
    """What ``count_hours`` returns without events."""
    times = {name: pd.Series(dtype="datetime64[us]") for name in ("hour", "first", "last")}
    return pd.DataFrame({"source": pd.Series(dtype="object"), "n": pd.Series(dtype="int64"), **times})


def count_hours(events: ir.Table) -> pd.DataFrame:
    """Count events by source and hour.

    Returns
    -------
    DataFrame, one row per source and hour (UTC) with events
        source, hour, n, first, last.
    """
    hours = events.select("source", at=events.timestamp, hour=events.timestamp.truncate("h"))
    counts = hours.group_by("source", "hour").aggregate(n=_.count(), first=_["at"].min(), last=_["at"].max())
    table = counts.execute()
    for name in ("hour", "first", "last"):
        table[name] = table[name].astype("datetime64[us]")
    return table


def future_limit(hours: pd.DataFrame) -> pd.Timestamp | None:
    """Return the moment after which an event is impossible: 30 days after the hour of the 99.9 % quantile."""
    dated = hours[hours["hour"].dt.year < _OPEN_ENDED].sort_values("hour")
    if dated.empty:
        return None
    reached = dated["n"].cumsum() >= 0.999 * dated["n"].sum()
    return dated.loc[reached.idxmax(), "last"] + FUTURE


def drop_future(events: ir.Table, hours: pd.DataFrame, problems: list[Problem]) -> tuple[ir.Table, pd.DataFrame]:
    """Leave out impossible future events, and their hours."""
    limit = future_limit(hours)
    if limit is None or hours["last"].max() <= limit:
        return events, hours
    late = events.timestamp > ibis.literal(limit.to_pydatetime(), type="timestamp")
    n, total = int(late.sum().execute()), int(hours["n"].sum())
    bulk = limit - FUTURE
    text = (
        f"{n:,} of {total:,} events {verb(n, 'lies', 'lie')} more than 30 days after the 99.9 % quantile "
        f"({bulk:%Y-%m-%d}), the last on {hours['last'].max():%Y-%m-%d}; up to 1 % are dropped and counted. "
        "Mend the clock or the date format at source."
    )
    problems.append(Problem("events", "all sources", "future_events", tolerated(n, total), n, total, text))
    kept = events.filter(~late)
    return kept, count_hours(kept)


def feed_table(hours: pd.DataFrame) -> pd.DataFrame:
    """Describe each source of events: how much came, from when to when, and how far it lags.

    Returns
    -------
    DataFrame, one row per source
        source, n_rows, first, last (UTC), lag_days behind the source that reaches furthest.
    """
    grouped = hours.groupby("source", as_index=False)
    table = grouped.agg(n_rows=("n", "sum"), first=("first", "min"), last=("last", "max"))
    table["lag_days"] = (table["last"].max() - table["last"]).dt.total_seconds() / 86_400
    return table


def clock_table(hours: pd.DataFrame, zone: str, fold: str, n_with_offset: dict[str, int]) -> pd.DataFrame:
    """Count, per source, the times with an offset of their own and those that occur twice when clocks go back.

    Returns
    -------
    DataFrame, one row per source
        source, n_rows, n_with_offset, n_folded (to the hour; 0 where times carry offsets).
    """
    twice = set()
    for at, before, after in transitions(zone):
        if after < before:
            start = pd.Timestamp(at) - (before - after) if fold == "first" else pd.Timestamp(at)
            twice |= set(pd.date_range(start.floor("h"), start + (before - after), freq="h", inclusive="left"))
    folded = hours.assign(n_folded=hours["n"].where(hours["hour"].isin(twice), 0))
    table = folded.groupby("source", as_index=False).agg(n_rows=("n", "sum"), n_folded=("n_folded", "sum"))
    table["n_with_offset"] = [n_with_offset.get(name, 0) for name in table["source"]]
    table["n_folded"] = table["n_folded"].where(table["n_with_offset"].eq(0), 0).astype("int64")
    return table[CLOCK_COLUMNS]


def fold_message(clocks: pd.DataFrame, zone: str, fold: str) -> Problem | None:
    """Say how many local times occur twice and how they were read; None when none does."""
    n, total = int(clocks["n_folded"].sum()), int(clocks["n_rows"].sum())
    if n == 0:
        return None
    text = (
        f"{n:,} of {total:,} events {verb(n, 'has a local time', 'have local times')} that {verb(n, 'occurs', 'occur')}"
        f" twice, when clocks of {zone} go back; read as the {fold}. Declare `time_fold:`, or export times with offset."
    )
    return Problem("events", "all sources", "clock_fold", "repaired", n, total, text)
