"""What dataset.yml may say about surveys."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import model_validator

from cj_helpers.dataset.schema_base import Codes, Duration, Model, Names

NPS_SCALE = (0, 10)


class Rating(Model):
    """A satisfaction or effort question: its column, scale and which answers count as good."""

    column: str
    scale: tuple[float, float]
    top: list[float] = []
    easy_is: Literal["high", "low"] = "high"


class Survey(Model):
    """Which survey columns hold what; keys of ``drivers`` are dimensions.

    ``invited`` names the touchpoints by which customers were asked, ``answer_within`` how long they may take.
    """

    nps: str = ""
    scale: tuple[float, float] = NPS_SCALE
    csat: Rating | None = None
    ces: Rating | None = None
    drivers: dict[str, Names] = {}
    driver_scale: tuple[float, float] | None = None
    missing: dict[str, Codes] = {}
    not_applicable: dict[str, Codes] = {}
    weight: str = ""
    invited: Names = []
    answer_within: Duration = timedelta(days=14)

    @model_validator(mode="after")
    def _scales_have_two_ends(self) -> Survey:
        scales = {"scale": self.scale, "driver_scale": self.driver_scale}
        for name, scale in scales.items():
            if scale is not None and scale[0] == scale[1]:
                raise ValueError(f"{name}: found {list(scale)}; give the worst and the best answer, such as [1, 5]")
        return self

    @property
    def has_nps(self) -> bool:
        """Whether the question on recommending is asked from 0 to 10, as the Net Promoter Score needs."""
        return bool(self.nps) and self.scale == NPS_SCALE

    @property
    def driver_columns(self) -> list[str]:
        """Driver columns in the order of the file."""
        return [name for names in self.drivers.values() for name in names]
