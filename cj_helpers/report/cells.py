"""A DataFrame as the columns and rows of a bundle: JSON values that survive every tool."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date
from numbers import Integral
from typing import TYPE_CHECKING, Any

from cj_helpers.text import KINDS, is_missing, local_time, table_kinds, table_labels
from cj_helpers.text.times import duration_in_days

if TYPE_CHECKING:
    import pandas as pd

# JSON readers take numbers as doubles: larger integers would silently change.
LARGEST_EXACT = 2**53
SIGNIFICANT = 10
TEXT_KINDS = ("text", "id")
TIME_KINDS = ("date", "month", "datetime")
_NUMBERS = tuple(kind for kind in KINDS if kind not in TIME_KINDS)
# What a column holds (pandas' words) -> its kind when the name tells nothing, kinds that it can have.
_BY_VALUE = {
    "integer": ("count", _NUMBERS),
    **dict.fromkeys(["floating", "mixed-integer-float", "decimal"], ("number", _NUMBERS)),
    **dict.fromkeys(["datetime64", "datetime"], ("datetime", TIME_KINDS)),
    "date": ("date", TIME_KINDS),
    **dict.fromkeys(["timedelta64", "timedelta"], ("days", ("days", "hours"))),
}


def check_table(name: str, table: pd.DataFrame) -> None:
    """Refuse what a result table cannot be.

    Raises
    ------
    TypeError
        When it is no DataFrame.
    ValueError
        When column names repeat or are not text, or the index holds data.
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        hint = "; call .to_pandas() first" if hasattr(table, "to_pandas") else ""
        raise TypeError(f"table {name!r}: a pandas DataFrame was expected, not {type(table).__name__}{hint}.")
    if table.columns.has_duplicates:
        repeated = sorted({str(column) for column in table.columns[table.columns.duplicated()]})
        raise ValueError(f"table {name!r}: columns {', '.join(repeated)} occur more than once; rename or drop them.")
    if not all(isinstance(column, str) and column for column in table.columns):
        raise ValueError(f"table {name!r}: every column needs one name of text; rename or flatten the columns.")
    if not len(table.columns):
        raise ValueError(f"table {name!r}: there are no columns to show.")
    if any(level is not None for level in table.index.names):
        raise ValueError(f"table {name!r}: the index {table.index.names} would be lost; call .reset_index() first.")


def describe_columns(table: pd.DataFrame, kinds: Mapping[str, str] | None) -> list[dict[str, str]]:
    """Name, label and kind of each column; unknown names go by what they hold.

    Raises
    ------
    ValueError
        When `kinds` names a column that is not there or an unknown kind.
    """
    given = dict(kinds or {})
    for column, kind in given.items():
        if column not in table.columns or kind not in KINDS:
            raise ValueError(
                f"kinds: {column!r}: {kind!r} is not a column of the table with a kind of {', '.join(KINDS)}."
            )
    known = table_kinds(table.columns, given, default="")
    labels = table_labels(table.columns)
    return [
        {"name": name, "label": labels[name], "kind": _fitting_kind(table[name], known[name])} for name in table.columns
    ]


def to_rows(table: pd.DataFrame, columns: list[dict[str, str]]) -> list[list[Any]]:
    """Rows of JSON values: missing and infinite as None, ids and large integers as text, 10 digits."""
    values = [[to_cell(value, column["kind"]) for value in table[column["name"]]] for column in columns]
    return [list(row) for row in zip(*values, strict=True)]


def to_cell(value: Any, kind: str) -> Any:
    """One JSON value of a kind."""
    if is_missing(value):
        return None
    if type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    if kind in TIME_KINDS or isinstance(value, date) or _dtype_kind(value) == "M":
        return _iso(value, kind)
    if hasattr(value, "total_seconds") or _dtype_kind(value) == "m":
        return to_cell(duration_in_days(value) * (24 if kind == "hours" else 1), kind)
    if isinstance(value, Integral):
        return str(int(value)) if kind == "id" or abs(int(value)) > LARGEST_EXACT else int(value)
    if hasattr(value, "__float__") and not isinstance(value, str):
        return _rounded(float(value), kind)
    return str(value)


def _rounded(value: float, kind: str) -> Any:
    # A column with gaps turned its integers into floats.
    if kind in ("id", "count") and value.is_integer() and abs(value) <= LARGEST_EXACT:
        return to_cell(int(value), kind)
    return float(f"{value:.{SIGNIFICANT}g}") + 0.0  # the sum turns -0.0 into 0.0


def _iso(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return value
    if kind in ("date", "month") or not hasattr(_python_time(value), "hour"):
        return local_time(value).strftime("%Y-%m-%d")
    moment = _python_time(value)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _python_time(value: Any) -> Any:
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime(warn=False)
    return value.astype("datetime64[us]").item() if _dtype_kind(value) == "M" else value


def _fitting_kind(column: pd.Series[Any], kind: str) -> str:
    """The kind that the name tells where the values fit it, else that of the values; fractions are no text."""
    import pandas as pd

    held = pd.api.types.infer_dtype(column, skipna=True)
    if held in _BY_VALUE:
        by_value, is_fitting = _BY_VALUE[held]
        is_measured = kind == "text" and by_value == "number" and bool((column.dropna() % 1).any())
        return kind if kind in is_fitting and not is_measured else by_value
    return kind if kind == "id" or (held == "empty" and kind) else "text"


def _dtype_kind(value: Any) -> str:
    return getattr(getattr(value, "dtype", None), "kind", "")
