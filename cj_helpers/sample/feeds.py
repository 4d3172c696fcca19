"""The six feeds of events and the identities, with the faults of truth 12, as arrow tables.

Every table has a column ``owner``, the position of a customer in the block: it decides whether the row belongs to a
sample of fewer customers, and is not written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cj_helpers.sample.clock import DAY, END, FIRST_DAY, MINUTE, N_DAYS, Bools, Floats, Ints, day, local
from cj_helpers.sample.ids import person_ids, visitor_ids
from cj_helpers.sample.people import BLOCK, People
from cj_helpers.sample.steps import TOUCHPOINT_CODE, TOUCHPOINTS, Channel, Device, Events
from cj_helpers.sample.texts import QUEUE_OF, QUEUES, SHOPS
from cj_helpers.sample.world import World

Named = tuple[str, pa.Table]

QUARTERS = [day(2025 + q // 4, 3 * (q % 4) + 1, 1) for q in range(1, 6)]
QUARTER_NAMES = ("2025-q1", "2025-q2", "2025-q3", "2025-q4", "2026-q1", "2026-q2")
CHAT_GAP_FROM = day(2025, 11, 10)
FUTURE = 30 * 365 * DAY  # a mistyped year: 2055 for 2025

_CENTS = pa.array([f"{c // 100},{c % 100:02d}" for c in range(6001)])
_HALVES = pa.array([f"{h // 2},{5 * (h % 2)}" for h in range(11)])
_FIRST_DATE = int(local(np.array([0]))[0]) // DAY
_DATES = pa.array([(FIRST_DAY + timedelta(d)).strftime("%d.%m.%Y") for d in range(N_DAYS + FUTURE // DAY + 1)])
_MINUTES = pa.array([f"{m // 60:02d}:{m % 60:02d}" for m in range(24 * 60)])
# The names as they are, in capitals, and with a stray blank: what people type into a form.
_SPELLINGS = pa.array([*TOUCHPOINTS, *(t.upper() for t in TOUCHPOINTS), *(f"{t} " for t in TOUCHPOINTS)])


@dataclass(frozen=True)
class Rows:
    """Rows of one feed of a block, by time; ``who`` is the person as the feed knows it, -1 where the id was lost."""

    owner: Ints
    person: Ints
    who: Ints
    seconds: Floats
    touchpoint: Ints
    spelling: Ints
    device: Ints
    duration: Ints
    mood: Floats
    answer: Floats

    def take(self, position: Ints | Bools) -> Rows:
        """Return the rows at these positions."""
        return Rows(*(getattr(self, column.name)[position] for column in fields(self)))

    @property
    def when(self) -> pa.Array:
        """Naive local timestamps."""
        return timestamps(self.seconds)

    @property
    def what(self) -> pa.Array:
        """Touchpoints as the feed spells them."""
        return _SPELLINGS.take(pa.array(self.spelling))

    def named(self, ids: pa.Array, position: Ints | None = None) -> pa.Array:
        """Ids of the persons (or at other positions); null where the feed lost them."""
        return ids.take(pa.array(self.person if position is None else position, mask=self.who < 0))

    def is_any(self, *touchpoints: str) -> Bools:
        """Mark rows with one of these touchpoints."""
        return np.isin(self.touchpoint, [TOUCHPOINT_CODE[name] for name in touchpoints])


@dataclass(frozen=True)
class Faults:
    """What is wrong with a feed (truth 12): shares of its rows, and a number per block for the last."""

    repeated: float = 0.0
    without_id: float = 0.0
    misspelt: float = 0.0
    future: int = 0


FAULTS = {
    Channel.WEB: Faults(repeated=0.003, without_id=0.002, future=1),
    Channel.PHONE: Faults(repeated=0.004, without_id=0.004, misspelt=0.008, future=1),
    Channel.STORE: Faults(misspelt=0.01),
}


def event_tables(rng: np.random.Generator, events: Events, people: People, first: int, world: World) -> Iterator[Named]:
    """Yield (file, table) for every feed of events of one block."""
    ids, cookies = person_ids(first, people.prospects), visitor_ids(first, people)
    writers = {Channel.APP: _app, Channel.PHONE: _phone, Channel.CHAT: _chat, Channel.STORE: _store}
    for channel, write in ({**writers, Channel.EMAIL: _email}).items():
        yield from write(_rows(rng, events, channel, people, world), ids)
    web = _rows(rng, events, Channel.WEB, people, world)
    yield from _web(web, cookies)
    yield "identities.csv", _identities(web, people, cookies, ids)


def _rows(rng: np.random.Generator, events: Events, channel: Channel, people: People, world: World) -> Rows:
    """Pick the rows of one feed, as late and as broken as it is."""
    seconds = np.floor(events.seconds)
    inside = (events.channel == channel) & (seconds >= 0) & (seconds < END)
    if channel == Channel.PHONE:
        seconds = np.floor(seconds / MINUTE) * MINUTE  # the phone system writes minutes
        inside &= seconds < END - world.phone_late_days * DAY
    if channel == Channel.CHAT:
        inside &= (seconds < CHAT_GAP_FROM) | (seconds >= CHAT_GAP_FROM + world.chat_gap_days * DAY)
    taken = np.flatnonzero(inside)
    taken = taken[np.argsort(seconds[taken], kind="stable")]
    person, touchpoint, n = events.person[taken], events.touchpoint[taken], len(taken)
    duration = np.minimum(240 * np.exp(0.7 * rng.standard_normal(n)), 3600).astype(np.int64)
    rows = Rows(
        owner=people.sponsor[person],
        person=person,
        who=person,
        seconds=seconds[taken],
        touchpoint=touchpoint,
        spelling=touchpoint,
        device=events.device[taken],
        duration=duration,
        mood=rng.random(n),
        answer=rng.random(n),
    )
    return _broken(rng, rows, FAULTS.get(channel, Faults()))


def _broken(rng: np.random.Generator, rows: Rows, faults: Faults) -> Rows:
    """Repeat rows, lose ids and mistype years in added rows, and misspell touchpoints: no journey changes by it."""
    n = len(rows.person)
    draw, spelling = rng.random(n), rng.integers(1, 3, n) * len(TOUCHPOINTS)
    misspelt = rng.random(n) < faults.misspelt
    rows = replace(rows, spelling=rows.spelling + np.where(misspelt, spelling, 0))
    position = np.repeat(np.arange(n), 1 + (draw < faults.repeated + faults.without_id))
    added = np.diff(position, prepend=-1) == 0
    rows, draw = rows.take(position), draw[position]
    rows = replace(rows, who=np.where(added & (draw >= faults.repeated), -1, rows.who))
    if not faults.future or not n:
        return rows
    victims = rng.integers(0, len(position), faults.future)
    rows = rows.take(np.concatenate([np.arange(len(position)), victims]))
    late = np.arange(len(rows.person)) >= len(position)
    return replace(rows, seconds=rows.seconds + FUTURE * late)


def timestamps(seconds: Floats) -> pa.Array:
    """Naive local timestamps; null where the time is infinite."""
    missing = ~np.isfinite(seconds)
    return pa.array(local(np.where(missing, 0.0, seconds)), mask=missing).cast(pa.timestamp("s"))


def _german_times(seconds: Floats) -> pa.Array:
    """Return local times as dd.mm.yyyy HH:MM, put together from two lists (far quicker than formatting each)."""
    whole, second = np.divmod(local(seconds), DAY)
    dates = _DATES.take(pa.array(whole - _FIRST_DATE))
    return pc.binary_join_element_wise(dates, _MINUTES.take(pa.array(second // MINUTE)), " ")


def _choice(names: tuple[str, ...], number: npt.NDArray) -> pa.Array:
    return pa.array(names).take(pa.array(number.astype(np.int64)))


def _web(rows: Rows, cookies: pa.Array) -> Iterator[Named]:
    desktop = rows.device == Device.DESKTOP
    table = pa.table(
        {
            "owner": rows.owner,
            "ts": rows.when,
            "visitor": rows.named(cookies, 2 * rows.person + desktop),
            "page": rows.what,
            "device": _choice(("mobile", "desktop"), desktop),
        }
    )
    meant = np.where(rows.seconds < END, rows.seconds, rows.seconds - FUTURE)
    quarter = np.searchsorted(QUARTERS, meant, "right")
    for number, name in enumerate(QUARTER_NAMES):
        yield f"web/{name}.parquet", table.filter(pa.array(quarter == number))


def _identities(rows: Rows, people: People, cookies: pa.Array, ids: pa.Array) -> pa.Table:
    """One row per cookie, seen on the web, of a customer or of a prospect who ordered."""
    ordered = rows.person[rows.is_any("order_placed")]
    known = (rows.person < BLOCK) | np.isin(rows.person, ordered)
    seen = np.unique(2 * rows.person[known] + (rows.device[known] == Device.DESKTOP))
    alias, customer = cookies.take(pa.array(seen)), ids.take(pa.array(seen // 2))
    return pa.table({"owner": people.sponsor[seen // 2], "visitor": alias, "customer": customer})


def _app(rows: Rows, ids: pa.Array) -> Iterator[Named]:
    columns = {"owner": rows.owner, "time": rows.when, "user": rows.named(ids), "screen": rows.what}
    yield "app/app.parquet", pa.table({**columns, "os": _choice(("android", "ios"), rows.person % 5 < 2)})


def _phone(rows: Rows, ids: pa.Array) -> Iterator[Named]:
    queue = np.array([QUEUE_OF.get(name.split("_")[0], len(QUEUES) - 1) for name in TOUCHPOINTS])[rows.touchpoint]
    unrated = rows.answer >= 0.30
    level = np.where(queue == 0, 5.6, 7.4)  # a call about an outage satisfies less than one about a tariff
    halves = np.clip(np.round(level + 6 * (rows.mood - 0.5)), 2, 10).astype(np.int64)
    effort = np.clip(np.round(6.5 - halves / 2 + 2 * (rows.answer / 0.3 - 0.5)), 1, 5).astype(np.int64)
    columns = {
        "owner": rows.owner,
        "Kundennr": rows.named(ids),
        "Zeitpunkt": _german_times(rows.seconds),
        "Anliegen": rows.what,
        "Dauer_Sek": rows.duration,
        "Kosten_EUR": _CENTS.take(pa.array(90 + rows.duration * 3 // 2)),
        "Zufriedenheit": _HALVES.take(pa.array(halves, mask=unrated)),
        "Aufwand": pa.array(effort, mask=unrated),
        "Warteschlange": _choice(QUEUES, queue),
    }
    yield "calls.csv", pa.table(columns)


def _chat(rows: Rows, ids: pa.Array) -> Iterator[Named]:
    agent = rows.is_any("agent_joined", "technician_booked", "chat_question", "complaint_filed")
    columns = {
        "owner": rows.owner,
        "customer": rows.named(ids),
        "said_at": rows.when,
        "event": rows.what,
        "handled": _choice(("self_service", "assisted"), agent),
        "seconds": rows.duration,
        "cost": np.where(agent, 3.2, 0.15),
    }
    yield "chat.csv", pa.table(columns)


def _store(rows: Rows, ids: pa.Array) -> Iterator[Named]:
    columns = {"owner": rows.owner, "card": rows.named(ids), "time": rows.when, "subject": rows.what}
    cost = np.round(4 + rows.duration / 60).astype(np.int64)
    yield "store.csv.gz", pa.table({**columns, "shop": _choice(SHOPS, rows.person % len(SHOPS)), "cost": cost})


def _email(rows: Rows, ids: pa.Array) -> Iterator[Named]:
    columns = {"owner": rows.owner, "recipient": rows.named(ids), "sent_at": rows.when, "mail": rows.what}
    later = rows.seconds >= day(2026, 1, 1)
    for name, part in (("2025", ~later), ("2026", later)):
        yield f"email/{name}.csv", pa.table(columns).filter(pa.array(part))
