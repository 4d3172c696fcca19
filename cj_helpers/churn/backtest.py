"""The model tried out on the past: every landmark predicted from earlier ones, the last one touched once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cj_helpers.churn.calibration import calibration
from cj_helpers.churn.discrimination import auc
from cj_helpers.churn.prediction import RiskModel, choose_penalty, fit_risk, predict_risk
from cj_helpers.contract import ALL, DataError
from cj_helpers.inference import wilson_interval

CHOICE, TEST = "used to choose", "touched once"


@dataclass(frozen=True)
class Backtest:
    """What the back-test found.

    Attributes
    ----------
    summary : DataFrame, one row per predicted landmark and measure
        landmark, role ("used to choose" or "touched once"), measure, estimate, conf_low, conf_high, n, n_left.
    penalties : DataFrame
        What `choose_penalty` returns.
    scores : DataFrame
        Customers of the last landmark with score and left: for lift, calibration and net benefit.
    model : RiskModel
        Fitted on the landmarks before the last one.
    """

    summary: pd.DataFrame
    penalties: pd.DataFrame
    scores: pd.DataFrame
    model: RiskModel


def backtest(landmarks: pd.DataFrame, *, features: Sequence[str] = ()) -> Backtest:
    """Predict each landmark from the earlier ones; choose the penalty without the last, then predict the last once.

    Parameters
    ----------
    landmarks : DataFrame
        What `take_landmarks` returns, landmarks at least a horizon apart: what a model learns from is over before the
        landmark that it predicts.
    features : sequence of str
        As in `fit_risk`.

    Raises
    ------
    DataError
        When fewer than two landmarks have an outcome, or too few customers left.

    Notes
    -----
    Discrimination by the area under the ROC curve with DeLong's interval, calibration in the large and slope, Brier
    score against the base rate (see `calibration`).
    """
    known = landmarks[landmarks["left"].notna()]
    moments = sorted(known["landmark"].unique())
    if len(moments) < 2:
        raise DataError(
            f"landmarks: {len(moments)} with a known outcome; a back-test needs two, one to learn from and a later one "
            "to predict. Choose a shorter horizon under churn in dataset.yml."
        )
    earlier = known[known["landmark"] < moments[-1]]
    penalties = choose_penalty(earlier, features=features)
    penalty = float(penalties.loc[penalties["chosen"], "penalty"].iloc[0])
    parts = []
    for at in moments[1:]:
        model = fit_risk(known[known["landmark"] < at], features=features, penalty=penalty)
        test = known[known["landmark"] == at].reset_index(drop=True)
        test = test.assign(score=predict_risk(model, test))
        parts.append(_measures(test).assign(landmark=at, role=TEST if at == moments[-1] else CHOICE))
    names = ["landmark", "role", "measure", "estimate", "conf_low", "conf_high", "n", "n_left"]
    return Backtest(pd.concat(parts, ignore_index=True)[names], penalties, test, model)


def _measures(scores: pd.DataFrame) -> pd.DataFrame:
    area = auc(scores).assign(measure="auc")
    names = ["measure", "estimate", "conf_low", "conf_high"]
    both = pd.concat([area[names], calibration(scores)[names]], ignore_index=True)
    return both.assign(n=len(scores), n_left=int(scores["left"].sum()))


def slices(scores: pd.DataFrame, *, segment_col: str = "segment", conf_level: float = 0.95) -> pd.DataFrame:
    """Whether the model is as good for every segment.

    Parameters
    ----------
    scores : DataFrame
        `Backtest.scores`.
    segment_col : str
        Column whose values are compared.

    Returns
    -------
    DataFrame, one row per segment, "all" first
        segment, n, n_left, estimate (share who left), conf_low, conf_high (Wilson 1927), predicted (mean risk), auc,
        auc_low, auc_high (DeLong; NaN where all left or all stayed).
    """
    rows = []
    groups = [] if scores[segment_col].eq(ALL).all() else list(scores.groupby(segment_col, sort=True))
    for segment, part in [(ALL, scores), *groups]:
        n_left = int(part["left"].sum())
        low, high = wilson_interval(n_left, len(part), conf_level=conf_level)
        area: Any = auc(part, conf_level=conf_level).iloc[0] if 0 < n_left < len(part) else {}
        rows.append(
            {
                "segment": segment,
                "n": len(part),
                "n_left": n_left,
                "estimate": n_left / len(part),
                "conf_low": float(low),
                "conf_high": float(high),
                "predicted": part["score"].mean(),
                "auc": area.get("estimate", np.nan),
                "auc_low": area.get("conf_low", np.nan),
                "auc_high": area.get("conf_high", np.nan),
            }
        )
    return pd.DataFrame(rows)
