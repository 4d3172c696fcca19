"""What each column of a file holds, found by one pass over all of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.dataset.scaffold.dates import COMPACT, TOLERATED_SHARE, Reading, fitting, readings, shapes
from cj_helpers.dataset.scaffold.dialect import Dialect, is_parquet, sniff
from cj_helpers.dataset.scaffold.reader import read_rows

# Ways to write "no answer" that stay text unless they are declared.
BLANKS = ("NA", "N/A", "n/a", "NULL", "null", "None", "nan", "NaN", "-", "?")
_FLAGS = ("true", "false", "yes", "no", "y", "n")
_PLAIN = r"^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$"
_COMMA = r"^[+-]?\d+(,\d+)?$"
_GROUPED = {".": r"^[+-]?\d{1,3}(\.\d{3})+(,\d+)?$", ",": r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"}
_COMPACT = r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
_DATE_LIKE = r"^\s*(\d{1,4}[-./ ]\d{1,2}[-./ ]\d{1,4}|\d{1,2}[-. ]?[A-Za-z]{3,9}|[A-Za-z]{3,9} \d{1,2}, \d{4})"


@dataclass
class Column:
    """One column of a file.

    Attributes
    ----------
    kind : str
        number, timestamp, flag or text.
    n, n_missing, n_distinct : int
        Rows, rows without a value, and different values.
    low, high : float
        Range of a column of numbers.
    whole : bool
        Whether every number is whole.
    comma : bool
        Whether the numbers have a decimal comma.
    grouped : str
        ``.`` or ``,`` when every number could also be read with groups of three digits: 1.234.
    dates : list of Reading
        Notations by which every value can be read; two or more: nobody can tell from the file.
    mixed : bool
        Whether the values look like dates, yet no single notation fits them.
    blanks : list of str
        Codes for no answer that occur.
    length : float
        Mean number of characters of a value.
    """

    name: str
    kind: str
    n: int
    n_missing: int
    n_distinct: int
    low: float = float("nan")
    high: float = float("nan")
    whole: bool = False
    comma: bool = False
    grouped: str = ""
    dates: list[Reading] = field(default_factory=list)
    mixed: bool = False
    blanks: list[str] = field(default_factory=list)
    length: float = 0.0

    @property
    def ambiguous(self) -> bool:
        """Whether the dates can be read in two orders."""
        return len({reading.order for reading in self.dates}) > 1

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice."""
        return self.n_distinct == self.n - self.n_missing > 0


@dataclass
class Profile:
    """One source: its files, how they are written and what their columns hold.

    Attributes
    ----------
    paths : list of Path
        Files of the same shape, in order of name.
    dialect : Dialect or None
        None for Parquet.
    table : ibis table
        The rows as they stand in the files.
    """

    paths: list[Path]
    dialect: Dialect | None
    table: ir.Table
    columns: list[Column]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.columns[0].n if self.columns else 0

    @property
    def decimal(self) -> str:
        """The decimal mark of the file."""
        return "," if any(column.comma for column in self.columns) else "."

    def column(self, name: str) -> Column:
        """Return a column by name."""
        return next(column for column in self.columns if column.name == name)


def group_files(paths: list[Path]) -> list[list[Path]]:
    """Put files of one folder that differ only in digits of their names and share their columns together.

    Examples
    --------
    ``web/2025-01.parquet web/2025-02.parquet calls.csv`` are two sources.
    """
    groups: dict[tuple[Any, ...], list[Path]] = {}
    for path in sorted(paths):
        stem = "".join("#" if letter.isdigit() else letter for letter in path.name)
        while "##" in stem:
            stem = stem.replace("##", "#")
        columns = () if is_parquet(path) or stem == path.name else sniff(path).header
        groups.setdefault((path.parent, stem, columns), []).append(path)
    return list(groups.values())


def profile(con: Any, paths: list[Path]) -> Profile:
    """Look at every row of the files of one source.

    Raises
    ------
    DataError
        When a file cannot be read as it seems to be written.
    """
    dialect = None if is_parquet(paths[0]) else sniff(paths[0])
    raw = read_rows(con, paths, dialect)
    names = list(raw.columns)
    facts = raw.aggregate(**_measures(raw, names)).execute().iloc[0]
    columns = [_column(raw, name, i, facts) for i, name in enumerate(names)]
    return Profile(paths, dialect, raw, columns)


