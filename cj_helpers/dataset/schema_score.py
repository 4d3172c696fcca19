"""The key ``score`` of dataset.yml: the open formula of the journey score."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from cj_helpers.dataset.schema_base import Model

Component = Literal["completed_within", "promise_kept", "csat_top", "ease_top", "cost"]


class ScoreFormula(Model):
    """Weights of the components, and the values that earn all and none of their points.

    ``target`` and ``worst`` are shares between 0 and 1, for ``cost`` money per started journey; each is one number, or
    one number by journey key.
    """

    weights: dict[Component, float] = Field(min_length=1)
    target: dict[Component, float | dict[str, float]]
    worst: dict[Component, float | dict[str, float]]

    @model_validator(mode="after")
    def _whole(self) -> ScoreFormula:
        if any(weight < 0 for weight in self.weights.values()) or not sum(self.weights.values()) > 0:
            raise ValueError(f"weights: found {dict(self.weights)}; none may be negative, and one must be above 0")
        for name in self.weights:
            for key, bounds in (("target", self.target), ("worst", self.worst)):
                if name not in bounds:
                    raise ValueError(f"{key}: no value for {name!r}, which has a weight; add it")
            self._apart(name)
        return self

    def _apart(self, name: Component) -> None:
        """Refuse bounds that are equal, the wrong way round, or no shares."""
        bounds = (self.worst[name], self.target[name])
        keys = {key for bound in bounds if isinstance(bound, dict) for key in bound} or {""}
        for key in keys:
            worst, target = self.bounds(name, key)
            if (worst >= target) if name != "cost" else (worst <= target):
                side = "below" if name != "cost" else "above"
                raise ValueError(f"{name}: worst {worst:g} must lie {side} target {target:g}")
            if name != "cost" and not 0 <= worst < target <= 1:
                raise ValueError(f"{name}: worst {worst:g} and target {target:g} must lie between 0 and 1")

    def bounds(self, name: str, journey: str) -> tuple[float, float]:
        """Worst and target of a component for one journey.

        Raises
        ------
        ValueError
            When they are given by journey and this one is missing.
        """
        found = []
        for key, values in (("worst", self.worst), ("target", self.target)):
            value = values[name]  # type: ignore[index]
            if isinstance(value, dict):
                if journey not in value:
                    raise ValueError(f"score.{key}.{name}: no value for the journey {journey!r}; add it")
                value = value[journey]
            found.append(value)
        return found[0], found[1]
