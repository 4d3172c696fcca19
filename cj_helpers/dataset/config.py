"""dataset.yml -> checked configuration, with errors that say how to mend the file."""

from __future__ import annotations

import difflib
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pandas as pd
import yaml
from pydantic import BaseModel, ValidationError

from cj_helpers.contract import ConfigError, JourneyDefinition
from cj_helpers.dataset.schema import DatasetConfig, Journey
from cj_helpers.dataset.yaml_errors import explain_syntax


class _Loader(yaml.SafeLoader):
    """YAML in which only true and false are booleans (NO is a country) and no key stands twice."""

    yaml_implicit_resolvers: ClassVar = {  # type: ignore[misc]
        first: [item for item in items if item[0] != "tag:yaml.org,2002:bool"]
        for first, items in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, refusing a key given twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice; keep one", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))


def dataset_file(path: str | Path) -> Path:
    """Return the dataset.yml that a folder or a file stands for.

    Raises
    ------
    ConfigError
        When there is none.
    """
    given = Path(path)
    file = given / "dataset.yml" if given.is_dir() else given
    if not file.is_file() or file.suffix not in {".yml", ".yaml"}:
        raise ConfigError(
            f"{given}: found no dataset.yml; a data set is a folder with a dataset.yml, or that file itself. "
            "Check the path; data/sample is one to start from."
        )
    return file


def nearest(name: str, known: list[str]) -> str:
    """Return a hint with the nearest spelling and what is allowed."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    listed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    return f"did you mean {close[0]!r}? Allowed: {listed}." if close else f"allowed: {listed}."


def read_config(file: Path) -> DatasetConfig:
    """Read and check dataset.yml.

    Raises
    ------
    ConfigError
        One message with every key that is wrong, what was found and what would be right.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file.name}: not UTF-8 (byte {error.start:,}); save the file as UTF-8.") from None
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(explain_syntax(error, text, file.name)) from None
    if not isinstance(data, dict):
        raise ConfigError(f"{file.name}: found no keys; start with `version: 1`, `name:` and `tables:`.")
    try:
        return DatasetConfig.model_validate(data)
    except ValidationError as error:
        lines = [_explain(item, file.name) for item in _without_echoes(error.errors())]
        raise ConfigError("\n".join(dict.fromkeys(lines))) from None


def _without_echoes(items: list[Any]) -> list[Any]:
    """Leave out "required key is missing" where an unknown key of the same place is that key misspelt."""
    misspelt = set()
    for item in items:
        if item["type"] == "extra_forbidden":
            *place, name = item["loc"]
            close = difflib.get_close_matches(str(name), _keys_at(tuple(place)), n=1, cutoff=0.6)
            misspelt |= {(*place, key) for key in close}
    return [item for item in items if item["type"] != "missing" or tuple(item["loc"]) not in misspelt]


def _explain(item: Any, file: str) -> str:
    where = ".".join(str(part) for part in item["loc"] if part != "function-before[parse_duration()]") or "(top)"
    if item["type"] == "extra_forbidden":
        return f"{file}: {where}: unknown key; {nearest(str(item['loc'][-1]), _keys_at(item['loc'][:-1]))}"
    if item["type"] == "missing":
        return f"{file}: {where}: required key is missing; add it."
    message = item["msg"].removeprefix("Value error, ")
    found = "" if "found" in message or isinstance(item["input"], dict) else f" (found {item['input']!r})"
    return f"{file}: {where}: {message}{found}."


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    """Names of the keys allowed at a place in the file."""
    model: Any = DatasetConfig
    for part in loc:
        if isinstance(part, int) or not hasattr(model, "model_fields"):
            continue
        if part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation) or model
    return sorted(model.model_fields)


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _inner_model(inner)
        if found is not None:
            return found
    return None


def journey_definition(key: str, journey: Journey) -> JourneyDefinition:
    """Turn one checked entry of ``journeys`` into the definition the analyses use."""
    timeout = journey.timeout
    by_touchpoint = dict(timeout) if isinstance(timeout, dict) else {}
    default = by_touchpoint.pop("default", None) if by_touchpoint else (None if timeout == "none" else timeout)
    return JourneyDefinition(
        key=key,
        label=journey.label,
        goal=journey.goal,
        start=tuple(journey.start),
        success=tuple(journey.success),
        abandon=tuple(journey.abandon),
        stages={name: tuple(names) for name, names in journey.stages.items()},
        touchpoints=tuple(journey.touchpoints),
        timeout=default,  # type: ignore[arg-type]
        timeouts=by_touchpoint,
        waiting_on_company=tuple(journey.waiting_on_company),
        promise=journey.promise,
        within=journey.within,
        value=journey.value,
    )


def parse_as_of(as_of: str, time_zone: str) -> pd.Timestamp:
    """Read ``as_of``: a date is the end of that day in the zone, a timestamp is exact; empty gives NaT.

    Raises
    ------
    ConfigError
        When the text is neither.
    """
    if not as_of:
        return pd.NaT  # type: ignore[return-value]
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        raise ConfigError(
            f"as_of: found {as_of!r}; allowed are a date (2026-03-31) or a timestamp (2026-03-31 18:00:00)."
        ) from None
    if len(as_of) == 10:
        moment += timedelta(days=1) - timedelta(microseconds=1)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(time_zone))
    return pd.Timestamp(moment).tz_convert("UTC").tz_localize(None)
