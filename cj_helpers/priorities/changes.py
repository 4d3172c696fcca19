"""Did the last fix work? Completion before and after each dated change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import ALL, OPEN, OTHER, JourneyDefinition
from cj_helpers.inference import combined_interval
from cj_helpers.journeys import add_segment, journey_frame
from cj_helpers.survival import incidence_at

BETTER, WORSE, SAME, EARLY = "better", "worse", "no change of note", "too early to tell"
RELEVANT = 0.05
FEWEST = 10
CHANGE_COLUMNS = [
    "date",
    "journey",
    "what_changed",
    "segment",
    "comparison",
    "horizon_days",
    "n_before",
    "n_after",
    "before",
    "after",
    "difference",
    "adjusted_difference",
    "conf_low",
    "conf_high",
    "result",
]
_DAY = pd.Timedelta(days=1)
_SPAN = pd.Timedelta(days=90)
_APART = "\x1f"  # between two values in one text; no value holds a control character


class DatedChange(Protocol):
    """What a change has to say of itself, as dataset.yml does under ``changes``."""

    date: date
    label: str
    journey: str
    segment: Mapping[str, str]
    comparison: Mapping[str, str]
    mix: str


def change_columns(changes: Iterable[DatedChange]) -> list[str]:
    """Name the columns that changes look at, for the ``keep`` of ``build_steps``."""
    return sorted({name for change in changes for name in (*change.segment, change.mix) if name})


def changes_compared(
    journeys: ir.Table,
    *,
    changes: Iterable[DatedChange],
    definitions: Mapping[str, JourneyDefinition],
    as_of: pd.Timestamp,
    time_zone: str,
    steps: ir.Table | None = None,
    customers: ir.Table | None = None,
) -> pd.DataFrame:
    """Compare, for every dated change, the completion of journeys started before it and after it.

    Parameters
    ----------
    journeys : ibis table
        What ``build_journeys`` returns.
    changes : iterable of DatedChange
        A change without a journey is looked for in all of them. ``segment`` limits it to one value of a column,
        ``comparison`` is another value of that column that the change did not touch, ``mix`` a column whose shares
        are held as they were before.
    as_of : Timestamp
        UTC.
    time_zone : str
        Zone in which the day of a change begins.
    steps, customers : ibis tables
        Where the columns are looked up, as in ``add_segment``.

    Returns
    -------
    DataFrame, one row per change and journey, in the order of their dates
        date, journey, what_changed (its label), segment, comparison, horizon_days, n_before, n_after (journeys),
        before, after (completed within the horizon), difference, adjusted_difference (mix held constant, less the
        difference of the comparison), conf_low, conf_high (of the adjusted difference), result (better | worse | no
        change of note | too early to tell).

    Notes
    -----
    Journeys started up to 90 days (or ``within``, if longer) on either side count, but none beyond the next dated
    change of the same journey. Those before are followed up to the change only, so that what came after it does not
    colour the old state; both rates are Aalen-Johansen incidences at ``within``, or at the longest time to which both
    sides can be followed. The interval
    combines the clustered intervals of the rates (Zou & Donner 2008) as if both sides had different customers.
    "No change of note" needs the whole interval within 5 points; an interval that holds 0 and reaches further says that
    it is too early to tell. What else happened at that time is not told apart, except through the comparison.
    """
    rows = []
    dated = sorted(changes, key=lambda item: (item.date, item.label))
    for change in dated:
        frame = _frame(journeys, change, steps, customers)
        for key in [change.journey] if change.journey else list(definitions):
            days = [_day(other, time_zone) for other in dated if other.journey in ("", key)]
            at, part = _day(change, time_zone), frame.loc[frame["journey"].eq(key)]
            since = max((day for day in days if day < at), default=pd.Timestamp.min)
            until = min([as_of, *(day for day in days if day > at)])
            window = _Window(since, at, until, definitions[key].within / _DAY)
            rows.append(_compare(part, change, key, window))
    return pd.DataFrame(rows, columns=CHANGE_COLUMNS)


@dataclass(frozen=True)
class _Window:
    """From the change before it to the change after it, both within the span, and the horizon of the headline rate."""

    since: pd.Timestamp
    at: pd.Timestamp
    until: pd.Timestamp
    within_days: float

    def sides(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Journeys started before and after."""
        span = max(_SPAN, self.within_days * _DAY)
        started = rows["started_at"]
        before = started.ge(max(self.since, self.at - span)) & started.lt(self.at)
        after = started.ge(self.at) & started.lt(min(self.until, self.at + span))
        return _followed(rows.loc[before], self.at), _followed(rows.loc[after], self.until)


