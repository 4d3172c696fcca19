"""What the data-quality notebook and `cj check` say: feeds, repairs and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import MISSING
from cj_helpers.dataset.problems import Problem
from cj_helpers.text import check_words

FIT, REPAIRED, NOT_FIT, NOT_AVAILABLE = "fit", "fit with repairs", "not fit", "not available"

QUALITY_COLUMNS = ["table", "source", "check", "outcome", "n_rows", "n_total", "share", "message"]


def quality_table(problems: Sequence[Problem]) -> pd.DataFrame:
    """List what was found while reading.

    Returns
    -------
    DataFrame, one row per finding
        table, source, check, outcome (error | dropped | repaired | noted | stitched | not used), n_rows, n_total,
        share, message.
    """
    rows = [
        (
            p.table,
            p.source,
            p.check,
            p.outcome,
            p.n_rows,
            p.n_total,
            p.n_rows / p.n_total if p.n_total else 0.0,
            p.message,
        )
        for p in problems
    ]
    table = pd.DataFrame(rows, columns=QUALITY_COLUMNS)
    rank = {"error": 0, "dropped": 1, "repaired": 2, "noted": 3, "stitched": 4, "not used": 5}
    order = table.assign(_rank=table["outcome"].map(rank)).sort_values(
        ["_rank", "table", "source", "check"], kind="stable"
    )
    return order.drop(columns="_rank").reset_index(drop=True)


def channel_days(events: ir.Table | None, *, time_zone: str) -> pd.DataFrame:
    """Count events by channel and local day; days without an event in a channel are rows with 0.

    Returns
    -------
    DataFrame, one row per channel and day of the log
        channel, day (local date), n_events. A gap or a late feed shows as a run of zeros. Empty without events.
    """
    if events is None:
        return pd.DataFrame({"channel": [], "day": pd.to_datetime([]), "n_events": []})
    channel = events.channel.fill_null(MISSING) if "channel" in events.columns else events.source
    hours = events.select(channel=channel, hour=events.timestamp.truncate("h"))
    counts = hours.group_by("channel", "hour").aggregate(n=_.count()).execute()
    local = counts["hour"].dt.tz_localize("UTC").dt.tz_convert(time_zone)
    counts["day"] = local.dt.tz_localize(None).dt.normalize()
    days = pd.date_range(counts["day"].min(), counts["day"].max(), freq="D", name="day")
    wide = counts.pivot_table(index="day", columns="channel", values="n", aggfunc="sum").reindex(days)
    long = wide.fillna(0).astype("int64").melt(ignore_index=False, value_name="n_events").reset_index()
    return long[["channel", "day", "n_events"]].sort_values(["channel", "day"]).reset_index(drop=True)


def feed_gaps(days: pd.DataFrame, *, min_days: int = 2, min_expected: float = 12) -> pd.DataFrame:
    """Find runs of days on which a channel is silent although it usually is not.

    Parameters
    ----------
    days : DataFrame
        What ``channel_days`` returns.
    min_days : int
        Shortest run that counts.
    min_expected : float
        Events that the channel would have had in the run at its usual rate for those days of the week. If days
        were independent (Poisson), 12 expected and none seen would be a chance of 6 in a million.

    Returns
    -------
    DataFrame, one row per gap
        channel, first_day, last_day, n_days, n_expected, is_last (the run reaches the end of the log: a late feed).
    """
    usual = days.groupby(["channel", days["day"].dt.dayofweek])["n_events"].transform("mean")
    silent = days.assign(expected=usual, run=days["n_events"].ne(0).groupby(days["channel"]).cumsum())
    silent = silent[silent["n_events"].eq(0)]
    runs = silent.groupby(["channel", "run"], as_index=False).agg(
        first_day=("day", "min"), last_day=("day", "max"), n_days=("day", "size"), n_expected=("expected", "sum")
    )
    runs["is_last"] = runs["last_day"].eq(days["day"].max())
    long = runs["n_days"].ge(min_days) & runs["n_expected"].ge(min_expected)
    return runs.loc[long].drop(columns="run").reset_index(drop=True)


# Tables that an analysis stands on, and those that it also uses where it can be done at all.
_NEEDS = {
    "journey mapping": {"events", "identities"},
    "drop-off survival": {"events", "identities"},
    "NPS drivers": {"surveys"},
    "churn": {"customers"},
    "priorities": {"events", "identities"},
}
_BETTER_WITH = {"priorities": {"surveys", "customers"}}


def verdict_table(available: dict[str, str], problems: Sequence[Problem], late: str) -> pd.DataFrame:
    """Judge, per analysis, whether the data are fit.

    Parameters
    ----------
    available : dict of analysis to reason why it is not available (empty: it is)
    problems : findings while reading
    late : str
        Which sources are behind ``max_lag``; empty when none is.

    Returns
    -------
    DataFrame, one row per analysis
        analysis, verdict (fit | fit with repairs | not fit | not available), reason: what the checks found, in words;
        ``quality_table`` has the messages.
    """
    rows = []
    for analysis, tables in _NEEDS.items():
        if analysis in _BETTER_WITH and not available.get(analysis):
            tables = tables | _BETTER_WITH[analysis]
        errors = [_short(p) for p in problems if p.table in tables and p.outcome == "error"]
        repairs = [p for p in problems if p.table in tables and p.outcome in {"dropped", "repaired"}]
        if late and "events" in tables:
            errors.append(late)
        if errors:
            rows.append((analysis, NOT_FIT, ", ".join(dict.fromkeys(errors))))
        elif available.get(analysis):
            rows.append((analysis, NOT_AVAILABLE, available[analysis]))
        elif repairs:
            rows.append((analysis, REPAIRED, ", ".join(sorted({check_words(p.check) for p in repairs}))))
        else:
            rows.append((analysis, FIT, ""))
    return pd.DataFrame(rows, columns=["analysis", "verdict", "reason"])


def _short(problem: Problem) -> str:
    """Say what a check found and where, such as "unreadable values in timestamp (calls.csv)"."""
    return f"{check_words(problem.check)} ({problem.source})"
