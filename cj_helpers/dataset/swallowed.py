"""Rows that a stray pair of quotes swallowed: a field that holds whole lines of the file."""

from __future__ import annotations

from functools import reduce

import ibis
from ibis.expr import types as ir

from cj_helpers.contract import DataError
from cj_helpers.dataset.problems import Loaded, verb

_DATED = r"\d{2}[:./-]\d{2}"


def refuse_swallowed_rows(loaded: Loaded, lines: list[int], n_rows: int | None) -> list[int]:
    """Look at fields with line breaks where a file has more lines than rows.

    A text of several lines is welcome. One whose lines hold as many delimiters as rows of the file do, and dates or
    more than one line break, is the work of a quote that opens in one row and closes in a later one.

    Returns
    -------
    list of int
        Rows of each file.

    Raises
    ------
    DataError
        When rows were swallowed.
    """
    read, raw = loaded.source.read, loaded.raw
    found = raw.aggregate(n=raw.count(), bad=_swallows(raw, read.delimiter).sum().fill_null(0)).execute().iloc[0]
    n = int(found.bad)
    if n and not read.lines_in_text:
        raise DataError(
            f"{loaded.where}: {n:,} {verb(n, 'field holds', 'fields hold')} whole rows of the file, so a quote "
            f"{read.quote} opens in one row and closes in a later one; mend the quotes at source, or declare "
            "`read: {lines_in_text: true}` if the text really holds such lines."
        )
    if len(lines) == 1 and n_rows is not None:
        return [n_rows]
    return [_count(loaded, i) for i in range(len(lines))]


def _swallows(raw: ir.Table, delimiter: str) -> ir.BooleanValue:
    """Say whether a row has a field that holds lines of the file."""
    fields = [raw[name] for name in raw.columns if raw[name].type().is_string()]
    flags = []
    for text in fields:
        breaks = text.length() - text.replace("\n", "").length()
        marks = (text.length() - text.replace(delimiter, "").length()) / len(delimiter)
        alike = (breaks > 0) & (marks == breaks * (len(fields) - 1)) & (len(fields) > 1)
        flags.append(alike & ((breaks > 1) | text.re_search(_DATED)))
    return reduce(lambda a, b: a | b, flags, ibis.literal(False)).fill_null(False)


def _count(loaded: Loaded, i: int) -> int:
    """Count the rows of one file."""
    from cj_helpers.dataset.readers import read_raw

    con = loaded.raw.get_backend()
    return int(read_raw(con, [loaded.scans[i]], loaded.source.read, loaded.where).count().execute())
