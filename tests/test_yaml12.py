"""YAML 1.2, as all files of the project have it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataops_lab import yaml12
from dataops_lab.yaml12 import Position, YamlError, inline, read, written

# The editor in the browser reads the same corpus, so that a file means one thing on both sides.
CORPUS = json.loads((Path(__file__).parent / "pipelines/corpus/yaml.json").read_text(encoding="utf-8"))

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t:#-?&*!|>'\"%@` 0123456789eo.x_"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)


@pytest.mark.parametrize("case", [case for case in CORPUS if "value" in case], ids=lambda case: case["name"])
def test_a_text_has_the_value_that_the_corpus_says(case):
    value = _in_json(read(case["text"]).value)
    assert value == case["value"]
    assert _kinds(value) == _kinds(case["value"])


@pytest.mark.parametrize("case", [case for case in CORPUS if case.get("refused")], ids=lambda case: case["name"])
def test_what_the_corpus_refuses_is_refused(case):
    try:
        assert list(read(case["text"]).repeated_keys())
    except YamlError as error:
        assert error.position is not None


@given(st.dictionaries(TEXTS, VALUES, max_size=3))
def test_what_is_written_is_read_as_the_same(value):
    assert read(written(value)).value == value


@given(VALUES)
@example("\x85")
@example({"a\u2028b": ["\n", "c\u2029"]})
def test_a_value_on_one_line_is_read_as_the_same(value):
    text = inline(value)
    assert "\n" not in text
    assert read(f"a: {text}").value == {"a": value}


@pytest.mark.parametrize(
    "text", ["no", "0o10", "1e3", "12:30", "1_000", "2026-01-31", "=", "<<", "~", "null", "0x1F", ".inf", "", "a: b"]
)
def test_a_text_that_looks_like_something_else_is_quoted(text):
    assert written([text]).startswith("- '")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &x [1]\nb: *x", "Line 2: aliases are not taken. Write it out."),
        ("x: &x [" + ", ".join(["1"] * 10) + "]\ny: &y [*x, *x]", "Line 2: aliases are not taken"),
        ("[\n" * 100_000, "Line 21: this is nested more than 20 levels deep"),
        ("- a\n" * 200_000, "from here on it is too long"),
        ("a: " + "x" * 1_000_001, "larger than 1 MB"),
        ("a: " + "9" * 100_000, "Line 1: this is not YAML: a whole number has at most 64 bits"),
        ("a: 0x" + "f" * 100_000, "at most 64 bits"),
        ("a: !!int twelve", "Line 1: this is not YAML"),
        ("a: !!bool maybe", "is not true or false"),
        ("a: !!python/object/apply:os.system [x]", "leave out the tag"),
        ("a: !!timestamp 2026-01-31", "leave out the tag"),
        ("a: !!set {x}", "leave out the tag"),
        ("a: !!map text", "leave out the tag"),
        ("a: !x y", "leave out the tag"),
        ("? [a]\n: b", "a key is a text"),
        ("a: 1\n---\nb: 2\n", "Line 2: a second document begins here: take it out"),
        ("a: \0", "not YAML"),
        ("a: é\nb: éé\x94", "Line 2: this is not YAML: the character U+0094 is not taken"),
        ("a: \ud800", "not YAML"),
    ],
)
def test_hostile_text_is_refused_with_its_line(text, problem):
    with pytest.raises(YamlError) as refused:
        read(text)
    assert problem in str(refused.value)


def test_a_part_is_found_at_its_key_and_a_member_at_its_place():
    document = read("a:\n  b: [1, {c: 2}]\n")
    assert document.position([]) == Position(1, 1)
    assert document.position(["a"]) == Position(1, 1)
    assert document.position(["a", "b"]) == Position(2, 3)
    assert document.position(["a", "b", 1]) == Position(2, 10)
    assert document.position(["a", "b", 1, "c"]) == Position(2, 11)


def test_a_part_that_is_not_there_is_found_at_what_is_there_of_it():
    document = read("a:\n  b: [1]\n")
    assert document.position(["a", "b", 5]) == document.position(["a", "b", "x", "y"]) == Position(2, 3)
    assert document.position(["z"]) == read("").position(["z"]) == Position(1, 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "place"),
    [
        ("a: one two", 1, 5, Position(1, 8)),
        ("a: 'one two'", 1, 5, Position(1, 9)),
        ('a: "one two"', 1, 5, Position(1, 9)),
        ("a: {b: one}", 1, 1, Position(1, 1)),  # it is not a text: its own place
        ("x: 1\na: |\n    one\n      two", 2, 3, Position(4, 7)),
        ("a: |\r\n  one\r\n  two", 2, 2, Position(3, 4)),
        ("a: 'it''s wrong'", 1, 7, Position(1, 4)),  # written otherwise than it is read
        ('a: "\\u0041 b"', 1, 3, Position(1, 4)),
        ("a: >\n  one\n  two", 1, 5, Position(1, 4)),
        ("a: one\n  two", 1, 5, Position(1, 4)),
        ("a: one", 9, 9, Position(1, 4)),
    ],
)
def test_a_place_within_a_text_is_found_where_the_file_has_it(text, line, column, place):
    assert read(text).inside(["a"], line, column) == place


def test_each_repeated_key_is_named_with_its_path():
    document = read("a: 1\nb: [{c: 1, c: 2}]\na: 2\n")
    assert list(document.repeated_keys()) == [(("b", 0, "c"), Position(2, 12)), (("a",), Position(3, 1))]


def test_the_bound_on_depth_leaves_room():
    assert read("[" * yaml12.MAX_DEPTH + "]" * yaml12.MAX_DEPTH).value


def _in_json(value):
    """Return the value with texts for the numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: _in_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_json(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
    return value


def _kinds(value):
    """Return the shape of a value, with numbers as one kind: 1.0 and 1 are the same in a browser."""
    if isinstance(value, dict):
        return {key: _kinds(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_kinds(member) for member in value]
    return "number" if type(value) in (int, float) else type(value).__name__
