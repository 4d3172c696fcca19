"""What customers do and get outside journeys: bills, calls, chats, letters, complaints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cj_helpers.sample.clock import DAY, END, HOUR, NEVER, Floats, Ints, day, lognormal
from cj_helpers.sample.people import BLOCK, People
from cj_helpers.sample.steps import Channel, Device, Journeys, Outcome, Steps, draw_starts
from cj_helpers.sample.world import World

NEWSLETTER_DAYS = (day(2025, 4, 8), day(2025, 10, 7), day(2026, 4, 14))

ONE_CHANNEL = {"service_call": Channel.PHONE, "chat_question": Channel.CHAT, "store_visit": Channel.STORE}


@dataclass(frozen=True)
class Contacts:
    """Single events outside journeys, each as a journey of one step; and person and time of the price rises."""

    journeys: Journeys
    price_rises: tuple[Ints, Floats]


def draw_contacts(rng: np.random.Generator, people: People, world: World) -> Contacts:
    """Draw looks at the bill, service calls, questions in the chat, visits, newsletters and letters on price rises."""
    subscribers = np.flatnonzero(people.newsletter)
    raised = np.flatnonzero(rng.random(BLOCK) < world.price_rise_share)
    raised_at = rng.random(len(raised)) * END
    rates = {"bill_viewed": 2.5, "service_call": 0.20, "chat_question": 0.50, "store_visit": 0.30}
    parts = {touchpoint: [draw_starts(rng, people, rate)] for touchpoint, rate in rates.items()}
    parts["newsletter_sent"] = [
        (subscribers, at + 9 * HOUR + rng.random(len(subscribers)) * HOUR) for at in NEWSLETTER_DAYS
    ]
    parts["price_rise_notice"] = [(raised, raised_at)]
    person = np.concatenate([p for pairs in parts.values() for p, _ in pairs])
    at = np.concatenate([t for pairs in parts.values() for _, t in pairs])
    n = len(person)
    in_app = people.app_user[person]
    on_web = np.where(rng.random(n) < world.mobile_share, Device.MOBILE, Device.DESKTOP)
    digital, device = np.where(in_app, Channel.APP, Channel.WEB), np.where(in_app, Device.MOBILE, on_web)
    steps, first = Steps(n), 0
    for touchpoint, pairs in parts.items():
        last = first + sum(len(p) for p, _ in pairs)
        rows = (np.arange(n) >= first) & (np.arange(n) < last)
        if touchpoint == "bill_viewed":
            steps.add(rows, at, touchpoint, digital, device)
        else:
            steps.add(rows, at, touchpoint, ONE_CHANNEL.get(touchpoint, Channel.EMAIL))
        first = last
    return Contacts(Journeys(person, at, at, np.full(n, int(Outcome.OPEN)), steps), (raised, raised_at))


def draw_complaints(rng: np.random.Generator, people: People, world: World) -> Journeys:
    """Draw complaints; `ended` is when they are closed, inf for one in ten."""
    person, filed = draw_starts(rng, people, world.complaint_rate)
    n = len(person)
    closed = filed + lognormal(rng, n, 30 * DAY, 0.8).clip(HOUR, 300 * DAY)
    closed[rng.random(n) < 0.10] = NEVER
    channel = np.array([Channel.PHONE, Channel.WEB, Channel.CHAT])[np.searchsorted([0.5, 0.85], rng.random(n))]
    device = np.where(channel == Channel.WEB, Device.DESKTOP, Device.NONE)
    answered_by = np.where(rng.random(n) < 0.4, Channel.PHONE, Channel.EMAIL)
    steps = Steps(n)
    steps.add(np.ones(n, bool), filed, "complaint_filed", channel, device)
    steps.add(np.isfinite(closed), closed, "complaint_closed", answered_by)
    return Journeys(person, filed, closed, np.full(n, int(Outcome.OPEN)), steps)
