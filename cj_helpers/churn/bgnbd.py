"""BG/NBD: how many purchases to expect from customers without a contract, and who is still one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from cj_helpers.contract import DataError
from cj_helpers.inference import FloatArray, check_rows, require_columns

PARAMETERS = ("r", "alpha", "a", "b")


def fit_bgnbd(purchases: pd.DataFrame) -> pd.DataFrame:
    """Fit the BG/NBD model of purchases without a contract.

    Parameters
    ----------
    purchases : DataFrame
        One row per customer as `purchase_summary` gives it: frequency (repeat purchases), recency (first to last
        purchase) and age (first purchase to the end of observation), in the same unit of time.

    Returns
    -------
    DataFrame, one row
        r, alpha (purchase rates are gamma with this shape and rate), a, b (chances to stop after a purchase are beta
        with these shapes), log_likelihood, n.

    Raises
    ------
    DataError
        When nobody bought twice, a row is impossible, or the likelihood has no maximum.

    Notes
    -----
    Fader, Hardie & Lee (2005), Marketing Science 24(2), equation 6. While a customer, purchases are Poisson at a rate
    of the customer's own; after each one the customer may stop for good with a chance of the customer's own; rates
    and chances are independent of each other. Nobody stops before a second purchase.
    """
    x, recency, age = _read(purchases)
    if not x.any():
        raise DataError(f"frequency: none of {len(x):,} customers bought twice; BG/NBD needs repeat purchases")
    counts = pd.DataFrame({"x": x, "t": recency, "T": age}).value_counts().reset_index(name="n")
    arrays = [counts[name].to_numpy(dtype=float) for name in ("x", "t", "T", "n")]
    scale = max(float(np.median(age)), 1e-9)  # the search is easier near 1

    def cost(log_parameters: FloatArray) -> float:
        r, alpha, a, b = np.exp(log_parameters)
        value = _log_likelihood(arrays[0], arrays[1] / scale, arrays[2] / scale, r, alpha, a, b)
        return float(-(arrays[3] * value).sum() / len(x))

    options: Any = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-10, "fatol": 1e-13}
    starts = [minimize(cost, np.log(start), method="L-BFGS-B") for start in ([1, 1, 1, 1], [0.3, 0.1, 0.8, 2.5])]
    found = minimize(cost, min(starts, key=lambda s: s.fun).x, method="Nelder-Mead", options=options)
    if not np.isfinite(found.fun) or np.abs(found.x).max() > 12:
        raise DataError(
            f"BG/NBD: the likelihood of {len(x):,} customers has no maximum; the purchases do not tell customers apart"
        )
    r, alpha, a, b = np.exp(found.x)
    # each repeat purchase is a density in time
    fit = -found.fun * len(x) - x.sum() * np.log(scale)
    return pd.DataFrame(
        {"r": [r], "alpha": [alpha * scale], "a": [a], "b": [b], "log_likelihood": [fit], "n": [len(x)]}
    )


def _read(purchases: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    require_columns(purchases, "frequency", "recency", "age")
    x, recency, age = (purchases[name].to_numpy(dtype=float) for name in ("frequency", "recency", "age"))
    check_rows(~((x >= 0) & (x == np.floor(x))), purchases["frequency"], allowed="a count of repeat purchases")
    bad = ~((recency >= 0) & (recency <= age)) | ((x == 0) & (recency > 0))
    check_rows(bad, purchases["recency"], allowed="a time from 0 to age, 0 without repeat purchases")
    return x, recency, age


def _log_likelihood(
    x: FloatArray, recency: FloatArray, age: FloatArray, r: float, alpha: float, a: float, b: float
) -> FloatArray:
    """Log-likelihood of customers; x purchases up to recency, observed for age."""
    shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    alive = -(r + x) * np.log(alpha + age)
    ratio = np.log(a) - np.log(b + np.maximum(x, 1) - 1)
    stopped = np.where(x > 0, ratio - (r + x) * np.log(alpha + recency), -np.inf)
    return np.asarray(shared + np.logaddexp(alive, stopped), dtype=np.float64)


def expected_purchases(purchases: pd.DataFrame, model: pd.DataFrame, *, horizon: float) -> pd.DataFrame:
    """Who is probably still a customer, and how many purchases to expect.

    Parameters
    ----------
    purchases : DataFrame
        As for `fit_bgnbd`.
    model : DataFrame
        What `fit_bgnbd` returns.
    horizon : float
        How far ahead, in the same unit of time.

    Returns
    -------
    DataFrame
        The rows given, with p_alive and expected (purchases within the horizon).

    Notes
    -----
    Fader, Hardie & Lee (2005), equation 10; P(alive) after Fader, Hardie & Lee (2008), note on the BG/NBD. Who bought
    only once is alive for sure in this model, because nobody stops before a second purchase: read 1.00 there as "not
    known".
    """
    x, recency, age = _read(purchases)
    r, alpha, a, b = (float(model[name].iloc[0]) for name in PARAMETERS)
    log_odds = (r + x) * np.log((alpha + age) / (alpha + recency)) + np.log(a) - np.log(b + np.maximum(x, 1) - 1)
    odds = np.where(x > 0, np.exp(np.minimum(log_odds, 700)), 0.0)
    share = 1 / (1 + odds)
    series = hyp2f1(r + x, b + x, a + b + x - 1, horizon / (alpha + age + horizon))
    growth = (a + b + x - 1) / (a - 1) * (1 - ((alpha + age) / (alpha + age + horizon)) ** (r + x) * series)
    return purchases.assign(p_alive=share, expected=growth * share)


def purchase_check(purchases: pd.DataFrame, later: pd.DataFrame, *, most: int = 7) -> pd.DataFrame:
    """Purchases that the model expected in a held-out time, and those that were made.

    Parameters
    ----------
    purchases : DataFrame
        What `expected_purchases` returns for the customers at a moment in the past, with a horizon up to `later`.
    later : DataFrame
        `purchase_summary` of the same data at the end of that horizon.
    most : int
        Customers with so many repeat purchases or more are one group.

    Returns
    -------
    DataFrame, one row per number of repeat purchases before, "all" first
        group, expected and estimate (made; both means per customer), conf_low, conf_high (of the made), n.

    Notes
    -----
    As figure 3 of Fader, Hardie & Lee (2005). Interval by the normal approximation of the mean.
    """
    made = later.set_index("customer")["frequency"].reindex(purchases["customer"]).to_numpy() - purchases["frequency"]
    group = purchases["frequency"].clip(upper=most).astype(int)
    table = pd.DataFrame({"group": group, "expected": purchases["expected"], "made": made})
    rows = []
    groups = [(f"{number}{'+' * (number == most)}", table[table["group"] == number]) for number in sorted(set(group))]
    for name, part in [("all", table), *groups]:
        half = 1.959964 * float(part["made"].std(ddof=1)) / np.sqrt(len(part)) if len(part) > 1 else np.nan
        mean = float(part["made"].mean())
        rows.append((name, float(part["expected"].mean()), mean, max(mean - half, 0.0), mean + half, len(part)))
    return pd.DataFrame(rows, columns=["group", "expected", "estimate", "conf_low", "conf_high", "n"])
