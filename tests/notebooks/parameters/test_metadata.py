from __future__ import annotations

from typing import Any

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterType
from dataops_lab.notebooks.parameters import metadata


def declared(*entries: Any) -> dict[str, Any]:
    return {"dataops": {"parameters": list(entries)}}


def test_every_member_is_read() -> None:
    entry = {
        "name": "region",
        "type": "string",
        "default": "north",
        "required": False,
        "nullable": True,
        "description": "Where",
        "choices": ["north", "south"],
        "items": None,
    }
    read, findings = metadata.parameters(declared(entry))
    assert read == (
        Parameter(
            "region",
            ParameterType.STRING,
            default="north",
            nullable=True,
            description="Where",
            choices=("north", "south"),
        ),
    )
    assert findings == []


@pytest.mark.parametrize("value", [{}, {"dataops": None}, {"dataops": []}, {"dataops": {}}])
def test_without_a_schema_nothing_is_declared(value: dict[str, Any]) -> None:
    assert metadata.parameters(value) == (None, [])


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {},
        {"name": ""},
        {"name": 5},
        {"name": "n", "type": "float"},
        {"name": "n", "type": []},
        {"name": "n", "colour": "red"},
        {"name": "n", "choices": "ab"},
        {"name": "n", "required": "yes"},
        {"name": "n", "type": "integer", "default": "x"},
        {"name": "n", "choices": ["a"], "default": "b"},
    ],
)
def test_an_entry_that_is_wrong_is_left_out_and_said(entry: Any) -> None:
    read, findings = metadata.parameters(declared(entry, {"name": "fine"}))
    assert read == (Parameter("fine"),)
    assert [finding.code for finding in findings] == ["invalid_parameter_schema"]


def test_a_schema_that_is_no_list_is_said() -> None:
    read, findings = metadata.parameters({"dataops": {"parameters": {}}})
    assert read is None
    assert len(findings) == 1
