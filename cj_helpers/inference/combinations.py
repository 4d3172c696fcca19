"""Intervals of sums and differences of estimates that each have an interval of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def combined_interval(
    weights: ArrayLike, estimates: ArrayLike, lows: ArrayLike, highs: ArrayLike
) -> tuple[float, float, float]:
    """Weighted sum of independent estimates, with the interval that their own intervals imply (MOVER).

    Parameters
    ----------
    weights, estimates, lows, highs : array-like of one length
        One entry per estimate; a negative weight subtracts. Limits need not lie symmetrically.

    Returns
    -------
    estimate, low, high : float
        NaN when any entry is.

    Notes
    -----
    Zou & Donner (2008), Stat Med 27: each estimate contributes the distance to its limit on the side that moves the
    sum. For the difference of two shares with Wilson's limits this is Newcombe's (1998) method 10. The estimates must
    be independent; where they share customers who behave alike, a difference gets too wide an interval.

    Examples
    --------
    >>> [round(value, 3) for value in combined_interval([1, -1], [0.8, 0.6], [0.7, 0.5], [0.9, 0.7])]
    [0.2, 0.059, 0.341]
    """
    w, x, low, high = (np.asarray(values, dtype=float) for values in (weights, estimates, lows, highs))
    total = float(w @ x)
    down = np.where(w < 0, w * high, w * low)
    up = np.where(w < 0, w * low, w * high)
    return total, total - float(np.hypot.reduce(w * x - down)), total + float(np.hypot.reduce(up - w * x))


def difference_of(old: tuple[float, float, float], new: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the change from one estimate to another, with its interval.

    Parameters
    ----------
    old, new : (estimate, conf_low, conf_high)
        Both with intervals of the same level; the estimates as if from separate samples.

    Returns
    -------
    (estimate, conf_low, conf_high)
        The change is real, at the level of the intervals, when its interval does not hold 0.

    Notes
    -----
    As `combined_interval`, which keeps skew intervals of shares skew. Where both runs share customers, as runs on a
    growing log do, the interval is too wide and the verdict careful.

    Examples
    --------
    56 of 70 against 48 of 80, with Wilson's limits (Newcombe gives 0.0524 to 0.3339):

    >>> change = difference_of((48 / 80, 0.4904, 0.7001), (56 / 70, 0.6917, 0.8770))
    >>> [round(value, 4) for value in change]
    [0.2, 0.0525, 0.3339]
    """
    return combined_interval([1, -1], *zip(new, old, strict=True))
