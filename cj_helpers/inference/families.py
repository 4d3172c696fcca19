"""P-values of several comparisons that belong together."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference.columns import FloatArray


def adjust_p_values(p: ArrayLike, *, method: Literal["holm", "bh"] = "holm") -> FloatArray:
    """P-values of one declared family, adjusted for their number.

    Parameters
    ----------
    p : array-like
        P-values of the family; NaN (not estimable) stays NaN and does not count.
    method : {"holm", "bh"}
        "holm" bounds the chance of any false finding (Holm 1979), for few comparisons; "bh" bounds the
        expected share of false findings (Benjamini & Hochberg 1995), for many.

    Returns
    -------
    ndarray
        Adjusted p-values in the order given.

    Raises
    ------
    ConfigError
        When the method is unknown.
    DataError
        When a p-value is outside 0..1.
    """
    values = np.asarray(p, dtype=float)
    given = np.flatnonzero(~np.isnan(values.ravel()))
    known = values.ravel()[given]
    if ((known < 0) | (known > 1)).any():
        raise DataError(f"p-values: found {known.min():g} to {known.max():g}, allowed are 0 to 1")
    order = np.argsort(known, kind="stable")
    m, rank = len(known), np.arange(1, len(known) + 1)
    if method == "holm":
        stepped = np.maximum.accumulate(known[order] * (m - rank + 1))
    elif method == "bh":
        stepped = np.minimum.accumulate((known[order] * m / rank)[::-1])[::-1]
    else:
        raise ConfigError(f"method: found {method!r}, allowed are 'holm' and 'bh'")
    adjusted = np.full(values.size, np.nan)
    adjusted[given[order]] = np.minimum(stepped, 1.0)
    return adjusted.reshape(values.shape)
