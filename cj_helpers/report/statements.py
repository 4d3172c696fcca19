"""Numbers and sentences: metrics, findings, and sections that could not be estimated."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import pairwise
from typing import Any, TypeVar

from cj_helpers.contract import ALL, DataError
from cj_helpers.report.cells import to_cell
from cj_helpers.report.display import element, paragraph, publish
from cj_helpers.report.state import claim_name, state
from cj_helpers.text import KINDS, _, fill, fill_each, format_value, interval, is_missing, placeholders, value_label

T = TypeVar("T")

LEVELS = ("info", "warning", "critical")
UNITS = tuple(kind for kind in KINDS if kind not in ("date", "month", "datetime", "text", "id"))


def metric(
    name: str,
    estimate: float | None,
    *,
    label: str,
    conf_low: float | None = None,
    conf_high: float | None = None,
    n: int | None = None,
    unit: str = "percent",
    journey: str = "",
    segment: str = ALL,
    tile: bool = False,
    note: str = "",
    **values: Any,
) -> None:
    """State one number with its interval and the number of customers or journeys behind it.

    Parameters
    ----------
    name : str
        Name in results.json; a notebook may state it once for each journey and segment.
    estimate, conf_low, conf_high : float or None
        In the unit: shares as 0-1. None and NaN: not estimable. Both ends of the interval or none.
    label, note : str
        Literal templates; `values` fill them, and ``{n:count}`` is n.
    n : int or None
        How many the estimate rests on. Unless the data are public, fewer than min_group are not shown.
    unit : str
        A kind of number of `cj_helpers.text.format_value`.
    journey, segment : str
        What the number is about; ``""`` and ``all`` are everything.
    tile : bool
        Whether it is one of the tiles of page one.

    Raises
    ------
    ValueError
        When the unit is unknown, or the estimate lies outside its interval.
    """
    if unit not in UNITS:
        raise ValueError(f"metric {name!r}: unit {unit!r} is unknown; one of {', '.join(UNITS)}.")
    numbers = {"estimate": estimate, "conf_low": conf_low, "conf_high": conf_high}
    _check_interval(name, **numbers)
    small = _is_small(n)
    cells = {key: None if small else to_cell(value, unit) for key, value in numbers.items()}
    cells["n"] = None if small else to_cell(n, "count")
    texts = fill_each((label, note), _with_size((label, note), cells["n"], values))
    claim_name("metric", name, "/".join(filter(None, (journey, segment, name))))
    shown = _shown(cells, unit, journey, segment)
    payload = {"name": name, "journey": journey, "segment": segment, **cells, "unit": unit}
    payload |= {"label": texts[0], "note": texts[1], "tile": tile, "suppressed": small, "display": shown}
    details = _details(shown, texts[1], small)
    html = _tile(texts[0], shown, details) if tile else _line(texts[0], shown, details)
    plain = f"{texts[0]}: {shown['estimate']}" + (f" ({'; '.join(details)})" if details else "")
    publish("metric", payload, html=html, plain=plain)


def interval_of(row: Any, n: str = "n") -> dict[str, Any]:
    """Interval and size of one row of a result table, as options of `metric`.

    Parameters
    ----------
    row : Series or named tuple
        With conf_low and conf_high.
    n : str
        Name of the column with the size; ``""`` for none.
    """
    read = row.get if hasattr(row, "get") else lambda name: getattr(row, name)
    return {"conf_low": read("conf_low"), "conf_high": read("conf_high"), **({"n": read(n)} if n else {})}


def finding(template: str, level: str, weight: float, **values: Any) -> None:
    """State a finding as a generated sentence with its numbers.

    Parameters
    ----------
    template : str
        Literal template; `values` fill it.
    level : {"info", "warning", "critical"}
    weight : float
        The three findings of the highest weight open the report.

    Raises
    ------
    ValueError
        When the level is unknown or the weight is not a number.
    """
    if level not in LEVELS:
        raise ValueError(f"finding: level {level!r} is unknown; one of {', '.join(LEVELS)}.")
    if is_missing(weight) or isinstance(weight, str):
        raise ValueError(f"finding: weight {weight!r} is not a number; the three highest open the report.")
    text = fill(template, **values)
    if any(is_missing(value) for value in values.values()):
        _say_nothing(text)
        return
    word = {"info": _("Finding"), "warning": _("Warning"), "critical": _("Critical")}[level]
    html = element("p", _strong(word) + escape(text), class_=f"cj-finding cj-{level}")
    payload = {"text": text, "level": level, "weight": to_cell(float(weight), "number")}
    publish("finding", payload, html=html, plain=f"{word}: {text}")


def _say_nothing(text: str) -> None:
    """Put a note where a finding would stand whose numbers are not there."""
    note = _("A finding is left out here: the data give no number for it.")
    payload = {"name": "finding", "text": note, "n": None}
    publish("not_estimable", payload, html=paragraph(note), plain=f"{note} ({text})")


def not_estimable(name: str, reason_template: str, n: int | None = None, **values: Any) -> None:
    """Say that a section could not be estimated and why; the rest of the report goes on.

    Parameters
    ----------
    name : str
        The table or metric that is missing.
    reason_template : str
        Literal template; `values` fill it, and ``{n:count}`` is n.
    n : int or None
        How many there were to estimate from; not shown for a small group.
    """
    shown = None if _is_small(n) else to_cell(n, "count")
    text = fill(reason_template, **_with_size((reason_template,), shown, values))
    claim_name("statement", name)
    number = "" if shown is None else " " + fill("(n = {n:count})", n=shown)
    word = _("Not estimable")
    html = element("p", _strong(word) + escape(text + number), class_="cj-note cj-not-estimable")
    payload = {"name": name, "text": text, "n": shown}
    publish("not_estimable", payload, html=html, plain=f"{word}: {text}{number}")


def attempt(name: str, function: Callable[..., T], *args: Any, **options: Any) -> T | None:
    """Call an analysis; where the data do not allow it, say so in the report and return None.

    Parameters
    ----------
    name : str
        The table that would come of it.
    function, args, options
        What to call, and with what.

    Returns
    -------
    result of the call, or None
        None after a DataError, whose message becomes a "not estimable" line. Every other error goes on.
    """
    try:
        return function(*args, **options)
    except DataError as error:
        not_estimable(name, "{reason}", reason=str(error))
        return None


def _is_small(n: Any) -> bool:
    """Whether a group is too small to be shown; nobody (0) is no group."""
    return not state().public and not is_missing(n) and 0 < float(n) < state().min_group


def _with_size(templates: tuple[str, ...], n: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Values for templates that may name ``n`` too, which is an option and no value."""
    named = any("n" in placeholders(template) for template in templates)
    return {**values, "n": n} if named else values


