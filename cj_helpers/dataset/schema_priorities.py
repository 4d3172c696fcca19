"""Keys of dataset.yml that priorities read: what a journey could reach, who owns it, and what was changed when."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from cj_helpers.dataset.schema_base import Model


class Reference(Model):
    """The rate of completion that a journey is held against, and where that rate comes from."""

    kind: Literal["best_period", "best_channel", "best_segment", "benchmark"] = "best_period"
    column: str = ""
    value: float | None = Field(default=None, gt=0, le=1)
    source: str = ""

    @model_validator(mode="after")
    def _what_the_kind_needs(self) -> Reference:
        if (self.kind == "best_segment") != bool(self.column):
            raise ValueError("`column` names the segments of kind best_segment, and only of that kind")
        if (self.kind == "benchmark") != (self.value is not None and bool(self.source)):
            raise ValueError("a benchmark needs `value` (a share above 0 and up to 1) and `source`; no other kind does")
        return self


class Change(Model):
    """Something that was changed on a day, and for whom.

    ``segment`` says which customers or events it touched and ``comparison`` which it did not, each as one column and
    its value; ``mix`` is a column whose shares are held constant.
    """

    date: date
    label: str
    journey: str = ""
    segment: dict[str, str] = Field(default={}, max_length=1)
    comparison: dict[str, str] = Field(default={}, max_length=1)
    mix: str = ""

    @model_validator(mode="after")
    def _one_comparison(self) -> Change:
        if self.comparison and set(self.comparison) != set(self.segment):
            raise ValueError("`comparison` names another value of the column under `segment`; give both")
        return self
