"""Time in the sample: seconds from 2025-01-01 00:00 in Berlin, and how feeds write them (naive local time)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MINUTE, HOUR, DAY = 60, 3600, 86400
FIRST_DAY = date(2025, 1, 1)
N_DAYS = 546  # up to and including 2026-06-30
N_MONTHS = 18
NEVER = np.inf

_START_UTC = int(datetime(2024, 12, 31, 23, tzinfo=UTC).timestamp())
_SUMMER = [
    int(datetime(2025, 3, 30, 1, tzinfo=UTC).timestamp()),
    int(datetime(2025, 10, 26, 1, tzinfo=UTC).timestamp()),
    int(datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()),
    int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp()),
]
# Share of a day's events before each full hour: a quiet night, peaks before noon and in the evening.
_HOUR_WEIGHT = np.array([1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 9, 8, 8, 8, 8, 9, 10, 11, 11, 9, 7, 4, 2], float)
_HOUR_SHARE = np.concatenate([[0.0], np.cumsum(_HOUR_WEIGHT) / _HOUR_WEIGHT.sum()])


def day(year: int, month: int, day_of_month: int) -> int:
    """Seconds from the start of the sample to that local midnight (an hour off in summer is corrected)."""
    days = (date(year, month, day_of_month) - FIRST_DAY).days
    utc = _START_UTC + days * DAY
    return days * DAY - (HOUR if (np.searchsorted(_SUMMER, utc, "right") % 2) else 0)


END = day(2026, 7, 1)
MONTH_STARTS = np.array([day(2025 + m // 12, m % 12 + 1, 1) for m in range(N_MONTHS + 1)], float)


def local(seconds: Floats | Ints) -> Ints:
    """Seconds of the sample -> seconds since 1970 on a local clock; never inside the gap of March."""
    utc = _START_UTC + np.floor(seconds).astype(np.int64)
    summer = np.searchsorted(_SUMMER, utc, "right") % 2
    return utc + HOUR * (1 + summer)


def random_times(rng: np.random.Generator, n: int, day_weight: Floats | None = None) -> Floats:
    """Draw n times, more by day than by night; every day alike unless the days have weights."""
    share = rng.random(n)
    if day_weight is None:
        whole = np.floor(share * N_DAYS)
    else:
        whole = np.searchsorted(np.cumsum(day_weight) / day_weight.sum(), share, "right").astype(float)
    hour = np.interp(rng.random(n), _HOUR_SHARE, np.arange(25))
    return whole * DAY + hour * HOUR


def lognormal(rng: np.random.Generator, n: int, median: float, sigma: float) -> Floats:
    """Draw n durations with this median; sigma is the spread of the logarithm."""
    return median * np.exp(sigma * rng.standard_normal(n))
