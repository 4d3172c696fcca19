"""Numbers as text, with the marks of the language and the currency of the data set."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from numbers import Integral
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.text.language import _, in_context

_currency = ""
# (upper limit of the size, decimals): three digits, also after rounding; from 100 on no decimals
_PLACES = ((0.9995, 3), (9.995, 2), (99.95, 1), (math.inf, 0))


def set_currency(code: str) -> None:
    """Choose the currency of money by its ISO 4217 code; ``""`` shows money as plain numbers."""
    global _currency
    if code and not re.fullmatch(r"[A-Z]{3}", code):
        raise ConfigError(f"currency: {code!r} is not an ISO 4217 code of three capitals, such as EUR.")
    _currency = code


def current_currency() -> str:
    """ISO code of the currency in use, or ``""``."""
    return _currency


def to_number(value: Any) -> float:
    """A number as float; text is refused, so that "3" in a number column does not pass unseen."""
    if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        raise ValueError(f"a number was expected, not {type(value).__name__}.")
    return float(value)


def decimal(value: float | int, digits: int) -> str:
    """A number with thousands marks and so many decimals; a rounded zero has no sign."""
    text = f"{value:,d}" if isinstance(value, int) and digits == 0 else f"{value:,.{digits}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    return _localised(text)


def with_unit(number: str, template: str) -> str:
    """A formatted number in a translated template such as ``{value} %``."""
    return template.replace("{value}", number)


def percent(value: Any, digits: int | None) -> str:
    """A share; what would round to nothing or to everything says "< 0.1 %" or "> 99.9 %" instead."""
    share, places = to_number(value), 1 if digits is None else digits
    smallest = 10.0**-places
    if 0 < 100 * share < smallest / 2:
        return "< " + with_unit(decimal(smallest, places), _("{value} %"))
    if 100 - smallest / 2 < 100 * share < 100:
        return "> " + with_unit(decimal(100 - smallest, places), _("{value} %"))
    return plain_percent(share, places)


def plain_percent(value: Any, digits: int | None) -> str:
    """A share, rounded and nothing else: for the ends of intervals."""
    return with_unit(decimal(_hundredfold(value), 1 if digits is None else digits), _("{value} %"))


def pp(value: Any, digits: int | None) -> str:
    """A difference of two shares with its unit, as tables show it."""
    return with_unit(decimal(_hundredfold(value), 1 if digits is None else digits), _("{value} pp"))


def count(value: Any, digits: int | None) -> str:
    """A count; weighted counts keep a decimal."""
    if isinstance(value, Integral):
        return decimal(int(value), 0)
    number = to_number(value)
    return decimal(int(number), 0) if number.is_integer() else decimal(number, 1 if digits is None else digits)


def plain_number(value: Any, digits: int | None) -> str:
    """A number without unit, with three digits that mean something: 0.723, 7.23, 72.3, 723, 7,230."""
    if digits is None and isinstance(value, Integral):
        return decimal(int(value), 0)
    number = to_number(value)
    size = abs(number)
    if digits is None and size == 0:
        return decimal(0, 0)
    if digits is None and (0 < size < 0.0005 or size >= 1e15):
        return _localised(f"{number:.2g}")
    return decimal(number, next(places for limit, places in _PLACES if size < limit) if digits is None else digits)


def rounded(places: int) -> Callable[[Any, int | None], str]:
    """A formatter with a fixed number of decimals."""

    def format_rounded(value: Any, digits: int | None) -> str:
        return decimal(to_number(value), places if digits is None else digits)

    return format_rounded


def money(value: Any, digits: int | None) -> str:
    """An amount with its currency; cents only below 100."""
    amount = to_number(value)
    places = (0 if abs(amount) >= 100 else 2) if digits is None else digits
    number = decimal(amount, places)
    return with_unit(number, _("{value} {currency}")).replace("{currency}", _currency) if _currency else number


def p_value(value: Any, digits: int | None) -> str:
    """A p-value; below the last decimal "< 0.001"."""
    p, places = to_number(value), 3 if digits is None else digits
    smallest = 10.0**-places
    return "< " + decimal(smallest, places) if p < smallest else decimal(p, places)


def _hundredfold(value: Any) -> float:
    """A share in percent; the largest floats stay finite."""
    percentage = 100 * to_number(value)
    return math.copysign(sys.float_info.max, percentage) if math.isinf(percentage) else percentage


def marks() -> dict[str, str]:
    """The marks of the language: thousands and decimal."""
    return {"thousands": in_context("thousands mark", ","), "decimal": in_context("decimal mark", ".")}


def _localised(text: str) -> str:
    ours = marks()
    return "".join({",": ours["thousands"], ".": ours["decimal"]}.get(character, character) for character in text)
