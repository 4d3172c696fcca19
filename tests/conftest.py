"""Fixtures shared by the tests: inputs that live outside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _folder(variable: str) -> Path:
    value = os.environ.get(variable, "")
    if not value:
        pytest.skip(f"{variable} is not set")
    folder = (ROOT / value).resolve()
    if not folder.is_dir():
        pytest.fail(f"{variable} points to {folder}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with the public data sets that data/examples describes."""
    return _folder("CJ_REAL_DATA")


@pytest.fixture(scope="session")
def oracles() -> Path:
    """Folder with published or independently computed numbers."""
    return _folder("CJ_ORACLES")
