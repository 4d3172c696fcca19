"""Differences of restricted mean times between segments, in days."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import ABANDONED, COMPLETED, DataError
from cj_helpers.inference import adjust_p_values, normal_quantile
from cj_helpers.survival.restricted import MeanQuestion, SegmentMean, mean_error, mean_question, segment_mean
from cj_helpers.survival.spells import Columns, require_segments

#: More segments than this are compared with all others together instead of in pairs.
MAX_PAIRED = 8
#: Reference of a segment that is compared with all others.
OTHERS = "(others)"


def restricted_mean_differences(
    table: pd.DataFrame,
    *,
    horizon_days: float,
    duration_col: str = "duration_days",
    event_col: str = "event",
    outcome: str = "",
    outcome_col: str = "outcome",
    outcomes: Sequence[str] = (COMPLETED, ABANDONED),
    segment_col: str = "segment",
    cluster_col: str = "",
    entry_col: str = "",
    weight_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Differences of restricted mean times between segments, in days.

    Parameters
    ----------
    table, horizon_days, duration_col, event_col, outcome, outcome_col, outcomes, segment_col, cluster_col, entry_col,
    weight_col, conf_level
        As in `restricted_mean`.

    Returns
    -------
    DataFrame
        One row per pair: segment, reference, horizon_days, difference_days (segment minus reference: positive = takes
        longer), std_error, conf_low, conf_high, p_value, p_adjusted, n, n_customers (of both), n_customers_smaller (of
        the smaller side). The reference of a pair is the larger segment. With more than eight segments each is compared
        with all others together, "(others)". Segments that were not observed up to the horizon are left out.

    Raises
    ------
    ConfigError, DataError
        As `restricted_mean`; DataError when fewer than two segments were observed up to the horizon.

    Notes
    -----
    The intervals are for one pair each; p_adjusted is by Holm (1979) over all pairs shown. Customers who have spells in
    both segments are allowed for.
    """
    require_segments(segment_col)
    columns = Columns(duration_col, segment_col, cluster_col, entry_col, weight_col)
    question = mean_question(table, columns, horizon_days, event_col, (outcome, outcome_col, outcomes))
    means = [segment_mean(label, part, question) for label, part in list(question.spells.parts())[1:]]
    means = [mean for mean in means if np.isfinite(mean.estimate)]
    if len(means) < 2:
        raise DataError(
            f"{segment_col}: {len(means)} segments were observed for {horizon_days:g} days, two are needed; "
            "shorten the horizon or merge small segments"
        )
    rows = [_difference(first, second, conf_level) for first, second in _pairs(question, means)]
    result = pd.DataFrame(rows)
    result.insert(2, "horizon_days", float(horizon_days))
    result.insert(8, "p_adjusted", adjust_p_values(result["p_value"]))
    return result


def _pairs(question: MeanQuestion, means: Sequence[SegmentMean]) -> list[tuple[SegmentMean, SegmentMean]]:
    """Segments to compare, the larger second; all others together when there are many segments."""
    if len(means) <= MAX_PAIRED:
        return [(a, b) if a.spells.n <= b.spells.n else (b, a) for a, b in combinations(means, 2)]
    spells = question.spells.take(question.spells.weight > 0)
    codes = {label: code for code, label in enumerate(spells.labels)}
    rest = [spells.take(spells.segment != codes[mean.label]) for mean in means]
    return [(mean, segment_mean(OTHERS, others, question)) for mean, others in zip(means, rest, strict=True)]


def _difference(segment: SegmentMean, reference: SegmentMean, conf_level: float) -> dict[str, object]:
    difference = segment.estimate - reference.estimate
    error = mean_error((1.0, segment), (-1.0, reference))
    half = normal_quantile(conf_level) * error
    clusters = [part.spells.cluster for part in (segment, reference) if part.spells.cluster is not None]
    n = segment.spells.n + reference.spells.n
    return {
        "segment": segment.label,
        "reference": reference.label,
        "difference_days": difference,
        "std_error": error,
        "conf_low": difference - half,
        "conf_high": difference + half,
        "p_value": 2 * ndtr(-abs(difference) / error) if error > 0 else np.nan,
        "n": n,
        "n_customers": len(np.unique(np.concatenate(clusters))) if clusters else n,
        "n_customers_smaller": min(segment.spells.n_clusters, reference.spells.n_clusters),
    }
