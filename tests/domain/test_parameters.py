from __future__ import annotations

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.errors import InvalidParameters

T = ParameterType
REGION = Parameter("region", T.STRING, default="North", choices=("North", "South"))
MONTH = Parameter("month", T.DATE, default="2026-01-01")
THRESHOLD = Parameter("threshold", T.NUMBER, default=0.5)
SCHEMA = ParameterSchema((REGION, MONTH, THRESHOLD))


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (Parameter("x", T.INTEGER), [0, -3, 10**30], [1.0, True, "1", None, [1]]),
        (Parameter("x", T.NUMBER), [0, 0.5, -1e300], [True, "0.5", None]),
        (Parameter("x", T.BOOLEAN), [True, False], [0, 1, "true", None]),
        (Parameter("x", T.STRING), ["", "a", "{{7*7}}"], [1, None, ["a"]]),
        (Parameter("x", T.DATE), ["2026-01-31"], ["2026-02-30", "31.1.2026", 5, None]),
        (Parameter("x", T.DATETIME), ["2026-01-31T08:00:00", "2026-01-31T08:00:00+01:00"], ["soon", 5]),
        (Parameter("x", T.LIST, items=T.INTEGER), [[], [1, 2]], [[1, "2"], [True], "1,2"]),
        (Parameter("x", T.MAPPING), [{}, {"a": {"b": 1}}], [[], "{}"]),
        (Parameter("x", T.ANY), [None, 1, "a", [1]], []),
        (Parameter("x", T.INTEGER, nullable=True), [None, 1], ["", "None"]),
        (Parameter("x", T.INTEGER, choices=(0, 1)), [0, 1], [True, False, 2]),
    ],
)
def test_a_value_is_of_its_declared_type_or_refused(parameter, good, bad):
    for value in good:
        assert parameter.find_problem(value) is None
    for value in bad:
        assert parameter.find_problem(value) is not None


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (Parameter("x", T.INTEGER), "12", 12),
        (Parameter("x", T.NUMBER), "1e3", 1000.0),
        (Parameter("x", T.NUMBER), "3", 3),
        (Parameter("x", T.BOOLEAN), "Yes", True),
        (Parameter("x", T.LIST), "[1, 2]", [1, 2]),
        (Parameter("x", T.MAPPING), '{"a": 1}', {"a": 1}),
        (Parameter("x", T.STRING), "12", "12"),
        (Parameter("x", T.ANY), "12", "12"),
        (Parameter("x", T.INTEGER, nullable=True), "", None),
        (Parameter("x", T.INTEGER, choices=(1, 2)), "2", 2),
    ],
)
def test_text_of_a_command_line_is_read_by_the_declared_type(parameter, text, value):
    assert parameter.parse(text) == value


def test_text_that_is_not_of_the_type_stays_and_is_refused():
    assert SCHEMA.parse_texts([("threshold", "much")]) == {"threshold": "much"}
    with pytest.raises(InvalidParameters, match="'threshold' needs a number"):
        SCHEMA.validate(SCHEMA.parse_texts([("threshold", "much")]))


def test_all_problems_are_named_at_once_with_what_there_is():
    with pytest.raises(InvalidParameters) as refused:
        SCHEMA.validate({"region": "West", "limit": 3})
    assert [problem["name"] for problem in refused.value.detail["problems"]] == ["region", "limit"]
    assert refused.value.detail["parameters"] == ["region", "month", "threshold"]
    assert "Parameters of this notebook: region, month, threshold" in refused.value.message


def test_a_notebook_without_a_parameters_cell_says_so():
    with pytest.raises(InvalidParameters, match="no cell tagged 'parameters'"):
        ParameterSchema(declared=False).validate({"x": 1})


def test_a_parameter_without_a_default_must_be_given():
    schema = ParameterSchema((Parameter("day", T.DATE, required=True),))
    with pytest.raises(InvalidParameters, match="'day' has no default"):
        schema.validate({})


def test_values_come_back_in_the_order_of_the_notebook():
    assert list(SCHEMA.validate({"threshold": 1, "region": "South"})) == ["region", "threshold"]


@pytest.mark.parametrize(("text", "value"), [("nan", "nan"), ("inf", "inf"), ("-Infinity", "-inf"), ("NaN", "nan")])
def test_numbers_that_json_does_not_have_travel_as_text(text, value):
    assert SCHEMA.validate(SCHEMA.parse_texts([("threshold", text)])) == {"threshold": value}


@pytest.mark.parametrize("text", ["1e999", "nano", "infinite"])
def test_a_number_too_large_is_not_an_infinity(text):
    with pytest.raises(InvalidParameters):
        SCHEMA.validate(SCHEMA.parse_texts([("threshold", text)]))


@pytest.mark.parametrize("value", ["2.50", "1e3", 2, 2.5])
def test_a_decimal_is_given_as_text_or_number(value):
    assert Parameter("price", T.STRING, written_as="decimal").find_problem(value) is None


@pytest.mark.parametrize("value", ["two", "", True, None, []])
def test_a_decimal_is_not_any_text(value):
    assert Parameter("price", T.STRING, written_as="decimal").find_problem(value)


def test_keys_that_are_not_numbers_are_refused_where_numbers_are_declared():
    parameter = Parameter("weights", T.MAPPING, keys=T.INTEGER)
    assert parameter.find_problem({"1": 0.9}) is None
    assert "'1.5'" in (parameter.find_problem({"1.5": 0.9}) or "").replace('"', "'")


def test_a_type_that_no_value_can_be_passed_as_refuses_every_value_and_names_it():
    assert "pd.Timestamp" in (Parameter("at", T.ANY, unsupported="pd.Timestamp").find_problem("2026-01-01") or "")


@pytest.mark.parametrize("text", ["[NaN]", "[1e999]", "[" * 100_000])
def test_a_list_that_json_does_not_have_is_no_list(text):
    schema = ParameterSchema((Parameter("sizes", T.LIST),))

    with pytest.raises(InvalidParameters):
        schema.validate(schema.parse_texts([("sizes", text)]))
