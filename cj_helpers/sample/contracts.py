"""Contracts: truth 11 (who gives notice, month by month), the null of the newsletter, and the leak of truth 12."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cj_helpers.sample.clock import DAY, END, MONTH_STARTS, N_MONTHS, NEVER, Bools, Floats, Ints
from cj_helpers.sample.people import BLOCK, People
from cj_helpers.sample.world import World

STAYS, VOLUNTARY, INVOLUNTARY, MOVED = range(4)
REASONS = ("", "voluntary", "involuntary", "moved")
MEMORY = 90 * DAY  # how long an abandoned journey or a price rise weighs on the monthly risk


@dataclass(frozen=True)
class Contracts:
    """One row per customer of a block: when and why the contract ends (inf, STAYS: it does not)."""

    notice_at: Floats  # of customers who leave by their own notice
    ended_at: Floats
    reason: Ints
    retention_offer: Bools
    consent: Bools
    last_contacted_at: Floats
    last_start: Floats  # no journey starts after this


@dataclass(frozen=True)
class History:
    """What weighs on the risk of notice: person and time of each."""

    abandoned: tuple[Ints, Floats]
    complaints: tuple[Ints, Floats, Floats]  # person, filed, closed
    price_rises: tuple[Ints, Floats]


def draw_contracts(rng: np.random.Generator, people: People, history: History, world: World) -> Contracts:
    """Go through the months: who is under contract at the start of one may give notice or lose the contract in it."""
    notice, ended, reason = np.full(BLOCK, NEVER), np.full(BLOCK, NEVER), np.full(BLOCK, STAYS)
    for month in range(N_MONTHS):
        begin, end = MONTH_STARTS[month], MONTH_STARTS[month + 1]
        leaves = _draw_exits(rng, monthly_risk(people, history, begin, world), world)
        at = begin + rng.random(BLOCK) * (end - begin)
        now = (people.started < begin) & (reason == STAYS) & (leaves != STAYS)
        at_once = leaves == INVOLUNTARY
        reason = np.where(now, leaves, reason)
        notice = np.where(now & ~at_once, at, notice)
        ended = np.where(now, np.where(at_once, at, _end_of_next_month(month)), ended)
    offered = np.where(reason == VOLUNTARY, world.retention_offer_true, world.retention_offer_false)
    contacted = rng.random(BLOCK) * END
    contacted[(rng.random(BLOCK) < 0.5) | (contacted < people.started) | (contacted > ended)] = NEVER
    return Contracts(
        notice_at=notice,
        ended_at=ended,
        reason=reason,
        retention_offer=rng.random(BLOCK) < offered,  # truth 12: known only after the notice
        consent=rng.random(BLOCK) < 0.7,
        last_contacted_at=contacted,
        last_start=np.minimum(notice, ended),
    )


def _draw_exits(rng: np.random.Generator, risk: Floats, world: World) -> Ints:
    """Draw the reason to leave in a month, STAYS for most; an own notice goes before the other reasons."""
    draw = rng.random((3, BLOCK))
    return np.select(
        [draw[0] < risk, draw[1] < world.involuntary_monthly, draw[2] < world.moved_monthly],
        [VOLUNTARY, INVOLUNTARY, MOVED],
        STAYS,
    )


def monthly_risk(people: People, history: History, begin: float, world: World) -> Floats:
    """Probability of notice in the month that begins now, from what is known at its first moment (truth 11)."""
    log_odds = np.full(BLOCK, world.churn_base)
    log_odds += world.churn_abandoned * _recent(*history.abandoned, begin)
    person, filed, closed = history.complaints
    log_odds += world.churn_complaint * _any(person, (filed <= begin) & (closed > begin))
    log_odds += world.churn_price_rise * _recent(*history.price_rises, begin)
    log_odds += world.churn_bound * (people.bound_until > begin)
    log_odds += world.churn_loyal * people.member
    return 1 / (1 + np.exp(-log_odds))


def _recent(person: Ints, at: Floats, now: float) -> Bools:
    return _any(person, (at > now - MEMORY) & (at <= now))


def _any(person: Ints, rows: Bools) -> Bools:
    flags = np.zeros(BLOCK, bool)
    flags[person[rows]] = True
    return flags


def _end_of_next_month(month: int) -> float:
    """Return the last moment of the month after this one; contracts with notice run until then."""
    after = month + 2
    known = MONTH_STARTS[min(after, N_MONTHS)] - DAY / 2
    return float(known) + 31 * DAY * max(0, after - N_MONTHS)
