"""Hazards: of those still running at the start of a period, who ends in it and how."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from cj_helpers.contract import ABANDONED, COMPLETED, ConfigError
from cj_helpers.inference import FloatArray, wilson_interval
from cj_helpers.survival.estimators import incidence_function, survival_function
from cj_helpers.survival.influence import covariance, row_influence
from cj_helpers.survival.risk_sets import RiskSets, customers_at_risk, risk_sets
from cj_helpers.survival.spells import Columns, Spells, outcome_status, read_spells

MAX_PERIODS = 1000


def hazard_over_time(
    table: pd.DataFrame,
    *,
    until_days: float,
    width_days: float = 1.0,
    duration_col: str = "duration_days",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    segment_col: str = "",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Chance of ending in each period, given that the spell was still running when the period began.

    Parameters
    ----------
    table : DataFrame
        One row per spell.
    until_days, width_days : float
        Periods are (0, width], (width, 2 width], ... up to `until_days`; ends at the origin belong to the first.
    duration_col, segment_col, cluster_col, entry_col, weight_col, conf_level
        As in `survival_curve`.
    outcome_col, outcomes
        As in `cumulative_incidence`.

    Returns
    -------
    DataFrame
        One row per outcome, segment and period: outcome, segment, from_days, to_days, hazard, conf_low, conf_high,
        n_at_risk (when the period begins), n_customers_at_risk (customers among them), n_events. Periods that began
        with nobody under observation are left out.

    Raises
    ------
    ConfigError, DataError
        As `cumulative_incidence`; also for a width that is not above 0 or gives more than 1,000 periods.

    Notes
    -----
    (F(to) - F(from)) / S(from) of the Aalen-Johansen estimate, so who is censored within a period counts as long as
    seen; where nobody is, it is the life table's events / at risk. Wilson's interval (1927) with the number of rows
    that a clustered jackknife finds it worth.

    Examples
    --------
    >>> table = pd.DataFrame({"duration_days": [1, 2, 2, 3], "outcome": ["completed", "completed", "open", "open"]})
    >>> hazard_over_time(table, until_days=2, outcomes=["completed"])["hazard"].round(3).tolist()
    [0.25, 0.333]
    """
    if not (width_days > 0 and 0 < until_days <= MAX_PERIODS * width_days):
        raise ConfigError(
            f"periods: found until_days {until_days:g} and width_days {width_days:g}, "
            f"allowed are 1 to {MAX_PERIODS:,} periods of a width above 0"
        )
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    spells = read_spells(table, columns, outcome_status(table, outcome_col, outcomes))
    edges = np.arange(0.0, until_days + width_days * 1e-9, width_days)
    parts = [_hazards(label, part, outcomes, edges, conf_level) for label, part in spells.parts() if part.n]
    names = ["outcome", "segment", "from_days", "to_days", "hazard", "conf_low", "conf_high"]
    names += ["n_at_risk", "n_customers_at_risk", "n_events"]
    rows = [row for part in zip(*parts, strict=True) for rows in part for row in rows]
    return pd.DataFrame(rows, columns=names)


def _hazards(
    label: str, spells: Spells, outcomes: Sequence[str], edges: FloatArray, conf_level: float
) -> list[list[tuple[object, ...]]]:
    """Rows of one segment, outcome by outcome."""
    risk = risk_sets(spells, len(outcomes))
    by_outcome: list[list[tuple[object, ...]]] = [[] for _ in outcomes]
    survival, customers = survival_function(risk), customers_at_risk(spells, risk)
    for start, end in pairwise(edges):
        first, last = _place(risk, start, end)
        at_risk = float(risk.at_risk[first + 1]) if first + 1 < len(risk.time) else 0.0
        alive = 1.0 if first < 0 else float(survival[first])
        if at_risk <= 0 or alive <= 0 or risk.time[-1] <= start:
            continue
        for code, outcome in enumerate(outcomes):
            share, variance = _hazard(spells, risk, (code, first, last), alive)
            events = int(risk.events[code, first + 1 : last + 1].sum())
            low, high = _interval(share, variance, at_risk, conf_level)
            sizes = (int(at_risk), int(customers[first + 1]), events)
            row = (outcome, label, float(start), float(end), share, low, high, *sizes)
            by_outcome[code].append(row)
    return by_outcome


def _place(risk: RiskSets, start: float, end: float) -> tuple[int, int]:
    """Index of the last time before the period and of its last time; -1 before the origin."""
    first = -1 if start == 0 else int(np.searchsorted(risk.time, start, side="right")) - 1
    return first, int(np.searchsorted(risk.time, end, side="right")) - 1


def _hazard(spells: Spells, risk: RiskSets, which: tuple[int, int, int], alive: float) -> tuple[float, float]:
    """(F(to) - F(from)) / S(from) of one outcome and its variance."""
    code, first, last = which
    incidence = incidence_function(risk, code)
    gain = float(incidence[last] - (incidence[first] if first >= 0 else 0.0))
    influence = np.zeros(len(spells.weight))
    for other in range(len(risk.events)):
        sums = np.zeros((1, len(risk.time)))
        if other == code:
            sums[0, last] += 1 / alive
        if first >= 0:  # S(from) falls with every outcome's incidence
            sums[0, first] += gain / alive**2 - (1 / alive if other == code else 0.0)
        if sums.any():
            influence += row_influence(spells, risk, sums, other)[0]
    return gain / alive, float(covariance(influence[None, :], spells.weight, spells.cluster).item())


def _interval(share: float, variance: float, at_risk: float, conf_level: float) -> tuple[float, float]:
    share = min(max(share, 0.0), 1.0)
    size = share * (1 - share) / variance if variance > 1e-15 and 0 < share < 1 else at_risk
    low, high = wilson_interval([share * size], [size], conf_level=conf_level)
    return float(low[0]), float(high[0])
