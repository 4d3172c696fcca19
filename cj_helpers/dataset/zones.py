"""Local time -> UTC by the rules of a zone, in comparisons that every engine knows.

A local time that clocks skip has no moment (null); one that occurs twice is read by the declared rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import ibis
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

# Outside these years the first or the last rule goes on.
FIRST_YEAR, LAST_YEAR = 1990, 2035

Segment = tuple[datetime, timedelta | None]


@lru_cache(maxsize=32)
def transitions(zone: str) -> tuple[tuple[datetime, timedelta, timedelta], ...]:
    """Find when the clocks of a zone change.

    Returns
    -------
    tuple of (moment in UTC, offset before, offset after), in order

    Examples
    --------
    >>> at, before, after = transitions("Europe/Berlin")[-1]
    >>> at.date().isoformat(), before.seconds // 3600, after.seconds // 3600
    ('2035-10-28', 2, 1)
    """
    info, day = ZoneInfo(zone), timedelta(days=1)
    found = []
    moment, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    while moment < end:
        before, after = _offset(moment, info), _offset(moment + day, info)
        if before != after:
            low, high = moment, moment + day
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(middle, info) == before else (low, middle)
            at = (high + timedelta(seconds=30)).replace(second=0, microsecond=0, tzinfo=None)
            found.append((at, before, after))
        moment += day
    return tuple(found)


def _offset(moment: datetime, info: ZoneInfo) -> timedelta:
    return moment.astimezone(info).utcoffset() or timedelta()


# Spark's own functions. Where a local time occurs twice, they take the first.
@ibis.udf.scalar.builtin(name="to_utc_timestamp", signature=((dt.timestamp, dt.string), dt.timestamp))
def _moment_of(local, zone):  # type: ignore[no-untyped-def]
    """Read a local time of a zone."""


@ibis.udf.scalar.builtin(name="from_utc_timestamp", signature=((dt.timestamp, dt.string), dt.timestamp))
def _clock_at(moment, zone):  # type: ignore[no-untyped-def]
    """Show a moment on the clocks of a zone."""


def to_utc_on_spark(local: ir.TimestampValue, zone: str) -> ir.TimestampValue:
    """Read naive timestamps as ``to_utc`` does with ``fold`` first, by functions of Spark.

    The comparisons of ``to_utc`` are more code than Spark compiles.
    """
    changes = transitions(zone)
    if not changes:
        return to_utc(local, zone)
    (first, *offsets), (last, *last_offsets) = changes[0], changes[-1]
    moment = _moment_of(local, zone)
    known = (_clock_at(moment, zone) == local).ifelse(moment, ibis.null("timestamp"))
    return ibis.cases(
        (local < ibis.literal(first + min(offsets), type="timestamp"), _moved(local, offsets[0])),
        (local >= ibis.literal(last + max(last_offsets), type="timestamp"), _moved(local, last_offsets[1])),
        else_=known,
    )


def _moved(local: ir.TimestampValue, offset: timedelta) -> ir.TimestampValue:
    return local - ibis.interval(seconds=int(offset.total_seconds())) if offset else local


def to_utc(local: ir.TimestampValue, zone: str, fold: str = "first") -> ir.TimestampValue:
    """Read naive timestamps as local time of a zone.

    Parameters
    ----------
    local : ibis column of naive timestamps
    zone : str
    fold : {"first", "second"}
        Which of the two moments a local time means that occurs twice.

    Returns
    -------
    ibis column, naive UTC; null where clocks skipped the local time
    """
    return _shift(local, _segments(zone, fold))


def _segments(zone: str, fold: str) -> list[Segment]:
    """List from which local time on which offset holds; None for the time that clocks skip."""
    changes = transitions(zone)
    start = changes[0][1] if changes else _offset(datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo(zone))
    segments: list[Segment] = [(datetime.min, start)]
    for at, before, after in changes:
        if after > before:
            segments += [(at + before, None), (at + after, after)]
        else:
            segments.append((at + (before if fold == "first" else after), after))
    return segments


def _shift(local: ir.TimestampValue, segments: Sequence[Segment]) -> ir.TimestampValue:
    """Choose the segment of a local time by halving."""
    if len(segments) == 1:
        offset = segments[0][1]
        if offset is None:
            return ibis.null("timestamp")
        return _moved(local, offset)
    middle = len(segments) // 2
    earlier = local < ibis.literal(segments[middle][0], type="timestamp")
    return earlier.ifelse(_shift(local, segments[:middle]), _shift(local, segments[middle:]))


@ibis.udf.scalar.builtin(name="cj_to_utc", signature=((dt.timestamp,), dt.timestamp))
def to_utc_on_duckdb(local):  # type: ignore[no-untyped-def]
    """Read naive timestamps as ``to_utc`` does, by the macro of ``define_to_utc``."""


def define_to_utc(con: Any, zone: str, fold: str) -> None:
    """Give a connection to DuckDB the comparisons of ``to_utc`` for one zone as a macro.

    Ibis writes them out for every column of times: for a data set of a dozen, that is half of the work to open it.
    """
    con.raw_sql(f"CREATE OR REPLACE TEMP MACRO cj_to_utc(at_local) AS {_shift_text(_segments(zone, fold))}")


def _shift_text(segments: Sequence[Segment]) -> str:
    """Write the choice of ``_shift`` in DuckDB's SQL."""
    if len(segments) == 1:
        offset = segments[0][1]
        return "NULL" if offset is None else f"at_local - to_seconds({int(offset.total_seconds())})"
    middle = len(segments) // 2
    earlier, later = _shift_text(segments[:middle]), _shift_text(segments[middle:])
    return f"CASE WHEN at_local < TIMESTAMP '{segments[middle][0]}' THEN {earlier} ELSE {later} END"
