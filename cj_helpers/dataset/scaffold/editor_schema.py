"""The JSON schema of dataset.yml, by which editors complete and check it.

``python -m cj_helpers.dataset.scaffold.editor_schema FILE`` writes it; ``make schema`` renews the one that is shipped.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from cj_helpers.dataset.scaffold.key_texts import TEXTS
from cj_helpers.dataset.schema import DatasetConfig
from cj_helpers.dataset.schema_base import Model

_DURATION = {"type": "string", "pattern": r"^\s*[1-9]\d*\s*[mhdw]\s*$", "examples": ["30m", "12h", "7d", "2w"]}
_WORD = {"type": ["string", "number", "boolean"]}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_BY_FILE = ("sha256", "rows")


class _Generator(GenerateJsonSchema):
    """Durations are written as 7d, not as ISO 8601 has it."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> dict[str, Any]:
        return dict(_DURATION)


def editor_schema() -> dict[str, Any]:
    """Return the schema: every key with its type, its allowed values and what it means."""
    schema = DatasetConfig.model_json_schema(schema_generator=_Generator)
    models = {"DatasetConfig": schema, **schema["$defs"]}
    for name, model in models.items():
        hidden = _not_built(name)
        model["properties"] = {
            key: _loosened(key, value) | {"description": TEXTS.get(name, {}).get(key, "")}
            for key, value in model["properties"].items()
            if key not in hidden
        }
        model.pop("title", None)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "dataset.yml", **schema}


def described() -> dict[str, set[str]]:
    """Return the keys of every part of dataset.yml that may be used."""
    schema = DatasetConfig.model_json_schema(schema_generator=_Generator)
    models = {"DatasetConfig": schema, **schema["$defs"]}
    return {name: set(model["properties"]) - _not_built(name) for name, model in models.items()}


def write(file: Path) -> None:
    """Write the schema into a file."""
    file.write_text(json.dumps(editor_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _not_built(name: str) -> set[str]:
    """Return the keys of a model that are refused as not yet supported."""
    models: dict[str, type[BaseModel]] = {model.__name__: model for model in _all_models(Model)}
    extras = {key: info.json_schema_extra for key, info in models[name].model_fields.items()}
    return {key for key, extra in extras.items() if isinstance(extra, dict) and extra.get("not_yet")}


def _all_models(base: type[BaseModel]) -> list[type[BaseModel]]:
    return [found for child in base.__subclasses__() for found in (child, *_all_models(child))]


def _loosened(key: str, value: dict[str, Any]) -> dict[str, Any]:
    """A list of words may be one word, and a value of a file may be one for each file of a glob."""
    value = {name: item for name, item in value.items() if name not in ("title", "not_yet")}
    if value.get("type") == "array" and value.get("items") == _TEXTS["items"]:
        rest = {name: item for name, item in value.items() if name not in ("type", "items")}
        return {"anyOf": [{"type": "array", "items": _WORD}, _WORD], **rest}
    if value.get("type") == "object" and value.get("additionalProperties") == _TEXTS:
        return value | {"additionalProperties": {"anyOf": [{"type": "array", "items": _WORD}, _WORD]}}
    if key in _BY_FILE:
        one = value["additionalProperties"]
        return {"anyOf": [one, {"type": "object", "additionalProperties": one}], "default": value.get("default")}
    return value


if __name__ == "__main__":
    write(Path(sys.argv[1]))
