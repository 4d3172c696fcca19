"""Pytest settings for the notebooks, which nbval runs (make test)."""

from __future__ import annotations

RESULT = "application/vnd.cj.result+json"


def pytest_collectstart(collector) -> None:
    """Leave the machine-readable results out of nbval's comparison: full precision; the rounded table counts."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += (RESULT,)
