"""Text -> typed values, by the declared notation only; what does not convert becomes null."""

from __future__ import annotations

import ibis
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

from cj_helpers.contract import Column
from cj_helpers.dataset.schema_tables import Read

_FLAGS = {"true": True, "yes": True, "1": True, "y": True, "false": False, "no": False, "0": False, "n": False}


# DuckDB's own functions: strptime that gives null instead of an error, and local time of a zone <-> UTC.
@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), dt.timestamp))
def _try_strptime(text, pattern):  # type: ignore[no-untyped-def]
    """Read a timestamp by a pattern; null when it does not match."""


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, dt.timestamp), dt.Timestamp("UTC")))
def _local_to_instant(zone, at):  # type: ignore[no-untyped-def]
    """Read a naive timestamp as local time of a zone."""


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, dt.Timestamp("UTC")), dt.timestamp))
def _instant_to_utc(zone, at):  # type: ignore[no-untyped-def]
    """Write an instant as naive time of a zone."""


def convert(value: ir.Value, column: Column, read: Read, time_zone: str) -> ir.Value:
    """Convert one column to its type; what does not convert becomes null."""
    if column.kind == "timestamp":
        return _to_utc(value, read, time_zone)
    text = value.cast("string") if not value.type().is_string() else value
    if column.kind == "number":
        return value.cast("float64") if value.type().is_numeric() else to_number(text, read)
    if column.kind == "flag":
        branches = [(text.strip().lower() == word, flag) for word, flag in _FLAGS.items()]
        return ibis.cases(*branches, else_=ibis.null("boolean"))
    return text.strip()


def to_number(text: ir.StringValue, read: Read) -> ir.FloatingValue:
    """Read numbers in the declared notation only: 1.234 is no German thousand unless declared; inf is none."""
    if read.thousands:
        text = text.replace(read.thousands, "")
    if read.decimal == ",":
        text = text.re_search(r"\.").ifelse(ibis.null("string"), text).replace(",", ".")
    plain = text.strip().re_search(r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$")
    return plain.ifelse(text.strip(), ibis.null("string")).try_cast("float64")


def _to_utc(value: ir.Value, read: Read, time_zone: str) -> ir.TimestampValue:
    if value.type().is_timestamp() or value.type().is_date():
        if getattr(value.type(), "timezone", None):
            return value.cast("timestamp('UTC')").cast("timestamp")
        local = value.cast("timestamp")
    elif read.timestamp_format:
        local = _try_strptime(value.cast("string").strip(), read.timestamp_format)
    else:
        value = value.cast("string")
        iso = value.strip().re_search(r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?$")
        local = iso.ifelse(value.strip(), ibis.null("string")).try_cast("timestamp")
    if time_zone == "UTC":
        return local
    return _instant_to_utc("UTC", _local_to_instant(time_zone, local))


def recode(value: ir.Value, table: dict[str, str]) -> ir.Value:
    """Replace declared values; the others stay."""
    return value.cast("string").substitute(table)
