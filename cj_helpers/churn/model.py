"""Which properties of customers go with leaving."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from cj_helpers.churn.design import learn_design
from cj_helpers.churn.logit import fit_logit, independent_columns
from cj_helpers.contract import ConfigError, DataError
from cj_helpers.inference import FloatArray, cluster_codes, indicator, normal_quantile, require_columns
from cj_helpers.survival import concordance, cox_model
from cj_helpers.text.contact_words import property_words

#: More levels than this make a covariate an identifier rather than a property.
MAX_LEVELS = 50
SCORE = "(score)"


def complete_cases(customers: pd.DataFrame, *, covariates: Sequence[str]) -> tuple[pd.DataFrame, int]:
    """Customers with a value in every covariate, and how many others were left out.

    Raises
    ------
    ConfigError
        When a covariate is not in the table.
    DataError
        When no customer is left; the message names the covariate with most missing values.
    """
    require_columns(customers, *covariates)
    missing = customers[list(covariates)].isna()
    kept = ~missing.any(axis=1)
    if len(customers) and not kept.any():
        worst = str(missing.sum().idxmax())
        raise DataError(
            f"covariates: none of {len(customers):,} customers has a value in all of {', '.join(covariates)}; "
            f"{worst} is missing in {missing[worst].sum():,}. Leave it out."
        )
    return customers[kept.to_numpy()].reset_index(drop=True), int((~kept).sum())


def churn_model(
    customers: pd.DataFrame,
    *,
    covariates: Sequence[str],
    label_col: str = "",
    duration_col: str = "duration",
    event_col: str = "event",
    entry_col: str = "",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Which properties of customers go with leaving: within the horizon of a landmark, or earlier and later.

    Parameters
    ----------
    customers : DataFrame
        One row per customer; with label_col one row per customer and landmark, as `take_landmarks` gives them.
    label_col : str
        Left within the horizon (1.0, 0.0, missing): the model is a logit of it, and the durations are not used. ""
        for a Cox model of the durations.
    covariates : sequence of str
        Properties known at the start. Text and categories become one term per level against the most frequent one,
        `column[level]`; numbers and booleans are one term, `column`.
    duration_col, event_col, entry_col, conf_level
        As in `retention_curve`.

    Returns
    -------
    DataFrame
        One row per term: term, estimate (log hazard ratio; log odds ratio with label_col), std_error, conf_low,
        conf_high, p_value, reference (the level compared with, "" for numbers). NaN where not estimable: a constant, or
        a combination of earlier terms.

    Raises
    ------
    ConfigError
        When a column is not in the table or a covariate is named twice.
    DataError
        When no event was seen, a covariate has more than 50 levels, or a term has no finite estimate (separation).

    Notes
    -----
    Unpenalised. With label_col a logit by maximum likelihood whose errors cluster by customer (Liang & Zeger 1986),
    because customers stand at several landmarks; features are on the scale of `design.Design`: rare counts as "any",
    frequent ones and times as logarithms, gaps marked. Without it a Cox model (1972) with Efron's ties. Customers
    with a missing covariate are left out; `model_fit` says how many. An association, not an effect: a property
    measured today rather than at the start may be a result of leaving.
    """
    if label_col:
        return _odds_model(customers, covariates, label_col, conf_level)
    complete, _ = complete_cases(customers, covariates=covariates)
    terms, reference = _design(complete, covariates)
    model = cox_model(
        _with_spells(terms, complete, duration_col, event_col, entry_col),
        covariates=list(reference),
        duration_col=duration_col,
        event_col=event_col,
        entry_col=entry_col,
        conf_level=conf_level,
    )
    names = ["term", "estimate", "std_error", "conf_low", "conf_high", "p_value"]
    return model[names].assign(reference=list(reference.values()))


def _odds_model(landmarks: pd.DataFrame, covariates: Sequence[str], label_col: str, conf_level: float) -> pd.DataFrame:
    """Logit of leaving within the horizon, clustered by customer."""
    require_columns(landmarks, label_col, "customer", *covariates)
    known = landmarks[landmarks[label_col].notna()]
    design = learn_design(known, covariates)
    x = design.columns(known)
    kept = independent_columns(x)
    names = [name for name, keep in zip(design.terms, kept, strict=True) if keep]
    fit = fit_logit(
        x[:, kept],
        known[label_col].to_numpy(dtype=float),
        names=names,
        cluster=cluster_codes(known, "customer"),
    )
    estimate, error = np.full(len(kept), np.nan), np.full(len(kept), np.nan)
    estimate[kept], error[kept] = fit.coefficients[1:], np.sqrt(np.diag(fit.covariance))[1:]
    half = normal_quantile(conf_level) * error
    return pd.DataFrame(
        {
            "term": design.terms,
            "estimate": estimate,
            "std_error": error,
            "conf_low": estimate - half,
            "conf_high": estimate + half,
            "p_value": 2 * ndtr(-np.abs(estimate / error)),
            "reference": [design.reference.get(name.partition("[")[0], "") for name in design.terms],
        }
    )


