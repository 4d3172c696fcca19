"""Journeys, stages, touchpoints and hand-offs in numbers."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import pandas as pd
from ibis import _
from ibis.expr import types as ir

from cj_helpers.contract import ABANDONED, COMPLETED, JourneyDefinition
from cj_helpers.inference import wilson_interval
from cj_helpers.survival import incidence_at

_MONTH_DAYS = 365.25 / 12


def journey_summary(frame: pd.DataFrame, *, definitions: Mapping[str, JourneyDefinition]) -> pd.DataFrame:
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
    journeys were completed.
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
            done = of.loc[of["outcome"] == COMPLETED, "duration_days"]
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


def stages(steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition]) -> pd.DataFrame:
    """Describe each stage: the rows of the journey map.

    Returns
    -------
    DataFrame, one row per journey definition and stage, in the order of the definition
        journey, stage, n_journeys that reached it, n_customers, share_reached of all journeys, n_closed (journeys
        that got no further and have ended), drop_off (share of the closed or passed journeys that were abandoned
        with this as their furthest stage), conf_low, conf_high (Wilson 1927), wait_median_hours and wait_p90_hours
        until the next step, repeat_share of its steps, satisfaction, effort, top_channel.
    """
    parts = [_stages_of(steps, journeys, d) for d in definitions.values() if d.stages]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _stages_of(steps: ir.Table, journeys: ir.Table, definition: JourneyDefinition) -> pd.DataFrame:
    inside = steps.filter((_.journey == definition.key) & _.stage.notnull())
    measures = {name: _[name].mean() for name in ("satisfaction", "effort") if name in steps.columns}
    table = (
        inside.group_by("stage")
        .aggregate(
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            wait_median_hours=_.wait.median(),
            wait_p90_hours=_.wait.quantile(0.9),
            repeat_share=_.is_repeat.ifelse(1, 0).mean(),
            **measures,
        )
        .execute()
        .set_index("stage")
        .reindex(list(definition.stages))
    )
    counts = inside.group_by("stage", "channel").aggregate(n=_.count()).execute().dropna(subset=["channel"])
    top = (
        counts.sort_values(["stage", "n", "channel"], ascending=[True, False, True]).groupby("stage")["channel"].first()
    )
    closed = journeys.filter(_.journey == definition.key).group_by("furthest_stage", "outcome").aggregate(n=_.count())
    ended = closed.execute().pivot_table(index="furthest_stage", columns="outcome", values="n", aggfunc="sum")
    total = int(journeys.filter(_.journey == definition.key).count().execute())
    described = _with_drop_off(table, ended, total)
    described["top_channel"] = described["stage"].map(top)
    described.insert(0, "journey", definition.key)
    return described


def _with_drop_off(table: pd.DataFrame, ended: pd.DataFrame, total: int) -> pd.DataFrame:
    """Add who stopped at each stage, among those whose fate at this stage is known."""
    table = table.copy()
    table[["n_journeys", "n_customers"]] = table[["n_journeys", "n_customers"]].fillna(0).astype("int64")
    ended = ended.reindex(index=table.index).fillna(0)
    stopped = ended[ABANDONED] if ABANDONED in ended else pd.Series(0.0, index=table.index)
    waiting = ended["open"] if "open" in ended else pd.Series(0.0, index=table.index)
    table.insert(2, "share_reached", table["n_journeys"] / total)
    table.insert(3, "n_closed", (table["n_journeys"] - waiting).astype("int64"))
    known = table["n_closed"].where(table["n_closed"] > 0)
    low, high = wilson_interval(stopped, known)
    table.insert(4, "drop_off", stopped / known)
    table.insert(5, "conf_low", low)
    table.insert(6, "conf_high", high)
    return table.rename_axis("stage").reset_index()


def touchpoints(
    steps: ir.Table, *, journeys: ir.Table, definitions: Mapping[str, JourneyDefinition], days: float
) -> pd.DataFrame:
    """Describe each touchpoint: the base of the friction ranking.

    Parameters
    ----------
    days : float
        Length of the log, to express volumes per month.

    Returns
    -------
    DataFrame, one row per journey definition and touchpoint, most abandonments first
        journey, touchpoint, stage, n_steps, n_journeys, n_customers, abandoned_after (journeys abandoned with
        this as their last step), abandoned_share of the journeys that saw it, conf_low, conf_high (Wilson 1927),
        abandoned_per_month, value_per_month (what these journeys would have been worth if completed: the most that
        mending the step can bring; missing without a value), wait_median_hours, repeat_share, cost_per_step where
        events carry costs.
    """
    ends = journeys.select("journey", "journey_id", gave_up=journeys.outcome == ABANDONED)
    joined = steps.left_join(ends, ["journey", "journey_id"])
    last = joined.next_touchpoint.isnull() & joined.gave_up
    cost = {"cost_per_step": _.cost.mean()} if "cost" in steps.columns else {}
    table = (
        joined.mutate(_last=last.ifelse(1, 0))
        .group_by("journey", "touchpoint")
        .aggregate(
            stage=_.stage.max(),
            n_steps=_.count(),
            n_journeys=_.journey_id.nunique(),
            n_customers=_.customer_id.nunique(),
            abandoned_after=_._last.sum(),
            wait_median_hours=_.wait.median(),
            repeat_share=_.is_repeat.ifelse(1, 0).mean(),
            **cost,
        )
        .execute()
    )
    low, high = wilson_interval(table["abandoned_after"], table["n_journeys"])
    table.insert(7, "abandoned_share", table["abandoned_after"] / table["n_journeys"])
    table.insert(8, "conf_low", low)
    table.insert(9, "conf_high", high)
    table.insert(10, "abandoned_per_month", table["abandoned_after"] / days * _MONTH_DAYS)
    values = {key: definition.value for key, definition in definitions.items()}
    table.insert(11, "value_per_month", table["abandoned_per_month"] * table["journey"].map(values).astype("float64"))
    order = ["journey", "abandoned_after", "touchpoint"]
    return table.sort_values(order, ascending=[True, False, True]).reset_index(drop=True)


def handoffs(steps: ir.Table) -> pd.DataFrame:
    """Count changes of channel between two steps.

    Returns
    -------
    DataFrame, one row per journey definition and pair of channels
        journey, from_channel, to_channel, n_handoffs, n_journeys, n_customers, wait_median_hours.
    """
    changed = steps.filter(_.is_handoff).select(
        "journey", "journey_id", "customer_id", "wait", from_channel=_.channel, to_channel=_.next_channel
    )
    table = changed.group_by("journey", "from_channel", "to_channel").aggregate(
        n_handoffs=_.count(),
        n_journeys=_.journey_id.nunique(),
        n_customers=_.customer_id.nunique(),
        wait_median_hours=_.wait.median(),
    )
    order = ["journey", ibis.desc("n_handoffs"), "from_channel", "to_channel"]
    return table.order_by(order).execute()
