"""Moving home (truth 3), renewing the contract, and the way from the first visit to the first bill.

Each journey is a chain: a step, a wait shorter than the timeout, the next step or silence. So the journey rules find
the outcome drawn here: abandoned means silent after a step, dated at that step plus its timeout.
"""

from __future__ import annotations

import numpy as np

from cj_helpers.sample.clock import (
    DAY,
    HOUR,
    MINUTE,
    N_DAYS,
    NEVER,
    Bools,
    Floats,
    Ints,
    day,
    lognormal,
    random_times,
)
from cj_helpers.sample.people import BLOCK, People
from cj_helpers.sample.steps import Channel, Device, Journeys, Outcome, Steps, draw_starts
from cj_helpers.sample.world import World

TIMEOUT = 14 * DAY
LONG_TIMEOUT = {"move_confirmed": 45 * DAY, "offer_sent": 30 * DAY, "line_activated": 45 * DAY}


class _Chain:
    """Journeys of one kind while they are drawn: who is still on the way, and since when."""

    def __init__(self, rng: np.random.Generator, started: Floats) -> None:
        n = len(started)
        self.rng, self.n = rng, n
        self.steps = Steps(n)
        self.at, self.on = started.copy(), np.ones(n, bool)
        self.ended, self.outcome = np.full(n, NEVER), np.full(n, Outcome.OPEN)

    def step(self, touchpoint: str, channel: Ints | int, device: Ints | int = Device.NONE) -> None:
        """Everyone still on the way takes this step now."""
        self.steps.add(self.on, self.at, touchpoint, channel, device)

    def wait(self, median: float, sigma: float = 0.8, longest: float = 12 * DAY, where: Bools | None = None) -> None:
        """Let time pass: at least two minutes, at most `longest`, which is less than the timeout."""
        passed = lognormal(self.rng, self.n, median, sigma).clip(2 * MINUTE, longest)
        self.at = self.at + (passed if where is None else np.where(where, passed, 0.0))

    def fall_silent(self, share: Floats | float, after: str) -> None:
        """Some give up here: nothing follows, and the timeout after this touchpoint dates the abandonment."""
        silent = self.on & (self.rng.random(self.n) < share)
        self._end(silent, self.at + LONG_TIMEOUT.get(after, TIMEOUT), Outcome.ABANDONED)

    def detour(self, share: float, touchpoint: str, channel: Ints | int, device: Ints | int, median: float) -> None:
        """Some take an extra step before they go on."""
        some = self.on & (self.rng.random(self.n) < share)
        self.steps.add(some, self.at, touchpoint, channel, device)
        self.wait(median, where=some)

    def finish(self, touchpoint: str, channel: Ints | int, device: Ints | int, where: Bools, outcome: int) -> None:
        """End the journey with an event that says so."""
        ending = self.on & where
        self.steps.add(ending, self.at, touchpoint, channel, device)
        self._end(ending, self.at, outcome)

    def _end(self, who: Bools, at: Floats, outcome: int) -> None:
        self.ended = np.where(who, at, self.ended)
        self.outcome = np.where(who, outcome, self.outcome)
        self.on = self.on & ~who

    def journeys(self, person: Ints, started: Floats) -> Journeys:
        """Return the finished record."""
        return Journeys(person, started, self.ended, self.outcome, self.steps)


def _devices(rng: np.random.Generator, n: int, world: World) -> Ints:
    return np.where(rng.random(n) < world.mobile_share, Device.MOBILE, Device.DESKTOP)


def broken_window(world: World) -> tuple[int, int]:
    """First second and end of the weeks in which the address form is broken on mobile (truth 3)."""
    first, last = world.form_broken_weeks
    summer = day(2025, 5, 14) - 133 * DAY  # both ends lie in summer time
    return (first - 1) * 7 * DAY + summer, last * 7 * DAY + summer


def draw_moves(rng: np.random.Generator, people: People, world: World) -> Journeys:
    """Draw moves: many in early summer, all begin with the address form on the web."""
    week_of_year = (np.arange(N_DAYS) % 365) // 7 + 1
    weight = np.where((week_of_year >= 18) & (week_of_year <= 27), world.move_season, 1.0)
    person, started = draw_starts(rng, people, world.move_rate, weight)
    device = _devices(rng, len(person), world)
    later = np.where(rng.random(len(person)) < 0.9, device, Device.MOBILE + Device.DESKTOP - device)
    move = _Chain(rng, started)
    move.step("address_form", Channel.WEB, device)
    begin, end = broken_window(world)
    broken = (device == Device.MOBILE) & (started >= begin) & (started < end)
    move.fall_silent(1 - np.where(broken, world.form_next_broken, world.form_next), "address_form")
    move.wait(20 * MINUTE, 1.0)
    move.step("services_chosen", Channel.WEB, later)
    move.fall_silent(0.07, "services_chosen")
    move.wait(18 * HOUR, 1.0)
    move.detour(0.25, "move_call", Channel.PHONE, Device.NONE, 6 * HOUR)
    move.step("move_date_set", Channel.WEB, later)
    move.fall_silent(0.04, "move_date_set")
    move.wait(1 * DAY)
    move.step("move_confirmed", Channel.EMAIL)
    move.fall_silent(0.05, "move_confirmed")
    move.wait(17 * DAY, 0.5, 40 * DAY)
    move.finish("move_completed", Channel.EMAIL, Device.NONE, move.on, Outcome.COMPLETED)
    return move.journeys(person, started)


