"""Past runs beside this one: what may be compared, what has changed, and how the key figures went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cj_helpers.contract import ALL
from cj_helpers.inference import difference_of
from cj_helpers.runner.published import PublishedRun, good_runs
from cj_helpers.text import _, fill, format_value

MOST_RUNS = 36
REAL, NOT_REAL, UNKNOWN = "real", "within error", "unknown"

# Notebook, name and journey of an overall number.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Point:
    """A key figure of one run: the day of the data, the estimate and its interval."""

    day: str
    estimate: float
    conf_low: float | None
    conf_high: float | None


@dataclass(frozen=True)
class Change:
    """The change of one number between two runs: its size, its interval, and whether it is real."""

    estimate: float
    conf_low: float | None
    conf_high: float | None
    verdict: str


def comparable_runs(target: Path, *, day: str, run_id: str, parameters: Mapping[str, Any]) -> list[PublishedRun]:
    """Return the complete runs on earlier data with the same parameters, the oldest data first.

    Of several runs on the data of one day the last published one counts; at most 36 are given.
    """
    by_day = {
        run.day: run
        for run in good_runs(target)
        if "" < run.day < day and run.run_id != run_id and steady(run.manifest["parameters"]) == steady(parameters)
    }
    return list(by_day.values())[-MOST_RUNS:]


def steady(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters without the one that differs from period to period."""
    return {name: value for name, value in parameters.items() if name != "as_of"}


def numbers(results: Mapping[str, Any]) -> dict[Key, Mapping[str, Any]]:
    """Return the overall numbers of a results.json that are known, by notebook, name and journey."""
    rows = [row for row in results["metrics"] if row["segment"] in (ALL, "", None) and row["estimate"] is not None]
    return {(row["notebook"], row["name"], row["journey"] or ""): row for row in rows}


def trend_of(key: Key, runs: Sequence[PublishedRun]) -> list[Point]:
    """Return one point per run that has the number."""
    return list(_points(key, runs))


def _points(key: Key, runs: Sequence[PublishedRun]) -> Iterator[Point]:
    for run in runs:
        row = numbers(run.results).get(key)
        if row is not None:
            yield Point(run.day, row["estimate"], row["conf_low"], row["conf_high"])


def change_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    """Return the change of a number; without two intervals nobody can say whether it is real."""
    ends = [(row["estimate"], row["conf_low"], row["conf_high"]) for row in (old, new)]
    if any(value is None for values in ends for value in values):
        return Change(new["estimate"] - old["estimate"], None, None, UNKNOWN)
    estimate, low, high = difference_of(*ends)
    return Change(estimate, low, high, REAL if low > 0 or high < 0 else NOT_REAL)


def change_text(change: Change, unit: str) -> str:
    """A change as a reader reads it: +1.2 points of a share, -3 of a count."""
    return signed(change.estimate, unit)


def verdict_text(change: Change) -> str:
    """Whether a change is real, in words."""
    words = {
        REAL: _("a real change"),
        NOT_REAL: _("no more than chance"),
        UNKNOWN: _("without an interval nobody can say"),
    }
    return words[change.verdict]


def signed(value: float, unit: str) -> str:
    """A difference with its sign; shares differ by percentage points."""
    sign = "±" if value == 0 else "+" if value > 0 else "−"
    if unit == "percent":
        return fill("{sign}{points} pp", sign=sign, points=format_value(100 * abs(value), "points"))
    return f"{sign}{format_value(abs(value), unit)}"
