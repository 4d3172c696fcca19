"""Journeys and their headline rates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from cj_helpers.contract import COMPLETED, JourneyDefinition
from cj_helpers.survival import incidence_at


def journey_summary(
    frame: pd.DataFrame, *, definitions: Mapping[str, JourneyDefinition], as_of: datetime
) -> pd.DataFrame:
    """Give each journey its headline rate.

    Parameters
    ----------
    frame : DataFrame
        What ``journey_frame`` returns; one row per journey.

    Returns
    -------
    DataFrame, one row per journey definition and segment
        journey, label, goal, segment, n_journeys, n_customers, within_days, completed_within, conf_low, conf_high,
        p90_days, n_open, n_overdue.

    Notes
    -----
    ``completed_within``: Aalen-Johansen incidence of completion at ``within`` over all started journeys, open
    ones censored, interval clustered by customer. ``p90_days``: time within which 90 % of the completed
    journeys were completed, among those that started at least ``within`` before as_of.
    """
    rows = []
    for key, definition in definitions.items():
        part = frame[frame["journey"] == key]
        if part.empty:
            continue
        days = definition.within.total_seconds() / 86_400
        segment_col = "segment" if part["segment"].ne("all").any() else ""
        rates = incidence_at(part, time_days=days, outcome=COMPLETED, segment_col=segment_col, cluster_col="customer")
        for rate in rates.itertuples():
            of = part if rate.segment == "all" else part[part["segment"] == rate.segment]
            old_enough = of["started_at"] <= as_of - definition.within
            done = of.loc[old_enough & of["outcome"].eq(COMPLETED), "duration_days"]
            rows.append(
                {
                    "journey": key,
                    "label": definition.label,
                    "goal": definition.goal,
                    "segment": rate.segment,
                    "n_journeys": len(of),
                    "n_customers": of["customer"].nunique(),
                    "within_days": days,
                    "completed_within": rate.estimate,
                    "conf_low": rate.conf_low,
                    "conf_high": rate.conf_high,
                    "p90_days": done.quantile(0.9),
                    "n_open": int((of["outcome"] == "open").sum()),
                    "n_overdue": int(of["is_overdue"].sum()),
                }
            )
    return pd.DataFrame(rows)


def stitching_effect(joined: pd.DataFrame, apart: pd.DataFrame) -> pd.DataFrame:
    """Set the journeys of stitched customers beside those of the ids that the events came with.

    Parameters
    ----------
    joined, apart : DataFrame
        What `journey_summary` returns with and without joining aliases.

    Returns
    -------
    DataFrame, one row per journey definition
        journey, label, n_customers (joined), n_journeys, n_journeys_apart, completed_within, completed_apart,
        difference (joined minus apart).

    Examples
    --------
    A visitor ``cookie`` starts and the customer ``C1`` completes: one journey, completed, when both are one; two when
    they are not, of which the first is never completed.
    """
    joined, apart = (table[table["segment"].eq("all")] for table in (joined, apart))
    names = {"n_journeys": "n_journeys_apart", "completed_within": "completed_apart"}
    table = joined.merge(apart.rename(columns=names)[["journey", *names.values()]], on="journey")
    table["difference"] = table["completed_within"] - table["completed_apart"]
    columns = ["journey", "label", "n_customers", "n_journeys", "n_journeys_apart", "completed_within"]
    return table[[*columns, "completed_apart", "difference"]]


def journey_overview(
    summary: pd.DataFrame,
    *,
    change: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    components: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Set all journeys side by side: the headline rate, its change, ease and score.

    Parameters
    ----------
    summary, change : DataFrame
        What `journey_summary` and `period_change` return.
    scores, components : DataFrame, optional
        What `journey_scores` returns; without them score and ease are missing.

    Returns
    -------
    DataFrame, one row per journey definition, lowest completed_within first
        The columns of `journey_summary` (segment ``all``), then change (later minus earlier period), change_low,
        change_high, ease_top, score, score_low, score_high, rank, rank_low, rank_high.
    """
    table = summary[summary["segment"].eq("all")].sort_values("completed_within", kind="stable")
    total = change[change["part"].eq("total")].rename(
        columns={"difference": "change", "conf_low": "change_low", "conf_high": "change_high"}
    )
    table = table.merge(total[["journey", "change", "change_low", "change_high"]], how="left", on="journey")
    ranked = ["score", "score_low", "score_high", "rank", "rank_low", "rank_high"]
    first = ["journey", "completed_within", "conf_low", "conf_high", "change", "p90_days", "ease_top", "score"]
    first.append("n_journeys")
    if scores is None or components is None:
        table = table.assign(ease_top=float("nan"), **dict.fromkeys(ranked, float("nan")))
        return table[[*first, *[name for name in table.columns if name not in first]]]
    ease = components[components["component"].eq("ease_top")].rename(columns={"value": "ease_top"})
    table = table.merge(ease[["journey", "ease_top"]], how="left", on="journey")
    table = table.merge(scores[["journey", *ranked]], how="left", on="journey")
    return table[[*first, *[name for name in table.columns if name not in first]]]