def draw_renewals(rng: np.random.Generator, people: People, world: World) -> Journeys:
    """Draw renewals: they change tariff and price, not the minimum term."""
    person, started = draw_starts(rng, people, world.renewal_rate)
    n = len(person)
    device = _devices(rng, n, world)
    digital = np.where(people.app_user[person] & (rng.random(n) < 0.5), Channel.APP, Channel.WEB)
    device = np.where(digital == Channel.APP, Device.MOBILE, device)
    renewal = _Chain(rng, started)
    renewal.step("renewal_opened", digital, device)
    renewal.fall_silent(0.12, "renewal_opened")
    renewal.wait(1 * HOUR, 1.2)
    renewal.detour(0.30, "tariff_compared", digital, device, 2 * HOUR)
    renewal.step("tariff_compared", digital, device)
    renewal.fall_silent(0.10, "tariff_compared")
    renewal.wait(20 * HOUR, 1.0)
    renewal.detour(0.35, "renewal_call", Channel.PHONE, Device.NONE, 5 * HOUR)
    renewal.detour(0.12, "renewal_store", Channel.STORE, Device.NONE, 5 * HOUR)
    renewal.step("offer_sent", Channel.EMAIL)
    renewal.fall_silent(0.15, "offer_sent")
    renewal.wait(4 * DAY, 0.9, 27 * DAY)
    renewal.finish("offer_declined", Channel.PHONE, Device.NONE, rng.random(n) < 0.12, Outcome.ABANDONED)
    signs_in = np.where(rng.random(n) < 0.12, Channel.STORE, digital)
    renewal.finish(
        "renewal_signed",
        signs_in,
        np.where(signs_in == Channel.STORE, Device.NONE, device),
        renewal.on,
        Outcome.COMPLETED,
    )
    return renewal.journeys(person, started)


def draw_orders(rng: np.random.Generator, people: People, world: World) -> Journeys:
    """Draw the way to the first bill: of those who joined, and of prospects who give up on it."""
    joined = np.flatnonzero(people.joined)
    prospects = np.arange(BLOCK, len(people.sponsor))
    person = np.concatenate([joined, prospects])
    n, is_prospect = len(person), person >= BLOCK
    device = _devices(rng, n, world)
    begins = np.where(is_prospect, random_times(rng, n), 0.0)
    order = _Chain(rng, begins)
    gives_up = np.where(is_prospect, 1.0, 0.0)
    order.step("site_visited", Channel.WEB, device)
    order.fall_silent(0.35 * gives_up, "site_visited")
    order.wait(25 * MINUTE, 1.3, where=rng.random(n) > 0.03)  # the others: a tie, two pages in one second
    order.step("tariff_viewed", Channel.WEB, device)
    order.fall_silent(0.45 * gives_up, "tariff_viewed")
    order.wait(9 * HOUR, 1.4)
    order.detour(0.35, "tariff_viewed", Channel.WEB, device, 5 * HOUR)
    order.step("availability_checked", Channel.WEB, device)
    order.fall_silent(0.60 * gives_up, "availability_checked")
    order.wait(20 * HOUR, 1.0)
    in_store = ~is_prospect & (rng.random(n) < 0.15)
    order.step("order_placed", np.where(in_store, Channel.STORE, Channel.WEB), np.where(in_store, Device.NONE, device))
    order.wait(5 * MINUTE, 0.5, HOUR)
    order.step("order_confirmed", Channel.EMAIL)
    order.wait(7 * DAY, 0.4, 13 * DAY)
    order.finish("order_cancelled", Channel.PHONE, Device.NONE, is_prospect, Outcome.ABANDONED)
    activated = order.at.copy()
    order.step("line_activated", Channel.EMAIL)
    order.wait(30 * DAY, 0.12, 40 * DAY)
    pays_in = np.where(
        np.concatenate([people.app_user[joined], np.zeros(len(prospects), bool)]), Channel.APP, Channel.WEB
    )
    order.finish(
        "first_bill_paid", pays_in, np.where(pays_in == Channel.APP, Device.MOBILE, device), order.on, Outcome.COMPLETED
    )
    # Customers' chains were drawn from zero: move them so that the line is activated when the contract starts.
    shift = np.where(is_prospect, 0.0, people.started[np.minimum(person, BLOCK - 1)] - activated)
    return _shifted(order.journeys(person, begins), shift)


def _shifted(journeys: Journeys, shift: Floats) -> Journeys:
    """Move each journey in time."""
    steps = journeys.steps.shifted(shift)
    return Journeys(journeys.person, journeys.started + shift, journeys.ended + shift, journeys.outcome, steps)
