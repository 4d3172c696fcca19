"""Numbers whose points may part thousands: 1.234 is 1,234 to a German system and 1.234 to an English one.

A column in which every number with a point has three digits after it is not guessed but asked for.
"""

from __future__ import annotations

import ibis
from ibis.expr import datatypes as dt
from ibis.expr import types as ir

from cj_helpers.dataset.problems import Conversion, Loaded
from cj_helpers.dataset.schema_tables import Read

_THOUSANDS = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
_MOST = 30


def asked_of(checked: list[Conversion], read: Read) -> list[Conversion]:
    """Return the columns of numbers, written as text, whose notation is not declared."""
    if {"decimal", "thousands"} & read.model_fields_set:
        return []
    return [c for c in checked if c.kind == "number" and c.before.type().is_string()][:_MOST]


@ibis.udf.agg.builtin(name="bit_or", signature=((dt.int64,), dt.int64))
def all_bits(bits):  # type: ignore[no-untyped-def]
    """Bits of all rows together, by the aggregate that DuckDB, PostgreSQL and Spark share."""


def point_bits(checked: list[Conversion], read: Read) -> ir.IntegerValue:
    """Return two bits a column of numbers: a point that may part thousands, and one that cannot."""
    bits: ir.IntegerValue = ibis.null("int64")
    for i, column in enumerate(asked_of(checked, read)):
        text = column.before
        bit = text.re_search(_THOUSANDS).ifelse(1 << 2 * i, 2 << 2 * i).cast("int64")
        part = text.contains(".").ifelse(bit, ibis.literal(0, type="int64")).fill_null(0)
        bits = part if i == 0 else bits + part
    return bits


def report_points(loaded: Loaded, used: int) -> None:
    """Stop where all points of a column may part thousands.

    Parameters
    ----------
    used : int
        The bits of all rows of the source together.
    """
    for i, column in enumerate(asked_of(loaded.checked, loaded.source.read)):
        if used >> 2 * i & 3 != 1:
            continue
        seen = loaded.raw.select(value=column.before, found=column.before.re_search(_THOUSANDS))
        found = seen.aggregate(n=seen.found.sum(), value=seen.value.max(where=seen.found)).execute().iloc[0]
        text = (
            f"{loaded.where}: {column.found_as}: every number with a point looks like a thousand (such as "
            f'{found.value}); declare `read: {{thousands: ".", decimal: ","}}` if it is, or '
            '`read: {decimal: "."}` if it is not.'
        )
        loaded.found(f"ambiguous_{column.name}", "error", int(found.n), text)
