"""Who was asked and who answered: the answers are those of people who chose to answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.contract import ALL, MISSING
from cj_helpers.inference import adjust_p_values, clustered_share, newcombe_difference
from cj_helpers.nps.inputs import require_columns, require_conf_level


def response_rates(
    invitations: pd.DataFrame,
    *,
    attributes: Sequence[str] = (),
    answered_col: str = "answered",
    cluster_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Share of invitations that were answered, overall and by what is known of the customers asked.

    Parameters
    ----------
    invitations : DataFrame
        One row per invitation old enough to have been answered; `answered_col` is True or False.
    attributes : sequence of str
        What customers are compared by; a missing value is the segment ``(missing)``.
    cluster_col : str
        Customer asked, when customers are asked more than once.

    Returns
    -------
    DataFrame
        One row overall (attribute ``all``, segment ``all``) and one per attribute and value: attribute, segment, share
        (answered), conf_low, conf_high, n (invitations), n_answered, n_customers, n_customers_smaller (of
        the group or of all others asked), difference (share minus that of all others asked), difference_low,
        difference_high, p_value, p_adjusted (Benjamini-Hochberg over all rows).

    Raises
    ------
    ConfigError
        A column does not exist, or `conf_level` is not allowed.

    Notes
    -----
    Intervals of Wilson (1927) and Newcombe (1998) with the effective number of invitations where customers repeat.
    """
    require_conf_level(conf_level)
    require_columns(invitations, [answered_col, *attributes, *([cluster_col] if cluster_col else [])])
    options = {"success_col": answered_col, "cluster_col": cluster_col, "conf_level": conf_level}
    overall = clustered_share(invitations, **options)  # type: ignore[arg-type]
    overall = overall.assign(attribute=ALL, segment=ALL, n_customers_smaller=overall["n_customers"])
    parts = [overall]
    for name in attributes:
        column = invitations[name]
        label = column.astype(object).map(str, na_action="ignore").where(column.notna(), MISSING)
        table = invitations.assign(segment=label)
        for value in sorted(label.unique()):
            sides = clustered_share(table.assign(own=label.eq(value)), group_cols=["own"], **options)  # type: ignore[arg-type]
            parts.append(_beside_others(sides, conf_level).assign(attribute=name, segment=value))
    found = pd.concat(parts, ignore_index=True)
    found["n_answered"] = (found["share"] * found["n"]).round().fillna(0).astype(int)
    found["p_adjusted"] = adjust_p_values(found["p_value"], method="bh") if "p_value" in found else np.nan
    columns = ["attribute", "segment", "share", "conf_low", "conf_high", "n", "n_answered", "n_customers"]
    columns += ["n_customers_smaller", "difference", "difference_low", "difference_high", "p_value", "p_adjusted"]
    return found.reindex(columns=columns)


def _beside_others(sides: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    """Row of a group with its difference from all others."""
    own = sides[sides["own"]].drop(columns="own").reset_index(drop=True)
    others = sides[~sides["own"]]
    own["n_customers_smaller"] = sides["n_customers"].min()
    if others.empty:
        return own.assign(difference=np.nan, difference_low=np.nan, difference_high=np.nan, p_value=np.nan)
    (share, size), (rest, rest_size) = (
        (part["share"].to_numpy()[0], part["n_effective"].to_numpy()[0]) for part in (own, others)
    )
    gap, low, high = newcombe_difference(share * size, size, rest * rest_size, rest_size, conf_level=conf_level)
    pooled = (share * size + rest * rest_size) / (size + rest_size)
    error = np.sqrt(pooled * (1 - pooled) * (1 / size + 1 / rest_size))
    p_value = 2 * ndtr(-abs(share - rest) / error) if error > 0 else np.nan
    return own.assign(difference=float(gap), difference_low=float(low), difference_high=float(high), p_value=p_value)
