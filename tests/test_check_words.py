"""Readers see what a check of the data found, never the name of the check."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from cj_helpers.dataset import open_dataset
from cj_helpers.text import check_words

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("clock_fold", "times in the hour that the clock change repeats"),
        ("open_ended_ended_at", "open-ended dates in ended_at, a year from 9000 on"),
        ("missing_customer_id", "rows without customer_id"),
        ("after_as_of_ended_at", "dates in ended_at after the last day used"),
        ("after_as_of", "rows after the last day used"),
        ("csat_range", "answers off the scale in csat"),
    ],
)
def test_checks_are_told_in_plain_words(check, words):
    assert check_words(check) == words


def names_of_checks(path):
    """Name the checks that a module reports; a formatted one by its start and the word column."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            place = {"Problem": 2, "found": 0}.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
            check = node.args[place] if place is not None and len(node.args) > place else None
            if isinstance(check, ast.JoinedStr) and isinstance(check.values[0], ast.Constant):
                yield f"{check.values[0].value}column"
            elif isinstance(check, ast.Constant):
                yield check.value


def test_every_check_of_the_package_has_words_of_its_own():
    folder = ROOT / "cj_helpers" / "dataset"
    named = {name for path in folder.rglob("*.py") for name in names_of_checks(path)}
    assert len(named) > 12
    assert {name for name in named if check_words(name) == name.replace("_", " ")} == set()


def test_the_reasons_of_the_verdict_on_the_sample_name_no_check():
    sample = open_dataset(ROOT / "data" / "sample")
    reasons = ", ".join(sample.verdict["reason"])
    assert "rows that occur twice" in reasons
    assert not [check for check in sample.quality["check"] if check.replace("_", " ") in reasons]
