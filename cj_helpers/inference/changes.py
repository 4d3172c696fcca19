"""Whether two estimates differ by more than their errors."""

from __future__ import annotations

import math


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
    The distances between each estimate and its own limits are combined ("MOVER"), which keeps skew intervals of
    shares skew. Where both runs share customers, as runs on a growing log do, the interval is too wide and the
    verdict careful.

    References
    ----------
    Zou and Donner (2008), Statistics in Medicine 27, 1693-1702; for shares with Wilson's limits it is method 10
    of Newcombe (1998), Statistics in Medicine 17, 873-890.

    Examples
    --------
    56 of 70 against 48 of 80, with Wilson's limits (Newcombe gives 0.0524 to 0.3339):

    >>> change = difference_of((48 / 80, 0.4904, 0.7001), (56 / 70, 0.6917, 0.8770))
    >>> [round(value, 4) for value in change]
    [0.2, 0.0525, 0.3339]
    """
    before, low_before, high_before = old
    after, low_after, high_after = new
    change = after - before
    return (
        change,
        change - math.hypot(after - low_after, high_before - before),
        change + math.hypot(high_after - after, before - low_before),
    )
