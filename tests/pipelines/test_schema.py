"""The published JSON Schema of `NAME.pipeline.yaml`."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from dataops_lab import yaml12
from dataops_lab.pipelines.schema import SCHEMA, SCHEMA_ID, schema, written

from .test_reading import WHOLE

VALIDATOR = Draft202012Validator(schema())


def test_the_published_schema_is_current():
    assert SCHEMA.read_text(encoding="utf-8") == written(), "Run `python -m dataops_lab.pipelines.schema`."


def test_the_schema_is_one_and_has_its_name():
    Draft202012Validator.check_schema(schema())
    assert json.loads(written())["$id"] == SCHEMA_ID


def test_the_schema_takes_what_the_reader_takes():
    assert list(VALIDATOR.iter_errors(yaml12.read(WHOLE).value)) == []


@pytest.mark.parametrize(
    "text",
    [
        "{steps: {a: {command: [x]}}}",
        "{version: 2, steps: {a: {command: [x]}}}",
        "{version: 1, steps: {a-b: {command: [x]}}}",
        "{version: 1, steps: {a: {comand: [x]}}}",
        "{version: 1, steps: {a: {command: [x], script: x}}}",
        "{version: 1, steps: {a: {command: [x], timeout: soon}}}",
        "{version: 1, steps: {a: {command: [x], run_if: often}}}",
        "{version: 1, steps: {a: {command: [x], for_each: {inputs: x}}}}",
        "{version: 1, steps: {a: {command: [x], files: [{from: b}]}}}",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text):
    assert list(VALIDATOR.iter_errors(yaml12.read(text).value))
