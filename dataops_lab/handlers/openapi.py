"""The OpenAPI document, made from the route table: `python -m dataops_lab.handlers.openapi` writes it."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ..api_models import Problem
from ..services.runs import MAX_KEY_LENGTH
from .base import PROBLEM_JSON, RANGE_HEADER, Operation, operations
from .events import CURSOR, CURSOR_HEADER, EVENT_STREAM, FRAME
from .installation import DOCUMENT
from .routes import PREFIX, ROUTES, Route
from .runs import KEY_HEADER

PROBLEMS = {
    "400": "The request is not as documented here",
    "403": "Not logged in, or not allowed",
    "404": "It does not exist",
    "409": "Not in the state that this needs",
    "413": "The body is too large",
    "416": "Nothing lies in that range, or not yet",
    "422": "Refused; nothing was done",
    "500": "Stored bytes are damaged, or something unexpected happened",
    "503": "The installation cannot serve now",
}
HEADERS = {
    KEY_HEADER: {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[ -~]*$"},
    CURSOR_HEADER: {"type": "string", "pattern": CURSOR},
    # A range with an unknown unit is ignored (RFC 9110, 14.2).
    RANGE_HEADER: {"type": "string"},
}
_REFERENCE = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    models = _models()
    keys, definitions = models_json_schema([(model, "serialization") for model in models], ref_template=_REFERENCE)
    references: dict[Any, Any] = {model: schema for (model, _), schema in keys.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "dataops_lab", "version": version("dataops-lab")},
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": {
            route.path: {
                verb: _operation_object(route, verb, operation, references)
                for verb, operation in operations(route.handler).items()
            }
            for route in ROUTES
        },
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`token TOKEN`; or the cookie of a login, then with X-XSRFToken on all but GET.",
                }
            },
        },
    }


def _models() -> list[type[BaseModel]]:
    found: dict[type[BaseModel], None] = {Problem: None}
    for route in ROUTES:
        for operation in operations(route.handler).values():
            for model in (*operation.answers.values(), operation.body):
                if isinstance(model, type):
                    found[model] = None
    return list(found)


def _operation_object(
    route: Route, verb: str, operation: Operation, references: dict[type[BaseModel], Any]
) -> dict[str, Any]:
    names = re.findall(r"\{(\w+)\}", route.path)
    described: dict[str, Any] = {
        "operationId": f"{verb}_{'_'.join(re.findall(r'[a-z]+', route.path))}",
        "summary": operation.summary,
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names),
            *({"name": name, "in": "header", "schema": HEADERS[name]} for name in operation.headers),
            *_query_parameters(operation.query),
        ],
        "responses": {
            **{str(status): _answer(model, references) for status, model in operation.answers.items()},
            **{
                status: {"description": description, "content": {PROBLEM_JSON: {"schema": references[Problem]}}}
                for status, description in PROBLEMS.items()
                if {"413": operation.body is not None, "416": 206 in operation.answers}.get(status, True)
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": any(member.is_required() for member in operation.body.model_fields.values()),
            "content": {"application/json": _content(operation.body, references)},
        }
    return described


def _answer(model: type[BaseModel] | str | None, references: dict[type[BaseModel], Any]) -> dict[str, Any]:
    if model is None:
        return {"description": "Done"}
    kind = model if isinstance(model, str) else "application/json"
    return {"description": "As asked for", "content": {kind: _content(model, references)}}


def _content(model: type[BaseModel] | str, references: dict[type[BaseModel], Any]) -> dict[str, Any]:
    if not isinstance(model, str):
        return {"schema": references[model]}
    if model == EVENT_STREAM:
        return {"schema": FRAME}
    return {"schema": {} if model.endswith(("json", "yaml")) else {"type": "string"}}


def _query_parameters(query: type[BaseModel] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _without_null(property_),
        }
        for name, property_ in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Remove null from the types of a query parameter: an address can only leave a value out."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) != 1:
        return schema
    return {**options[0], **{key: value for key, value in schema.items() if key not in ("anyOf", "default")}}


def main() -> None:
    DOCUMENT.write_text(json.dumps(document(), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
