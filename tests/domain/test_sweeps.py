"""Sweeps: their points, and the keys that name these in every repair."""

from __future__ import annotations

import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dataops_lab.domain.fan_outs import MAX_KEY_LENGTH
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.pipelines import Tolerance
from dataops_lab.domain.sweeps import Sweep, points
from dataops_lab.errors import Refused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def keys(grid) -> list[str]:
    return [item.key for item in points(grid)]


def test_the_points_are_all_combinations_and_the_last_parameter_changes_first():
    found = points({"region": ["North", "South"], "seed": [1, 2]})
    assert [item.value for item in found] == [
        {"region": "North", "seed": 1},
        {"region": "North", "seed": 2},
        {"region": "South", "seed": 1},
        {"region": "South", "seed": 2},
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("North", "p=North"),
        ("2026-01-31", "p=2026-01-31"),
        ("1", 'p="1"'),
        (1, "p=1"),
        ("true", 'p="true"'),
        (True, "p=true"),
        (None, "p=null"),
        ("", 'p=""'),
        ("a, q=1", 'p="a, q=1"'),
        ([1, "a"], 'p=[1, "a"]'),
        ("a\nb", 'p="a\\nb"'),
        ("é", "p=é"),
        ("\u202e", 'p="\\u202e"'),
    ],
)
def test_a_key_shows_a_text_as_it_is_unless_it_could_be_taken_for_something_else(value, text):
    assert keys({"p": [value]}) == [text]


def test_long_values_that_begin_alike_have_keys_of_their_own_that_stay_the_same():
    grid = {"p": ["x" * 300 + "1", "x" * 300 + "2"]}
    first, second = keys(grid)
    assert first != second
    assert len(first) <= MAX_KEY_LENGTH
    assert keys(grid) == [first, second]


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.lists(JSON, min_size=1, max_size=3), min_size=1, max_size=2))
def test_different_values_have_different_keys(grid):
    grid = {name: list({json.dumps(value, sort_keys=True): value for value in grid[name]}.values()) for name in grid}
    try:
        found = keys(grid)
    except Refused:
        # Names that no parameter can have may look like values.
        assert any(not name.isidentifier() for name in grid)
        return
    assert len(set(found)) == len(found)
    assert all(len(key) <= MAX_KEY_LENGTH and key.isprintable() for key in found)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_the_samples_have_every_value_and_are_as_few_as_there_can_be(sizes):
    sweep = Sweep({f"p{place}": tuple(range(size)) for place, size in enumerate(sizes)})
    samples = list(sweep.samples())
    assert len(samples) == max(sizes)
    for name, values in sweep.values.items():
        assert {sample[name] for sample in samples} == set(values)


def test_texts_become_values_of_the_declared_types_after_those_that_are_there():
    schema = ParameterSchema((Parameter("seed", ParameterType.INTEGER), Parameter("region", ParameterType.STRING)))
    sweep = Sweep({"seed": (1,)}, (("seed", "2"), ("region", "3"), ("other", "4")), 2, Tolerance(count=1))
    assert sweep.read(schema) == Sweep(
        {"seed": (1, 2), "region": ("3",), "other": ("4",)}, concurrency=2, max_failures=Tolerance(count=1)
    )


@pytest.mark.parametrize("text", [3, "5%", "12.5 %"])
def test_a_tolerance_is_written_as_it_is_read(text):
    found = Tolerance.parse(text)
    assert Tolerance.parse(found.written) == found


@pytest.mark.parametrize("text", [True, "few", None, -1.5, "%"])
def test_what_is_neither_a_number_nor_a_share_is_no_tolerance(text):
    with pytest.raises(ValueError, match="neither a number of items"):
        Tolerance.parse(text)
