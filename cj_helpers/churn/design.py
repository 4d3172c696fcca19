"""Features of a landmark as the columns of a model, learnt at training and applied later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cj_helpers.contract import DataError
from cj_helpers.inference import FloatArray

MAX_LEVELS = 50
#: Features that count rare things: whether there was any says most.
ANY = (
    "failed",
    "completed",
    "open_journeys",
    "overdue",
    "price_rises",
    "open_complaints",
    "recent_complaints",
    "escalations",
)
#: Features that count frequent things or grow without bound: on a log scale.
LOG = ("frequency", "assisted", "handoffs", "repeats", "recency_days", "tenure_days")


@dataclass(frozen=True)
class Design:
    """How features become columns: text against its most frequent level, gaps filled and marked.

    Attributes
    ----------
    terms : tuple of str
        Names of the columns: `feature`, `feature[level]`, or `feature[(missing)]` for the mark of a gap.
    levels : dict of feature to tuple of levels with a column of their own
    reference : dict of feature to its most frequent level
    filled : dict of feature to the mean that fills its gaps
    """

    terms: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    reference: dict[str, str]
    filled: dict[str, float]
    gaps: tuple[str, ...]

    def columns(self, landmarks: pd.DataFrame) -> FloatArray:
        """Columns of the model for other customers; a level unseen at training counts as the reference."""
        parts = []
        for name, mean in self.filled.items():
            values = transformed(landmarks, name)
            parts.append(np.where(np.isnan(values), mean, values))
            if name in self.gaps:
                parts.append(np.isnan(values).astype(float))
        for name, levels in self.levels.items():
            text = landmarks[name].astype(str).to_numpy()
            parts += [(text == level).astype(float) for level in levels]
        return np.column_stack(parts) if parts else np.zeros((len(landmarks), 0))

    def unseen(self, landmarks: pd.DataFrame) -> dict[str, int]:
        """Customers with a level that training did not see, by feature."""
        known = {name: {*levels, self.reference[name]} for name, levels in self.levels.items()}
        counts = {name: int((~landmarks[name].astype(str).isin(levels)).sum()) for name, levels in known.items()}
        return {name: n for name, n in counts.items() if n}


def transformed(landmarks: pd.DataFrame, name: str) -> FloatArray:
    """A numeric feature on the scale of the model: whether any, the logarithm, or as it is."""
    values = landmarks[name].to_numpy(dtype=float, na_value=np.nan)
    if name in ANY:
        return np.where(np.isnan(values), np.nan, (values > 0).astype(float))
    return np.log1p(np.maximum(values, 0)) if name in LOG else values


def learn_design(landmarks: pd.DataFrame, features: Sequence[str]) -> Design:
    """Learn from training customers which columns a model has.

    Constant features are left out, as are levels and gaps of fewer than 5 customers.

    Raises
    ------
    DataError
        When a feature has more than 50 levels.
    """
    levels: dict[str, tuple[str, ...]] = {}
    reference: dict[str, str] = {}
    filled: dict[str, float] = {}
    gaps, terms = [], []
    for name in features:
        if not pd.api.types.is_numeric_dtype(landmarks[name]):
            continue
        values = transformed(landmarks, name)
        missing = np.isnan(values)
        if missing.all() or (np.ptp(values[~missing]) < 1e-12 and not missing.any()):
            continue
        filled[name] = float(values[~missing].mean())
        terms.append(name)
        if missing.sum() >= 5:
            gaps.append(name)
            terms.append(f"{name}[(missing)]")
    for name in features:
        if pd.api.types.is_numeric_dtype(landmarks[name]):
            continue
        counts = landmarks[name].astype(str).value_counts()
        if len(counts) > MAX_LEVELS:
            raise DataError(
                f"{name}: {len(counts):,} levels in {len(landmarks):,} customers, at most {MAX_LEVELS} are allowed; "
                "group them or leave the feature out"
            )
        common = max(sorted(counts.index), key=lambda level: counts[level])
        others = tuple(level for level in sorted(counts.index) if level != common and counts[level] >= 5)
        if others:
            levels[name], reference[name] = others, common
            terms += [f"{name}[{level}]" for level in others]
    if not terms:
        raise DataError(
            f"features: none of {', '.join(features) or '(none)'} differs between {len(landmarks):,} customers"
        )
    return Design(tuple(terms), levels, reference, filled, tuple(gaps))
