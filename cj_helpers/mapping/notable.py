"""The three paths of a journey worth knowing by heart: the typical, the best and the worst one."""

from __future__ import annotations

import pandas as pd

KINDS = ("typical", "best", "worst")


def notable_paths(variants: pd.DataFrame, *, least_customers: int = 30) -> pd.DataFrame:
    """Name the typical, the best and the worst path of each journey.

    Parameters
    ----------
    variants : DataFrame
        What `variants` returns.
    least_customers : int
        Customers a path needs to be best or worst: among rare paths chance would pick.

    Returns
    -------
    DataFrame, at most three rows per journey definition
        journey, kind, path, n_journeys, share, completed_share, conf_low, conf_high, n_customers, median_days. typical:
        the most frequent path; best: the quickest (lowest median_days) of those that most journeys complete; worst: the
        one on which most journeys were not completed, given up or still open. A path may be two of them; without
        a path that will do there is no row.

    Notes
    -----
    A path holds its end, so nearly all of its journeys end alike: the best is therefore the quickest of the good ones,
    and the worst loses most journeys, not the largest share.
    """
    rows = []
    for _key, paths in variants.groupby("journey", sort=False):
        known = paths[paths["n_customers"] >= least_customers]
        good = known[known["completed_share"] > 0.5].sort_values(["median_days", "path"])
        lost = (known["n_journeys"] * (1 - known["completed_share"])).round()
        bad = known.assign(_lost=lost)[lost > 0].sort_values(["_lost", "path"], ascending=[False, True])
        rows += [part.head(1).assign(kind=kind) for kind, part in zip(KINDS, (paths, good, bad), strict=True)]
    first = ["journey", "kind", "path", "n_journeys", "share", "completed_share", "conf_low", "conf_high"]
    first += ["median_days", "n_customers"]
    return pd.concat(rows, ignore_index=True)[first] if rows else pd.DataFrame(columns=first)


def with_kinds(variants: pd.DataFrame, notable: pd.DataFrame) -> pd.DataFrame:
    """Add to each path what it is: the column kind, such as ``typical, best``; missing for most."""
    kinds = notable.groupby(["journey", "path"])["kind"].agg(", ".join).reset_index()
    return variants.merge(kinds, how="left", on=["journey", "path"])
