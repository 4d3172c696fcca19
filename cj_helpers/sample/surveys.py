"""Surveys: truths 8 (slopes), 9 (abandoned journeys, who answers) and 10 (a fall and a change of mix)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cj_helpers.sample.clock import DAY, END, HOUR, MONTH_STARTS, Bools, Floats, Ints, lognormal
from cj_helpers.sample.contracts import Contracts
from cj_helpers.sample.people import People
from cj_helpers.sample.steps import draw_starts
from cj_helpers.sample.world import World

ITEMS = ("information", "ease", "self_service", "personalisation", "communication", "helpfulness")
INFORMATION, EASE, SELF_SERVICE, PERSONALISATION, COMMUNICATION, HELPFULNESS = range(6)
NOT_USED, NO_ANSWER, BLANK = 6, 99, -1
COMMENTS_PER_CLASS = 8

# Borders of the latent scale between the scores 0|1 ... 9|10 and, for items, 1|2 ... 4|5.
SCORE_BORDERS = np.array([-4.1, -3.6, -3.1, -2.6, -2.1, -1.4, -0.85, -0.2, 0.75, 1.65])
ITEM_BORDERS = np.array([-1.7, -0.9, -0.1, 0.9])


@dataclass(frozen=True)
class Surveys:
    """One row per invitation answered, -1 for blanks; and all invitations (person, seconds)."""

    person: Ints
    answered_at: Floats
    score: Ints
    csat: Ints
    effort: Ints
    items: npt.NDArray[np.int64]
    comment: Ints  # position in the list of comments of its class of score, -1 none
    invited: tuple[Ints, Floats]


def latent_correlation(world: World) -> npt.NDArray[np.float64]:
    """Correlations of the six items before they are rounded to five points."""
    matrix = np.full((6, 6), world.mood_r)
    np.fill_diagonal(matrix, 1.0)
    matrix[EASE, SELF_SERVICE] = matrix[SELF_SERVICE, EASE] = world.latent_self_service_r
    matrix[EASE, PERSONALISATION] = matrix[PERSONALISATION, EASE] = world.latent_personalisation_r
    # What the two share through ease, or the matrix would not be one of correlations.
    shared = world.latent_self_service_r * world.latent_personalisation_r
    matrix[SELF_SERVICE, PERSONALISATION] = matrix[PERSONALISATION, SELF_SERVICE] = shared
    return matrix


def slopes(world: World) -> Floats:
    """Slopes in the order of ITEMS (truth 8)."""
    return np.array([getattr(world, f"slope_{item}") for item in ITEMS])


def draw_surveys(
    rng: np.random.Generator,
    people: People,
    contracts: Contracts,
    ended: tuple[Ints, Floats],
    abandoned: tuple[Ints, Floats],
    world: World,
) -> Surveys:
    """Invite, let everyone form an opinion, and keep those who answer.

    ``ended`` and ``abandoned`` are person and time of the journeys that ended, and of those abandoned among them.
    """
    person, sent = _invitations(rng, people, contracts, ended, world)
    n = len(person)
    answered_at = sent + lognormal(rng, n, 10 * HOUR, 1.0).clip(600, 10 * DAY)
    latent_items = rng.standard_normal((n, 6)) @ np.linalg.cholesky(latent_correlation(world)).T
    items = np.searchsorted(ITEM_BORDERS, latent_items) + 1
    not_used = rng.random(n) < world.self_service_not_used
    centred = items - 3.0
    centred[not_used, SELF_SERVICE] = 0.0
    opinion = centred @ slopes(world)  # truth 8
    opinion += world.abandoned_effect * _abandoned_before(person, answered_at, abandoned, world)  # truth 9
    opinion += world.business_latent * people.business[person]
    opinion += world.fall_latent * (answered_at >= MONTH_STARTS[world.fall_month - 1])  # truth 10
    score = np.searchsorted(SCORE_BORDERS, opinion + rng.logistic(size=n))
    items[not_used, SELF_SERVICE] = NOT_USED
    rates = [world.response_promoter, world.response_detractor]
    responds = rng.random(n) < np.select([score >= 9, score <= 6], rates, world.response_passive)  # truth 9
    kept = responds & (answered_at < END)
    return _observed(rng, people, (person[kept], answered_at[kept], score[kept], items[kept]), (person, sent))


def _invitations(
    rng: np.random.Generator,
    people: People,
    contracts: Contracts,
    ended: tuple[Ints, Floats],
    world: World,
) -> tuple[Ints, Floats]:
    """Invite at random times, some after a journey, and few residential customers in one month (truth 10)."""
    person, sent = draw_starts(rng, people, world.invitations)
    who, when = ended
    asked = rng.random(len(who)) < world.invited_after_journey
    after = when[asked] + (1 + 20 * rng.random(asked.sum())) * DAY
    person, sent = np.concatenate([person, who[asked]]), np.concatenate([sent, after])
    # Truth 10: in one month the mix of those asked is another.
    begin, end = MONTH_STARTS[world.mix_month - 1], MONTH_STARTS[world.mix_month]
    left_out = (sent >= begin) & (sent < end) & ~people.business[person] & (rng.random(len(sent)) > world.mix_kept)
    valid = ~left_out & (sent > people.started[person]) & (sent < contracts.ended_at[person]) & (sent < END)
    return person[valid], sent[valid]


def _abandoned_before(person: Ints, at: Floats, abandoned: tuple[Ints, Floats], world: World) -> Bools:
    """Mark answers with a journey of that person abandoned in the days before (truth 9)."""
    far = 10.0 * END
    who, when = abandoned
    key = np.sort(who * far + when)
    now = person * far + at
    upto = np.searchsorted(key, now, "right")
    before = np.searchsorted(key, now - world.abandoned_window_days * DAY, "right")
    return upto > before


def _observed(
    rng: np.random.Generator,
    people: People,
    answers: tuple[Ints, Floats, Ints, npt.NDArray[np.int64]],
    invited: tuple[Ints, Floats],
) -> Surveys:
    """Add CSAT, effort and comments, and blank some items at random (more often for business customers)."""
    person, answered_at, score, items = answers
    n = len(person)
    csat = np.clip(np.round(1 + score * 0.4 + 0.7 * rng.standard_normal(n)), 1, 5).astype(np.int64)
    effort = np.clip(np.round(0.5 + items[:, EASE] * 1.2 + rng.standard_normal(n)), 1, 7).astype(np.int64)
    blank = rng.random((n, 6)) < np.where(people.business[person], 0.06, 0.03)[:, None]
    items = np.where(blank, BLANK, items)
    no_score = rng.random(n)
    score = np.where(no_score < 0.012, BLANK, np.where(no_score < 0.016, NO_ANSWER, score))
    csat = np.where(rng.random(n) < 0.05, BLANK, csat)
    effort = np.where(rng.random(n) < 0.08, BLANK, effort)
    comment = np.where(rng.random(n) < 0.22, rng.integers(0, COMMENTS_PER_CLASS, n), BLANK)
    return Surveys(person, answered_at, score, csat, effort, items, comment, invited)