def _check_interval(name: str, *, estimate: Any, conf_low: Any, conf_high: Any) -> None:
    if (conf_low is None) != (conf_high is None):
        raise ValueError(f"metric {name!r}: give conf_low and conf_high, or none of them.")
    known = [value for value in (conf_low, estimate, conf_high) if not is_missing(value)]
    slack = 1e-9 * max(map(abs, known), default=0)
    if any(low > high + slack for low, high in pairwise(known)):
        raise ValueError(
            f"metric {name!r}: found conf_low {conf_low}, estimate {estimate}, conf_high {conf_high}; "
            "they must be in this order."
        )


def _shown(cells: dict[str, Any], unit: str, journey: str, segment: str) -> dict[str, str]:
    has_interval = cells["conf_low"] is not None or cells["conf_high"] is not None
    return {
        "estimate": format_value(cells["estimate"], unit),
        "interval": interval(cells["conf_low"], cells["conf_high"], unit) if has_interval else "",
        "n": "" if cells["n"] is None else format_value(cells["n"], "count"),
        "journey": state().journeys.get(journey, journey),
        "segment": value_label("segment", segment),
    }


def _details(shown: dict[str, str], text: str, small: bool) -> list[str]:
    """What stands below a number: what it is about, interval, n, and the note."""
    about = [shown["journey"], "" if shown["segment"] == value_label("segment", ALL) else shown["segment"]]
    lines = [", ".join(filter(None, about))]
    if shown["interval"]:
        lines.append(fill("95 % interval {interval}", interval=shown["interval"]))
    if shown["n"]:
        lines.append(fill("n = {n}", n=shown["n"]))
    if small:
        lines.append(fill("not shown for fewer than {least:count} customers", least=state().min_group))
    return [line for line in [*lines, text] if line]


def _tile(label: str, shown: dict[str, str], details: list[str]) -> str:
    parts = [paragraph(label, "cj-tile-label"), paragraph(shown["estimate"], "cj-tile-value")]
    parts += [paragraph("; ".join(details))] if details else []
    return element("div", "".join(parts), class_="cj-tile")


def _line(label: str, shown: dict[str, str], details: list[str]) -> str:
    text = element("span", escape(label), class_="cj-metric-label") + ": "
    text += element("strong", escape(shown["estimate"]))
    if details:
        text += " " + element("span", escape(f"({'; '.join(details)})"), class_="cj-note")
    return element("p", text, class_="cj-metric")


def _strong(word: str) -> str:
    return element("strong", escape(f"{word}:"), class_="cj-level") + " "
