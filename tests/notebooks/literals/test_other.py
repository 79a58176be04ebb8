from __future__ import annotations

from typing import Any

import pytest

from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks.literals import assignments


def test_plain_values_are_written_by_the_languages_translator() -> None:
    source = assignments("julia", {"n": 5, "share": 0.5, "on": True, "name": "North 2026-01-31"}, {})
    assert source == 'n = 5\nshare = 0.5\non = true\nname = "North 2026-01-31"'


@pytest.mark.parametrize(
    "value", ['"', "$(run(`ls`))", "a\nb", "plain\n", "\\", "'", "é", [1], {"a": 1}, None, float("nan"), float("inf")]
)
def test_what_is_not_proven_safe_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameters, match="written safely"):
        assignments("julia", {"given": value}, {})


@pytest.mark.parametrize("name", ["a b", "a=run(`ls`)", "", "a\n", "end;", "é"])
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameters):
        assignments("julia", {name: 1}, {})


def test_a_language_that_nobody_writes_is_refused() -> None:
    with pytest.raises(InvalidParameters, match="klingon"):
        assignments("klingon", {"n": 1}, {})
