"""Notebooks that tests write: one per behaviour, and one report that shows every kind of result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PARAMETERS = """\
dataset: str = "../data/sample"  # folder of a data set
as_of: str = ""  # use data up to this day
journey: str = ""  # key of one journey
horizon_days: int = 90  # how far to look
threshold: float = 0.5  # between 0 and 1
weighted: bool = False  # use the survey weights
"""

# A data set for `report` without files: what it asks of one.
OPEN = """\
import pandas as pd
from types import SimpleNamespace
from cj_helpers import report
from cj_helpers.report.state import begin
goals = {"outage_recovery": SimpleNamespace(label="Internet back after an outage")}
begin(SimpleNamespace(public=True, min_group=10, journeys=goals, key="tiny", name="Tiny (made for tests)",
    as_of=pd.Timestamp("2024-01-31 22:59:59"), fingerprint="0123456789abcdef",
    inputs=[{"path": "events.parquet", "sha256": "ab" * 32, "rows": 214623}]))
"""

OUTCOMES = """\
table = pd.DataFrame({"journey": ["outage_recovery"] * 3, "outcome": ["completed", "abandoned", "open"],
                      "n_journeys": [7, 3, 3], "share": [7 / 13, 3 / 13, 3 / 13]})
report.show("outcomes", table, "How {n:count} journeys ended", n=13)
"""

FIGURE = """\
import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=({width}, 4.2), layout="constrained")
ax.bar(["completed", "given up", "open"], [7, 3, 3], color="#0b5873")
ax.set_ylabel("Journeys")
ax.spines[["top", "right"]].set_visible(False)
report.figure("{name}", fig, "Bars: {{n:count}} journeys by how they ended; seven completed", page_one={page_one}, n=13,
    caption="Journeys by how they ended", data=table)
"""

FRICTIONS = """\
steps = ["outage reported, then chat", "chat, then phone", "technician booked, then silence", "phone, then chat",
         "line test repeated", "data given twice", "call back promised, not made", "visit moved", "bill asked for"]
wide = pd.DataFrame({"path": steps, "n_journeys": [911, 640, 512, 400, 301, 210, 98, 55, 31],
    "share": [.182, .128, .102, .08, .06, .042, .02, .011, .006],
    "n_customers": [880, 610, 500, 390, 290, 205, 95, 55, 31],
    "wait_median_hours": [1.5, 20, 52, 7, 3.2, 0.4, 30, 48, 2],
    "wait_p75_hours": [3.5, 40, 92, 17, 6.2, 0.9, 60, 96, 4],
    "cost": [4.2, 11.5, 38.0, 9.9, 2.5, 1.8, 22.0, 41.0, 0.5]})
report.show("frictions", wide, "Frictions that cost most", page_one=True)
"""

PROSE = """\
# Journey mapping

**Decision.** Which step of the journey do we repair first, and whose budget pays for it?

Needs the table *events* with `customer_id`, `timestamp` and `touchpoint`. A journey runs from its first start
touchpoint to success, an abandon touchpoint, or silence that lasts longer than the timeout.
"""


def markdown(source: str, *tags: str) -> dict[str, Any]:
    """A markdown cell."""
    return {"cell_type": "markdown", "metadata": {"tags": list(tags)} if tags else {}, "source": source}


def code(source: str, *tags: str) -> dict[str, Any]:
    """A code cell without outputs."""
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": "code", "metadata": metadata, "execution_count": None, "outputs": [], "source": source}


def write(folder: Path, name: str, *cells: dict[str, Any], parameters: str = PARAMETERS) -> Path:
    """Write a notebook with a title and a parameters cell in front of the given cells."""
    opening = [markdown(f"# Title of {name}\n\n**Decision.** What to do?")] if name[:2] != "01" else [markdown(PROSE)]
    content = {
        "cells": [*opening, code(parameters, "parameters"), *cells],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def report_cells() -> list[dict[str, Any]]:
    """Cells of a report that shows every kind of result, as the style of the notebooks asks."""
    return [
        code("import seaborn as sns\n\nsns.set_theme(style='whitegrid')"),
        code(OPEN),
        markdown(
            "## How journeys end\n\nA journey counts as *given up* after seven days of silence. Read `open` as: not "
            "known yet, **never** as given up.\n\n- first point\n- second point"
        ),
        code(OUTCOMES),
        code(FIGURE.format(name="outcomes", width=5, page_one=True)),
        code(
            'report.finding("{share:percent} of {n:count} journeys are given up before the repair, most of them after '
            'the technician was booked.", level="critical", weight=5, share=3 / 13, n=13)'
        ),
        markdown(
            "## Completion\n\n### Within the promise\n\nThe share that is completed within 14 days, with unfinished "
            "journeys censored (Aalen and Johansen, 1978). Intervals are clustered by customer."
        ),
        code(
            'report.metric("completed_within", .589744, conf_low=.56, conf_high=.618, n=1234, tile=True, '
            'journey="outage_recovery", label="Completed within {days:days}", days=14)'
        ),
        code(
            'report.metric("p90", 12.4, conf_low=11.9, conf_high=13.1, n=1234, unit="days", tile=True, '
            'label="Nine of ten are done within")\n'
            'report.metric("handoffs", 10, n=28, unit="count", tile=True, label="Hand-offs between channels", '
            'note="of 28 transitions")\n'
            'report.metric("repeats", .12, conf_low=.1, conf_high=.14, n=1234, label="Journeys that repeat a step")'
        ),
        code(FIGURE.format(name="over_time", width=8, page_one=True)),
        code(
            'report.finding("Half of the journeys that switch from chat to phone wait longer than {t:hours}.", '
            'level="warning", weight=3, t=52)\n'
            'report.finding("Self-service completes {a:percent}, the phone {b:percent}.", weight=2, a=.61, b=.58, '
            'level="info")\nreport.finding("{n:count} events lie outside journeys.", level="info", weight=1, n=412)'
        ),
        markdown("## Frictions\n\nSteps after which journeys wait or repeat, by what they cost."),
        code(FRICTIONS),
        code(FIGURE.format(name="details", width=8, page_one=False)),
        code('report.not_estimable("churn_model", "fewer than {k:count} journeys per segment", n=4, k=10)'),
        markdown(
            "## Completion\n\nA heading that comes twice.\n\n#### Too deep\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
            "```python\nprint(1)\n```"
        ),
        code(
            'days = pd.date_range("2024-01-01", periods=1500).strftime("%Y-%m-%d")\n'
            'big = pd.DataFrame({"day": days, "n_journeys": 5})\n'
            'report.show("by_day", big, "Journeys by day")'
        ),
        code(
            "import warnings\nwarnings.warn('only for ' + 'the log', stacklevel=1)\nprint('a printed line')\nobject()"
        ),
        code("table.set_index('outcome')"),
        markdown("## Limits\n\nSilence is not proof that a customer has given up."),
        code("report.provenance()"),
    ]


def source(folder: Path, **changes: Any) -> Any:
    """A data set as the runner sees it, without files behind it."""
    from cj_helpers.runner.source import Source

    values = {
        "path": folder,
        "key": "tiny",
        "name": "Tiny (made for tests)",
        "as_of": "2024-01-31T22:59:59Z",
        "day": "2024-01-31",
        "time_zone": "Europe/Berlin",
        "currency": "EUR",
        "fingerprint": "0123456789abcdef",
        "inputs": [{"path": "events.parquet", "sha256": "ab" * 32, "rows": 214623}],
    }
    return Source(**(values | changes))
