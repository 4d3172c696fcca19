"""The sentence about a figure's main number, for readers who cannot see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cj_helpers.contract import ALL, MainNumber
from cj_helpers.text import _, fill, format_value

Row = Sequence[Any]
# What counts in a table that no plot function of ours drew: the first of these columns that it has.
_LEADING = (
    *("completed_within", "estimate", "share", "nps", "importance", "hazard_ratio", "share_of_start", "n_journeys"),
    *("n_events", "n_rows", "rows", "n_customers", "n"),
)


def main_number(
    columns: Sequence[Mapping[str, str]],
    rows: Sequence[Row],
    main: MainNumber | None,
    *,
    cell_text: Callable[[Any, Mapping[str, str]], str],
) -> str:
    """Return the number that a figure's table says most with, in words, and what it is about; "" when there is none.

    Parameters
    ----------
    columns, rows
        As in a bundle: without small groups.
    main : MainNumber, optional
        Which number that is; without it the largest of the first well-known column.
    cell_text
        Words of a cell of a column.
    """
    place = {column["name"]: index for index, column in enumerate(columns)}
    chosen = main or _generic(columns)
    if chosen is None or chosen.column not in place:
        return ""
    lead = place[chosen.column]
    known = [row for row in _that_count(rows, place, chosen) if _is_number(row[lead])]
    if not known:
        return ""
    row = _picked(known, lead, chosen, columns[lead]["kind"])
    about = [cell_text(row[place[name]], columns[place[name]]) for name in chosen.about if _says(row, place, name)]
    value = math.exp(row[lead]) if chosen.pick == "exp" else row[lead]
    kind = "ratio" if chosen.pick == "exp" else chosen.kind or columns[lead]["kind"]
    words = _(chosen.words) if chosen.words else columns[lead]["label"]
    return _sentence(chosen.pick, words, format_value(value, kind), ", ".join(about))


def _generic(columns: Sequence[Mapping[str, str]]) -> MainNumber | None:
    names = [column["name"] for column in columns]
    lead = next((name for name in _LEADING if name in names), "")
    texts = [column["name"] for column in columns if column["kind"] == "text"]
    return MainNumber(lead, about=tuple(texts[:2])) if lead else None


def _that_count(rows: Sequence[Row], place: Mapping[str, int], main: MainNumber) -> Sequence[Row]:
    """Rows of the values asked for, and of each curve the last one up to the horizon."""
    where = [(place[name], value) for name, value in main.where.items() if name in place]
    rows = [row for row in rows if all(row[at] == value for at, value in where)] or rows
    if main.time not in place:
        return rows
    time = place[main.time]
    until = math.inf if main.until is None else main.until
    others = [place[name] for name in main.about if name in place and name != main.time]
    in_time = sorted((row for row in rows if row[time] is not None and row[time] <= until), key=lambda row: row[time])
    return list({tuple(row[at] for at in others): row for row in in_time}.values())


def _picked(rows: Sequence[Row], lead: int, main: MainNumber, kind: str) -> Row:
    if main.pick == "last":
        return rows[-1]
    if main.pick == "smallest":
        return min(rows, key=lambda row: row[lead])
    if main.pick == "extreme" and kind == "ratio":
        return max(rows, key=lambda row: abs(math.log(row[lead])) if row[lead] > 0 else math.inf)
    if main.pick in ("extreme", "exp"):
        return max(rows, key=lambda row: abs(row[lead]))
    return max(rows, key=lambda row: row[lead])


def _sentence(pick: str, words: str, value: str, about: str) -> str:
    template = {
        "largest": _("Largest {words}: {value}"),
        "smallest": _("Smallest {words}: {value}"),
        "last": _("Last {words}: {value}"),
    }.get(pick, _("Most striking {words}: {value}"))
    words = words if words[1:2].isupper() else words[:1].lower() + words[1:]
    text = template.replace("{words}", words).replace("{value}", value)
    return fill("{text} ({about}).", text=text, about=about) if about else f"{text}."


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _says(row: Row, place: Mapping[str, int], name: str) -> bool:
    return name in place and row[place[name]] not in (None, "", ALL)