def _with_spells(terms: pd.DataFrame, customers: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Terms with the columns of duration, event and entry beside them."""
    require_columns(customers, *columns)
    both = [name for name in columns if name in terms.columns]
    if both:
        raise ConfigError(f"covariates: {both[0]} is the duration, event or entry of the model; leave it out")
    return pd.concat([terms, customers[[name for name in columns if name]]], axis=1)


def _design(customers: pd.DataFrame, covariates: Sequence[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Numeric columns of the model and the reference level of each."""
    columns: dict[str, FloatArray] = {}
    reference: dict[str, str] = {}
    if len(set(covariates)) < len(covariates):
        raise ConfigError(f"covariates: found {list(covariates)}, each may be named once")
    for name in covariates:
        column = customers[name]
        if pd.api.types.is_numeric_dtype(column.dtype):
            columns[name], reference[name] = column.to_numpy(dtype=float), ""
            continue
        text = column.astype(str)
        counts = text.value_counts()
        levels = sorted(counts.index)
        if len(levels) > MAX_LEVELS:
            raise DataError(
                f"{name}: {len(levels):,} levels in {len(customers):,} customers, at most {MAX_LEVELS} are allowed; "
                "group them or leave the covariate out"
            )
        common = max(levels, key=lambda level: counts[level]) if levels else ""
        others = {f"{name}[{level}]": (text == level).to_numpy(dtype=float) for level in levels if level != common}
        others = others or {name: np.zeros(len(customers))}  # a single level: shown as not estimable
        columns |= others
        reference |= dict.fromkeys(others, common)
    return pd.DataFrame(columns), reference


def model_fit(
    customers: pd.DataFrame,
    *,
    covariates: Sequence[str],
    duration_col: str = "duration",
    event_col: str = "event",
    entry_col: str = "",
) -> pd.DataFrame:
    """How much the model of `churn_model` rests on, and how well it orders customers.

    Parameters
    ----------
    customers, covariates, duration_col, event_col, entry_col
        As in `churn_model`.

    Returns
    -------
    DataFrame
        One row: n (customers used), n_dropped (left out for a missing covariate), n_events, n_terms (estimated),
        events_per_term (below 10 the estimates are fragile), concordance (0.5 = no better than chance; on the customers
        the model was fitted to, hence somewhat flattering), conf_low, conf_high (its 95 % interval).

    Raises
    ------
    ConfigError, DataError
        As `churn_model`.
    """
    complete, n_dropped = complete_cases(customers, covariates=covariates)
    model = churn_model(
        complete, covariates=covariates, duration_col=duration_col, event_col=event_col, entry_col=entry_col
    )
    terms, _ = _design(complete, covariates)
    spells = _with_spells(terms, complete, duration_col, event_col, entry_col)
    score = terms[model["term"].to_list()].to_numpy() @ model["estimate"].fillna(0).to_numpy()
    order = concordance(
        spells.assign(**{SCORE: score}),
        score_col=SCORE,
        duration_col=duration_col,
        event_col=event_col,
        entry_col=entry_col,
    )
    n_events, n_terms = int(indicator(complete, event_col).sum()), int(model["estimate"].notna().sum())
    return pd.DataFrame(
        {
            "n": [len(complete)],
            "n_dropped": [n_dropped],
            "n_events": [n_events],
            "n_terms": [n_terms],
            "events_per_term": [n_events / n_terms if n_terms else np.nan],
            "concordance": order["estimate"],
            **order[["conf_low", "conf_high"]],
        }
    )


def in_words(model: pd.DataFrame) -> pd.DataFrame:
    """The terms of a model in words, as the column property in front.

    Parameters
    ----------
    model : DataFrame
        With term, as `churn_model` returns it.
    """
    return model.assign(property=[property_words(term) for term in model["term"]])[["property", *model.columns]]
