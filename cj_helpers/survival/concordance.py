"""How well a score orders the spells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cj_helpers.inference import FloatArray, IntArray, normal_quantile
from cj_helpers.survival.influence import covariance
from cj_helpers.survival.spells import Columns, Spells, covariate_values, event_status, observed_spells

#: Order key, rank of the score and weight of some rows.
_Rows = tuple[IntArray, IntArray, FloatArray]


def concordance(
    table: pd.DataFrame,
    *,
    score_col: str,
    duration_col: str = "duration_days",
    event_col: str = "event",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of comparable pairs in which the higher score has the earlier event (Harrell et al. 1982).

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    score_col : str
        Predicted risk, higher = earlier event; any monotone scale.
    duration_col, event_col, cluster_col, entry_col, weight_col, conf_level
        As in `survival_curve`. With entries only pairs under observation together are compared.

    Returns
    -------
    DataFrame
        One row: estimate (0.5 = no better than chance; ties of scores count half), std_error, conf_low, conf_high,
        n_pairs. NaN without pairs.

    Raises
    ------
    ConfigError, DataError
        As `cox_model`.

    Notes
    -----
    A pair is comparable when the earlier of its two times is an event; a row censored at the time of an event outlived
    it, two events at one time are not compared (as in R's concordance). Error by the infinitesimal jackknife, summed
    per customer, as there (Therneau & Watson 2015); the interval is symmetric, cut at 0 and 1.
    """
    columns = Columns(duration_col, cluster=cluster_col, entry=entry_col, weight=weight_col)
    spells, score = observed_spells(
        table, columns, event_status(table, event_col), covariate_values(table, [score_col])
    )
    better, pairs = _pairs_of_rows(spells, score[:, 0])
    total = (pairs @ spells.weight).item() / 2  # a pair counts for both of its rows
    values = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), np.nan)
    if total:
        estimate = (better @ spells.weight).item() / 2 / total
        influence = (better - estimate * pairs) / total
        error = float(np.sqrt(covariance(influence[None, :], spells.weight, spells.cluster).item()))
        low, high = np.clip(estimate + np.array([-1, 1]) * normal_quantile(conf_level) * error, 0.0, 1.0)
        values = {"estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high}
    return pd.DataFrame([values | {"n_pairs": round(total)}])


def _pairs_of_rows(spells: Spells, score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pairs of one copy of each row that were ordered rightly (ties half), and all of its comparable pairs."""
    spread = float(np.ptp(score)) if len(score) else 0.0
    _, rank = np.unique(np.round(score / (spread or 1.0), 12), return_inverse=True)
    entry = np.zeros(0) if spells.entry is None else spells.entry
    _, order = np.unique(np.append(spells.duration, entry), return_inverse=True)
    n, died, weight = len(rank), spells.status > 0, spells.weight
    cases = (2 * order[:n][died], rank[died], weight[died])
    end = 2 * order[:n] + ~died
    better, pairs = np.zeros(n), np.zeros(n)
    # whoever entered at or after an event was not yet there
    for sign, key in [(1.0, end)] if spells.entry is None else [(1.0, end), (-1.0, 2 * order[n:] + 1)]:
        lower, tied, all_later = _later(cases, (key, rank, weight))
        better[died] += sign * (lower + tied / 2)
        pairs[died] += sign * all_later
        lower, tied, all_earlier = _later((-key, rank, weight), (-cases[0], *cases[1:]))
        better += sign * (all_earlier - lower - tied / 2)
        pairs += sign * all_earlier
    return better, pairs


def _later(one: _Rows, other: _Rows) -> FloatArray:
    """Weight of the other rows with a later key, for each row of one: score lower, score tied, all.

    Two different keys differ first at one highest bit. For each bit, rows with 0 there meet the others with 1 there and
    the same bits above, counted by binary search: n log(n) work per bit.
    """
    (key, rank, _), (other_key, other_rank, other_weight) = one, other
    lowest = min(key.min(initial=0), other_key.min(initial=0))
    key, other_key = key - lowest, other_key - lowest
    size = int(max(rank.max(initial=0), other_rank.max(initial=0))) + 1
    counts = np.zeros((3, len(key)))
    for bit in range(int(max(key.max(initial=0), other_key.max(initial=0))).bit_length()):
        left, right = np.flatnonzero((key >> bit) & 1 == 0), (other_key >> bit) & 1 == 1
        code = (other_key[right] >> (bit + 1)) * size + other_rank[right]
        order = np.argsort(code)
        code, running = code[order], np.append(0.0, np.cumsum(other_weight[right][order]))
        start = (key[left] >> (bit + 1)) * size
        ends = [np.searchsorted(code, start + offset) for offset in (0, rank[left], rank[left] + 1, size)]
        low, mine, after, high = (running[end] for end in ends)
        counts[:, left] += [mine - low, after - mine, high - low]
    return counts
