from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks.literals import assignments

HOSTILE = [
    "",
    'it\'s "quoted"',
    "\\",
    "\\n",
    "line\nbreak\r\n\ttab",
    "'); import os; os.abort() #",
    '""" + __import__("os").abort() + """',
    "{1/0} %s $(exit 1) `exit 1` ${HOME}",
    "%matplotlib",
    "what?",
    "é 漢字 🎉 \u202e \u2028 \x85 \x00 \x1b[31m",
]


def arrived(value: Any, kind: str = "any") -> Any:
    namespace: dict[str, Any] = {}
    exec(compile(assignments("python", {"given": value}, {"given": kind}), "cell", "exec"), namespace)
    return namespace["given"]


@pytest.mark.parametrize("value", HOSTILE)
def test_text_arrives_as_it_was(value: str) -> None:
    assert arrived(value) == value


@pytest.mark.parametrize("value", [0, -7, 2**63, True, None, 0.1, -0.0, 1e-300, [], {}, {"a b": [1, {"c": None}]}])
def test_values_arrive_equal_and_of_their_own_type(value: Any) -> None:
    assert arrived(value) == value
    assert type(arrived(value)) is type(value)


def test_a_number_longer_than_python_reads_in_decimal_arrives_equal() -> None:
    assert arrived(-(10**5000)) == -(10**5000)


def test_infinities_and_nan_arrive() -> None:
    assert arrived([math.inf, -math.inf]) == [math.inf, -math.inf]
    assert math.isnan(arrived(math.nan))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_value_arrives_equal(value: Any) -> None:
    assert arrived(value) == value


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("2026-01-31", "date", dt.date(2026, 1, 31)),
        ("2026-01-31T08:00:00", "datetime", dt.datetime(2026, 1, 31, 8)),
        (["2026-01-31"], "list[date]", [dt.date(2026, 1, 31)]),
        (["2026-01-31"], "list", ["2026-01-31"]),
        ("2026-01-31T08:00:00Z", "datetime", dt.datetime(2026, 1, 31, 8, tzinfo=dt.UTC)),
    ],
)
def test_dates_arrive_as_dates_without_an_import_of_the_notebook(text: Any, kind: str, value: Any) -> None:
    assert arrived(text, kind) == value
    assert type(arrived(text, kind)) is type(value)


def test_a_date_that_is_not_given_is_none() -> None:
    assert arrived(None, "date") is None


@pytest.mark.parametrize("name", ["class", "a b", "a;b", "1a", "", "a\n", "a.b", "a=1\nb"])
def test_a_name_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameters) as refused:
        assignments("python", {name: 1}, {})
    assert refused.value.detail["problems"][0]["name"] == name


@pytest.mark.parametrize("value", ["\ud800", ["\udfff"], {"\ud800": 1}, {1: "a"}, object(), b"bytes", "not a date"])
def test_what_python_cannot_be_given_safely_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameters):
        assignments("python", {"given": value}, {"given": "date" if value == "not a date" else "any"})


def test_nesting_that_the_parser_would_refuse_is_refused_before() -> None:
    value: Any = 1
    for _ in range(200):
        value = [value]
    with pytest.raises(InvalidParameters, match="nested"):
        assignments("python", {"given": value}, {})


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(InvalidParameters) as refused:
        assignments("python", {"class": 1, "fine": 2, "text": "\ud800"}, {})
    assert [problem["name"] for problem in refused.value.detail["problems"]] == ["class", "text"]
