"""Customers and prospects of one block of customers, and its streams of random numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cj_helpers.sample.clock import DAY, END, NEVER, Bools, Floats, Ints
from cj_helpers.sample.world import World

BLOCK = 4000  # customers drawn from one seed: a larger sample keeps the earlier blocks as they are
COUNTRIES = ("DE", "AT", "CH")


def generator(seed: int, block: int, topic: int) -> np.random.Generator:
    """One stream of random numbers per block and topic, so that neither disturbs the other."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(topic, block))))


@dataclass(frozen=True)
class People:
    """One row per person: BLOCK customers; `sponsor` has further rows for prospects, who never become customers.

    ``started`` is when the contract began (seconds, negative before the window), ``bound_until`` when its minimum
    term ends (-inf: none), ``sponsor`` the customer whose presence decides whether a person is in the sample.
    """

    country: Ints
    business: Bools
    member: Bools
    newsletter: Bools
    app_user: Bools
    joined: Bools  # became a customer within the window
    started: Floats
    bound_until: Floats
    revenue: Floats
    sponsor: Ints

    @property
    def prospects(self) -> int:
        """Prospects in this block; their positions follow those of the customers."""
        return len(self.sponsor) - BLOCK


def draw_people(rng: np.random.Generator, world: World) -> People:
    """Draw the customers of one block and half as many prospects."""
    n = BLOCK
    joined = rng.random(n) < 0.30
    before = -rng.random(n) * 6 * 365 * DAY
    within = 35 * DAY + rng.random(n) * (END - 41 * DAY)  # the last before the phone export ends
    started = np.where(joined, within, before)
    business = rng.random(n) < 0.25
    member = rng.random(n) < 0.40
    newsletter = rng.random(n) < np.where(member, world.newsletter_member, world.newsletter_other)
    has_term = rng.random(n) < 0.70
    price = np.where(business, 80.0, 35.0) * np.exp(0.25 * rng.standard_normal(n))
    return People(
        country=np.searchsorted([0.65, 0.85], rng.random(n), "right"),
        business=business,
        member=member,
        newsletter=newsletter,
        app_user=rng.random(n) < 0.60,
        joined=joined,
        started=started,
        bound_until=np.where(has_term, started + 730 * DAY, -NEVER),
        revenue=np.floor(price) + 0.99,
        sponsor=np.concatenate([np.arange(n), np.arange(0, n, 2)]),
    )
