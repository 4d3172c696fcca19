"""Dates, times and durations as text; times are stored in UTC and shown in the zone of the data set."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from numbers import Integral
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from cj_helpers.contract import ConfigError
from cj_helpers.text.language import _, in_context
from cj_helpers.text.numbers import decimal, to_number, with_unit

_zone: tzinfo = UTC


def set_time_zone(name: str) -> None:
    """Choose the IANA time zone in which times, stored in UTC, are shown."""
    global _zone
    if name != "UTC" and name not in available_timezones():
        close = get_close_matches(name, sorted(available_timezones()), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"time_zone: {name!r} is not an IANA zone such as Europe/Berlin.{hint}")
    _zone = UTC if name == "UTC" else ZoneInfo(name)


def local_time(value: Any) -> date | datetime:
    """A UTC time in the zone of the data set.

    A date, and a time without zone at exactly midnight, is taken as a calendar day and not moved: columns
    of days are already in the zone of the data set. Accepts datetime, date, pandas and numpy times, ISO text.
    """
    moment = _moment(value)
    if isinstance(moment, datetime) and moment.tzinfo is None and moment.time() == time():
        return moment.date()
    return _in_zone(moment)


def format_date(value: Any, digits: int | None) -> str:
    """A calendar day."""
    return local_time(value).strftime(in_context("date format", "%Y-%m-%d"))


def format_month(value: Any, digits: int | None) -> str:
    """A calendar month."""
    return local_time(value).strftime(in_context("month format", "%Y-%m"))


def format_datetime(value: Any, digits: int | None) -> str:
    """A moment, to the minute; a date without time stays a date."""
    moment = _in_zone(_moment(value))
    if not isinstance(moment, datetime):
        return format_date(moment, digits)
    return moment.strftime(in_context("date and time format", "%Y-%m-%d %H:%M"))


def duration_in_days(value: Any, unit: str = "days") -> float:
    """A duration as days; numbers are taken in the unit ``days`` or ``hours``, timedeltas as they are."""
    value = _python_duration(value)
    if isinstance(value, timedelta):
        return value.total_seconds() / 86400
    return to_number(value) / (24 if unit == "hours" else 1)


def days(value: Any, digits: int | None) -> str:
    """A duration given in days, in the largest unit that it fills: 4 h, 6.0 days.

    Estimates keep a decimal; a whole number given as integer or timedelta is a definition and does not: 14 days.
    """
    return _duration(duration_in_days(value, "days"), 0 if _is_exact(value, 1) else digits)


def hours(value: Any, digits: int | None) -> str:
    """A duration given in hours, in the largest unit that it fills."""
    return _duration(duration_in_days(value, "hours"), 0 if _is_exact(value, 24) else digits)


def _is_exact(value: Any, a_day: int) -> bool:
    value = _python_duration(value)
    if isinstance(value, timedelta):
        return not value % timedelta(days=1)
    return isinstance(value, Integral) and not value % a_day


def _duration(in_days: float, digits: int | None) -> str:
    sign, size = ("-" if in_days < 0 else ""), abs(in_days)
    if 0 < size * 86400 < 1:
        return f"{sign}< " + with_unit("1", _("{value} s"))
    if size == 0 or size >= 1 or round(size * 24) >= 24:
        places = (1 if 0 < size < 100 else 0) if digits is None else digits
        number = decimal(size, places)
        return sign + with_unit(number, _("{value} day") if number == "1" else _("{value} days"))
    return sign + _part_of_day(size * 86400)


def _part_of_day(seconds: float) -> str:
    if round(seconds) < 60:
        return with_unit(decimal(round(seconds), 0), _("{value} s"))
    if round(seconds / 60) < 60:
        return with_unit(decimal(round(seconds / 60), 0), _("{value} min"))
    in_hours = round(seconds / 3600, 1)
    return with_unit(decimal(in_hours, 0 if in_hours >= 10 or in_hours.is_integer() else 1), _("{value} h"))


def _in_zone(moment: date | datetime) -> date | datetime:
    if not isinstance(moment, datetime):
        return moment
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(_zone)
    except OverflowError:  # 9999-12-31 stands for "open-ended" in many sources
        return moment


def _moment(value: Any) -> date | datetime:
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    if _dtype_kind(value) == "M":
        return value.astype("datetime64[us]").item()
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    if isinstance(value, date):
        return value
    raise ValueError(f"a date or time was expected, not {type(value).__name__}.")


def _python_duration(value: Any) -> Any:
    return value.astype("timedelta64[us]").item() if _dtype_kind(value) == "m" else value


def _dtype_kind(value: Any) -> str:
    """``M`` for numpy times, ``m`` for numpy durations; pandas' own types are subclasses of Python's."""
    return getattr(getattr(value, "dtype", None), "kind", "")
