"""What dataset.yml may say about the sources of the three tables."""

from __future__ import annotations

from typing import Any, Literal

from cj_helpers.dataset.schema_base import Codes, Model, not_yet


class Read(Model):
    """How a text file is written; Parquet needs nothing of this."""

    delimiter: str = ","
    quote: str = '"'
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    encoding: Literal["utf-8", "latin-1", "utf-16"] = "utf-8"
    timestamp_format: str = ""
    missing: Codes = []


class Source(Model):
    """One file, or one glob of files of the same shape."""

    source: str
    table: Any = not_yet()
    sql: Any = not_yet()
    read: Read = Read()
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    duplicates: Literal["drop", "keep"] = "drop"
    tenure_unit: Literal["days", "months"] | None = None


class Tables(Model):
    """The sources of each table; several become one."""

    events: list[Source] = []
    surveys: list[Source] = []
    customers: list[Source] = []
    identities: list[Source] = []
