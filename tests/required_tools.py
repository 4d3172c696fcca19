"""Tools that not every machine has: a browser, PostgreSQL, Spark. CJ_REQUIRE turns a missing one into a failure."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

TOOLS = ("browser", "spark", "postgres")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # offline: no name resolves
)
# PostgreSQL refuses to run as root; its package makes this user.
SERVER_USER = "postgres" if os.geteuid() == 0 else None


def required() -> set[str]:
    """Names in CJ_REQUIRE, e.g. ``browser,postgres``; ValueError for an unknown one."""
    names = {name.strip() for name in os.environ.get("CJ_REQUIRE", "").split(",")} - {""}
    if unknown := names - set(TOOLS):
        raise ValueError(f"CJ_REQUIRE names {', '.join(sorted(unknown))}; known are {', '.join(TOOLS)}.")
    return names


def missing(tool: str, reason: str) -> NoReturn:
    """End a test whose tool is missing: a failure when CJ_REQUIRE names the tool, else a skip."""
    if tool in required():
        pytest.fail(f"{tool} is required by CJ_REQUIRE, but {reason}", pytrace=False)
    pytest.skip(f"{tool}: {reason}")


def find_browser() -> str:
    """Path of the system's Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    return found or missing("browser", f"none of {', '.join(BROWSERS)} is on PATH")


def find_postgres() -> Path:
    """Folder with initdb and pg_ctl: the newest that Debian installed, else the one on PATH."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: int(path.parts[-3]), default=shutil.which("initdb"))
    return Path(newest).parent if newest else missing("postgres", "initdb is not installed")


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a throw-away PostgreSQL server on a free loopback port; yields its URL."""
    folder = Path(tempfile.mkdtemp(prefix="cj-postgres-"))
    control = (str(find_postgres() / "pg_ctl"), f"--pgdata={folder / 'data'}", "--silent", "--wait")
    port = free_port()
    options = f"-h 127.0.0.1 -p {port} -k {shlex.quote(str(folder))} -c fsync=off -c timezone=UTC"
    try:
        if SERVER_USER:
            shutil.chown(folder, SERVER_USER)
        call(*control, "--options=--username=cj --auth=trust --encoding=UTF8 --locale=C --no-sync", "initdb")
        call(*control, f"--log={folder / 'log'}", f"--options={options}", "start")
        try:
            yield f"postgres://cj@127.0.0.1:{port}/postgres"
        finally:
            call(*control, "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder)


def free_port() -> int:
    """A TCP port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(*command: str) -> None:
    """Run a server command as the server's user, away from a folder which that user may not enter."""
    # Output is not captured: the server that pg_ctl starts would keep the pipe open.
    groups: tuple[str, ...] | None = () if SERVER_USER else None
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd="/",
        timeout=120,
        user=SERVER_USER,
        group=SERVER_USER,
        extra_groups=groups,
    )


def spark_session(folder: Path) -> Any:
    """A local SparkSession on two cores, times in UTC, its files in the folder."""
    if not shutil.which("java") and "JAVA_HOME" not in os.environ:
        missing("spark", "no java is on PATH")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        missing("spark", "pyspark is not installed (make spark)")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.pyspark.python": sys.executable,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder),
    }
    session = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
