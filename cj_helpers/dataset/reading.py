"""One pass from the declared sources to the three tables, collecting what it finds."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis.expr import types as ir

from cj_helpers.dataset.checks import feed_table, quality_table, verdict_table
from cj_helpers.dataset.config import journey_definition, parse_as_of
from cj_helpers.dataset.model import Dataset
from cj_helpers.dataset.problems import Loaded, Problem
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.sources import load_source
from cj_helpers.dataset.surveys import read_ratings
from cj_helpers.dataset.unify import (
    cut_contracts,
    cut_rows,
    drop_future,
    drop_incomplete,
    stitch,
    unify_touchpoints,
    union_sources,
)
from cj_helpers.dataset.validate import check_churn, check_customers, check_touchpoints, late_feeds, missing_parts


class Reading:
    """One pass from files to the three tables, collecting what it finds."""

    def __init__(self, con: Any, folder: Path, config: DatasetConfig, as_of: str) -> None:
        self.con, self.folder, self.config = con, folder, config
        self.given = parse_as_of(as_of or config.as_of, config.time_zone)
        self.reason = "given" if as_of else "declared" if config.as_of else "none"
        self.problems: list[Problem] = []
        self.inputs: list[dict[str, Any]] = []

    def read(self) -> Dataset:
        """Read every table, settle as_of, and cut what lies after it."""
        identities = self._load("identities")
        received = self._received(identities)
        surveys, customers = self._load("surveys"), self._load("customers")
        if surveys is not None:
            surveys = self._keep("surveys_received", stitch(surveys, identities, self.problems, "surveys"))
        feeds = feed_table(received)
        as_of = self.given if not pd.isna(self.given) else self._default_as_of(feeds, surveys, customers)
        if pd.isna(self.given) and not pd.isna(as_of):
            self.reason = "earliest_feed" if len(feeds) else "last_date"
        events, surveys, customers = self._cut(as_of, received, surveys, customers)
        # Rows that could not be read may hold the touchpoints that seem to be missing.
        if not any(p.table == "events" and p.outcome == "error" for p in self.problems):
            check_touchpoints(self.config, events)
        check_churn(self.config, customers)
        check_customers(customers, self.problems)
        late = late_feeds(self.config, feeds, as_of_given=not pd.isna(self.given))
        available = missing_parts(self.config, events, surveys, customers)
        return Dataset(
            key=self.folder.name,
            folder=self.folder,
            config=self.config,
            con=self.con,
            events=events,
            surveys=surveys,
            customers=customers,
            received=received,
            journeys={key: journey_definition(key, j) for key, j in self.config.journeys.items()},
            as_of=as_of,
            quality=quality_table(self.problems),
            feeds=feeds,
            verdict=verdict_table(available, self.problems, late),
            inputs=self.inputs,
            fingerprint=self._fingerprint(as_of),
            as_of_reason=self.reason,
        )

    def _received(self, identities: ir.Table | None) -> ir.Table | None:
        """Return all events with one spelling and one id each, without impossible future rows."""
        events = self._load("events")
        if events is None:
            return None
        events = unify_touchpoints(stitch(events, identities, self.problems, "events"), self.problems)
        events = self._keep("events_received", events)
        if pd.isna(self.given):
            events = self._keep("events_past", drop_future(events, self.problems))
        return events

    def _load(self, kind: str) -> ir.Table | None:
        sources = getattr(self.config.tables, kind)
        parts: list[Loaded] = []
        for index, source in enumerate(sources):
            where = f"tables.{kind}[{index}] ({source.source})"
            loaded = load_source(self.con, self.folder, source, kind=kind, where=where, time_zone=self.config.time_zone)
            if kind == "surveys":
                loaded = read_ratings(loaded, self.config.survey, source.read, where)
            loaded = drop_incomplete(loaded, kind)
            self.inputs += loaded.inputs
            self.problems += loaded.problems
            parts.append(loaded)
        if not parts:
            return None
        table = self._keep(f"{kind}_read", union_sources(parts, kind))
        for loaded in parts:
            self.con.drop_table(loaded.raw)
        return table

    def _keep(self, name: str, table: ir.Table) -> ir.Table:
        """Materialise a table, so that no later query reads the files again."""
        return self.con.create_table(name, table, temp=True, overwrite=True)

    def _default_as_of(self, feeds: pd.DataFrame, surveys: ir.Table | None, customers: ir.Table | None) -> pd.Timestamp:
        """Return the earliest of the event sources' last timestamps; without events, the last date anywhere."""
        if len(feeds):
            return pd.Timestamp(feeds["last"].min())
        dates = []
        for table, names in ((surveys, ["answered_at"]), (customers, ["started_at", "ended_at"])):
            for name in names if table is not None else []:
                if table is not None and name in table.columns:
                    known = table[name] < ibis.literal(datetime(9000, 1, 1), type="timestamp")
                    dates.append(table.aggregate(m=table[name].max(where=known)).execute().m[0])
        dates = [date for date in dates if not pd.isna(date)]
        return pd.Timestamp(max(dates)) if dates else pd.NaT  # type: ignore[return-value]

    def _cut(
        self,
        as_of: pd.Timestamp,
        events: ir.Table | None,
        surveys: ir.Table | None,
        customers: ir.Table | None,
    ) -> tuple[ir.Table | None, ir.Table | None, ir.Table | None]:
        if pd.isna(as_of):
            return events, surveys, customers
        zone = self.config.time_zone
        if events is not None:
            events = cut_rows(events, "timestamp", as_of, "events", self.problems, zone)
            events = self._keep("events", events)
        if surveys is not None and "answered_at" in surveys.columns:
            surveys = self._keep("surveys", cut_rows(surveys, "answered_at", as_of, "surveys", self.problems, zone))
        if customers is not None:
            if "started_at" in customers.columns:
                customers = cut_rows(customers, "started_at", as_of, "customers", self.problems, zone)
            customers = self._keep("customers", cut_contracts(customers, as_of, self.problems))
        return events, surveys, customers

    def _fingerprint(self, as_of: pd.Timestamp) -> str:
        facts = {
            "inputs": sorted((entry["path"], entry["sha256"]) for entry in self.inputs),
            "config": self.config.model_dump(mode="json"),
            "as_of": str(as_of),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
