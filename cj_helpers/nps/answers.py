"""One row per answer with all that is known of its customer: attributes, contract, and the last journey before it."""

from __future__ import annotations

import pandas as pd

from cj_helpers.dataset import Dataset, survey_frame
from cj_helpers.journeys import keep_journeys, keep_steps, last_ended

CONTRACT = ("started_at", "ended_at", "notice_at")


def linked_answers(data: Dataset, *, segment_col: str = "") -> pd.DataFrame:
    """Take the answers of a survey with what belongs to them.

    Parameters
    ----------
    data : Dataset
    segment_col : str
        A column of surveys or of customers.

    Returns
    -------
    DataFrame
        The frame of `dataset.survey_frame`, and as far as the data set has them: the attributes that ``churn.static``
        names, started_at, ended_at, notice_at and monthly_revenue of the contract, the columns of
        `journeys.last_ended`, and month (of the answer, as text).

    Raises
    ------
    ConfigError, DataError
        As `dataset.survey_frame`.
    """
    surveys, customers, config = data.surveys, data.customers, data.config.churn
    columns = set(surveys.columns) if surveys is not None else set()
    attributes: list[str] = []
    if customers is not None and "customer_id" in columns:
        wanted = [*config.static, *CONTRACT, config.revenue or "monthly_revenue"]
        attributes = [name for name in wanted if name in customers.columns]
    if surveys is not None and data.events is not None and data.journeys and {"customer_id", "answered_at"} <= columns:
        steps = keep_steps(data.events, definitions=data.journeys, as_of=data.as_of)
        journeys = keep_journeys(steps, definitions=data.journeys, as_of=data.as_of)
        surveys = last_ended(surveys, journeys=journeys, steps=steps)
    answers = survey_frame(data, surveys=surveys, segment_col=segment_col, attributes=attributes)
    if config.revenue and config.revenue in answers:
        answers = answers.rename(columns={config.revenue: "monthly_revenue"})
    if "answered_on" in answers:
        answers = answers.assign(month=answers["answered_on"].dt.strftime("%Y-%m"))
    return answers


def before_contract(answers: pd.DataFrame) -> int:
    """Count answers dated before the contract of their customer began: a wrong date, or another customer."""
    if not {"answered_at", "started_at"} <= set(answers.columns):
        return 0
    return int((answers["answered_at"] < answers["started_at"]).sum())
