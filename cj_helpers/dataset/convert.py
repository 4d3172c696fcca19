"""Text -> typed values, by the declared notation only; what does not convert becomes null."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import ibis
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

from cj_helpers.contract import Column
from cj_helpers.dataset.schema_tables import Read
from cj_helpers.dataset.zones import to_utc, to_utc_on_duckdb, to_utc_on_spark

_FLAGS = {"true": True, "yes": True, "1": True, "y": True, "false": False, "no": False, "0": False, "n": False}
IDS = {"customer_id", "alias", "journey_id", "session_id"}
_MOST_EXACT = 2**53  # whole numbers above are not exact in a column of floating point
_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
_NAIVE = f"^{_DAY}([ T]{_CLOCK})?$"
_OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)"
_AWARE = f"^{_DAY}[ T]{_CLOCK} ?{_OFFSET}$"
_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
# Formats that count from a day: units of a microsecond in one, and whether the count is of local time.
COUNTED = {"epoch_s": 10**6, "epoch_ms": 10**3, "epoch_us": 1, "excel": 86_400 * 10**6}
_EXCEL_1970 = 25_569
_LAST_COUNT = 253_402_300_800 * 10**6  # the year 10000


# DuckDB's own functions: strptime that gives null instead of an error.
@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), dt.timestamp))
def _try_strptime(text, pattern):  # type: ignore[no-untyped-def]
    """Read a timestamp by a pattern; null when it does not match."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), dt.Timestamp("UTC")))
def _try_strptime_offset(text, pattern):  # type: ignore[no-untyped-def]
    """Read a timestamp by a pattern with %z; null when it does not match."""


def trimmed(text: ir.StringValue, *, local: bool) -> ir.StringValue:
    """Remove blanks around a text on any engine.

    Ibis 12 gives Spark the blanks as escapes that Spark takes for letters, so that its ``strip`` eats v and f too.
    """
    return text.strip() if local else text.re_replace(r"^\s+|\s+$", "")


@dataclass(frozen=True)
class Notation:
    """How a source writes its values.

    Attributes
    ----------
    read : Read
    zone : str
        Zone of times without offset.
    fold : {"first", "second"}
        Which moment a local time means that occurs twice.
    engine : str
        Ibis' name of the engine.
    """

    read: Read
    zone: str
    fold: str = "first"
    engine: str = "duckdb"

    @property
    def local(self) -> bool:
        """Whether the engine is the one in the process, which compares text by its bytes."""
        return self.engine == "duckdb"

    def strip(self, text: ir.StringValue) -> ir.StringValue:
        """Remove blanks around a text, looking first: to remove them from every value costs four times as much."""
        if not self.local:
            return trimmed(text, local=False)
        blank = (text < "!") | text.endswith(" ") | text.endswith("\t")
        return ibis.cases((blank, text.strip()), else_=text)

    def cast(self, text: ir.Value, dtype: str) -> ir.Value:
        """Convert text that looks right; null where it is not, on engines that can try."""
        return text.cast(dtype) if self.engine == "postgres" else text.try_cast(dtype)

    def to_utc(self, local: ir.TimestampValue) -> ir.TimestampValue:
        """Read local times; null where clocks skipped them."""
        if self.local:
            return to_utc_on_duckdb(local)
        if self.engine == "pyspark" and self.fold == "first":
            return to_utc_on_spark(local, self.zone)
        return to_utc(local, self.zone, self.fold)


def convert(value: ir.Value, name: str, column: Column, notation: Notation) -> ir.Value:
    """Convert one column to its type; what does not convert becomes null. Times are for ``times``."""
    if name in IDS and value.type().is_floating():
        whole = (value == value.round()) & (value.abs() <= _MOST_EXACT)
        return whole.ifelse(value.round().cast("int64"), ibis.null("int64")).cast("string")
    if column.kind == "number" and value.type().is_numeric():
        number = value.cast("float64")
        return number.isinf().ifelse(ibis.null("float64"), number) if value.type().is_floating() else number
    text = value if value.type().is_string() else value.cast("string")
    if column.kind == "number":
        return to_number(text, notation)
    if column.kind == "flag":
        word = trimmed(text, local=notation.local).lower()
        branches = [(word.isin([w for w, f in _FLAGS.items() if f == flag]), flag) for flag in (True, False)]
        return ibis.cases(*branches, else_=ibis.null("boolean"))
    return notation.strip(text)


