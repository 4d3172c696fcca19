"""Which table a file belongs to, and which of its columns the project's names stand for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cj_helpers.contract import TABLES
from cj_helpers.dataset.scaffold.names import plain, score
from cj_helpers.dataset.scaffold.profile import Column, Profile

_NPS = re.compile(r"nps|recommend|likelihood|empfehl|weiterempf|ltr\b")
_CSAT = re.compile(r"csat|satisf|zufrieden")
_CES = re.compile(r"\bces\b|effort|aufwand|easy")
_WEIGHT = re.compile(r"^(weight|gewicht|w)$")
_KINDS = {
    "timestamp": ("timestamp",),
    "number": ("number",),
    "flag": ("flag", "number"),
    "text": ("text", "number", "flag"),
}
_EVENTS = ("customer_id", "timestamp", "touchpoint", "channel", "mode", "device", "session_id", "journey_id", "cost")
_MOST_TOUCHPOINTS = 5_000


@dataclass
class Placed:
    """A source and its place in dataset.yml.

    Attributes
    ----------
    table : str
        events, surveys, customers, identities, or empty when it could not be placed.
    columns : dict of contract name to source column
    guesses : dict of contract name to the reason in words
    missing : list of str
        What the file would need to be placed, or what could not be told.
    survey : dict
        Entries of ``survey:`` that the file suggests.
    """

    source: Profile
    table: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    guesses: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    survey: dict[str, object] = field(default_factory=dict)

    @property
    def questions(self) -> set[str]:
        """Columns that ``survey:`` names."""
        entries = [item for value in self.survey.values() for item in (value if isinstance(value, list) else [value])]
        return {item.name if isinstance(item, Column) else str(item) for item in entries}


def place(source: Profile) -> Placed:
    """Decide what a source is: the first of identities, surveys, events and customers that it could be."""
    for attempt in (_identities, _surveys, _events, _customers):
        placed = attempt(source)
        if placed is not None:
            return placed
    return Placed(source, missing=_why_not(source))


def best(source: Profile, role: str, table: str, taken: set[str]) -> Column | None:
    """Return the column that fits a role best by name and type, None when none does."""
    kinds = _KINDS[TABLES[table][role].kind]
    fits = [c for c in source.columns if c.name not in taken and c.kind in kinds and c.n_missing < c.n]
    ranked = sorted(fits, key=lambda c: -score(c.name, role))
    return ranked[0] if ranked and score(ranked[0].name, role) > 0 else None


def _assign(source: Profile, table: str, roles: tuple[str, ...], taken: set[str] | None = None) -> Placed:
    placed, taken = Placed(source, table), set(taken or ())
    for role in roles:
        column = best(source, role, table, taken)
        if column is not None:
            taken.add(column.name)
            placed.columns[role] = column.name
            exact = column.name == role
            placed.guesses[role] = "" if exact else _reason(column, role)
    return placed


def _reason(column: Column, role: str) -> str:
    if role.endswith("_id") or role == "touchpoint":
        return f"{column.n_distinct:,} different values"
    return ""


def _identities(source: Profile) -> Placed | None:
    """Two columns of ids and hardly anything else."""
    ids = [c for c in source.columns if c.kind in ("text", "number") and c.n_distinct * 2 > c.n]
    if len(source.columns) > 3 or len(ids) < 2 or any(c.length > 80 for c in ids):
        return None
    alias = max(ids, key=lambda c: (score(c.name, "alias"), c.n_distinct))
    rest = [c for c in ids if c is not alias]
    owner = max(rest, key=lambda c: score(c.name, "customer_id"))
    if not score(owner.name, "customer_id") and not score(alias.name, "alias"):
        return None
    reasons = {name: f"{c.n_distinct:,} different values" for name, c in (("alias", alias), ("customer_id", owner))}
    return Placed(source, "identities", {"alias": alias.name, "customer_id": owner.name}, reasons)


def _surveys(source: Profile) -> Placed | None:
    """A question that is answered with 0 to 10, or three or more scales."""
    rated = [c for c in source.columns if _is_scale(c)]
    nps = next((c for c in rated if _NPS.search(plain(c.name))), None)
    if nps is None and (len(rated) < 3 or len(rated) * 2 < len(source.columns)):
        return None
    placed = _assign(source, "surveys", ("customer_id", "answered_at", "verbatim"), {c.name for c in rated})
    placed.survey = _questions(rated, nps, source)
    return placed


def _is_scale(column: Column) -> bool:
    return (
        column.kind == "number"
        and column.whole
        and 2 < column.n_distinct <= 14
        and 0 <= column.low <= column.high <= 999
    )


def _questions(rated: list[Column], nps: Column | None, source: Profile) -> dict[str, object]:
    found: dict[str, object] = {}
    rest = [c for c in rated if c is not nps]
    if nps is not None:
        found["nps"] = nps.name
        if nps.high > 10:
            found["missing"] = nps.name
    csat = next((c for c in rest if _CSAT.search(plain(c.name))), None)
    ces = next((c for c in rest if _CES.search(plain(c.name)) and c is not csat), None)
    found |= {"csat": csat} if csat else {}
    found |= {"ces": ces} if ces else {}
    found["drivers"] = [c for c in rest if c not in (csat, ces)]
    weight = next((c for c in source.columns if _WEIGHT.match(plain(c.name)) and c.kind == "number"), None)
    return found | ({"weight": weight.name} if weight else {})


def _events(source: Profile) -> Placed | None:
    """Who, when and what, with customers that occur more than once."""
    placed = _assign(
        source,
        "events",
        ("customer_id", "timestamp", "touchpoint", *_EVENTS[3:], "duration_s", "effort", "satisfaction", "order"),
    )
    if "customer_id" not in placed.columns and "journey_id" in placed.columns:  # a log of cases
        placed.columns = {"customer_id": placed.columns["journey_id"], **placed.columns}
        placed.missing.append("no customer: each case stands for a customer of its own")
    if not {"customer_id", "timestamp"} <= set(placed.columns):
        return None
    who = source.column(placed.columns["customer_id"])
    if who.unique and who.n > 1 and score(who.name, "customer_id") and _customers(source) is not None:
        return None
    if "touchpoint" not in placed.columns:
        what = _unnamed_touchpoint(source, set(placed.columns.values()))
        if what is None:
            placed.missing.append("no column says what happened: every row is the touchpoint 'event'")
        else:
            placed.columns["touchpoint"], placed.guesses["touchpoint"] = what.name, _reason(what, "touchpoint")
    return placed


def _unnamed_touchpoint(source: Profile, taken: set[str]) -> Column | None:
    """The column of text with the most different values that are still few beside the rows."""
    texts = [c for c in source.columns if c.kind == "text" and c.name not in taken and 1 < c.n_distinct <= c.n * 0.2]
    few = [c for c in texts if c.n_distinct <= _MOST_TOUCHPOINTS and c.length < 80]
    return max(few, key=lambda c: c.n_distinct, default=None)


def _customers(source: Profile) -> Placed | None:
    """One row per customer, with dates of a contract or a tenure."""
    roles = tuple(name for name in TABLES["customers"] if name not in ("valid_from", "observed_until"))
    placed = _assign(source, "customers", roles)
    name = placed.columns.get("customer_id")
    if name is None or not source.column(name).unique:
        return None
    if not {"started_at", "tenure"} & set(placed.columns) and len(source.columns) < 3:
        return None
    return placed


def _why_not(source: Profile) -> list[str]:
    """Say what keeps a source out of every table."""
    lines = []
    dates = [c for c in source.columns if c.kind == "timestamp"]
    who = max(source.columns, key=lambda c: score(c.name, "customer_id"))
    if not score(who.name, "customer_id"):
        lines.append("no column looks like the id of a customer")
    elif not who.unique:
        lines.append(f"{who.name} looks like the id of a customer, but occurs up to several times")
    offsets = [
        c for c in source.columns if c.kind == "number" and c.whole and re.search(r"date|day|tag", plain(c.name))
    ]
    if not dates and offsets:
        named = ", ".join(f"{c.name} ({c.low:,.0f} to {c.high:,.0f})" for c in offsets)
        lines.append(f"no dates; {named} may count days from a day that the file does not say")
    elif not dates:
        mixed = [c.name for c in source.columns if c.mixed]
        lines.append(f"{', '.join(mixed)} mixes several notations of dates" if mixed else "no column holds dates")
    return lines
