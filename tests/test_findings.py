"""What a finding of the survival and churn reports must say: a number, its interval, what it rests on."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from notebook_rules import code_of, report_calls

from cj_helpers.text import placeholders

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# An assumption or a reservation, in the words that the reports use.
ASSUMPTION = re.compile(
    r"\bif (open|those|every|customers|the ratio|all else)\b|association|held (fixed|equal)|may have other"
)


def findings(name):
    """Template of every finding of a notebook."""
    notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            for kind, call in report_calls(ast.parse(code_of(cell))):
                if kind == "finding":
                    yield ast.literal_eval(call.args[0])


def has_interval(names):
    return any({f"{stem}low", f"{stem}high"} <= names for stem in ("conf_", "", "revenue_"))


@pytest.mark.parametrize("template", list(findings("02_dropoff_survival")))
def test_every_finding_on_drop_off_rests_on_counts_and_names_its_assumption(template):
    names = set(placeholders(template))
    assert has_interval(names)
    assert re.search(r"\{n:count\} (of \{\w+:count\} )?journeys", template)
    assert "{n_customers:count} customers" in template
    assert ASSUMPTION.search(template)


# Counts of the data, and sentences about the report itself, have neither error nor assumption.
COUNTED = (
    "{n:count} customers left",
    "{eligible:count} customers are worth",
    "The contact list was not",
    "{feature} alone",
)
EXPECTED = "Of {n:count} customers who bought more than once"  # of the BG/NBD model, checked in the table beside it


@pytest.mark.parametrize("template", [text for text in findings("04_churn") if not text.startswith(COUNTED)])
def test_every_finding_on_churn_has_its_interval_and_what_it_rests_on(template):
    if template.startswith(EXPECTED):
        assert "expected" in template
        return
    assert has_interval(set(placeholders(template)))
    assert ASSUMPTION.search(template) or "calibration slope" in template
