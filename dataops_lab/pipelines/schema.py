"""The JSON Schema of `NAME.pipeline.yaml`, for editors: `python -m dataops_lab.pipelines.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .model import PipelineFile

SCHEMA = Path(__file__).with_name("pipeline.schema.json")
SCHEMA_ID = "urn:dataops-lab:pipeline:1"


def schema() -> dict[str, Any]:
    """Return the schema of the version 1 of the format."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **_plain(PipelineFile.model_json_schema(by_alias=True)),
        "title": "dataops_lab pipeline",
    }


def written() -> str:
    """Return the text of the published file."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(part: Any) -> Any:
    """Leave out what only says how the code is built: titles of classes, defaults, null for what is left out."""
    if isinstance(part, list):
        return [_plain(member) for member in part]
    if not isinstance(part, dict):
        return part
    plain = {}
    for name, value in part.items():
        if name == "properties":
            plain[name] = {member: _plain(inner) for member, inner in value.items()}
        elif not (name == "title" and isinstance(value, str)) and name != "default":
            plain[name] = _plain(value)
    choices = [choice for choice in plain.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del plain["anyOf"]
        return {**choices[0], **plain}
    return {**plain, "anyOf": choices} if choices else plain


if __name__ == "__main__":
    SCHEMA.write_text(written(), encoding="utf-8")
