"""The one formatter of values that readers see: a value and its kind become text."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from cj_helpers.text import numbers, times
from cj_helpers.text.language import _

_FORMATTERS: dict[str, Callable[[Any, int | None], str]] = {
    "percent": numbers.percent,
    "pp": numbers.pp,
    "count": numbers.count,
    "number": numbers.plain_number,
    "points": numbers.rounded(1),
    "days": times.days,
    "hours": times.hours,
    "money": numbers.money,
    "date": times.format_date,
    "month": times.format_month,
    "datetime": times.format_datetime,
    "p_value": numbers.p_value,
    "ratio": numbers.rounded(2),
    "text": lambda value, digits: _text(value),
    "id": lambda value, digits: _text(value),
}
KINDS = tuple(_FORMATTERS)


def format_value(value: Any, unit: str, *, digits: int | None = None) -> str:
    """One value as text for a reader.

    Parameters
    ----------
    value
        A number, time, duration or text; None, NaN, NaT, NA and infinity become "n/a".
    unit : str
        The kind of the value, one of `KINDS`: ``percent`` takes a share of 0-1, ``pp`` a difference
        of two such shares, ``points`` those of the NPS,
        ``days`` and ``hours`` a number of that unit or a timedelta, ``date``, ``month`` and ``datetime`` a time
        that is UTC unless it carries a zone; ``ratio`` has two decimals, ``number`` about three digits.
    digits : int, optional
        Decimals instead of the usual ones; kinds without decimals ignore it.

    Raises
    ------
    ValueError
        When the unit is unknown or the value is of another type than the unit needs.

    Examples
    --------
    >>> [format_value(0.5887, "percent"), format_value(1 / 6, "days"), format_value(6.0, "days")]
    ['58.9 %', '4 h', '6.0 days']
    """
    if unit not in _FORMATTERS:
        raise ValueError(f"unit {unit!r} is unknown; one of {', '.join(KINDS)}.")
    return _("n/a") if is_missing(value) else _FORMATTERS[unit](value, digits)


def interval(low: Any, high: Any, unit: str, *, digits: int | None = None) -> str:
    """An interval as text; "n/a" when both ends are missing.

    Examples
    --------
    >>> interval(0.56, 0.618, "percent")
    '56.0 % to 61.8 %'
    """
    if is_missing(low) and is_missing(high):
        return format_value(None, unit)
    low_text, high_text = _bound(low, unit, digits), _bound(high, unit, digits)
    return _("{low} to {high}").replace("{low}", low_text).replace("{high}", high_text)


def number_marks() -> dict[str, Any]:
    """How formatted numbers are read back: thousands and decimal mark, and the seconds in each unit of time."""
    seconds = {"{value} s": 1, "{value} min": 60, "{value} h": 3600, "{value} day": 86400, "{value} days": 86400}
    units = {_(template).replace("{value}", "").strip(): size for template, size in seconds.items()}
    return {**numbers.marks(), "units": units}


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, NaT, NA or infinite: nothing a reader could use."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, str | tuple | list):
        return False
    if isinstance(value, Real | Decimal):
        return not isinstance(value, Integral) and not math.isfinite(value)
    return bool(value != value)


def _bound(value: Any, unit: str, digits: int | None) -> str:
    # "< 0.1 %" helps in a single value; in an interval plain numbers read better.
    if unit == "percent" and not is_missing(value):
        return numbers.plain_percent(value, digits)
    return format_value(value, unit, digits=digits)


def _text(value: Any) -> str:
    if type(value).__name__ in ("bool", "bool_"):
        return _("yes") if value else _("no")
    return f"{value:.12g}" if isinstance(value, float) else str(value)