def _followed(rows: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Follow journeys up to a moment: what ended later is still open then."""
    followed = (until - rows["started_at"]).dt.total_seconds() / 86_400
    cut = rows["duration_days"].gt(followed)
    return rows.assign(
        followed_days=followed,
        outcome=rows["outcome"].mask(cut, OPEN),
        duration_days=rows["duration_days"].mask(cut, followed),
    )


@dataclass
class _Sum:
    """Rates that are added and subtracted, with their limits."""

    weights: list[float] = field(default_factory=list)
    rates: list[pd.Series] = field(default_factory=list)

    def add(self, weight: float, rate: pd.Series) -> None:
        self.weights.append(weight)
        self.rates.append(rate)

    def interval(self) -> tuple[float, float, float]:
        """The sum and its limits."""
        table = pd.DataFrame(self.rates)
        return combined_interval(self.weights, table["estimate"], table["conf_low"], table["conf_high"])


def _day(change: DatedChange, time_zone: str) -> pd.Timestamp:
    """The moment at which the day of a change begins, in UTC."""
    return pd.Timestamp(change.date).tz_localize(time_zone).tz_convert("UTC").tz_localize(None)


def _frame(journeys: ir.Table, change: DatedChange, steps: ir.Table | None, customers: ir.Table | None) -> pd.DataFrame:
    """One row per journey with its part (value of the change's column) and its mix."""
    column = next(iter(change.segment), "")
    parted = add_segment(journeys, segment_col=column, steps=steps, customers=customers).rename(_part="segment")
    mixed = add_segment(parted, segment_col=change.mix, steps=steps, customers=customers)
    frame = journey_frame(mixed.mutate(segment=mixed["_part"].concat(_APART, mixed["segment"])))
    frame[["part", "mix"]] = frame["segment"].str.split(_APART, n=1, expand=True).to_numpy().reshape(-1, 2)
    return frame


def _compare(rows: pd.DataFrame, change: DatedChange, key: str, window: _Window) -> dict[str, Any]:
    value = next(iter(change.segment.values()), ALL)
    other = next(iter(change.comparison.values()), "")
    touched = window.sides(rows.loc[rows["part"].eq(value)])
    untouched = window.sides(rows.loc[rows["part"].eq(other)]) if other else ()
    row: dict[str, Any] = dict.fromkeys(CHANGE_COLUMNS, np.nan) | {
        "date": pd.Timestamp(change.date),
        "journey": key,
        "what_changed": change.label,
        "segment": value,
        "comparison": other,
        "n_before": len(touched[0]),
        "n_after": len(touched[1]),
        "result": EARLY,
    }
    sides = [*touched, *untouched]
    if min(map(len, sides)) < FEWEST:
        return row
    horizon = min(window.within_days, *map(_reach, sides))
    before, after = (_rate(side, horizon) for side in touched)
    row |= {"horizon_days": horizon, "before": before["estimate"], "after": after["estimate"]}
    row["difference"] = row["after"] - row["before"]
    total = _Sum()
    _add_change(total, touched, horizon, 1.0)
    if untouched:
        _add_change(total, (untouched[0], untouched[1]), horizon, -1.0)
    row["adjusted_difference"], row["conf_low"], row["conf_high"] = total.interval()
    return row | {"result": _result(row["conf_low"], row["conf_high"])}


def _add_change(total: _Sum, sides: tuple[pd.DataFrame, pd.DataFrame], horizon: float, sign: float) -> None:
    """Add after less before, stratum by stratum, weighted as the strata were before."""
    before, after = _same_strata(*sides, horizon)
    shares = before["mix"].value_counts(normalize=True).sort_index()
    for stratum, share in zip(map(str, shares.index), shares, strict=True):
        total.add(sign * share, _rate(after.loc[after["mix"].eq(stratum)], horizon))
        total.add(-sign * share, _rate(before.loc[before["mix"].eq(stratum)], horizon))


def _same_strata(before: pd.DataFrame, after: pd.DataFrame, horizon: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pool the smallest strata until each can be followed to the horizon on both sides."""

    def fits(strata: list[str]) -> bool:
        parts = [side.loc[side["mix"].isin(strata)] for side in (before, after)]
        return min(map(len, parts)) >= FEWEST and min(map(_reach, parts)) >= horizon

    sizes = before["mix"].value_counts().add(after["mix"].value_counts(), fill_value=0)
    order = [str(name) for name in sizes.sort_values(kind="stable").index]
    pooled = [stratum for stratum in order if not fits([stratum])]
    for stratum in order:
        if not pooled or fits(pooled):
            break
        pooled += [] if stratum in pooled else [stratum]
    first, second = (side.assign(mix=side["mix"].mask(side["mix"].isin(pooled), OTHER)) for side in (before, after))
    return first, second


def _reach(side: pd.DataFrame) -> float:
    """Longest time up to which these journeys say how many are completed, with 10 of them followed that long."""
    last = side["duration_days"].max()
    all_ended = side.loc[side["duration_days"].eq(last), "outcome"].ne(OPEN).all()
    return float(min(np.inf if all_ended else last, side["followed_days"].nlargest(FEWEST).iloc[-1]))


def _rate(side: pd.DataFrame, horizon: float) -> pd.Series:
    return incidence_at(side, time_days=horizon, cluster_col="customer").iloc[0]


def _result(low: float, high: float) -> str:
    if low > 0:
        return BETTER
    if high < 0:
        return WORSE
    return SAME if max(-low, high) <= RELEVANT else EARLY
