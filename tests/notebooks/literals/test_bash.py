from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.errors import InvalidParameters
from dataops_lab.notebooks.literals import assignments

HOSTILE = [
    "",
    "plain",
    "two words",
    "it's",
    '"',
    "\\",
    "a\\nb",
    "line\nbreak",
    "trailing\n",
    "\ttab\x01\x03\x04\x1b\x7f",
    "$(touch ran)",
    "`touch ran`",
    "${HOME} $HOME ~ *",
    "; touch ran #",
    "& touch ran",
    "!! !1 !touch",
    "'; touch ran; '",
    "-n",
    "é 漢字 🎉",
    "[0]=1",
    "x" * 20_000,
]


def arrived(value: Any, show: str, tmp_path: Path) -> bytes:
    """Return the output of bash. Fail when it wrote an error, or when a command in the value left a file."""
    script = assignments("bash", {"given": value}, {}) + "\n" + show
    done = subprocess.run(["bash", "-c", script], capture_output=True, cwd=tmp_path, check=True)
    assert not done.stderr
    assert not list(tmp_path.iterdir())
    return done.stdout


@pytest.mark.parametrize("value", HOSTILE)
def test_text_arrives_as_it_was(value: str, tmp_path: Path) -> None:
    assert arrived(value, 'printf %s "$given"', tmp_path) == value.encode()


@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_is_typed_into_the_shell_but_printable_ascii_without_history(value: str) -> None:
    source = assignments("bash", {"given": value}, {})
    assert all(" " <= char <= "~" and char != "!" for char in source)


def test_a_list_arrives_as_an_array(tmp_path: Path) -> None:
    assert arrived(HOSTILE, r'printf "%s\0" "${given[@]}"', tmp_path).split(b"\0")[:-1] == [
        text.encode() for text in HOSTILE
    ]


def test_a_mapping_arrives_as_an_associative_array(tmp_path: Path) -> None:
    values = {f"{text}.": text for text in HOSTILE}
    shown = arrived(values, r'for k in "${!given[@]}"; do printf "%s\0%s\0" "$k" "${given[$k]}"; done', tmp_path).split(
        b"\0"
    )
    assert dict(zip(shown[:-1:2], shown[1::2], strict=True)) == {k.encode(): v.encode() for k, v in values.items()}


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (-1.5, "-1.5"), (True, "true"), (False, "false"), (10**30, "1" + "0" * 30)]
)
def test_numbers_and_truth_arrive_as_text(value: Any, text: str, tmp_path: Path) -> None:
    assert arrived(value, 'printf %s "$given"', tmp_path) == text.encode()


def test_none_leaves_the_variable_unset(tmp_path: Path) -> None:
    assert arrived(None, 'printf %s "${given-unset}"', tmp_path) == b"unset"


@pytest.mark.parametrize("value", ["\0", "\ud800", float("nan"), float("inf"), [[1]], [None], {"a": {}}, {"": 1}])
def test_what_bash_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidParameters):
        assignments("bash", {"given": value}, {})


@pytest.mark.parametrize(
    "name", ["a b", "a;ls", "$(ls)", "if", "PROMPT_COMMAND", "a\n", "é", "a-b", "", "a[0]", "a[$(ls)]"]
)
def test_a_name_that_is_no_plain_variable_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameters):
        assignments("bash", {name: "1"}, {})
