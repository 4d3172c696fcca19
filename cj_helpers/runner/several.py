"""Several runs asked for at once: past periods, and one report per market with an overview."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cj_helpers.contract import ConfigError
from cj_helpers.runner.requests import RunResult, SomeFailed
from cj_helpers.runner.runs import run
from cj_helpers.runner.supervise import Watcher

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def run_several(
    dataset: str | Path,
    *,
    watcher: Watcher | None = None,
    each_segment: str = "",
    first: str = "",
    last: str = "",
    every: str = "month",
    **options: Any,
) -> Iterator[RunResult]:
    """Run once, or once per period and per market, and yield each result when it is there.

    Parameters
    ----------
    dataset, watcher, **options
        As for `run`.
    each_segment : str
        Column of customers or events, one report per value; empty: one report on all.
    first, last : str
        First and last day of past periods; both or none.
    every : {"day", "week", "month", "quarter", "year"}
        A run uses data up to the end of each of these.

    Raises
    ------
    ConfigError
        When the period or the column will not do; also whatever `run` raises.
    SomeFailed
        At the end, when the runs of some markets ended with an error; the others are done.
    """
    days = period_ends(first, last, every) if first or last else []
    if days and (options.get("as_of") or "as_of" in dict(options.get("parameters", ()))):
        raise ConfigError("--from and --to set as_of of every run: leave out --as-of and -p as_of")
    periods: list[date | None] = [*days] or [None]
    errors: list[tuple[str, Exception]] = []
    for day in periods:
        more = options | ({"as_of": day.isoformat(), "keep_newer": True} if day else {})
        if each_segment:
            from cj_helpers.runner.markets import run_markets

            try:
                yield from run_markets(dataset, each_segment, watcher=watcher, **more)
            except SomeFailed as failed:
                errors += failed.errors
        else:
            yield run(dataset, watcher=watcher, **more)
    if errors:
        raise SomeFailed(errors)


def period_ends(first: str, last: str, every: str) -> list[date]:
    """Return the last days of all whole weeks, months ... that end from ``first`` to ``last``.

    Raises
    ------
    ConfigError
        When a day is missing or no date, or no period ends between them.

    Examples
    --------
    >>> [day.isoformat() for day in period_ends("2024-01-15", "2024-04-29", "month")]
    ['2024-01-31', '2024-02-29', '2024-03-31']
    """
    start, end = _day(first, "--from"), _day(last, "--to")
    span = (end - start).days + 1
    days = [start + timedelta(days=n) for n in range(max(span, 0))]
    found = [day for day in days if _ends(day, every)]
    if not found:
        raise ConfigError(f"--from {first} --to {last}: no {every} ends between these days; give a longer time")
    return found


def worst(codes: Sequence[int]) -> int:
    """Return the exit code of several runs: the first of 7, 2, 6, 3, 5, 1, 4 that occurs, else 0.

    Examples
    --------
    >>> worst([0, 4, 1]), worst([5, 3]), worst([3, 2]), worst([])
    (1, 3, 2, 0)
    """
    return next((code for code in (7, 2, 6, 3, 5, 1, 4) if code in codes), 0)


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: found {text!r}; --from and --to take a day each, such as 2026-03-31") from None


def _ends(day: date, every: str) -> bool:
    following = day + timedelta(days=1)
    if every in _MONTHS:
        return following.day == 1 and (following.month - 1) % _MONTHS[every] == 0
    return every == "day" or following.weekday() == 0
