"""Names and types of the three tables, journey definitions, and the errors every module raises.

Nothing here reads a file or knows an engine: the other modules agree on these words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

COMPLETED = "completed"
ABANDONED = "abandoned"
OPEN = "open"
OUTCOMES = (COMPLETED, ABANDONED, OPEN)
ESCALATED = "escalated"  # ended by the first contact with a person, where that is asked for
OVERDUE = "overdue"  # open, and the company later than promised
MOVED_ON = "moved_on"  # left a stage for a later one or for completion

ALL = "all"
MISSING = "(missing)"
OTHER = "(other)"  # rare values together
ASSISTED, SELF_SERVICE = "assisted", "self_service"  # modes of an event
DAYS_PER_MONTH = 30.4375


class CjError(ValueError):
    """Base of the errors a user can mend; the message names place, finding, what is allowed and the remedy."""


class ConfigError(CjError):
    """dataset.yml, a parameter or a command line is wrong (exit code 2)."""


class CommandError(ConfigError):
    """An option or a parameter of the command line is wrong, which says nothing about the reports (exit code 2)."""


class DataError(CjError):
    """The data cannot be analysed as they are (exit code 3)."""


@dataclass(frozen=True)
class MainNumber:
    """Which number of a figure's table its alternative text names.

    Attributes
    ----------
    column : str
        Where the number stands.
    pick : str
        ``largest``, ``smallest``, ``last`` row, ``extreme`` (farthest from 0, or from 1 for ratios), or ``exp``: the
        same of logarithms, told as a ratio.
    about : tuple of str
        Columns that say what the number belongs to.
    where : mapping of str to object
        Values of the rows that count, where there are such rows.
    time : str
        Column of times; of each curve the last row up to `until` counts.
    until : float or None
        The horizon that the figure marks.
    words, kind : str
        What the number is called and of which kind it is, where the column does not tell.
    """

    column: str
    pick: str = "largest"
    about: tuple[str, ...] = ()
    where: Mapping[str, object] = field(default_factory=dict)
    time: str = ""
    until: float | None = None
    words: str = ""
    kind: str = ""


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


@dataclass(frozen=True)
class Column:
    """One column of a contract table: its type, whether it must be given, and what it holds."""

    kind: str  # text | timestamp | number | flag
    required: bool = False
    about: str = ""


TABLES: dict[str, dict[str, Column]] = {
    "events": {
        "customer_id": Column("text", True, "who; text, leading zeros kept"),
        "timestamp": Column("timestamp", True, "when; stored in UTC"),
        "touchpoint": Column("text", True, "what happened"),
        "channel": Column("text", about="web, app, phone, store, ..."),
        "mode": Column("text", about="self_service or assisted"),
        "device": Column("text", about="mobile, desktop, ..."),
        "actor": Column("text", about="customer, company or system"),
        "session_id": Column("text", about="visit or call the event belongs to"),
        "journey_id": Column("text", about="case the source itself names"),
        "order": Column("number", about="breaks ties of the timestamp"),
        "cost": Column("number", about="cost to serve, in the data set's currency"),
        "duration_s": Column("number", about="length of the interaction in seconds"),
        "effort": Column("number", about="effort rating of the interaction"),
        "satisfaction": Column("number", about="satisfaction rating of the interaction"),
        "observed_until": Column("timestamp", about="end of observation of this journey"),
    },
    "surveys": {
        "customer_id": Column("text", about="who answered; may be absent"),
        "answered_at": Column("timestamp", about="when; may be absent"),
        "touchpoint": Column("text", about="what the question followed"),
        "verbatim": Column("text", about="free text; never published"),
    },
    "customers": {
        "customer_id": Column("text", True, "who"),
        "started_at": Column("timestamp", about="start of the contract"),
        "ended_at": Column("timestamp", about="its end; empty while active"),
        "tenure": Column("number", about="time under contract so far, in tenure_unit"),
        "churned": Column("flag", about="true when the tenure ended with an exit"),
        "observed_from": Column("timestamp", about="from when the file would have shown the customer"),
        "notice_at": Column("timestamp", about="when notice was given"),
        "exit_reason": Column("text", about="voluntary, involuntary or moved"),
        "bound_until": Column("timestamp", about="end of the minimum term"),
        "consent": Column("flag", about="may be contacted"),
        "last_contacted_at": Column("timestamp", about="last outbound contact"),
        "monthly_revenue": Column("number", about="in the data set's currency"),
        "observed_until": Column("timestamp", about="end of observation of this customer"),
        "valid_from": Column("timestamp", about="from when dated attributes hold"),
    },
    "identities": {
        "alias": Column("text", True, "id a channel knows the customer by"),
        "customer_id": Column("text", True, "the customer's own id"),
    },
}
