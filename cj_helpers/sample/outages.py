"""Outages: truths 1, 2, 4, 5, 6 and 7, and the nulls of country, weekday and store.

How the planted hazard ratios survive the silence rule. An analysis dates an abandonment at the last event plus seven
days, so the competing time drawn here is that date D itself, and the last event is put at D - 7 days. The completion
time T follows a hazard that is the reference hazard times the ratios, whatever D is. The earlier of the two is what
the journey rules observe, hence the cause-specific hazard ratios are exactly the planted ones. The path (who
calls, whether a technician comes) is drawn afterwards, given the times; only the hand-off comes first, because it
changes the hazard.
"""

from __future__ import annotations

import numpy as np

from cj_helpers.sample.clock import DAY, END, HOUR, MINUTE, NEVER, Bools, Floats, Ints, day, lognormal
from cj_helpers.sample.hazards import TIMEOUT, abandonment_times, completion_times, reference
from cj_helpers.sample.people import BLOCK, People
from cj_helpers.sample.steps import Channel, Device, Journeys, Outcome, Steps, draw_starts
from cj_helpers.sample.world import World

# A storm less than a timeout before the phone export ends: many open outages, none of them abandoned yet.
STORM_FROM, STORM_TO = day(2026, 6, 20) + 3 * HOUR, day(2026, 6, 21) + 3 * HOUR
ONLY_VISITS_FROM = 6.5 * DAY  # later completions are visits, else the silence before them would be too long


def draw_outages(rng: np.random.Generator, people: People, world: World) -> Journeys:
    """Draw the outages of one block, sorted by person and start."""
    severity = rng.gamma(2.0, 0.5, BLOCK)  # some lines fail more often than others
    person, started = draw_starts(rng, people, world.outage_rate * severity)
    in_storm = rng.random(len(person)) < world.storm_share
    started = np.where(in_storm, STORM_FROM + rng.random(len(person)) * (STORM_TO - STORM_FROM), started)
    started = started[np.argsort(person * (10.0 * END) + started)]  # within each person, who are in order already
    outages = _Outages(rng, people, person, world)
    outages.draw_times()
    outages.draw_contacts()
    outages.draw_booking()
    outages.draw_bot()
    outages.draw_end()
    ended = started + np.minimum(outages.completion, outages.abandonment)
    return Journeys(person, started, ended, outages.outcome, outages.steps_from(started))