def _measures(raw: ir.Table, names: list[str]) -> dict[str, ir.Value]:
    measures: dict[str, ir.Value] = {"n": raw.count()}
    for i, name in enumerate(names):
        column = raw[name]
        measures |= {f"known{i}": column.count(), f"distinct{i}": column.nunique()}
        if column.type().is_string():
            measures |= _of_text(column.strip().nullif(""), i)
        elif column.type().is_numeric():
            measures |= {f"low{i}": column.min(), f"high{i}": column.max(), f"whole{i}": _whole(column)}
    return measures


def _of_text(text: ir.StringValue, i: int) -> dict[str, ir.Value]:
    value = text.isin(BLANKS).ifelse(None, text)
    number = value.re_search(_PLAIN).ifelse(value, None).try_cast("float64")
    measures = {
        f"known{i}": text.count(),
        f"values{i}": value.count(),
        f"plain{i}": value.re_search(_PLAIN).sum(),
        f"comma{i}": value.re_search(_COMMA).sum(),
        f"flag{i}": value.lower().isin(_FLAGS).sum(),
        f"date{i}": value.re_search(_DATE_LIKE).sum(),
        f"length{i}": value.length().mean(),
        f"low{i}": number.min(),
        f"high{i}": number.max(),
        f"whole{i}": _whole(number),
        f"compact{i}": value.re_search(_COMPACT).sum(),
        f"zeros{i}": value.re_search(r"^0\d+$").sum(),
    }
    return measures | {f"grouped{mark}{i}": value.re_search(p).sum() for mark, p in _GROUPED.items()}


def _whole(number: ir.NumericValue) -> ir.BooleanValue:
    return (number == number.floor()).all()


def _column(raw: ir.Table, name: str, i: int, facts: pd.Series[Any]) -> Column:
    n, known = int(facts["n"]), int(facts[f"known{i}"])
    column = Column(name, "text", n, n - known, int(facts[f"distinct{i}"]))
    kind = raw[name].type()
    if kind.is_string():
        return _of_text_kind(raw, column, i, facts)
    if kind.is_timestamp() or kind.is_date():
        column.kind, column.dates = "timestamp", readings(["Y-9-9"])
    elif kind.is_boolean():
        column.kind = "flag"
    elif kind.is_numeric():
        column.kind = "number"
        column.low, column.high, column.whole = (
            float(facts[f"low{i}"]),
            float(facts[f"high{i}"]),
            bool(facts[f"whole{i}"]),
        )
    return column


def _of_text_kind(raw: ir.Table, column: Column, i: int, facts: pd.Series[Any]) -> Column:
    def count(name: str) -> int:
        value = facts[f"{name}{i}"]
        return 0 if pd.isna(value) else int(value)

    values = count("values")
    column.length = float(facts[f"length{i}"]) if values else 0.0
    if values < column.n - column.n_missing:
        found = raw.filter(raw[column.name].strip().isin(BLANKS)).select(code=raw[column.name].strip()).distinct()
        column.blanks = sorted(found.execute()["code"])
    if not values:
        return column
    if count("zeros"):
        return column  # numbers with leading zeros are names
    if count("flag") == values:
        column.kind = "flag"
    elif count("compact") == values:
        return _date_column(raw, column, [Reading("ymd", COMPACT)])
    elif count("plain") == values:
        column.kind = "number"
        column.low, column.high, column.whole = (
            float(facts[f"low{i}"]),
            float(facts[f"high{i}"]),
            bool(facts[f"whole{i}"]),
        )
        column.grouped = "." if count("grouped.") == values else ""
    elif count("comma") == values or count("grouped.") == values:
        column.kind, column.comma = "number", True
        column.grouped = "," if count("grouped,") == values else ""
    elif count("date") >= values * (1 - TOLERATED_SHARE):
        return _date_column(raw, column)
    return column


def _date_column(raw: ir.Table, column: Column, candidates: Sequence[Reading] = ()) -> Column:
    text = raw[column.name].strip()
    text = text.isin(BLANKS).ifelse(None, text)
    column.dates = fitting(text, candidates or readings(shapes(text)))
    column.kind = "timestamp" if column.dates else "text"
    column.mixed = not column.dates
    return column
