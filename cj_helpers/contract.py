"""Names and types of the three tables, journey definitions, and the errors every module raises.

Nothing here reads a file or knows an engine: the other modules agree on these words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

COMPLETED = "completed"
ABANDONED = "abandoned"
OPEN = "open"
OUTCOMES = (COMPLETED, ABANDONED, OPEN)

ALL = "all"
MISSING = "(missing)"


class CjError(ValueError):
    """Base of the errors a user can mend; the message names place, finding, what is allowed and the remedy."""


class ConfigError(CjError):
    """dataset.yml, a parameter or a command line is wrong (exit code 2)."""


class DataError(CjError):
    """The data cannot be analysed as they are (exit code 3)."""


@dataclass(frozen=True)
class JourneyDefinition:
    """What a journey is: its goal, where it starts, how it ends, and how long silence may last.

    Attributes
    ----------
    key : str
        Name in dataset.yml; the ``journey`` column of every table made from events.
    label, goal : str
        How a reader knows the journey, and what the customer wants.
    start : tuple of str
        Touchpoints that open a journey; empty: any member touchpoint does.
    success, abandon : tuple of str
        Touchpoints that end a journey as completed or as abandoned.
    stages : dict of str to tuple of str
        Milestones in order, each with its touchpoints.
    touchpoints : tuple of str
        Further touchpoints that belong to the journey.
    timeout : timedelta or None
        Silence longer than this ends a journey as abandoned; None: silence never does.
    timeouts : dict of str to timedelta
        Timeouts after particular touchpoints.
    waiting_on_company : tuple of str
        After these the clock stops: the customer waits for the company.
    promise : timedelta or None
        How long the company may take after such a touchpoint; past it the journey is overdue.
    within : timedelta
        Horizon of the headline rate.
    value : float or None
        What a completed journey is worth, in the currency of the data set.
    """

    key: str
    label: str
    goal: str = ""
    start: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    abandon: tuple[str, ...] = ()
    stages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    touchpoints: tuple[str, ...] = ()
    timeout: timedelta | None = None
    timeouts: dict[str, timedelta] = field(default_factory=dict)
    waiting_on_company: tuple[str, ...] = ()
    promise: timedelta | None = None
    within: timedelta = timedelta(days=30)
    value: float | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """Touchpoints that belong to the journey, sorted; empty means every touchpoint does."""
        if not self.stages and not self.touchpoints:
            return ()
        staged = [name for names in self.stages.values() for name in names]
        return tuple(sorted({*self.start, *self.success, *self.abandon, *self.touchpoints, *staged}))
