"""The notebooks keep the rules, and each rule finds what it is there for."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import notebook_rules as rules
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
# Numbers from 10 on belong to the users.
NOTEBOOKS = sorted(FOLDER.glob("0[0-9]_*.ipynb"))


def test_all_notebooks_are_there():
    assert len(NOTEBOOKS) >= 5
    assert all(re.fullmatch(r"0\d_[a-z]+(_[a-z]+)*", path.stem) for path in NOTEBOOKS)


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path, rule):
    assert rule(json.loads(path.read_text(encoding="utf-8"))) == []


def cell(kind, source, *, tags=(), outputs=(), count=None):
    made = {"cell_type": kind, "id": f"{kind}-{source}", "source": source, "metadata": {"tags": list(tags)}}
    if kind == "code":
        made |= {"outputs": list(outputs), "execution_count": count}
    return made


GOOD = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3"}},
    "cells": [
        cell("markdown", "# How long do customers wait?\nWhich step deserves the budget: rates with a 95 % interval."),
        cell("code", 'dataset: str = "../data/sample"  # folder', tags=["parameters"]),
        cell("code", "from cj_helpers import report"),
        cell("code", "data = report.open(dataset)"),
        cell("markdown", "The table counts journeys by how they ended; open journeys are never counted as given up."),
        cell(
            "code",
            'report.show("outcomes", table, "How {n:count} journeys ended", n=n)',
            tags=["nbval-check-output", "keep_output"],
            outputs=[{"output_type": "display_data"}],
            count=3,
        ),
        cell("code", 'report.figure("outcomes", axes.figure, "Bars of journeys by outcome")'),
        cell("markdown", "Limits: a journey that has just begun cannot have ended yet; wait before comparing months."),
        cell("code", "report.provenance()"),
    ],
}


def changed(index, **values):
    notebook = copy.deepcopy(GOOD)
    notebook["cells"][index] |= values
    return notebook


def test_good_notebook_passes():
    assert {rule.__name__: rule(GOOD) for rule in rules.RULES} == {rule.__name__: [] for rule in rules.RULES}


LONG_CODE = "table = table.sort_values(by)\n" * 40
BAD = [
    (rules.parameters, {"index": 2, "metadata": {"tags": ["parameters"]}}, "must be cell 1 alone"),
    (rules.parameters, {"index": 1, "source": 'dataset: str = "x"'}, "parameter line"),
    (rules.parameters, {"index": 1, "source": "days: int = 3  # horizon"}, "no parameter dataset"),
    (rules.no_definitions, {"index": 6, "source": "def f(x):\n    return x"}, "cell 6 defines"),
    (rules.no_definitions, {"index": 6, "source": "class Table:\n    pass"}, "cell 6 defines"),
    (rules.short_cells, {"index": 6, "source": "a = 1\n" * 16}, "cell 6 has 16 lines"),
    (rules.more_prose_than_code, {"index": 6, "source": LONG_CODE}, "words of prose"),
    (rules.more_prose_than_code, {"index": 4, "cell_type": "code"}, "6 code cells without prose"),
    (rules.more_prose_than_code, {"index": 0, "cell_type": "code"}, "first cell must be prose"),
    (rules.outputs_only_where_checked, {"index": 5, "outputs": []}, "no stored output"),
    (rules.outputs_only_where_checked, {"index": 5, "execution_count": None}, "no execution count"),
    (rules.outputs_only_where_checked, {"index": 5, "metadata": {}}, "cell 5 has outputs"),
    (rules.outputs_only_where_checked, {"index": 5, "metadata": {"tags": ["keep_output"]}}, "go together"),
    (rules.something_checked, {"index": 5, "metadata": {}}, "no cell is tagged"),
    (rules.literal_texts, {"index": 5, "source": 'report.show("a", t, f"{n} journeys")'}, "not a literal"),
    (rules.literal_texts, {"index": 6, "source": 'report.finding("a" + b, level="info")'}, "not a literal"),
    (rules.literal_texts, {"index": 6, "source": 'report.figure("a", f, alt=text)'}, "text is not a literal"),
    (rules.texts_present, {"index": 6, "source": 'report.figure("a", f, "")'}, "needs its caption"),
    (rules.texts_present, {"index": 5, "source": 'report.show("a", t)'}, "needs its caption"),
    (rules.nothing_beside_report, {"index": 6, "source": "print(table)"}, "calls print"),
    (rules.nothing_beside_report, {"index": 6, "source": 'warnings.filterwarnings("ignore")'}, "filterwarnings"),
    (rules.nothing_beside_report, {"index": 6, "source": "assert n > 3"}, "assert or try"),
    (rules.ends_with_provenance, {"index": 8, "source": "n = 3"}, "last code cell"),
    (rules.no_typed_findings, {"index": 4, "source": "Churn fell by 12.5 % in May."}, "12.5 %"),
    (rules.no_typed_findings, {"index": 4, "source": "Significant (p < 0.001)."}, "p < 0.0"),
    (rules.no_typed_findings, {"index": 4, "source": "From many answers (n = 812)."}, "n = 8"),
    (rules.no_typed_findings, {"index": 4, "source": "We lose €120 a journey."}, "€1"),
    (rules.no_typed_findings, {"index": 4, "source": "In all 95 % completed the journey."}, "95 %"),
    (rules.clean_metadata, {"index": 4, "id": "code-report.provenance()"}, "id of its own"),
]


@pytest.mark.parametrize(("rule", "change", "message"), BAD)
def test_rule_finds_the_fault(rule, change, message):
    assert message in "; ".join(rule(changed(**change)))


def test_median_length_is_held():
    long_cells = copy.deepcopy(GOOD)
    for made in long_cells["cells"]:
        made["source"] = "a = 1\n" * 5
    assert rules.short_cells(long_cells) == ["median cell has 5 lines"]


@pytest.mark.parametrize("key", ["metadata", "nbformat_minor"])
def test_kernel_and_format_are_held(key):
    assert len(rules.clean_metadata(GOOD | {key: {"metadata": {}, "nbformat_minor": 4}[key]})) == 1


@pytest.mark.parametrize(
    "line",
    [
        "x: str | None = None  # optional",
        'x: str = "a=b"  # two equals',
        'x: str = "#1"  # hash',
        "x: int = 3.5  # wrong type",
        "x: int = 3",
        "x = 3  # no type",
        "x: list = [1]  # list",
        "x: float = 1 / 3  # not a literal",
        "x: int = True  # wrong type",
    ],
)
def test_parameter_lines_that_are_refused(line):
    assert not rules.is_parameter(line)


@pytest.mark.parametrize(
    "line",
    ['x: str = ""  # none', "x: int = -1  # last", "x: float = 0.95  # level", "x: bool = False  # switch"],
)
def test_parameter_lines_that_are_accepted(line):
    assert rules.is_parameter(line)
