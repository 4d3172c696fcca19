"""What several analyses need: intervals of shares, adjusted p-values, suppression of small groups."""

from cj_helpers.inference.columns import (
    BoolArray,
    FloatArray,
    IntArray,
    check_rows,
    cluster_codes,
    indicator,
    require_columns,
    tally,
)
from cj_helpers.inference.combinations import combined_interval, difference_of
from cj_helpers.inference.families import adjust_p_values
from cj_helpers.inference.shares import (
    clustered_share,
    effective_size,
    newcombe_difference,
    normal_quantile,
    wilson_interval,
)
from cj_helpers.inference.suppression import suppress_small_groups

__all__ = [
    "BoolArray",
    "FloatArray",
    "IntArray",
    "adjust_p_values",
    "check_rows",
    "cluster_codes",
    "clustered_share",
    "combined_interval",
    "difference_of",
    "effective_size",
    "indicator",
    "newcombe_difference",
    "normal_quantile",
    "require_columns",
    "suppress_small_groups",
    "tally",
    "wilson_interval",
]