class _Outages:
    """The outages of one block while they are drawn; all times in seconds since the start of each."""

    def __init__(self, rng: np.random.Generator, people: People, person: Ints, world: World) -> None:
        self.rng, self.world, self.n = rng, world, len(person)
        self.country, self.business = people.country[person], people.business[person]
        uses_app = people.app_user[person] & (rng.random(self.n) < 0.65)
        self.digital = np.where(uses_app, Channel.APP, Channel.WEB)
        self.device = np.where(rng.random(self.n) < world.mobile_share, Device.MOBILE, Device.DESKTOP)
        first = np.where(rng.random(self.n) < 0.28, Channel.PHONE, self.digital)
        self.parts = [(np.ones(self.n, bool), np.zeros(self.n), "outage_reported", first)]
        self.last, self.channel = np.zeros(self.n), first  # time and channel of the latest step so far
        self.assisted = first == Channel.PHONE

    def _all(self, channel: Channel) -> Ints:
        return np.full(self.n, int(channel))

    def draw_times(self) -> None:
        """Draw abandonment, the hand-off from chat to phone, then completion; keep the earlier (truths 1, 2, 6, 7)."""
        rng, world = self.rng, self.world
        abandonment = abandonment_times(rng.standard_exponential(self.n), world)
        silent_from = np.where(np.isfinite(abandonment), abandonment - TIMEOUT, NEVER)
        silent_from[silent_from < 30 * MINUTE] = 0.0  # only the report itself
        handoff = self._planned_handoff(silent_from)
        completion = completion_times(rng.standard_exponential(self.n), self.country, self.business, handoff, world)
        self.outcome = np.select(
            [completion < abandonment, np.isfinite(abandonment)],
            [int(Outcome.COMPLETED), int(Outcome.ABANDONED)],
            int(Outcome.OPEN),
        )
        self.completion = np.where(self.outcome == Outcome.COMPLETED, completion, NEVER)
        self.abandonment = np.where(self.outcome == Outcome.ABANDONED, abandonment, NEVER)
        self.silent_from = silent_from
        # Contacts happen before this. The silence counts even where completion comes first, else contacts would tell
        # of a completion to come.
        self.until = np.minimum(self.completion, silent_from)
        self.handed_off = handoff < self.until

    def _planned_handoff(self, silent_from: Floats) -> Floats:
        """Time of the phone call that follows a chat, if the outage lasts so long; inf: no such plan (truth 2)."""
        rng, world = self.rng, self.world
        wait = lognormal(rng, self.n, world.handoff_potential_wait_hours * HOUR, 0.45).clip(HOUR, 5 * DAY)
        self.chat_at = lognormal(rng, self.n, world.contact_median_hours * HOUR, 0.8).clip(5 * MINUTE, DAY)
        self.call_at = self.chat_at + wait
        planned = (rng.random(self.n) < world.handoff_potential) & (self.call_at < silent_from)
        # Other contacts make way for it even if the journey then ends first: else they would tell of an early end.
        self.planned = planned
        return np.where(planned, self.call_at, NEVER)

    def draw_contacts(self) -> None:
        """Draw line tests, calls, status checks, store visits and chats, then the hand-off; none but it has effects."""
        rng, n, median = self.rng, self.n, self.world.contact_median_hours * HOUR
        waits = [lognormal(rng, n, median, 0.8).clip(5 * MINUTE, 3 * DAY) for _ in range(3)]
        test_at = lognormal(rng, n, 1.2 * HOUR, 0.9).clip(3 * MINUTE, 2 * DAY)
        other_chat = ~self.planned & (rng.random(n) < 0.03)
        no_chat = ~self.planned & ~other_chat
        self._contact(rng.random(n) < 0.70, test_at, "line_test", self.digital)
        self._contact(no_chat & (rng.random(n) < 0.33), test_at + waits[0], "outage_call", self._all(Channel.PHONE))
        self._contact(rng.random(n) < 0.40, test_at + sum(waits[:2]), "status_checked", self.digital)
        # Null: a store visit changes nothing.
        self._contact(rng.random(n) < 0.09, test_at + sum(waits), "outage_store", self._all(Channel.STORE))
        chat, joined_at = self._all(Channel.CHAT), self.chat_at + (4 + 6 * rng.random(n)) * MINUTE
        to_agent = other_chat & (joined_at < self.until - 2 * MINUTE)
        self._step(to_agent, self.chat_at, "bot_opened", chat)
        self._step(to_agent, joined_at, "agent_joined", chat)
        self._step(self.handed_off, self.chat_at, "bot_opened", chat)
        self._step(self.handed_off, self.call_at, "outage_call", self._all(Channel.PHONE))

    def _contact(self, wanted: Bools, at: Floats, touchpoint: str, channel: Ints) -> None:
        """Add a contact unless the journey ends before it or it would stand between chat and phone."""
        between = self.planned & (at > self.chat_at) & (at < self.call_at + 2 * MINUTE)
        self._step(wanted & ~between & (at < self.until - 2 * MINUTE), at, touchpoint, channel)

    def _step(self, where: Bools, at: Floats, touchpoint: str, channel: Ints) -> None:
        self.parts.append((where, at, touchpoint, channel))
        later = where & (at > self.last)
        self.last = np.where(later, at, self.last)
        self.channel = np.where(later, channel, self.channel)
        self.assisted = self.assisted | (where & np.isin(channel, [Channel.PHONE, Channel.STORE, Channel.CHAT]))

    def draw_booking(self) -> None:
        """Decide which completions were a technician's visit; those who never come are booked, too (truth 4)."""
        ref, rng = reference(self.world), self.rng
        share = np.interp(self.completion, ref.grid, ref.visit_share)
        share = np.where(self.completion > ONLY_VISITS_FROM, 1.0, share)
        booked_at = self.last + lognormal(rng, self.n, 6 * HOUR, 0.6).clip(5 * MINUTE, 2 * DAY)
        visited = (self.outcome == Outcome.COMPLETED) & (rng.random(self.n) < share)
        visited &= booked_at < self.completion - 0.5 * DAY
        self.booked = visited | (self.outcome == Outcome.OPEN)
        self._step(self.booked, booked_at, "technician_booked", self.channel)

    def draw_bot(self) -> None:
        """Let the bot have solved some of the outages that ended from afar without a person (truth 5)."""
        rng = self.rng
        solvable = (self.outcome == Outcome.COMPLETED) & ~self.booked & ~self.assisted
        solvable &= self.completion - self.last > 50 * MINUTE
        by_bot = solvable & (rng.random(self.n) < self.world.bot_potential)
        opened = self.completion - (15 + 25 * rng.random(self.n)) * MINUTE
        solved = self.completion - (2 + 8 * rng.random(self.n)) * MINUTE
        self._step(by_bot, opened, "bot_opened", self._all(Channel.CHAT))
        self._step(by_bot, solved, "bot_solved", self._all(Channel.CHAT))
        # Not all of them were solved; the call belongs to no journey.
        calls_at = self.completion + (0.1 + 6.8 * rng.random(self.n)) * DAY
        calls = by_bot & (rng.random(self.n) < self.world.bot_call_drawn)
        self.parts.append((calls, calls_at, "service_call", self._all(Channel.PHONE)))

    def draw_end(self) -> None:
        """Add the last sign of life of those who give up, and the restored service, in the channel used last."""
        pick, channel = self.rng.random(self.n), self.channel
        gives_up = (self.outcome == Outcome.ABANDONED) & (self.silent_from > 0)
        calls = gives_up & (pick < 0.35) & (channel != Channel.CHAT)  # after a chat it would be a hand-off
        tests = gives_up & ~calls & (pick < 0.60)
        self._step(calls, self.silent_from, "outage_call", self._all(Channel.PHONE))
        self._step(tests, self.silent_from, "line_test", self.digital)
        self._step(gives_up & ~calls & ~tests, self.silent_from, "status_checked", self.digital)
        told_in = np.where(channel == Channel.STORE, self.digital, channel)
        self.parts.append((self.outcome == Outcome.COMPLETED, self.completion, "service_restored", told_in))

    def steps_from(self, started: Floats) -> Steps:
        """Steps with absolute times."""
        steps = Steps(self.n)
        for where, at, touchpoint, channel in self.parts:
            device = np.select([channel == Channel.WEB, channel == Channel.APP], [self.device, int(Device.MOBILE)], 0)
            steps.add(where, started + at, touchpoint, channel, device)
        return steps
