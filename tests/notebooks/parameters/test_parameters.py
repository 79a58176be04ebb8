"""The choice of the cell and the reader that count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataops_lab.domain.parameters import ParameterSchema, ParameterType
from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks.parameters import parameters_of
from dataops_lab.notebooks.read import parse_notebook


@pytest.fixture
def read(make: Callable[..., bytes]) -> Callable[..., tuple[ParameterSchema, list[str]]]:
    def schema_and_codes(*cells: Any, language: str = "python", **more: Any) -> tuple[ParameterSchema, list[str]]:
        schema, findings = parameters_of(parse_notebook(make(*cells, **more)), language)
        return schema, [finding.code for finding in findings]

    return schema_and_codes


Cells = Callable[..., Any]


def test_a_notebook_without_a_parameters_cell_says_so(read: Cells, code: Cells) -> None:
    schema, codes = read(code("n = 1"))
    assert (schema.declared, schema.parameters, codes) == (False, (), ["no_parameters_cell"])


def test_all_tagged_cells_count_and_it_is_said(read: Cells, code: Cells) -> None:
    schema, codes = read(code("a = 1", "parameters"), code("b = 1", "parameters"))
    assert [p.name for p in schema.parameters] == ["a", "b"]
    assert codes == ["several_parameters_cells"]


def test_a_cell_that_cannot_be_read_refuses_values_only_when_they_are_passed(read: Cells, code: Cells) -> None:
    schema, codes = read(code("n = ", "parameters"))
    assert codes == ["unreadable_cell"]
    assert schema.validate({}) == {}
    with pytest.raises(InvalidParameters):
        schema.validate({"n": 1})


def test_an_earlier_injected_cell_is_not_the_parameters_cell(read: Cells, code: Cells) -> None:
    schema, _ = read(code("n = 1", "parameters"), code("n = 2", "parameters", "injected-parameters"))
    assert schema.parameters[0].default == 1


@pytest.mark.parametrize(("language", "source"), [("R", "n <- 5L"), ("bash", "n=5"), ("Python", "n = 5")])
def test_every_language_has_its_reader(language: str, source: str, read: Cells, code: Cells) -> None:
    schema, _ = read(code(source, "parameters"), language=language)
    assert (schema.parameters[0].name, schema.parameters[0].type) == ("n", ParameterType.INTEGER)


def test_another_language_reads_the_metadata(read: Cells, code: Cells) -> None:
    dataops = {"parameters": [{"name": "n", "type": "integer", "default": 5}]}
    schema, codes = read(code("n = 5", "parameters"), language="julia", dataops=dataops)
    assert (schema.parameters[0].name, codes) == ("n", [])


def test_another_language_without_a_schema_says_what_to_do(read: Cells, code: Cells) -> None:
    assert read(code("n = 5", "parameters"), language="julia")[1] == ["unreadable_cell"]


def test_the_metadata_override_the_cell_name_by_name(read: Cells, code: Cells) -> None:
    dataops = {"parameters": [{"name": "n", "type": "number", "description": "Better"}]}
    schema, _ = read(code("m = 1\nn = 5", "parameters"), dataops=dataops)
    assert [(p.name, p.type, p.description) for p in schema.parameters] == [
        ("m", ParameterType.INTEGER, ""),
        ("n", ParameterType.NUMBER, "Better"),
    ]


def test_a_schema_in_the_metadata_needs_no_cell(read: Cells, code: Cells) -> None:
    schema, codes = read(code("print(n)"), dataops={"parameters": [{"name": "n"}]})
    assert (schema.declared, [p.name for p in schema.parameters], codes) == (True, ["n"], [])
