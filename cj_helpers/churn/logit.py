"""Logistic regression: maximum likelihood for inference, a ridge penalty for prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from cj_helpers.contract import DataError
from cj_helpers.inference import FloatArray, IntArray, tally

MAX_ITERATIONS = 60
MAX_LOG_ODDS = 15.0


@dataclass(frozen=True)
class LogitFit:
    """Intercept first, then one coefficient per column, in the units of the columns."""

    coefficients: FloatArray
    covariance: FloatArray  # inverse information, or the sandwich when rows are clustered

    def log_odds(self, x: FloatArray) -> FloatArray:
        """Log-odds of rows with these columns."""
        return np.asarray(self.coefficients[0] + x @ self.coefficients[1:], dtype=np.float64)


def fit_logit(
    x: FloatArray,
    y: FloatArray,
    *,
    names: Sequence[str],
    penalty: float = 0.0,
    offset: FloatArray | None = None,
    cluster: IntArray | None = None,
) -> LogitFit:
    """Fit a logit by Newton's method.

    Parameters
    ----------
    x : array of shape (rows, columns)
        Without the intercept, which is always there and never penalised.
    y : array of 0.0 and 1.0
    names : sequence of str
        Of the columns, for messages.
    penalty : float
        Ridge penalty: penalty / 2 times the sum of squared coefficients of standardised columns is taken from the log
        likelihood (Hoerl & Kennard 1970; le Cessie & van Houwelingen 1992). 0 for maximum likelihood.
    offset : array, optional
        Log-odds that are taken as given.
    cluster : array of int, optional
        Customer of each row: errors by the sandwich with scores summed per customer (Liang & Zeger 1986).

    Raises
    ------
    DataError
        When only one class was seen, or without penalty when a coefficient has no finite maximum (separation) or a
        column is a combination of others.
    """
    n_left = float(y.sum())
    if n_left in (0.0, float(len(y))):
        raise DataError(
            f"logit: {n_left:,.0f} of {len(y):,} customers left; a model needs both, some who left and some who "
            "stayed. Take an earlier landmark or a longer horizon."
        )
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = np.column_stack([np.ones(len(y)), (x - centre) / scale])
    base = np.zeros(len(y)) if offset is None else offset
    ridge = penalty * np.append(0.0, np.ones(x.shape[1]))
    beta = _maximise(z, y, base, ridge, names)
    p = expit(base + z @ beta)
    information = (z * (p * (1 - p))[:, None]).T @ z + np.diag(ridge)
    covariance = np.linalg.inv(information)
    if cluster is not None:
        _, customer = np.unique(cluster, return_inverse=True)
        scores = np.stack([tally(customer, column * (y - p)) for column in z.T], axis=1)
        influence = scores @ covariance
        covariance = influence.T @ influence * (len(scores) / max(len(scores) - 1, 1))
    back = np.diag(np.append(1.0, 1 / scale))
    back[0, 1:] = -centre / scale
    return LogitFit(back @ beta, back @ covariance @ back.T)


def independent_columns(x: FloatArray) -> NDArray[np.bool_]:
    """Which columns vary and are no linear combination of earlier ones (Gram-Schmidt on standardised columns)."""
    centred = x - x.mean(axis=0)
    spread = centred.std(axis=0)
    kept = np.zeros(x.shape[1], dtype=bool)
    basis: list[FloatArray] = []
    for j in np.flatnonzero(spread > 1e-10 * np.maximum(np.abs(x).max(axis=0, initial=0.0), 1e-300)):
        rest = centred[:, j] / (spread[j] * np.sqrt(len(x)))
        for direction in basis:
            rest = rest - (direction @ rest) * direction
        size = float(np.sqrt(rest @ rest))
        if size > 1e-5:
            kept[j] = True
            basis.append(rest / size)
    return kept


def _log_likelihood(log_odds: FloatArray, y: FloatArray) -> float:
    return float((y * log_odds - np.logaddexp(0, log_odds)).sum())


def _maximise(z: FloatArray, y: FloatArray, base: FloatArray, ridge: FloatArray, names: Sequence[str]) -> FloatArray:
    """Newton's steps, halved while they make it worse."""
    beta: FloatArray = np.zeros(z.shape[1])
    best = -np.inf
    step: FloatArray = np.zeros(z.shape[1])
    for _ in range(MAX_ITERATIONS):
        log_odds = base + z @ (beta + step)
        value = _log_likelihood(log_odds, y) - 0.5 * float(ridge @ (beta + step) ** 2)
        if value < best - 1e-9 * abs(best):
            step = step / 2
            continue
        beta, best = beta + step, value
        p = expit(log_odds)
        gradient = z.T @ (y - p) - ridge * beta
        information = (z * (p * (1 - p))[:, None]).T @ z + np.diag(ridge)
        if not ridge.any() and len(y) > 0 and np.linalg.cond(information) > 1e13:
            _refuse(beta, names)
        step = np.asarray(np.linalg.solve(information, gradient), dtype=np.float64)
        if np.abs(step).max() < 1e-10:
            return beta + step
        if np.abs(log_odds).max() > 4 * MAX_LOG_ODDS or np.abs(beta).max() > MAX_LOG_ODDS:
            _refuse(beta, names)
    _refuse(beta, names)
    return beta


def _refuse(beta: FloatArray, names: Sequence[str]) -> None:
    away = [name for name, value in zip(names, beta[1:], strict=True) if abs(value) > MAX_LOG_ODDS / 4]
    raise DataError(
        f"logit: no finite estimate for {', '.join(away or names)}: some values go with nobody leaving, or only with "
        "leaving (separation), or say the same as other columns. Merge rare levels or leave the column out."
    )
