"""The data set as the analyses see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ibis.expr import types as ir

from cj_helpers.contract import JourneyDefinition
from cj_helpers.dataset.checks import NOT_FIT
from cj_helpers.dataset.schema import DatasetConfig

IDENTITY_COLUMNS = ["measure", "before", "after", "share"]
CLOCK_COLUMNS = ["source", "n_rows", "n_with_offset", "n_folded"]


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
    as_of_reason : str
        Why as_of is what it is: given (a parameter), declared (dataset.yml), earliest_feed (the earliest of the
        event sources' last timestamps), last_date (the last date of surveys and customers) or none.
    identity : DataFrame, one row per measure
        measure (customers_of_events, events_stitched, aliases: known and used, conflicts: aliases of several
        customers, customers_joined by those, over_merged: customers with more ids than one can have,
        largest_cluster: ids of the largest), before and after stitching, and share. Empty without identities.
    unstitched : ibis table or None
        The events under the ids they came with, to see what results would be without identities; None when no
        identities are declared.
    aliases : ibis table or None
        customer_id: every id that stands for another, as identities name them; None when none are declared.
    history : ibis table or None
        Every version of customers with dated attributes (``valid_from``); ``customers`` has the one of as_of.
    clocks : DataFrame, one row per source of events
        source, n_rows, n_with_offset (times that carry their own offset), n_folded (local times that occur
        twice when clocks go back, read by ``time_fold``).
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
    as_of_reason: str = "none"
    identity: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=IDENTITY_COLUMNS))
    unstitched: ir.Table | None = None
    aliases: ir.Table | None = None
    history: ir.Table | None = None
    clocks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=CLOCK_COLUMNS))

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