def present(value: ir.Value) -> ir.Value:
    """Return the column with NaN of floating-point columns as missing."""
    return value.isnan().ifelse(ibis.null(value.type()), value) if value.type().is_floating() else value


def to_number(text: ir.StringValue, notation: Notation) -> ir.FloatingValue:
    """Read numbers in the declared notation only: 1.234 is no German thousand unless declared; inf is none."""
    read, text = notation.read, notation.strip(text)
    if read.thousands:
        mark = "\\." if read.thousands == "." else read.thousands
        grouped = text.re_search(rf"^[+-]?\d{{1,3}}({mark}\d{{3}})+([.,]\d*)?$") | ~text.contains(read.thousands)
        text = grouped.ifelse(text.replace(read.thousands, ""), ibis.null("string"))
    if read.decimal == ",":
        text = text.contains(".").ifelse(ibis.null("string"), text).replace(",", ".")
    return notation.cast(text.re_search(_NUMBER).ifelse(text, ibis.null("string")), "float64")


@dataclass(frozen=True)
class Times:
    """A column of times half read: what is local, what is a moment, and whether a time has an offset of its own.

    To find the offset of a local time compares it many times, so that it is computed before (``dataset.sources``).
    """

    local: ir.TimestampValue | None
    moment: ir.TimestampValue | None
    aware: ir.BooleanValue | None = None


def times(value: ir.Value, notation: Notation) -> Times:
    """Read a column of times by the declared format; what does not match is null in both parts."""
    read, kind = notation.read, value.type()
    if kind.is_timestamp() or kind.is_date():
        if getattr(kind, "timezone", None):
            return Times(None, value.cast("timestamp('UTC')").cast("timestamp"))
        return Times(value.cast("timestamp"), None)
    if read.timestamp_format in COUNTED:
        counted = _counted(value, notation)
        return Times(counted, None) if read.timestamp_format == "excel" else Times(None, counted)
    text = notation.strip(value.cast("string"))
    if "%z" in read.timestamp_format.lower():
        return Times(None, _try_strptime_offset(text, read.timestamp_format).cast("timestamp"))
    if read.timestamp_format:
        return Times(_try_strptime(text, read.timestamp_format), None)
    naive = text.re_search(_NAIVE)
    aware = naive.ifelse(ibis.literal(False), text.re_search(_AWARE))
    local = notation.cast(naive.ifelse(text, ibis.null("string")), "timestamp")
    moment = notation.cast(aware.ifelse(text, ibis.null("string")), "timestamp('UTC')").cast("timestamp")
    return Times(local, moment, aware)


def moments(found: Times, notation: Notation) -> ir.TimestampValue:
    """Bring both parts of a column of times to UTC."""
    local = None if found.local is None else notation.to_utc(found.local)
    if local is None or found.moment is None:
        return local if found.moment is None else found.moment
    return ibis.cases((found.moment.notnull(), found.moment), else_=local)


def _counted(value: ir.Value, notation: Notation) -> ir.TimestampValue:
    """Count from 1970 in UTC, or from 1900 in local time as spreadsheets do."""
    name = notation.read.timestamp_format
    number = value.cast("float64") if value.type().is_numeric() else to_number(value.cast("string"), notation)
    count = ((number - (_EXCEL_1970 if name == "excel" else 0)) * COUNTED[name]).round()
    possible = (count.abs() < _LAST_COUNT).ifelse(count, ibis.null("float64")).cast("int64")
    return ibis.literal(datetime(1970, 1, 1), type="timestamp") + possible.as_interval("us")
