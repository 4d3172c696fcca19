"""One way from the declared sources to the three tables, collecting what it finds."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.dataset.checks import quality_table, verdict_table
from cj_helpers.dataset.collect import collect
from cj_helpers.dataset.config import journey_definition, parse_as_of
from cj_helpers.dataset.engine import ROW, Engine
from cj_helpers.dataset.identity import (
    ALIAS,
    Identities,
    identity_table,
    resolve,
    stitch,
    stitched_message,
    unstitched,
)
from cj_helpers.dataset.model import Dataset
from cj_helpers.dataset.problems import Loaded, Problem
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.sources import load_source, scan_raw
from cj_helpers.dataset.timeline import clock_table, count_hours, drop_future, feed_table, fold_message, no_hours
from cj_helpers.dataset.unify import current_versions, cut_contracts, cut_rows, unify_touchpoints, watched
from cj_helpers.dataset.validate import (
    check_churn,
    check_customers,
    check_joins,
    check_touchpoints,
    check_window,
    late_feeds,
    missing_parts,
)


class Reading:
    """One way from files and tables to the data set; the attributes collect what is found."""

    def __init__(self, engine: Engine, local: Engine, folder: Path, config: DatasetConfig, as_of: str) -> None:
        self.engine, self.local, self.folder, self.config = engine, local, folder, config
        self.given = parse_as_of(as_of or config.as_of, config.time_zone)
        self.reason = "given" if as_of else "declared" if config.as_of else "none"
        self.problems: list[Problem] = []
        self.inputs: list[dict[str, Any]] = []
        self.n_with_offset: dict[str, int] = {}
        self.touchpoints: list[str] | None = None

    def read(self) -> Dataset:
        """Read every table, settle as_of, and leave out what lies after it."""
        self.inputs += scan_raw(self.local, self.folder, self.config, "raw")[1]
        pairs = self._load("identities")
        identities = resolve(self.engine, pairs, self.problems) if pairs is not None else None
        events, surveys, customers = self._load("events"), self._load("surveys"), self._load("customers")
        received, hours = self._received(events, identities)
        feeds = feed_table(hours)
        as_of = self._settle_as_of(feeds, surveys, customers)
        check_window(feeds, as_of)
        history = customers if customers is not None and "valid_from" in customers.columns else None
        none_later = bool(len(feeds)) and feeds["last"].max() <= as_of
        surveys = self._stitched(surveys, identities)
        events = received if none_later else self._cut_events(as_of, received)
        surveys, customers = self._cut(as_of, surveys, customers)
        events = watched(events, customers)
        self._check(events, surveys, customers)
        late = late_feeds(self.config, feeds, as_of_given=not pd.isna(self.given))
        available = missing_parts(self.config, events, surveys, customers)
        raw_ids = events is not None and ALIAS in events.columns
        clocks = clock_table(hours, self.config.time_zone, self.config.time_fold, self.n_with_offset)
        folded = fold_message(clocks, self.config.time_zone, self.config.time_fold)
        self.problems += [folded] if folded else []
        identity = {"identity": identity_table(events, identities)} if raw_ids and identities else {}
        names = identities.names if identities else None
        return Dataset(
            key=self.folder.name,
            folder=self.folder,
            config=self.config,
            con=self.engine.con,
            events=_without_aliases(events),
            surveys=surveys,
            customers=customers,
            received=_without_aliases(received),
            journeys={key: journey_definition(key, j) for key, j in self.config.journeys.items()},
            as_of=as_of,
            quality=quality_table(self.problems),
            feeds=feeds,
            verdict=verdict_table(available, self.problems, late),
            inputs=self.inputs,
            fingerprint=self._fingerprint(as_of),
            as_of_reason=self.reason,
            unstitched=unstitched(events) if raw_ids else None,
            aliases=None if names is None else names.select(customer_id=names.node),
            clocks=clocks,
            history=history,
            **identity,
        )

    def _load(self, kind: str) -> ir.Table | None:
        """Read all sources of one table; files by DuckDB, tables and queries by the engine."""
        groups: dict[bool, list[Loaded]] = {True: [], False: []}
        for index, source in enumerate(getattr(self.config.tables, kind)):
            where = f"tables.{kind}[{index}] ({source.name})"
            engine = self.local if source.source else self.engine
            loaded = load_source(engine, self.folder, self.config, source, kind=kind, where=where)
            groups[engine is self.local].append(loaded)
        tables = []
        for is_local, parts in groups.items():
            if not parts:
                continue
            engine = self.local if is_local else self.engine
            table = collect(engine, parts, kind, self.n_with_offset, self.config.survey)
            tables.append(table if engine is self.engine else self._upload(f"{kind}_files", table))
            for loaded in parts:
                self.inputs += loaded.inputs
                self.problems += loaded.problems
        if not tables:
            return None
        return tables[0] if len(tables) == 1 else _union(tables)

    def _upload(self, name: str, table: ir.Table) -> ir.Table:
        """Bring rows that DuckDB read from files to the engine."""
        return self.engine.receive(name, table.to_pyarrow())

    def _received(self, events: ir.Table | None, identities: Identities | None) -> tuple[Any, pd.DataFrame]:
        """Return all events with one spelling and one id each, without impossible future ones, and their hours."""
        if events is None:
            return None, no_hours()
        events, self.touchpoints = unify_touchpoints(events, self.problems)
        if identities is not None:
            events = self.engine.keep("events_received", stitch(events, identities))
            if self.engine is self.local:
                self.engine.drop("events_read")
            message = stitched_message(events, "events")
            self.problems += [message] if message else []
        hours = count_hours(events)
        return drop_future(events, hours, self.problems) if pd.isna(self.given) else (events, hours)

    def _stitched(self, surveys: ir.Table | None, identities: Identities | None) -> ir.Table | None:
        if surveys is None or identities is None or "customer_id" not in surveys.columns:
            return surveys
        surveys = self.engine.keep("surveys_received", stitch(surveys, identities))
        message = stitched_message(surveys, "surveys")
        self.problems += [message] if message else []
        return surveys.drop(ALIAS)

    def _settle_as_of(self, feeds: pd.DataFrame, surveys: ir.Table | None, customers: ir.Table | None) -> pd.Timestamp:
        """Return as_of as given, else the earliest of the event sources' last times, else the last date anywhere."""
        if not pd.isna(self.given):
            return self.given
        if len(feeds):
            self.reason = "earliest_feed"
            return pd.Timestamp(feeds["last"].min())
        dates = []
        for table, names in ((surveys, ["answered_at"]), (customers, ["started_at", "ended_at"])):
            for name in names if table is not None else []:
                if table is not None and name in table.columns:
                    known = table[name] < ibis.literal(datetime(9000, 1, 1), type="timestamp")
                    dates.append(table.aggregate(m=table[name].max(where=known)).execute().m[0])
        dates = [date for date in dates if not pd.isna(date)]
        self.reason = "last_date" if dates else "none"
        return pd.Timestamp(max(dates)) if dates else pd.NaT  # type: ignore[return-value]

    def _cut_events(self, as_of: pd.Timestamp, events: ir.Table | None) -> ir.Table | None:
        if pd.isna(as_of) or events is None:
            return events
        return cut_rows(events, "timestamp", as_of, "events", self.problems, self.config.time_zone)

    def _cut(
        self, as_of: pd.Timestamp, surveys: ir.Table | None, customers: ir.Table | None
    ) -> tuple[ir.Table | None, ir.Table | None]:
        if pd.isna(as_of):
            return surveys, customers
        zone = self.config.time_zone
        if surveys is not None and "answered_at" in surveys.columns:
            surveys = cut_rows(surveys, "answered_at", as_of, "surveys", self.problems, zone)
        if customers is not None:
            customers = current_versions(customers, as_of)
            if "started_at" in customers.columns:
                customers = cut_rows(customers, "started_at", as_of, "customers", self.problems, zone)
            customers = self.engine.keep("customers", cut_contracts(customers, as_of, self.problems))
        return surveys, customers

    def _check(self, events: ir.Table | None, surveys: ir.Table | None, customers: ir.Table | None) -> None:
        # Rows that could not be read may hold the touchpoints that seem to be missing.
        if not any(p.table == "events" and p.outcome == "error" for p in self.problems):
            check_touchpoints(self.config, self._seen(events))
        check_churn(self.config, events, customers)
        check_customers(customers, self.problems)
        check_joins(events, surveys, customers, self.problems)

    def _seen(self, events: ir.Table | None) -> list[str] | None:
        """Return the touchpoints that occur up to as_of."""
        unused = {p.check for p in self.problems if p.table == "events"} & {"after_as_of", "future_events"}
        if events is None or not unused:
            return self.touchpoints
        return sorted(str(name) for name in events.touchpoint.as_table().distinct().execute()["touchpoint"])

    def _fingerprint(self, as_of: pd.Timestamp) -> str:
        facts = {
            "inputs": sorted((entry["path"], entry["sha256"]) for entry in self.inputs),
            "config": self.config.model_dump(mode="json"),
            "as_of": str(as_of),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _without_aliases(events: ir.Table | None) -> ir.Table | None:
    return events.drop(ALIAS) if events is not None and ALIAS in events.columns else events


def _union(tables: list[ir.Table]) -> ir.Table:
    """Stack what files and the engine hold; rows of a warehouse have no order, so none has a number."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns if name != ROW))
    types = {name: table[name].type() for table in reversed(tables) for name in table.columns}
    same = [
        table.select(**{n: table[n].cast(types[n]) if n in table.columns else ibis.null(types[n]) for n in names})
        for table in tables
    ]
    return ibis.union(*same)
