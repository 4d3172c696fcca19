"""A result table as CSV text, the same bytes wherever it is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

# A spreadsheet takes a cell that starts with one of these as a formula and runs it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV of the rows of a result bundle: a header, comma, ``\\n``, missing as empty, ``true``/``false``.

    Text that a spreadsheet would run as a formula gets a leading ``'``; numbers stay numbers.

    Examples
    --------
    >>> csv_text(["a", "b"], [["=1+1", -1.5], [None, True]])
    "a,b\\n'=1+1,-1.5\\n,true\\n"
    """
    lines = [names, *rows]
    return "".join(",".join(_quoted(_cell(value), len(line)) for value in line) + "\n" for line in lines)


def _quoted(cell: str, width: int) -> str:
    # csv.writer leaves a carriage return bare when lines end in \n, and readers take it as the end of the row.
    if any(character in cell for character in ',"\r\n') or (width == 1 and not cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    # 38.0 and 38 are one number to JSON, and tools that rewrite a notebook swap them.
    return repr(int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value)
