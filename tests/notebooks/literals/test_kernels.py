"""Harmful values, written for real kernels: each arrives equal, and nothing else happens there."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.testing import MemoryBlobs

from ...kernel_sessions import Session, session

pytestmark = pytest.mark.slow

fuzzed = settings(max_examples=60, deadline=None, derandomize=True, database=None)
# The code for bash is typed into a terminal, which is slow.
fuzzed_slowly = settings(fuzzed, max_examples=15)

FRAGMENTS = [
    *"'\"\\`$!%?#&;|<>(){}[]~*-=@^_ \t\n\r\x01\x03\x04\x08\x0b\x0c\x15\x1b\x7f\x85",
    *(
        "\\'",
        '\\"',
        "\\n",
        "\\x41",
        "\\u0041",
        "\\N{BULLET}",
        "'''",
        '"""',
        "\r\n",
        "\u2028",
        "\u202e",
        "\ufeff",
        "é",
        "🎉",
    ),
    *("$(touch ran)", "`touch ran`", "${HOME}", "$HOME", "!touch ran", "!!", "%%bash\ntouch ran", "\n%sx touch ran\n"),
    *("'; touch ran; '", '"; touch ran; "', "'); system('touch ran'); c('", '"); system("touch ran"); c("'),
    *(
        "' + str(open('ran', 'w')) + '",
        "{open('ran', 'w')}",
        "__class__",
        "\\$(touch ran)",
        "EOF\ntouch ran\n",
        "/*",
        "*/",
    ),
    *("nan", "None", "NULL", "NA", "%s", "{0}", "{{7*7}}", "\x1b[A\n", "x" * 5_000),
]

letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.lists(st.sampled_from(FRAGMENTS) | st.text(letters, max_size=5), max_size=6).map("".join)
keys = texts.filter(bool)
exact_integers = st.integers(-(2**53), 2**53)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )


def injected(language: str, value: Any) -> str:
    """Return the source of the cell that a run with `given` set to `value` gets."""
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": ""}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    filled = LocalNotebooks(MemoryBlobs()).inject_parameters(
        json.dumps(notebook).encode(), language, {"given": value}, {}
    )
    return str(json.loads(filled)["cells"][0]["source"])


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Iterator[Session]]]:
    def started(kernel: str, **env: str) -> Iterator[Session]:
        folder = tmp_path_factory.mktemp(kernel)
        with session(kernel, folder, **env) as run:
            yield run
        assert not list(folder.iterdir()), "something was run"

    yield started


# --- Python


@pytest.fixture(scope="module")
def python(start: Callable[..., Iterator[Session]]) -> Iterator[Session]:
    yield from start("python3")


def same(one: Any, other: Any) -> bool:
    """Tell whether both are equal in value and type. Here nan equals itself, and -0.0 does not equal 0.0."""
    return json.dumps(one) == json.dumps(other)


@fuzzed
@given(value=nested(st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just("\0")))
def test_any_value_arrives_in_python(value: Any, python: Session) -> None:
    assert python(injected("python", value)) == ""
    assert same(json.loads(python("import json; print(json.dumps(given))")), value)


# --- R

SHOW = """
.shown <- function(x) {
  points <- function(text) paste0("[", paste(utf8ToInt(enc2utf8(text)), collapse = ","), "]")
  one <- function(x) {
    if (is.character(x)) return(points(x))
    if (is.logical(x)) return(tolower(as.character(x)))
    if (is.integer(x)) return(as.character(x))
    paste0('"', sprintf("%a", x), '"')
  }
  if (is.null(x)) return("null")
  if (!is.list(x)) return(paste0("[", paste(vapply(x, one, ""), collapse = ","), "]"))
  members <- vapply(seq_along(x), function(i) .shown(x[[i]]), "")
  if (is.null(names(x))) return(paste0('{"list": [', paste(members, collapse = ","), "]}"))
  keys <- vapply(names(x), points, "")
  paste0('{"named": [', paste0("[", keys, ",", members, "]", collapse = ","), "]}")
}
"""


