"""Readers see what a check of the data found, never the name of the check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cj_helpers.dataset.quality import check_words

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


def test_every_check_of_the_package_has_words_of_its_own():
    code = "\n".join(path.read_text() for path in (ROOT / "cj_helpers" / "dataset").rglob("*.py"))
    named = re.findall(r'\.found\(\s*f?"([a-z_]+)', code) + re.findall(r'Problem\([^()]*?, f?"([a-z_]+)[{"]', code)
    assert len(set(named)) > 12
    whole = [f"{name}column" if name.endswith("_") else name for name in named]
    assert [name for name in whole if check_words(name) == name.replace("_", " ")] == []


def test_the_reasons_of_the_verdict_on_the_sample_name_no_check(sample):
    reasons = ", ".join(sample.verdict["reason"])
    assert "rows that occur twice" in reasons
    assert not [check for check in sample.quality["check"] if check.replace("_", " ") in reasons]
