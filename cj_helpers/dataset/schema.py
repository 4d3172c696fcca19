"""What dataset.yml may say: every key, its type and its allowed values.

Keys that a later version will use are known here and refused as not yet supported, so that nothing
in the file is ever ignored. The keys of ``tables`` are in ``schema_tables``, those of ``churn`` in
``schema_churn``.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from cj_helpers.dataset.schema_base import Duration, Model, Names, parse_duration
from cj_helpers.dataset.schema_churn import Churn
from cj_helpers.dataset.schema_priorities import Change, Reference
from cj_helpers.dataset.schema_score import ScoreFormula
from cj_helpers.dataset.schema_survey import Survey
from cj_helpers.dataset.schema_tables import Allow, Raw, Tables


class Journey(Model):
    """One journey definition."""

    label: str
    goal: str = ""
    start: Names = []
    success: Names = Field(min_length=1)
    abandon: Names = []
    stages: dict[str, Names] = {}
    touchpoints: Names = []
    timeout: Literal["none"] | Duration | dict[str, Duration]
    waiting_on_company: Names = []
    promise: Duration | None = None
    within: Duration = timedelta(days=30)
    value: float | None = None
    reference: Reference = Reference()
    owner: str = ""
    status: str = ""

    @field_validator("timeout", mode="before")
    @classmethod
    def _timeout_by_touchpoint(cls, value: object) -> object:
        if value is None or str(value).lower() == "none":
            return "none"
        if not isinstance(value, dict):
            return parse_duration(value)
        if "default" not in value:
            raise ValueError("timeouts by touchpoint need a default, such as {default: 7d, quote_sent: 30d}")
        return {key: parse_duration(item) for key, item in value.items()}

    @model_validator(mode="after")
    def _ends_differ(self) -> Journey:
        both = sorted(set(self.success) & set(self.abandon))
        if both:
            raise ValueError(f"{', '.join(both)} cannot end the journey as a success and as abandoned; keep one")
        return self


class Benchmark(Model):
    """A figure from outside to compare with, and where it comes from."""

    value: float
    source: str


class Tracked(Model):
    """The share of a channel's visits that can be followed, and who says so."""

    share: float = Field(gt=0, le=1)
    source: str


class Privacy(Model):
    """Suppression of small groups and the key of pseudonyms."""

    min_group: int = Field(default=10, ge=5)
    pseudonym_key_env: str = ""
    pseudonym_key_file: str = ""
    public: bool = False


class Alert(Model):
    """A headline number and the bound whose crossing is reported."""

    metric: str
    journey: str = ""
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Alert:
        if (self.below is None) == (self.above is None):
            raise ValueError("an alert needs exactly one of below and above")
        return self


class DatasetConfig(Model):
    """The whole of dataset.yml."""

    version: Literal[1]
    name: str
    engine: str = "duckdb"
    time_zone: str = "UTC"
    time_fold: Literal["first", "second"] = "first"
    currency: str = "EUR"
    language: str = "en"
    as_of: Annotated[str, BeforeValidator(str)] = ""
    max_lag: Duration = timedelta(days=3)
    allow: Allow = Allow()
    raw: dict[str, Raw] = {}
    tables: Tables
    journeys: dict[str, Journey] = {}
    survey: Survey = Survey()
    churn: Churn = Churn()
    benchmarks: dict[str, Benchmark] = {}
    tracked: dict[str, Tracked] = {}
    privacy: Privacy = Privacy()
    alerts: list[Alert] = []
    changes: list[Change] = []
    score: ScoreFormula | None = None

    @field_validator("engine")
    @classmethod
    def _duckdb_or_a_connection(cls, value: str) -> str:
        if value != "duckdb" and "://" not in value:
            raise ValueError(f"found {value!r}; an engine is duckdb or a connection such as postgres://user@host/base")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"found {value!r}; a time zone has a name such as Europe/Berlin or UTC")
        return value

    @field_validator("benchmarks")
    @classmethod
    def _known_benchmarks(cls, value: dict[str, Benchmark]) -> dict[str, Benchmark]:
        for name in value:
            if name != "nps":
                raise ValueError(f"the benchmark {name!r} is not yet supported; allowed is nps")
        return value

    @model_validator(mode="after")
    def _score_knows_every_journey(self) -> DatasetConfig:
        if self.score is not None:
            for name in self.score.weights:
                for key in self.journeys:
                    self.score.bounds(name, key)
        return self

    @field_validator("journeys")
    @classmethod
    def _short_keys(cls, value: dict[str, Journey]) -> dict[str, Journey]:
        for key in value:
            if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key) is None:
                raise ValueError(f"found the key {key!r}; a journey's key has letters, digits, _ or - only")
        return value

    @model_validator(mode="after")
    def _changes_name_journeys(self) -> DatasetConfig:
        for change in self.changes:
            if change.journey and change.journey not in self.journeys:
                allowed = ", ".join(self.journeys) or "none, as no journey is defined"
                raise ValueError(f"changes: no journey {change.journey!r}; allowed: {allowed}")
        return self
