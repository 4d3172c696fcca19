"""Which notations of a date fit every value of a column; two that fit are a question, not a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import ibis
from ibis import _
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

ORDERS = ("dmy", "mdy", "ymd")
ISO = ""  # read without a declared format
TOLERATED_SHARE = 0.01  # of dates that may be broken: up to 1 % of rows are dropped and counted
_MAX_SHAPES = 200
COMPACT = "%Y%m%d"
_TIMES = {
    "": "",
    "9:9": "%H:%M",
    "9:9:9": "%H:%M:%S",
    "9:9:9.9": "%H:%M:%S.%f",
    "9:9 A": "%I:%M %p",
    "9:9:9 A": "%I:%M:%S %p",
}
_ZONES = {"Z": "Z", "+9:9": "%z", "+Y": "%z", "+9": "%z"}
_DATE = re.compile(r"^(Y|9|B)([-./ ]|, )(9|B)([-./ ]|, )(Y|9)(?:([T ])(.*))?$")
_DATE_US = re.compile(r"^B 9, Y(?:([T ])(.*))?$")
_ISO = re.compile(r"^Y-9-9(?:[T ]9:9(?::9(?:\.9)?)?)?$")


@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), dt.timestamp))
def _try_strptime(text, pattern):  # type: ignore[no-untyped-def]
    """Read a timestamp by a pattern; null when it does not match."""


@dataclass(frozen=True)
class Reading:
    """One way to read all dates of a column: the order of day, month and year, and the pattern."""

    order: str
    pattern: str


def shape(text: str) -> str:
    """Return the shape of a date: ``Y`` four digits, ``9`` one or two, ``A`` am or pm, ``B`` a month's name.

    Examples
    --------
    >>> shape("03.04.2024 14:05")
    '9.9.Y 9:9'
    >>> shape("Apr 3, 2024")
    'B 9, Y'
    """
    plain = re.sub(r"(:\d{2})[.,]\d+", r"\1.9", text.strip())
    plain = re.sub(r"(?i)\b[ap]\.?m\b\.?", "A", plain)
    plain = re.sub(r"(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", "B", plain)
    plain = re.sub(r"(?<=[:T ]\d{2})-(?=\d{2}:?\d{2}$)", "+", plain)
    return re.sub(r"\d{1,2}", "9", re.sub(r"\d{4}", "Y", plain))


def shapes(column: ir.StringValue) -> list[str]:
    """Return the shapes of 99 % of a column's values, the most frequent first; empty when there are too many."""
    plain = column.strip().re_replace(r"(:\d{2})[.,]\d+", r"\1.9").re_replace(r"\d{4}", "2024")
    plain = plain.re_replace(r"\b\d{1,2}\b", "11").name("shape")
    counts = plain.as_table().filter(_.shape.notnull()).group_by("shape").aggregate(n=_.count())
    found = counts.order_by(_.n.desc(), _.shape).limit(_MAX_SHAPES).execute()
    if found.empty:
        return []
    found["shape"] = [shape(str(value)) for value in found["shape"]]
    known = found.groupby("shape")["n"].sum().sort_values(ascending=False, kind="stable")
    before = known.cumsum() - known
    return [str(name) for name in known.index[before < (1 - TOLERATED_SHARE) * known.sum()]]


def readings(found: Sequence[str]) -> list[Reading]:
    """Return the notations that could fit columns of these shapes.

    Examples
    --------
    >>> [reading.pattern for reading in readings(["9/9/Y"])]
    ['%d/%m/%Y', '%m/%d/%Y']
    """
    if found and all(_ISO.match(one) for one in found):
        return [Reading("ymd", ISO)]
    if len(found) != 1:
        return []
    date, _sep, time = _split(found[0])
    clock = _clock(time)
    if clock is None:
        return []
    return [Reading(order, (pattern + _sep + clock).strip()) for order, pattern in _dates(date)]


def fitting(column: ir.StringValue, candidates: Sequence[Reading]) -> list[Reading]:
    """Return the candidates that read the most values of the column, at least 99 % of them."""
    declared = [one for one in candidates if one.pattern]
    if not declared:
        return list(candidates)
    table = column.strip().nullif("").name("v").as_table()
    bad = {
        f"n{i}": (table.v.notnull() & _try_strptime(table.v, one.pattern).isnull()).sum().fill_null(0)
        for i, one in enumerate(declared)
    }
    found = table.aggregate(known=table.v.count(), **bad).execute().iloc[0]
    counts = [int(found[f"n{i}"]) for i in range(len(declared))]
    if min(counts) > TOLERATED_SHARE * int(found["known"]):
        return []
    return [one for one, n in zip(declared, counts, strict=True) if n == min(counts)]


def _split(text: str) -> tuple[str, str, str]:
    match = _DATE_US.match(text)
    if match:
        return "B 9, Y", match[1] or "", match[2] or ""
    match = _DATE.match(text)
    if match is None:
        return text, "", ""
    return "".join(match.group(1, 2, 3, 4, 5)), match[6] or "", match[7] or ""


def _clock(text: str) -> str | None:
    """Return the pattern of a time of day with its offset, None when it is no time."""
    for zone, pattern in _ZONES.items():
        if text.endswith(zone) and text.removesuffix(zone).strip() in _TIMES:
            bare = text.removesuffix(zone)
            return _TIMES[bare.strip()] + (" " if bare.endswith(" ") else "") + pattern
    return _TIMES.get(text)


def _dates(date: str) -> list[tuple[str, str]]:
    if date == "B 9, Y":
        return [("mdy", "%b %d, %Y"), ("mdy", "%B %d, %Y")]
    match = _DATE.match(date)
    if match is None:
        return []
    first, sep, middle, sep2, last = match.group(1, 2, 3, 4, 5)
    if middle == "B" and first == "9":
        year = "%Y" if last == "Y" else "%y"
        return [("dmy", f"%d{sep}{name}{sep2}{year}") for name in ("%b", "%B")]
    if sep != sep2 or "B" in (first, middle):
        return []
    if first == "Y":
        return [("ymd", f"%Y{sep}%m{sep}%d")] if last == "9" else []
    if last == "Y":
        return [("dmy", f"%d{sep}%m{sep}%Y"), ("mdy", f"%m{sep}%d{sep}%Y")]
    return [(order, sep.join(f"%{part}" for part in order)) for order in ORDERS]
