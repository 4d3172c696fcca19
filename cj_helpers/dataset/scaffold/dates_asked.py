"""Dates that can be read in two ways: the order is asked for, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cj_helpers.contract import ConfigError
from cj_helpers.dataset.scaffold.dates import ORDERS
from cj_helpers.dataset.scaffold.profile import Column, Profile

# (file, column, an example, the orders that fit) -> the order
Ask = Callable[[str, str, str, tuple[str, ...]], str]
_WORDS = {"dmy": "day month year", "mdy": "month day year", "ymd": "year month day"}


def parse_orders(given: Sequence[str]) -> dict[str, str]:
    """Read ``dmy`` (of every file) or ``calls.csv=dmy`` (of one); returns the order by file, ``""`` for all.

    Raises
    ------
    ConfigError
    """
    orders: dict[str, str] = {}
    for text in given:
        file, _, order = text.rpartition("=")
        if order not in ORDERS:
            raise ConfigError(f"--date-order {text!r}: allowed are {', '.join(ORDERS)}, or FILE=dmy for one file.")
        orders[file] = order
    return orders


def settle(sources: Sequence[Profile], orders: Mapping[str, str], ask: Ask | None) -> None:
    """Leave one notation to every column of dates.

    Raises
    ------
    ConfigError
        When dates can be read in two ways and nobody says how; names every such column.
    """
    open_questions = []
    for source in sources:
        for column in source.columns:
            if not column.ambiguous:
                continue
            order = _given(source, orders) or (
                ask and ask(source.paths[0].name, column.name, example(source, column), _fits(column))
            )
            if not order:
                open_questions.append(_question(source, column))
                continue
            if order not in _fits(column):
                raise ConfigError(
                    f"{source.paths[0].name}: {column.name!r} cannot be read as {order}; {_choices(column)} fit."
                )
            column.dates = [reading for reading in column.dates if reading.order == order]
    if open_questions:
        raise ConfigError("\n".join([*open_questions, _remedy(sources)]))


def example(source: Profile, column: Column) -> str:
    """Return one value of a column of dates."""
    values = source.table[column.name].strip()
    known = source.table.filter(values.notnull() & (values != "")).select(v=values).limit(1).execute()
    return str(known["v"].iloc[0])


def _given(source: Profile, orders: Mapping[str, str]) -> str:
    names = [name for path in source.paths for name in (path.name, str(path))]
    return next((orders[name] for name in names if name in orders), orders.get("", ""))


def _fits(column: Column) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reading.order for reading in column.dates))


def _choices(column: Column) -> str:
    return " and ".join(f"{order} ({_WORDS[order]})" for order in _fits(column))


def _question(source: Profile, column: Column) -> str:
    return (
        f"{source.paths[0].name}: the dates of {column.name!r} (such as {example(source, column)}) can be read as "
        f"{_choices(column)}: every one of the {column.n - column.n_missing:,} values fits each."
    )


def _remedy(sources: Sequence[Profile]) -> str:
    orders = sorted({order for s in sources for c in s.columns if c.ambiguous for order in _fits(c)})
    one = orders[0]
    return f"Nothing was written. Say which it is: --date-order {one}, or for one file --date-order FILE={one}."
