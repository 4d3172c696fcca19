"""What dataset.yml may say about the sources of the three tables."""

from __future__ import annotations

import codecs
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from cj_helpers.dataset.schema_base import Codes, Model, Names


def _by_file(value: object) -> object:
    return value if isinstance(value, dict) else {"": value}


class Read(Model):
    """How a text file is written; Parquet and tables of an engine need nothing of this."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    encoding: str = "utf-8"
    timestamp_format: str = ""
    missing: Codes = []
    skip: int = Field(default=0, ge=0)
    header: Names = []
    lines_in_text: bool = False

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError:
            raise ValueError(f"found {value!r}; an encoding is utf-8, latin-1, cp1252, utf-16 or the like") from None
        return value


class Manifest(Model):
    """What the sender says of a file, so that a cut or changed one is noticed; by file name for a glob."""

    sha256: Annotated[dict[str, str], BeforeValidator(_by_file)] = {}
    rows: Annotated[dict[str, int], BeforeValidator(_by_file)] = {}


class Raw(Manifest):
    """A file by the name under which ``sql:`` reads it; every column is text unless the file is Parquet."""

    source: str
    read: Read = Read()


class Long(Model):
    """An export with one row per answer: which columns say the response, the question and the answer."""

    by: Names
    question: str
    answer: str


class Source(Manifest):
    """One file, one glob of files of the same shape, or a table or query of the engine."""

    source: str = ""
    table: str = ""
    sql: str = ""
    read: Read = Read()
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    patterns: dict[str, dict[str, str]] = {}
    keep: dict[str, Codes] = {}
    leave_out: dict[str, Codes] = {}
    long: Long | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    tenure_unit: Literal["days", "months"] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        given = [name for name in ("source", "table", "sql") if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"found {found}; a source is exactly one of source (files), table and sql (on the engine)")
        return self

    @field_validator("patterns")
    @classmethod
    def _compile(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for column, table in value.items():
            for pattern in table:
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"{column}: {pattern!r} is no regular expression ({error})") from None
        return value

    @property
    def name(self) -> str:
        """What reports call the source: the file or glob, the table, or sql."""
        return self.source or self.table or "sql"


class Tables(Model):
    """The sources of each table; several become one."""

    events: list[Source] = []
    surveys: list[Source] = []
    customers: list[Source] = []
    identities: list[Source] = []


class Allow(Model):
    """What a data set may read besides the files of its own folder."""

    outside: Names = []
    urls: Names = []
