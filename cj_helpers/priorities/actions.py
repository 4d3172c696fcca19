"""What is handed over: one line per thing to do, for whoever owns it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cj_helpers.priorities.worth import Entry

#: Raised when a column of the table changes its name or meaning.
ACTIONS_VERSION = 1
CLOSE_GAP, MEND_STEP, EASE_HANDOFF = "close the gap", "mend the step", "ease the hand-off"
ACTION_COLUMNS = [
    "version",
    "action",
    "journey",
    "place",
    "segment",
    "difference",
    "conf_low",
    "conf_high",
    "n",
    "lost_per_month",
    "worth_at_most",
    "worth_low",
    "worth_high",
    "last_day",
    "owner",
    "status",
    "review_on",
]


def actions(
    priorities: pd.DataFrame,
    *,
    places: pd.DataFrame,
    entries: Mapping[str, Entry],
    as_of: pd.Timestamp,
    review_days: int = 90,
) -> pd.DataFrame:
    """List what to do: every clear place, and every journey below its reference.

    Parameters
    ----------
    priorities : DataFrame
        What `priorities` returns.
    places : DataFrame
        What `places` returns.
    entries : mapping of journey key to what dataset.yml says
        owner and status.
    as_of : Timestamp
        Local day up to which the data reach.
    review_days : int
        When to look again, in days after as_of.

    Returns
    -------
    DataFrame, one row per action, the most costly first
        version (of this table, 1), action (mend the step | ease the hand-off | close the gap), journey, place, segment
        (for whom; empty: all), difference (why: share that goes on or is completed, against its like or the reference),
        conf_low, conf_high, n (journeys or steps), lost_per_month, worth_at_most, worth_low, worth_high (per month),
        last_day (of an incident that is over), owner, status, review_on.

    Notes
    -----
    The worth of a place is part of its journey's gap, so the lines do not add up.
    """
    clear = places.loc[places["is_clear"]].rename(columns={"worth_per_month": "worth_at_most"})
    todo = clear["kind"].map({"touchpoint": MEND_STEP, "hand-off": EASE_HANDOFF})
    gaps = priorities.loc[priorities["gap_low"].gt(0)]
    gaps = gaps.assign(
        action=CLOSE_GAP,
        place="",
        segment="",
        difference=-gaps["gap"],
        conf_low=-gaps["gap_high"],
        conf_high=-gaps["gap_low"],
        n=gaps["n_journeys"],
        last_day=pd.Series(pd.NaT, index=gaps.index, dtype="datetime64[ns]"),
    )
    names = [name for name in ACTION_COLUMNS if name not in {"version", "owner", "status", "review_on"}]
    parts = [part.reindex(columns=names) for part in (clear.assign(action=todo), gaps) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)
    table = table.assign(
        version=ACTIONS_VERSION,
        owner=[entries[key].owner for key in table["journey"]],
        status=[entries[key].status for key in table["journey"]],
        review_on=as_of.normalize() + pd.Timedelta(days=review_days),
    )
    order = table.sort_values(["worth_at_most", "lost_per_month"], ascending=False, na_position="last", kind="stable")
    return order[ACTION_COLUMNS].reset_index(drop=True)
