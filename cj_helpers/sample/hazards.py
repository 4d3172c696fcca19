"""When outages end: competing hazards of completion (truths 1, 2, 4, 6, 7) and of abandonment (truth 1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from cj_helpers.sample.clock import DAY, HOUR, MINUTE, NEVER, Bools, Floats, Ints
from cj_helpers.sample.world import World

TIMEOUT = 7 * DAY
LONGEST_SILENT_START = 6.5 * DAY  # the last sign of life of customers who give up is before this


@dataclass(frozen=True)
class Reference:
    """Cumulative hazards of the reference customer (residential, Germany, no hand-off) on a grid of seconds.

    ``visit_share`` is the share of technician's visits among the completions at that time.
    """

    grid: Floats
    completion: Floats
    abandonment: Floats
    visit_share: Floats


@lru_cache(maxsize=4)
def reference(world: World) -> Reference:
    """Turn the shares and times of the reference customer into cause-specific cumulative hazards."""
    grid = np.arange(0.0, 60 * DAY + 1, 5 * MINUTE)
    bookings = world.booking_median_hours * HOUR * np.exp(0.6 * ndtri((np.arange(20) + 0.5) / 20))
    since = np.maximum(grid - bookings[:, None], 1.0)
    visit = ndtr(np.log(since / (world.visit_median_days * DAY)) / world.visit_sigma).mean(axis=0)
    remote = ndtr(np.log(np.maximum(grid, 1.0) / (world.remote_median_hours * HOUR)) / world.remote_sigma)
    visit, remote = world.outage_visit_share * visit, world.outage_remote_share * remote
    gives_up = 1 - world.outage_visit_share - world.outage_remote_share - world.outage_never_share
    abandoned = gives_up * _silent_by(grid - TIMEOUT, world)
    running = 1 - visit - remote - abandoned
    between = (running[:-1] + running[1:]) / 2
    both = np.maximum(np.diff(visit) + np.diff(remote), 1e-300)
    return Reference(
        grid=grid,
        completion=np.concatenate([[0.0], np.cumsum(np.diff(visit + remote) / between)]),
        abandonment=np.concatenate([[0.0], np.cumsum(np.diff(abandoned) / between)]),
        visit_share=np.append(np.diff(visit) / both, 1.0),
    )


def _silent_by(seconds: Floats, world: World) -> Floats:
    """Distribution of the last sign of life of customers who give up: lognormal, cut off at its longest."""
    scale = world.silent_after_median_hours * HOUR
    share = ndtr(np.log(np.maximum(seconds, 1.0) / scale))
    return np.minimum(share / ndtr(np.log(LONGEST_SILENT_START / scale)), 1.0)


def abandonment_times(risk: Floats, world: World) -> Floats:
    """Seconds until the silence is called abandonment, from standard exponential draws; inf: never."""
    ref = reference(world)
    return np.interp(risk, ref.abandonment, ref.grid, right=NEVER)


def completion_times(risk: Floats, country: Ints, business: Bools, handoff: Floats, world: World) -> Floats:
    """Seconds until completion, from standard exponential draws; inf: never.

    The hazard is the reference's times a ratio that changes at two times, the hand-off and day 2; its cumulative
    sum is inverted piece by piece.
    """
    ref = reference(world)
    base = np.array([1.0, world.austria_hazard_ratio, world.switzerland_hazard_ratio])[country]  # truth 6, a null
    early = base * np.where(business, world.business_hazard_ratio_early, 1.0)  # truth 7
    late = base * np.where(business, world.business_hazard_ratio_late, 1.0)
    change = world.business_until_days * DAY
    first, second = np.minimum(handoff, change), np.maximum(handoff, change)
    between = np.where(handoff < change, early * world.handoff_hazard_ratio, late)  # truth 2
    at_last = np.where(np.isfinite(handoff), late * world.handoff_hazard_ratio, late)
    at_first, at_second = (np.interp(t, ref.grid, ref.completion) for t in (first, second))
    used_first = early * at_first
    used_second = used_first + between * (at_second - at_first)
    equivalent = np.select(
        [risk < used_first, risk < used_second],
        [risk / early, at_first + (risk - used_first) / between],
        at_second + (risk - used_second) / at_last,
    )
    return np.interp(equivalent, ref.completion, ref.grid, right=NEVER)
