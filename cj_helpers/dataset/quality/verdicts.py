"""The verdict in the words of the reports: which of them may be published."""

from __future__ import annotations

import pandas as pd

NOTEBOOKS = {
    "journey mapping": "01",
    "drop-off survival": "02",
    "NPS drivers": "03",
    "churn": "04",
    "priorities": "05",
}
_RANK = ("not fit", "fit with repairs", "fit", "not available")


def report_verdicts(verdict: pd.DataFrame) -> pd.DataFrame:
    """Put the number of its report before each analysis.

    Returns
    -------
    DataFrame, one row per analysis
        report (01, 02, ...), analysis, verdict, reason.
    """
    table = verdict.copy()
    table.insert(0, "report", table["analysis"].map(NOTEBOOKS).fillna(""))
    return table


def overall_verdict(verdict: pd.DataFrame) -> str:
    """Return the worst verdict of the analyses that the data set has tables for.

    Examples
    --------
    >>> overall_verdict(pd.DataFrame({"verdict": ["fit", "fit with repairs", "not available"]}))
    'fit with repairs'
    """
    found = set(verdict["verdict"])
    return next((word for word in _RANK if word in found), "not available")
