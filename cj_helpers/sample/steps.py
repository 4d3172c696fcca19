"""Steps and journeys while they are drawn, as columns of numbers for one block of customers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from cj_helpers.sample.clock import END, Bools, Floats, Ints, random_times
from cj_helpers.sample.people import BLOCK, People


class Channel(IntEnum):
    """Where an event happens; each channel has a feed of its own."""

    WEB, APP, PHONE, CHAT, STORE, EMAIL = range(6)


class Device(IntEnum):
    """What a customer holds; NONE outside web and app."""

    NONE, MOBILE, DESKTOP = range(3)


class Outcome(IntEnum):
    """How a journey ends; OPEN: never, as far as the sample goes."""

    COMPLETED, ABANDONED, OPEN = range(3)


TOUCHPOINTS = (
    "outage_reported", "line_test", "status_checked", "outage_call", "bot_opened", "bot_solved", "agent_joined",
    "outage_store", "technician_booked", "service_restored",
    "address_form", "services_chosen", "move_call", "move_date_set", "move_confirmed", "move_completed",
    "renewal_opened", "tariff_compared", "renewal_call", "renewal_store", "offer_sent", "renewal_signed",
    "offer_declined",
    "site_visited", "tariff_viewed", "availability_checked", "order_placed", "order_confirmed", "order_cancelled",
    "line_activated", "first_bill_paid",
    "bill_viewed", "service_call", "chat_question", "store_visit", "complaint_filed", "complaint_closed",
    "newsletter_sent", "price_rise_notice", "survey_sent",
)  # fmt: skip
TOUCHPOINT_CODE = {name: code for code, name in enumerate(TOUCHPOINTS)}


class Steps:
    """Events of journeys under construction: each step points to its journey by position."""

    def __init__(self, journeys: int) -> None:
        self._journeys = journeys
        self._parts: list[tuple[Ints, Floats, Ints, Ints, Ints]] = []

    def add(
        self,
        where: Bools,
        seconds: Floats,
        touchpoint: str,
        channel: Ints | int,
        device: Ints | int = Device.NONE,
    ) -> None:
        """Add one step to the journeys where the mask is true."""
        rows = np.flatnonzero(where)
        code = np.full(len(rows), TOUCHPOINT_CODE[touchpoint])
        channels, devices = (np.broadcast_to(np.asarray(x), self._journeys)[rows] for x in (channel, device))
        self._parts.append((rows, seconds[rows], code, channels, devices))

    def shifted(self, seconds: Floats) -> Steps:
        """Return the same steps, each journey moved in time."""
        moved = Steps(self._journeys)
        for rows, at, code, channels, devices in self._parts:
            moved._parts.append((rows, at + seconds[rows], code, channels, devices))
        return moved

    def columns(self) -> tuple[Ints, Floats, Ints, Ints, Ints]:
        """Journey, seconds, touchpoint code, channel and device of all steps, in the order of adding."""
        rows, at, code, channels, devices = zip(*self._parts, strict=True)
        return (
            np.concatenate(rows),
            np.concatenate(at),
            np.concatenate(code),
            np.concatenate(channels),
            np.concatenate(devices),
        )


@dataclass(frozen=True)
class Journeys:
    """Journeys of one kind in one block, one row each; ``ended`` is inf while open.

    Abandonment is dated as an analysis under the silence rule sees it: at the last event plus the timeout.
    """

    person: Ints
    started: Floats
    ended: Floats
    outcome: Ints
    steps: Steps


@dataclass(frozen=True)
class Events:
    """Events of one block, one row each: person, seconds, touchpoint code, channel, device."""

    person: Ints
    seconds: Floats
    touchpoint: Ints
    channel: Ints
    device: Ints


def draw_starts(
    rng: np.random.Generator, people: People, rate: Floats | float, day_weight: Floats | None = None
) -> tuple[Ints, Floats]:
    """Draw journey starts of customers whose contract has begun, sorted by person and time."""
    counts = rng.poisson(np.broadcast_to(rate, BLOCK))
    person = np.repeat(np.arange(BLOCK), counts)
    start = random_times(rng, len(person), day_weight)
    start = start[np.argsort(person * (10.0 * END) + start)]  # within each person; the persons are in order already
    active = start > people.started[person]
    return person[active], start[active]


def without_overlaps(journeys: Journeys) -> Bools:
    """Mark journeys that start after all earlier ones of the same person have ended (rows sorted by both).

    A start inside a running journey would not open a second one, so none is planted.
    """
    far = 10.0 * END
    key = journeys.person * far + np.minimum(journeys.ended, far - 1)
    latest = np.concatenate([[-1.0], np.maximum.accumulate(key)[:-1]])
    return journeys.person * far + journeys.started > latest


def to_events(journeys: Journeys, keep: Bools) -> Events:
    """Events of the journeys kept."""
    row, seconds, touchpoint, channel, device = journeys.steps.columns()
    kept = keep[row]
    return Events(journeys.person[row][kept], seconds[kept], touchpoint[kept], channel[kept], device[kept])
