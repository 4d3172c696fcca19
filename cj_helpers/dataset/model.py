"""The data set as the analyses see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset.checks import NOT_FIT
from cj_helpers.dataset.schema import DatasetConfig


@dataclass(frozen=True)
class Dataset:
    """A data set ready for analysis; the tables live in the engine.

    Attributes
    ----------
    key, name : str
        Folder name, and the name a reader sees.
    config : DatasetConfig
        The whole of dataset.yml.
    con : ibis backend
    events, surveys, customers : ibis table or None
        The contract's tables; None where dataset.yml names no source.
    received : ibis table or None
        All events as they came in, those after as_of included: for the data-quality report only.
    journeys : mapping of key to JourneyDefinition
    as_of : Timestamp or NaT
        UTC; nothing later is used. NaT when the data carry no dates.
    quality, feeds, verdict : DataFrame
        What was repaired or dropped, how far each source reaches, and whether each analysis may run.
    inputs : list of dict
        path, sha256 and rows of every file read.
    fingerprint : str
        SHA-256 over inputs, dataset.yml and as_of.
    """

    key: str
    folder: Path
    config: DatasetConfig
    con: Any
    events: ir.Table | None
    surveys: ir.Table | None
    customers: ir.Table | None
    received: ir.Table | None
    journeys: Mapping[str, JourneyDefinition]
    as_of: pd.Timestamp
    quality: pd.DataFrame
    feeds: pd.DataFrame
    verdict: pd.DataFrame
    inputs: list[dict[str, Any]]
    fingerprint: str

    @property
    def name(self) -> str:
        """Name a reader sees."""
        return self.config.name

    @property
    def time_zone(self) -> str:
        """Zone in which times are shown."""
        return self.config.time_zone

    @property
    def currency(self) -> str:
        """Currency of every amount."""
        return self.config.currency

    @property
    def language(self) -> str:
        """Language of the reports."""
        return self.config.language

    @property
    def public(self) -> bool:
        """Whether the data are public: no suppression, no pseudonyms."""
        return self.config.privacy.public

    @property
    def min_group(self) -> int:
        """Smallest group of customers that is published."""
        return self.config.privacy.min_group

    @property
    def fit(self) -> bool:
        """Whether no analysis is judged "not fit"."""
        return not bool(self.verdict["verdict"].eq(NOT_FIT).any())
