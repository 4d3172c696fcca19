"""One block of customers from its seed: people, journeys, contracts, surveys, then the rows of every file."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from cj_helpers.sample.clock import END, NEVER, Bools, Floats, Ints
from cj_helpers.sample.contacts import draw_complaints, draw_contacts
from cj_helpers.sample.contracts import History, draw_contracts
from cj_helpers.sample.feeds import event_tables
from cj_helpers.sample.journeys import draw_moves, draw_orders, draw_renewals
from cj_helpers.sample.outages import draw_outages
from cj_helpers.sample.people import BLOCK, draw_people, generator
from cj_helpers.sample.steps import (
    TOUCHPOINT_CODE,
    Channel,
    Device,
    Events,
    Journeys,
    Outcome,
    to_events,
    without_overlaps,
)
from cj_helpers.sample.surveys import draw_surveys
from cj_helpers.sample.tables import customer_table, survey_table
from cj_helpers.sample.world import WORLD, World


def block_tables(first: int, seed: int, world: World = WORLD) -> Iterator[tuple[str, pa.Table]]:
    """Yield (file, table) for the customers numbered from `first`, a multiple of BLOCK.

    What happened comes first, what follows from it later: journeys weigh on who gives notice, notice ends further
    journeys, abandoned journeys weigh on the answers. Column ``owner`` is the customer a row belongs to.
    """

    def stream(topic: int) -> np.random.Generator:
        return generator(seed, first // BLOCK, topic)

    people = draw_people(stream(0), world)
    draws = (draw_outages, draw_renewals, draw_moves, draw_orders)
    journeys = [draw(stream(topic), people, world) for topic, draw in enumerate(draws, start=1)]
    contacts, complaints = draw_contacts(stream(5), people, world), draw_complaints(stream(6), people, world)
    kept = [without_overlaps(kind) for kind in journeys]
    history = History(
        abandoned=_ended(journeys, kept, Outcome.ABANDONED),
        complaints=(complaints.person, complaints.started, complaints.ended),
        price_rises=contacts.price_rises,
    )
    contracts = draw_contracts(stream(7), people, history, world)
    last_start = np.concatenate([contracts.last_start, np.full(people.prospects, NEVER)])
    kept = [keep & _in_time(kind, last_start) for kind, keep in zip(journeys, kept, strict=True)]
    abandoned = _ended(journeys, kept, Outcome.ABANDONED)
    ended = _both(abandoned, _ended(journeys, kept, Outcome.COMPLETED))
    surveys = draw_surveys(stream(8), people, contracts, ended, abandoned, world)
    parts = [to_events(kind, keep) for kind, keep in zip(journeys, kept, strict=True)]
    parts += [to_events(kind, _in_time(kind, last_start)) for kind in (contacts.journeys, complaints)]
    events = _all_events([*parts, _invitations(*surveys.invited)])
    yield from event_tables(stream(9), events, people, first, world)
    yield "surveys.csv", survey_table(surveys, first)
    yield "customers.csv", customer_table(people, contracts, first)


def _in_time(journeys: Journeys, last_start: Floats) -> Bools:
    """Mark journeys that start before notice or the end of the contract."""
    return journeys.started < last_start[journeys.person]


def _ended(journeys: list[Journeys], kept: list[Bools], outcome: Outcome) -> tuple[Ints, Floats]:
    """Person and time of the customers' kept journeys that ended this way within the window."""
    pairs = []
    for kind, keep in zip(journeys, kept, strict=True):
        rows = keep & (kind.outcome == outcome) & (kind.ended < END) & (kind.person < BLOCK)
        pairs.append((kind.person[rows], kind.ended[rows]))
    return _both(*pairs)


def _both(*pairs: tuple[Ints, Floats]) -> tuple[Ints, Floats]:
    return np.concatenate([person for person, _ in pairs]), np.concatenate([at for _, at in pairs])


def _invitations(person: Ints, sent: Floats) -> Events:
    code, channel, device = TOUCHPOINT_CODE["survey_sent"], int(Channel.EMAIL), int(Device.NONE)
    return Events(person, sent, *(np.full(len(person), value) for value in (code, channel, device)))


def _all_events(parts: list[Events]) -> Events:
    """All events of a block, in the order of the parts."""
    names = ("person", "seconds", "touchpoint", "channel", "device")
    return Events(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
