"""How well a score orders the spells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cj_helpers.inference import FloatArray, IntArray
from cj_helpers.survival.spells import Columns, Spells, covariate_values, event_status, observed_spells


def concordance(
    table: pd.DataFrame,
    *,
    score_col: str,
    duration_col: str = "duration_days",
    event_col: str = "event",
    entry_col: str = "",
    weight_col: str = "",
) -> pd.DataFrame:
    """Share of comparable pairs in which the higher score has the earlier event (Harrell et al. 1982).

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    score_col : str
        Predicted risk, higher = earlier event; any monotone scale.
    duration_col, event_col, entry_col, weight_col
        As in `survival_curve`. With entries only pairs under observation together are compared.

    Returns
    -------
    DataFrame
        One row: estimate (0.5 = no better than chance; ties of scores count half), n_pairs. NaN without pairs.

    Raises
    ------
    ConfigError, DataError
        As `cox_model`.

    Notes
    -----
    A pair is comparable when the earlier of its two times is an event; a row censored at the time of an event outlived
    it, two events at one time are not compared (as in R's concordance).
    """
    columns = Columns(duration_col, entry=entry_col, weight=weight_col)
    spells, score = observed_spells(
        table, columns, event_status(table, event_col), covariate_values(table, [score_col])
    )
    spread = float(np.ptp(score)) if len(score) else 0.0
    _, rank = np.unique(np.round(score[:, 0] / (spread or 1.0), 12), return_inverse=True)
    _, order = np.unique(np.append(spells.duration, _or_zero(spells)), return_inverse=True)
    died = spells.status > 0
    case = (2 * order[: len(died)][died], rank[died], spells.weight[died])
    pairs = _later_pairs(case, (2 * order[: len(died)] + ~died, rank, spells.weight))
    if spells.entry is not None:  # whoever entered at or after an event was not yet there
        pairs = pairs - _later_pairs(case, (2 * order[len(died) :] + 1, rank, spells.weight))
    lower, tied, total = pairs
    return pd.DataFrame({"estimate": [(lower + tied / 2) / total if total else np.nan], "n_pairs": [int(total)]})


def _or_zero(spells: Spells) -> FloatArray:
    return np.zeros(0) if spells.entry is None else spells.entry


def _later_pairs(
    case: tuple[IntArray, IntArray, FloatArray], other: tuple[IntArray, IntArray, FloatArray]
) -> FloatArray:
    """Weighted pairs (case, other) with a later key of the other: score lower, score tied, all.

    Two different keys differ first at one highest bit. For each bit, cases with 0 there meet the others with 1
    there and the same bits above, counted by binary search: n log(n) work per bit.
    """
    (key, rank, weight), (other_key, other_rank, other_weight) = case, other
    size = int(max(rank.max(initial=0), other_rank.max(initial=0))) + 1
    counts = np.zeros(3)
    for bit in range(int(max(key.max(initial=0), other_key.max(initial=0))).bit_length()):
        left, right = (key >> bit) & 1 == 0, (other_key >> bit) & 1 == 1
        code = (other_key[right] >> (bit + 1)) * size + other_rank[right]
        order = np.argsort(code)
        code, running = code[order], np.append(0.0, np.cumsum(other_weight[right][order]))
        start = (key[left] >> (bit + 1)) * size
        ends = [np.searchsorted(code, start + offset) for offset in (0, rank[left], rank[left] + 1, size)]
        low, mine, after, high = (running[end] for end in ends)
        counts += [(weight[left] * part).sum() for part in (mine - low, after - mine, high - low)]
    return counts
