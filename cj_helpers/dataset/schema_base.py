"""What every key of dataset.yml is built from: durations, lists, and models that ignore nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(value: object) -> timedelta:
    """Read a duration such as ``30m``, ``12h``, ``7d`` or ``2w``.

    Raises
    ------
    ValueError
        When the text is not a positive whole number followed by m, h, d or w.
    """
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d+)\s*([mhdw])", str(value).strip())
    if match is None or int(match[1]) == 0:
        raise ValueError(f"found {value!r}; a duration is a positive whole number and m, h, d or w, such as 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _as_list(value: object) -> object:
    return [value] if isinstance(value, (str, int, float)) else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Names = Annotated[list[str], BeforeValidator(_as_list)]
Codes = Annotated[list[str], BeforeValidator(lambda v: [str(x) for x in _as_list(v)])]  # type: ignore[union-attr]


class Model(BaseModel):
    """A part of dataset.yml: an unknown key is an error, and so is one that a later version will use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_what_is_not_built(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for name, info in cls.model_fields.items():
            if name in data and (info.json_schema_extra or {}).get("not_yet"):  # type: ignore[union-attr]
                raise ValueError(f"the key {name!r} is not yet supported; remove it")
        return data


def not_yet() -> Any:
    """A key that is known and refused until it is built."""
    return Field(default=None, json_schema_extra={"not_yet": True})
