"""Fixtures shared by the tests: inputs outside the project, one run of the sample, tools of the machine."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from required_tools import BROWSER_OPTIONS, find_browser, postgres_server, required, spark_session

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Refuse a misspelt CJ_REQUIRE before any test is skipped because of it."""
    try:
        required()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None


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


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of one run of all notebooks on data/sample, made once and shared by all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    out, log = shared / "sample_run", shared / "sample_run.log"
    with (shared / "sample_run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not log.exists():
            command = [sys.executable, "-m", "cj_helpers", "run", "data/sample", "--jobs", "2", "--out", str(out)]
            with log.open("w", encoding="utf-8") as output:
                subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    latest = out / "sample" / "latest"
    if not latest.exists():
        pytest.fail(f"cj run data/sample gave no report:\n{log.read_text(encoding='utf-8')}", pytrace=False)
    return latest.resolve()


@pytest.fixture(scope="module")  # not longer: Playwright's event loop would meet the one of a later module
def browser() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright (a ``playwright.sync_api.Browser``); it reaches no network."""
    executable = find_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=list(BROWSER_OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a throw-away PostgreSQL server, e.g. for ``engine:`` in dataset.yml."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Any]:
    """Ibis connection to the throw-away PostgreSQL server."""
    import ibis

    connection = ibis.connect(postgres_url)
    yield connection
    connection.disconnect()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ibis connection to a local Spark with two cores; times are UTC."""
    session = spark_session(tmp_path_factory.mktemp("spark"))
    import ibis

    yield ibis.pyspark.connect(session)
    session.stop()


@pytest.fixture(scope="module")
def ipython_shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A shell to run and display in, outside a run, that writes nothing into the home folder."""
    import matplotlib as mpl
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        patch.setattr(HistoryManager, "enabled", False)
        patch.delenv("CJ_OUT", raising=False)
        mpl.use("Agg")
        InteractiveShell.instance()
        yield
        InteractiveShell.clear_instance()
