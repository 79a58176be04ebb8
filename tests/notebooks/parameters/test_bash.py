from __future__ import annotations

from typing import Any

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterType
from dataops_lab.notebooks.parameters import bash

T = ParameterType


def one(source: str) -> Parameter:
    read = bash.parameters(source)
    assert read is not None and len(read) == 1, read
    return read[0]


@pytest.mark.parametrize(
    ("source", "kind", "default"),
    [
        ("P=text", T.STRING, "text"),
        ("P=", T.STRING, ""),
        ("P='two words'", T.STRING, "two words"),
        ('P="a \\"b\\" \\$c"', T.STRING, 'a "b" $c'),
        ("P=a'b c'\"d\"", T.STRING, "ab cd"),
        ("export P=5", T.INTEGER, 5),
        ("readonly P=-5", T.INTEGER, -5),
        ("declare -r P=0.5", T.NUMBER, 0.5),
        ("P=true", T.BOOLEAN, True),
        ('P="5"', T.STRING, "5"),
        ("P=007", T.STRING, "007"),
        ("P=${P:-7}", T.INTEGER, 7),
        ('P="${P:-seven}"', T.STRING, "seven"),
        ("P=(a 'b c'\n  5)", T.LIST, ["a", "b c", "5"]),
        ("P=()", T.LIST, []),
        ('P="two\nlines"', T.STRING, "two\nlines"),
        ("P=a\\ b", T.STRING, "a b"),
        ("P=1;", T.INTEGER, 1),
    ],
)
def test_type_and_default_are_read(source: str, kind: ParameterType, default: Any) -> None:
    assert (one(source).type, one(source).default) == (kind, default)


@pytest.mark.parametrize("source", ['P="$HOME/data"', "P=$(date +%F)", "P=`date`", 'P="${A}b"', "P=$A"])
def test_a_default_that_only_running_tells_is_unknown_text(source: str) -> None:
    assert one(source) == Parameter("P", T.STRING)


@pytest.mark.parametrize(
    ("source", "description"),
    [("P=1 # how many", "how many"), ("# how\n# many\nP=1", "how many"), ("# far\n\nP=1", ""), ("P='#x'", "")],
)
def test_comments_describe(source: str, description: str) -> None:
    assert one(source).description == description


def test_a_variable_for_one_command_is_no_parameter() -> None:
    read = bash.parameters("set -eu\nLC_ALL=C sort x\nA=1\necho B=2\n[ $A = 1 ]\nC+=1\n")
    assert read is not None
    assert [p.name for p in read] == ["A"]


@pytest.mark.parametrize("source", ["P='open", 'P="open', "P=(a b"])
def test_what_does_not_close_is_not_read(source: str) -> None:
    assert bash.parameters(source) is None


def test_a_hostile_cell_ends_in_time() -> None:
    bash.parameters("P='\n" * 20_001)
    assert bash.parameters('P="' + "\n" * 50_000) is None
