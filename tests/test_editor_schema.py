"""The JSON schema of dataset.yml: as shipped, complete, and true to what is read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cj_helpers.dataset.scaffold.editor_schema import described, editor_schema, write
from cj_helpers.dataset.scaffold.key_texts import TEXTS

jsonschema = pytest.importorskip("jsonschema")  # comes with nbformat
ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "data" / "dataset.schema.json"
EXAMPLES = sorted([*ROOT.glob("data/*/dataset.yml"), *ROOT.glob("data/examples/*/dataset.yml")])


def test_the_shipped_schema_is_the_one_of_the_models(tmp_path):
    write(tmp_path / "schema.json")
    assert SHIPPED.read_text(encoding="utf-8") == (tmp_path / "schema.json").read_text(encoding="utf-8"), (
        "run `make schema`"
    )


def test_the_command_writes_it(tmp_path):
    module = "cj_helpers.dataset.scaffold.editor_schema"
    subprocess.run([sys.executable, "-m", module, str(tmp_path / "a.json")], check=True, cwd=ROOT)
    assert json.loads((tmp_path / "a.json").read_text()) == editor_schema()
    assert module in (ROOT / "Makefile").read_text()


def test_every_key_has_its_meaning():
    assert {
        name: keys - set(TEXTS.get(name, {})) for name, keys in described().items() if keys - set(TEXTS.get(name, {}))
    } == {}
    assert [
        text for texts in TEXTS.values() for text in texts.values() if not re.match(r"\S.{5,118}[.)]?$", text)
    ] == []


def test_every_key_is_explained_in_the_dictionary():
    text = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    missing = {
        f"{name}.{key}" for name, keys in described().items() for key in keys if not re.search(rf"\b{key}\b", text)
    }
    assert missing == set()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_data_sets_of_the_project_pass(file):
    jsonschema.validate(_read(file.read_text(encoding="utf-8")), editor_schema())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("version: 1", "verson: 1"),
        ("within: 14d", "within: 14 days"),
        ("duplicates: drop", "duplicates: delete"),
        ("min_group: 10", "min_group: 3"),
        ("success: [service_restored]", "sucess: [service_restored]"),
    ],
)
def test_what_reading_refuses_the_schema_refuses_too(old, new):
    text = (ROOT / "data" / "sample" / "dataset.yml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_read(text.replace(old, new, 1)), editor_schema())


def test_a_word_may_stand_where_a_list_may():
    config = {
        "version": 1,
        "name": "a",
        "tables": {},
        "journeys": {"buy": {"label": "Buy", "success": "paid", "timeout": "7d"}},
    }
    jsonschema.validate(config, editor_schema())


def _read(text: str) -> object:
    """Read as an editor does: dates are words."""
    return yaml.load(re.sub(r"(: |\[)(\d{4}-\d{2}-\d{2})", r"\1'\2'", text), Loader=yaml.SafeLoader)
