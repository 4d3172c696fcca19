"""The five tables of `mapping.py` in pandas and in Polars, each written as its users would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from mapping_peers import AS_OF, Prints, Times, definitions, fingerprints, lap, ordered, rules

from cj_helpers.contract import JourneyDefinition


def _stacked(parts: list[Any]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)


def with_pandas(log: Path, _memory: str, times: Times) -> Callable[[], Prints]:
    """Run pandas, one journey definition after the other."""
    known, steps = definitions(), {}
    with lap(times, "steps"):
        rows = pd.read_parquet(log).astype({"touchpoint": "category", "channel": "category"})
        first = rows["timestamp"].min()
        rows = rows[rows["timestamp"] <= AS_OF]
        for key, d in known.items():
            steps[key] = _pandas_steps(rows[rows["touchpoint"].isin(d.members)], d, first)
    with lap(times, "journeys"):
        journeys = {key: _pandas_journeys(steps[key], d) for key, d in known.items()}
    with lap(times, "transitions"):
        moves = _stacked([_pandas_moves(steps[key], journeys[key]) for key in known])
    with lap(times, "variants"):
        paths = _stacked([_pandas_paths(steps[key], journeys[key]) for key in known])
    with lap(times, "funnel"):
        funnel = _stacked([_pandas_funnel(steps[key], journeys[key], d) for key, d in known.items()])
    tables = {"transitions": moves, "variants": paths, "funnel": funnel}
    parts = {"steps": _stacked(list(steps.values())), "journeys": _stacked(list(journeys.values()))}
    return lambda: fingerprints(duckdb.connect(), {**parts, **tables})


def _pandas_steps(rows: pd.DataFrame, d: JourneyDefinition, first: pd.Timestamp) -> pd.DataFrame:
    rows = rows.sort_values(["customer_id", "timestamp", "row_number"]).reset_index(drop=True)
    own = rules().query("journey == @d.key").set_index("touchpoint")
    new = rows["customer_id"].ne(rows["customer_id"].shift())
    patience = pd.to_timedelta(rows["touchpoint"].map(own["patience"]).astype(float), unit="s")
    ends = rows["touchpoint"].isin([*d.success, *d.abandon])
    late = rows["timestamp"] > (rows["timestamp"] + patience).shift()
    breaks = new | ends.shift(fill_value=False) | late
    block = breaks.cumsum()
    number = breaks.groupby(rows["customer_id"], sort=False).cumsum()
    starts = rows["touchpoint"].isin(d.start)
    cut = new & ~starts & rows["timestamp"].le(first + d.timeout)
    rows = rows.assign(journey=d.key, block=block, is_left_truncated=cut)
    rows["journey_id"] = rows["customer_id"] + "#" + number.astype(str)
    rows = rows[(starts | cut).groupby(block).cummax()].reset_index(drop=True)
    same = rows["block"].eq(rows["block"].shift(-1))
    by = rows.groupby("block")
    following = rows["channel"].shift(-1).where(same)
    return rows.assign(
        position=by.cumcount() + 1,
        stage=rows["touchpoint"].map(own["stage"]),
        next_touchpoint=rows["touchpoint"].shift(-1).where(same),
        next_channel=following,
        wait=(rows["timestamp"].shift(-1).where(same) - rows["timestamp"]).dt.total_seconds() / 3600,
        is_repeat=rows.groupby(["block", "touchpoint"], observed=True).cumcount() > 0,
        is_handoff=following.notna() & (rows["channel"].astype(object) != following.astype(object)),
    )


def _pandas_journeys(steps: pd.DataFrame, d: JourneyDefinition) -> pd.DataFrame:
    own = rules().query("journey == @d.key").set_index("touchpoint")
    names = steps["touchpoint"]
    steps = steps.assign(rank=names.map(own["stage_no"]).astype(float))
    for name, ends in (("success", d.success), ("abandon", d.abandon)):
        hit = names.isin(ends)
        steps[f"{name}_position"] = steps["position"].where(hit)
        steps[f"{name}_at"] = steps["timestamp"].where(hit)
    firsts = {
        f"{name}_{what}": (f"{name}_{what}", "min") for name in ("success", "abandon") for what in ("position", "at")
    }
    table = steps.groupby("journey_id", sort=False).agg(
        customer_id=("customer_id", "first"),
        started_at=("timestamp", "min"),
        last_event_at=("timestamp", "max"),
        last=("touchpoint", "last"),
        n_steps=("position", "size"),
        n_repeats=("is_repeat", "sum"),
        n_handoffs=("is_handoff", "sum"),
        n_channels=("channel", "nunique"),
        rank=("rank", "max"),
        is_left_truncated=("is_left_truncated", "max"),
        **firsts,
    )
    table = table.reset_index()
    last = table["last"].map(own["patience"]).astype(float)
    deadline = table["last_event_at"] + pd.to_timedelta(last, unit="s")
    won = table["success_position"] < table["abandon_position"].fillna(2**31)
    gave_up, silent = table["abandon_position"].notna() & ~won, deadline <= AS_OF
    outcome = np.select([won, gave_up, silent], ["completed", "abandoned", "abandoned"], "open")
    ended = table["success_at"].where(won, table["abandon_at"].where(gave_up, deadline.where(silent)))
    promise = pd.to_timedelta(table["last"].map(own["promise"]).astype(float), unit="s")
    stage = table["rank"].map(dict(enumerate(d.stages)))
    return table.assign(
        journey=d.key,
        outcome=outcome,
        ended_at=ended,
        furthest_stage=stage,
        duration=(ended.fillna(AS_OF) - table["started_at"]).dt.total_seconds() / 86_400,
        is_overdue=(outcome == "open") & (table["last_event_at"] + promise < AS_OF),
    ).drop(columns=["last", "rank", "success_position", "success_at", "abandon_position", "abandon_at"])


def _pandas_moves(steps: pd.DataFrame, journeys: pd.DataFrame) -> pd.DataFrame:
    end = "(" + steps["journey_id"].map(journeys.set_index("journey_id")["outcome"]) + ")"
    target = steps["next_touchpoint"].astype(object).where(steps["next_touchpoint"].notna(), end)
    by = steps.assign(source=steps["touchpoint"].astype(str), target=target).groupby(["source", "target"])
    quarters = {"wait_p25_hours": 0.25, "wait_median_hours": 0.5, "wait_p75_hours": 0.75}
    waits = pd.DataFrame({name: by["wait"].quantile(q) for name, q in quarters.items()})
    counts = by.agg(
        n_transitions=("wait", "size"), n_journeys=("journey_id", "nunique"), n_customers=("customer_id", "nunique")
    )
    return counts.join(waits).reset_index().assign(journey=steps["journey"].iloc[0])


def _pandas_paths(steps: pd.DataFrame, journeys: pd.DataFrame) -> pd.DataFrame:
    path = steps["touchpoint"].astype(object).groupby(steps["journey_id"], sort=False).agg(">".join)
    joined = journeys.assign(path=journeys["journey_id"].map(path), won=journeys["outcome"].eq("completed"))
    table = joined.groupby(["journey", "path"]).agg(
        n_journeys=("won", "size"),
        completed_share=("won", "mean"),
        n_customers=("customer_id", "nunique"),
        median_days=("duration", "median"),
    )
    return table.reset_index()


def _pandas_funnel(steps: pd.DataFrame, journeys: pd.DataFrame, d: JourneyDefinition) -> pd.DataFrame:
    signs = steps["stage"].map({stage: str(i) for i, stage in enumerate(d.stages)}).fillna("-")
    path = signs.astype(object).groupby(steps["journey_id"], sort=False).agg("".join)
    ripe = (journeys["started_at"] <= AS_OF - d.within).astype(int)
    return ordered(journeys[["customer_id"]].assign(path=journeys["journey_id"].map(path), ripe=ripe), d)


def with_polars(log: Path, _memory: str, times: Times) -> Callable[[], Prints]:
    """Run Polars, lazily, one journey definition after the other."""
    import polars as pl

    known, steps = definitions(), {}
    with lap(times, "steps"):
        first = pl.scan_parquet(log).select(pl.col("timestamp").min()).collect().item()
        for key, d in known.items():
            steps[key] = _polars_steps(log, d, first).collect()
    with lap(times, "journeys"):
        journeys = {key: _polars_journeys(steps[key].lazy(), d).collect() for key, d in known.items()}
    with lap(times, "transitions"):
        moves = [_polars_moves(steps[key].lazy(), journeys[key].lazy()).collect().to_pandas() for key in known]
    with lap(times, "variants"):
        paths = [_polars_paths(steps[key].lazy(), journeys[key].lazy()).collect().to_pandas() for key in known]
    with lap(times, "funnel"):
        funnel = [_polars_funnel(steps[key].lazy(), journeys[key].lazy(), d) for key, d in known.items()]
    tables = {"transitions": _stacked(moves), "variants": _stacked(paths), "funnel": _stacked(funnel)}
    parts = {"steps": pl.concat(steps.values()).to_arrow(), "journeys": pl.concat(journeys.values()).to_arrow()}
    return lambda: fingerprints(duckdb.connect(), {**parts, **tables})


def _after(column: str, lengths: dict[str, timedelta | None]) -> Any:
    """Return the length that follows a touchpoint, null where none does."""
    import polars as pl

    return pl.col(column).replace_strict(
        list(lengths), list(lengths.values()), default=None, return_dtype=pl.Duration("us")
    )


def _lengths(d: JourneyDefinition) -> dict[str, timedelta | None]:
    """Return the patience after each touchpoint; None: no end to it."""
    return {t: None if t in d.waiting_on_company else d.timeouts.get(t, d.timeout) for t in d.members}


def _polars_steps(log: Path, d: JourneyDefinition, first: Any) -> Any:
    import polars as pl

    c = pl.col
    rows = pl.scan_parquet(log).filter(c("touchpoint").is_in(d.members) & (c("timestamp") <= AS_OF))
    rows = rows.sort("customer_id", "timestamp", "row_number")
    new = (c("customer_id") != c("customer_id").shift()).fill_null(value=True)
    starts = c("touchpoint").is_in(d.start)
    late = (c("timestamp") > (c("timestamp") + _after("touchpoint", _lengths(d))).shift()).fill_null(value=False)
    ended = c("touchpoint").is_in([*d.success, *d.abandon]).shift().fill_null(value=False)
    rows = rows.with_columns(breaks=new | ended | late, cut=new & ~starts & (c("timestamp") <= first + d.timeout))
    rows = rows.with_columns(block=c("breaks").cum_sum(), number=c("breaks").cum_sum().over("customer_id"))
    rows = rows.filter((starts | c("cut")).cum_max().over("block"))
    same = c("block") == c("block").shift(-1)
    stage = {t: name for name, ts in d.stages.items() for t in ts}
    return rows.select(
        "customer_id",
        "timestamp",
        "touchpoint",
        "channel",
        journey=pl.lit(d.key),
        journey_id=c("customer_id") + "#" + c("number").cast(pl.String),
        position=pl.int_range(pl.len()).over("block") + 1,
        stage=c("touchpoint").replace_strict(list(stage), list(stage.values()), default=None, return_dtype=pl.String),
        next_touchpoint=pl.when(same).then(c("touchpoint").shift(-1)),
        next_channel=pl.when(same).then(c("channel").shift(-1)),
        wait=pl.when(same).then((c("timestamp").shift(-1) - c("timestamp")).dt.total_seconds() / 3600),
        is_repeat=pl.int_range(pl.len()).over("block", "touchpoint") > 0,
        is_handoff=pl.when(same).then(c("channel") != c("channel").shift(-1)).fill_null(value=False),
        is_left_truncated=c("cut"),
    )


def _polars_journeys(steps: Any, d: JourneyDefinition) -> Any:
    import polars as pl

    c = pl.col
    rank = {t: i for i, ts in enumerate(d.stages.values()) for t in ts}
    won, lost = c("touchpoint").is_in(d.success), c("touchpoint").is_in(list(d.abandon))
    table = steps.group_by("journey", "journey_id").agg(
        customer_id=c("customer_id").first(),
        started_at=c("timestamp").min(),
        last_event_at=c("timestamp").max(),
        last=c("touchpoint").sort_by("position").last(),
        sp=c("position").filter(won).min(),
        success_at=c("timestamp").filter(won).min(),
        ap=c("position").filter(lost).min(),
        abandon_at=c("timestamp").filter(lost).min(),
        n_steps=pl.len(),
        n_repeats=c("is_repeat").sum(),
        n_handoffs=c("is_handoff").sum(),
        n_channels=c("channel").drop_nulls().n_unique(),
        rank=c("touchpoint").replace_strict(list(rank), list(rank.values()), default=None).max(),
        is_left_truncated=c("is_left_truncated").any(),
    )
    deadline = c("last_event_at") + _after("last", _lengths(d))
    first = c("sp").is_not_null() & (c("ap").is_null() | (c("sp") < c("ap")))
    silent = (deadline <= AS_OF).fill_null(value=False)
    outcome = pl.when(first).then(pl.lit("completed")).when(c("ap").is_not_null() | silent).then(pl.lit("abandoned"))
    ended = pl.when(first).then(c("success_at")).when(c("ap").is_not_null()).then(c("abandon_at"))
    table = table.with_columns(outcome=outcome.otherwise(pl.lit("open")), ended_at=ended.when(silent).then(deadline))
    late = c("last_event_at") + _after("last", dict.fromkeys(d.waiting_on_company, d.promise)) < AS_OF
    return table.with_columns(
        furthest_stage=c("rank").replace_strict(dict(enumerate(d.stages)), default=None, return_dtype=pl.String),
        duration=(c("ended_at").fill_null(AS_OF) - c("started_at")).dt.total_seconds() / 86_400,
        is_overdue=(c("outcome") == "open") & late.fill_null(value=False),
    ).drop("last", "sp", "ap", "success_at", "abandon_at", "rank")


def _polars_moves(steps: Any, journeys: Any) -> Any:
    import polars as pl

    c = pl.col
    end = pl.concat_str(pl.lit("("), c("outcome"), pl.lit(")"))
    joined = steps.join(journeys.select("journey_id", "outcome"), on="journey_id")
    waits = {f"wait_{name}_hours": c("wait").quantile(q, "linear") for name, q in (("p25", 0.25), ("p75", 0.75))}
    return (
        joined.with_columns(source=c("touchpoint"), target=c("next_touchpoint").fill_null(end))
        .group_by("journey", "source", "target")
        .agg(
            n_transitions=pl.len(),
            n_journeys=c("journey_id").n_unique(),
            n_customers=c("customer_id").n_unique(),
            wait_median_hours=c("wait").median(),
            **waits,
        )
    )


def _polars_paths(steps: Any, journeys: Any) -> Any:
    import polars as pl

    c = pl.col
    paths = steps.group_by("journey_id").agg(path=c("touchpoint").sort_by("position").str.join(">"))
    return (
        journeys.join(paths, on="journey_id")
        .group_by("journey", "path")
        .agg(
            n_journeys=pl.len(),
            completed_share=(c("outcome") == "completed").mean(),
            n_customers=c("customer_id").n_unique(),
            median_days=c("duration").median(),
        )
    )


def _polars_funnel(steps: Any, journeys: Any, d: JourneyDefinition) -> pd.DataFrame:
    import polars as pl

    c = pl.col
    sign = {name: str(i) for i, name in enumerate(d.stages)}
    signs = steps.with_columns(sign=c("stage").replace_strict(sign, default="-"))
    paths = signs.group_by("journey_id").agg(path=c("sign").sort_by("position").str.join(""))
    table = journeys.join(paths, on="journey_id").with_columns(
        b0=pl.lit(1, dtype=pl.Int64), ripe=(c("started_at") <= AS_OF - d.within).cast(pl.Int64)
    )
    rows = []
    for number, stage in enumerate(d.stages):
        wanted = ".*".join(str(i) for i in range(number + 1))
        table = table.with_columns(c("path").str.contains(wanted).cast(pl.Int64).alias(f"b{number + 1}"))
        before, reached = c(f"b{number}"), c(f"b{number + 1}")
        rows.append(
            table.select(
                journey=pl.lit(d.key),
                stage=pl.lit(stage),
                n_reached=reached.sum(),
                n_previous=before.sum(),
                n_matured=(before * c("ripe")).sum(),
                matured_share=(reached * c("ripe")).sum() / (before * c("ripe")).sum(),
                n_customers=c("customer_id").filter(before == 1).n_unique(),
            )
        )
    return pl.concat(rows).collect().to_pandas()
