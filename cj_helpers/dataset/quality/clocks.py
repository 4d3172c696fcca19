"""Whether the clocks of the sources can be trusted: hours of the day, midnights, zones."""

from __future__ import annotations

import pandas as pd
from ibis import _
from ibis.expr import types as ir

NIGHT = range(6)
COLUMNS = ["source", "n_events", "busiest_hour", "night_share", "midnight_share", "n_with_offset", "n_folded"]


def clock_profile(events: ir.Table | None, clocks: pd.DataFrame, *, time_zone: str) -> pd.DataFrame:
    """Describe at what time of day the events of each source lie, as the clocks of the data set's zone show it.

    Parameters
    ----------
    events : ibis table or None
    clocks : DataFrame
        One row per source, as the reading found it: source, n_with_offset, n_folded.
    time_zone : str

    Returns
    -------
    DataFrame, one row per source
        source, n_events, busiest_hour (0 to 23, local), night_share (from midnight to six), midnight_share (exactly
        at 00:00:00 local time: a source with dates only has 1), n_with_offset (times that said their own offset),
        n_folded (local times that occur twice when the clocks go back). Empty without events.

    Notes
    -----
    A zone that is declared wrongly shifts the whole day: people who seem to call at night are the sign.
    """
    if events is None:
        return pd.DataFrame(columns=COLUMNS)
    hours = events.select("source", hour=_.timestamp.truncate("h"), on_hour=_.timestamp == _.timestamp.truncate("h"))
    counts = hours.group_by("source", "hour").aggregate(n=_.count(), n_on=_.on_hour.sum()).execute()
    counts["local"] = counts["hour"].dt.tz_localize("UTC").dt.tz_convert(time_zone).dt.hour
    counts["n_midnight"] = counts["n_on"].where(counts["local"].eq(0), 0)
    counts["n_night"] = counts["n"].where(counts["local"].isin(NIGHT), 0)
    sums = counts.groupby("source", as_index=False)[["n", "n_night", "n_midnight"]].sum()
    by_hour = counts.groupby(["source", "local"], as_index=False)["n"].sum()
    busiest = by_hour.sort_values(["source", "n"], ascending=[True, False], kind="stable").drop_duplicates("source")
    table = sums.merge(busiest[["source", "local"]], on="source").rename(columns={"local": "busiest_hour"})
    table["night_share"] = table["n_night"] / table["n"]
    table["midnight_share"] = table["n_midnight"] / table["n"]
    table = table.rename(columns={"n": "n_events"}).merge(
        clocks[["source", "n_with_offset", "n_folded"]], on="source", how="left"
    )
    return table[COLUMNS].sort_values("source", ignore_index=True)
