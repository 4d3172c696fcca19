"""Words without contracts: every text that they replace is one of the report, with the same placeholders."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pandas as pd
import pytest

from cj_helpers import plots
from cj_helpers.text import PURCHASE_WORDS, _, fill, label, placeholders, set_wording, value_label

ROOT = Path(__file__).resolve().parent.parent


def literals():
    """Every text of the package and of notebook 04."""
    notebook = json.loads((ROOT / "notebooks" / "04_churn.ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    files = [path for path in (ROOT / "cj_helpers").rglob("*.py") if path.name != "purchase_words.py"]
    for code in [*cells, *(path.read_text() for path in files)]:
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.fixture
def purchases():
    set_wording(PURCHASE_WORDS)
    yield
    set_wording({})


def test_each_replaced_text_exists_and_keeps_its_values():
    found = set(literals())
    assert [text for text in PURCHASE_WORDS if text not in found] == []
    for text, other in PURCHASE_WORDS.items():
        assert placeholders(text) == placeholders(other), text


def test_labels_values_templates_and_axes_change(purchases):
    assert label("n_left") == "Bought nothing"
    assert value_label("outcome", "voluntary") == "no purchase"
    assert fill("Still there after {age:days}", age=30) == "Not called gone after 30 days"
    assert _("Customers") == "Customers"
    table = {"predicted": [0.1, 0.4], "estimate": [0.2, 0.5], "conf_low": [0.1, 0.4], "conf_high": [0.3, 0.6]}
    assert plots.plot_calibration_curve(pd.DataFrame(table)).get_ylabel() == "Bought nothing (share)"


def test_contracts_keep_their_words():
    assert label("n_left") == "Left"
    assert value_label("outcome", "voluntary") == "voluntary"