@pytest.fixture(scope="module", params=["C", "C.UTF-8"])
def r(request: pytest.FixtureRequest, start: Callable[..., Iterator[Session]], r_kernel: str) -> Iterator[Session]:
    for run in start(r_kernel, LC_ALL=request.param):
        run(SHOW)
        yield run


def in_r(value: Any) -> Any:
    """Return the answer of SHOW for a value: in R a list of one kind is a vector, and a scalar is a vector of one."""
    match value:
        case dict() if value:
            return {"named": [[points(key), in_r(its)] for key, its in value.items()]}
        case list() if value and not any(isinstance(each, (list, dict, type(None))) for each in value):
            kinds = {type(each) for each in value}
            if len(kinds) == 1 or kinds == {int, float}:
                doubles = float in kinds or any(abs(each) > 2**31 - 1 for each in value if kinds == {int})
                return [one_in_r(float(each) if doubles else each) for each in value]
            return {"list": [in_r(each) for each in value]}
        case list() | dict():
            return {"list": [in_r(each) for each in value]}
        case None:
            return None
    return [one_in_r(value)]


def one_in_r(value: Any) -> Any:
    if isinstance(value, str):
        return points(value)
    if isinstance(value, int) and abs(value) > 2**31 - 1:
        return double(float(value))
    return double(value) if isinstance(value, float) else value


def points(text: str) -> list[int]:
    return [ord(char) for char in text]


def double(value: float) -> str:
    """Return the number as text, with one spelling for each number."""
    return "nan" if math.isnan(value) else value.hex()


def spelled_alike(shown: Any) -> Any:
    match shown:
        case str():
            return double(float.fromhex(shown))
        case list():
            return [spelled_alike(each) for each in shown]
        case dict():
            return {key: spelled_alike(each) for key, each in shown.items()}
    return shown


@fuzzed
@given(value=nested(st.none() | st.booleans() | exact_integers | st.floats() | texts))
def test_any_value_arrives_in_r(value: Any, r: Session) -> None:
    assert r(injected("R", value)) == ""
    assert spelled_alike(json.loads(r("cat(.shown(given))"))) == in_r(value)


@pytest.mark.parametrize("innermost", [[1], {"é": 1}])
def test_what_is_nested_as_deep_as_allowed_is_still_read_by_r(innermost: Any, r: Session) -> None:
    value = innermost
    for _ in range(19):
        value = [value] if isinstance(value, list) else {"é": value}
    assert r(injected("R", value)) == ""
    with pytest.raises(InvalidParameters, match="nested"):
        injected("R", [value])


# --- bash


@pytest.fixture(scope="module")
def bash(start: Callable[..., Iterator[Session]]) -> Iterator[Session]:
    yield from start("bash")


plain = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts


def in_bash(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return value.encode() if isinstance(value, str) else repr(value).encode()


def printed(bash: Session, words: str) -> list[bytes]:
    shown = bash(f'printf "%s\\0" {words} | od -An -v -tx1 | tr -d " \\n"; echo')
    return bytes.fromhex(shown.strip()).split(b"\0")[:-1]


@fuzzed_slowly
@given(value=plain)
def test_any_scalar_arrives_in_bash(value: Any, bash: Session) -> None:
    assert bash(injected("bash", value)) == ""
    assert printed(bash, '"$given"') == [in_bash(value)]


@fuzzed_slowly
@given(values=st.lists(plain, min_size=1, max_size=10))
def test_any_list_arrives_in_bash(values: list[Any], bash: Session) -> None:
    bash("unset given")
    assert bash(injected("bash", values)) == ""
    assert printed(bash, '"${given[@]}"') == [in_bash(value) for value in values]


@fuzzed_slowly
@given(values=st.dictionaries(keys, plain, min_size=1, max_size=10))
def test_any_mapping_arrives_in_bash(values: dict[str, Any], bash: Session) -> None:
    bash("unset given")
    assert bash(injected("bash", values)) == ""
    pairs = printed(bash, '"${!given[@]}" "${given[@]}"')
    assert dict(zip(pairs[: len(values)], pairs[len(values) :], strict=True)) == {
        key.encode(): in_bash(value) for key, value in values.items()
    }
