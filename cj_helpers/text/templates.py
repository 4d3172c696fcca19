"""Literal templates with named placeholders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real
from string import Formatter
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.text.formats import KINDS, format_value, interval
from cj_helpers.text.language import _, current_language


def placeholders(template: str) -> dict[str, str]:
    """Kind of each named placeholder of a template: ``{"share": "percent"}``; plain text has kind ``text``.

    Raises
    ------
    ValueError
        When a placeholder is not a plain name with an optional known kind: positions, attributes, indices
        and conversions could reach into the objects behind the values.
    """
    return {name: kind for literal, name, kind in _pieces(template) if name}


def fill(template: str, /, **values: Any) -> str:
    """Translate a literal template and put the values in, each formatted by the kind in its placeholder.

    Parameters
    ----------
    template : str
        Such as ``"{n:count} journeys, {share:percent} completed"``. Kinds are those of `format_value`.
    **values
        One value per placeholder. A pair ``(low, high)`` becomes an interval; missing becomes "n/a".

    Raises
    ------
    ValueError
        When a placeholder has no value, a value no placeholder, a number no kind, or a kind is unknown.
    ConfigError
        When the translation does not have the same placeholders as the template.

    Examples
    --------
    >>> fill("{share:percent} of {n:count}", share=0.5, n=1234)
    '50.0 % of 1,234'
    """
    kinds = placeholders(template)
    if set(kinds) != set(values):
        missing, unused = sorted(set(kinds) - set(values)), sorted(set(values) - set(kinds))
        raise ValueError(
            f"template {template!r}: no value for {missing or 'none'}, no placeholder for {unused or 'none'};"
            " give exactly one value for each placeholder."
        )
    parts = []
    for literal, name, kind in _translated(template, kinds):
        parts.append(literal)
        if name:
            parts.append(_formatted(values[name], kind, name, template))
    return "".join(parts)


def fill_each(templates: Iterable[str], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Fill several templates from one set of values, each of which one of them must use.

    Raises
    ------
    ValueError
        As `fill`; a value that no template names is most often a misspelt option.
    """
    wanted = [(template, placeholders(template)) for template in templates]
    unused = sorted(set(values).difference(*(names for _template, names in wanted)))
    if unused:
        raise ValueError(f"{', '.join(unused)}: neither an option nor a placeholder of a template here.")
    return tuple(
        fill(template, **{name: value for name, value in values.items() if name in names}) for template, names in wanted
    )


def _translated(template: str, kinds: dict[str, str]) -> list[tuple[str, str, str]]:
    translation = _(template)
    if translation == template:
        return _pieces(template)
    try:
        pieces = _pieces(translation)
    except ValueError as error:
        raise ConfigError(f"language {current_language()}: the translation of {template!r}: {error}") from error
    if {name: kind for literal, name, kind in pieces if name} != kinds:
        raise ConfigError(
            f"language {current_language()}: the translation of {template!r} has other placeholders than the "
            f"original; keep {sorted(kinds)} with their kinds."
        )
    return pieces


def _pieces(template: str) -> list[tuple[str, str, str]]:
    """(text before, name, kind) in order; the name is empty after the last placeholder."""
    pieces = []
    for literal, name, kind, conversion in Formatter().parse(template):
        if name is None:
            pieces.append((literal, "", ""))
            continue
        if not name.isidentifier() or conversion:
            raise ValueError(f"template {template!r}: {{{name}}} is not a plain name such as {{n:count}}.")
        if (kind or "text") not in KINDS:
            raise ValueError(f"template {template!r}: unknown kind {kind!r} of {name!r}; one of {', '.join(KINDS)}.")
        pieces.append((literal, name, kind or "text"))
    return pieces


def _formatted(value: Any, kind: str, name: str, template: str) -> str:
    if isinstance(value, tuple) and len(value) == 2:
        return interval(*value, kind)
    if kind == "text" and isinstance(value, Real) and not isinstance(value, bool):
        raise ValueError(f"template {template!r}: {name!r} is a number and needs a kind, such as {{{name}:count}}.")
    return format_value(value, kind)
