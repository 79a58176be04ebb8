from __future__ import annotations

from typing import Any

import pytest

from dataops_lab.domain.outputs import Output
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.errors import InvalidScript
from dataops_lab.notebooks.scripts.header import declaration_of, sidecar

T = ParameterType


def header(*lines: str) -> str:
    return "\n".join(["# /// dataops", *(f"# {line}" if line else "#" for line in lines), "# ///", ""])


def read(text: str) -> ParameterSchema:
    declaration = declaration_of("report.py", text)
    assert declaration is not None
    return declaration.read()[0]


def only(line: str) -> Parameter:
    (parameter,) = read(header("[parameters]", line)).parameters
    return parameter


def refused(text: str) -> InvalidScript:
    with pytest.raises(InvalidScript) as refusal:
        read(text)
    assert refusal.value.precise_code == "broken_header"
    return refusal.value


def test_a_script_without_a_block_declares_nothing() -> None:
    assert declaration_of("report.py", "# dataops\n# /// script\n# dependencies = []\n# ///\nprint(1)\n") is None


def test_a_block_gives_the_parameters_in_their_order() -> None:
    text = "#!/usr/bin/env python3\n" + header(
        "[parameters]",
        'month = {type = "date", default = 2026-01-01, description = "The month of the report"}',
        "",
        "rate = 0.5  # of the tax",
    )
    month, rate = read(text).parameters
    assert month == Parameter("month", T.DATE, default="2026-01-01", description="The month of the report")
    assert rate == Parameter("rate", T.NUMBER, default=0.5)


@pytest.mark.parametrize(
    ("line", "kind", "default", "items"),
    [
        ("x = true", T.BOOLEAN, True, None),
        ("x = 3", T.INTEGER, 3, None),
        ("x = 'a'", T.STRING, "a", None),
        ("x = 2026-01-31", T.DATE, "2026-01-31", None),
        ("x = 2026-01-31T08:00:00", T.DATETIME, "2026-01-31T08:00:00", None),
        ("x = [1, 2]", T.LIST, [1, 2], T.INTEGER),
        ("x = [2026-01-31]", T.LIST, ["2026-01-31"], T.DATE),
        ("x = inf", T.NUMBER, "inf", None),
        ("x = {default = {a = 1}}", T.MAPPING, {"a": 1}, None),
        ("x = {type = 'any', default = 1}", T.ANY, 1, None),
    ],
)
def test_a_plain_value_gives_default_and_type(line: str, kind: ParameterType, default: Any, items: Any) -> None:
    assert only(line) == Parameter("x", kind, default=default, items=items)


def test_a_parameter_without_a_default_is_needed_unless_it_may_be_null() -> None:
    assert only("x = {type = 'integer'}").required
    assert not only("x = {type = 'integer', nullable = true}").required


def test_choices_of_dates_are_compared_with_the_texts_that_are_given() -> None:
    parameter = only("x = {choices = [2026-01-01, 2026-02-01], default = 2026-01-01}")
    assert parameter.type is T.DATE
    assert parameter.find_problem("2026-02-01") is None
    assert parameter.find_problem("2026-03-01") is not None


def test_a_table_of_its_own_is_read_like_an_inline_one() -> None:
    assert read(header("[parameters.x]", "type = 'integer'", "default = 1")).parameters == (
        Parameter("x", T.INTEGER, default=1),
    )


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_of_windows_and_a_missing_last_one_change_nothing(end: str) -> None:
    text = end.join(["# /// dataops", "# [parameters]", "# x = 1", "# ///"])
    assert read(text).parameters == (Parameter("x", T.INTEGER, default=1),)


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (["[parameters]", "x = 1", "y = "], 4, "is not TOML"),
        (["[parameters]", "x = 1", "x = 2"], 4, "is not TOML"),
        (["[parameters]", "x = [1,"], 3, "is not TOML"),
        (["[parameters]", "x = 1", "y = {type = 'color'}"], 4, "'y' a type that is none of"),
        (["[parameters]", "x = {defualt = 1}"], 3, "unknown member 'defualt'"),
        (["[parameters]", "x = {type = 'date', default = 'May'}"], 3, "needs a date"),
        (["[parameters]", "x = 08:00:00"], 3, "time of day"),
        (["[parameters]", "'a b' = 1"], 3, "a name has letters"),
        (["[parameters]", "x = {required = 'yes'}"], 3, "a flag"),
        (["[parameters]", "month = 1", "Month = 2"], 3, "one environment variable"),
        (["[parameter]", "x = 1"], 2, "the table [parameters] are known"),
        (["parameters = 3"], 2, "not a table"),
    ],
)
def test_a_broken_block_is_refused_with_its_line(lines: list[str], line: int, words: str) -> None:
    refusal = refused(header(*lines))
    assert words in refusal.message
    assert refusal.detail["line"] == line
    assert f"report.py, line {line}:" in refusal.message


def test_a_block_without_an_end_is_refused() -> None:
    assert "no end" in refused("import x\n# /// dataops\n# [parameters]\nprint()\n").message
    assert "no end" in refused("import x\n# /// dataops\n# [parameters]").message


def test_two_blocks_are_refused_at_the_second() -> None:
    block = header("[parameters]", "x = 1")
    assert refused(block + block).detail["line"] == 5


def test_toml_that_nests_without_end_is_refused() -> None:
    assert refused(header("[parameters]", "x = " + "[" * 50_000)).detail["line"] >= 1


def test_a_file_beside_the_script_holds_the_same() -> None:
    declaration = sidecar("a.sh.dataops.toml", b"\xef\xbb\xbf[parameters]\r\nx = 1\r\n")
    assert declaration.read()[0].parameters == (Parameter("x", T.INTEGER, default=1),)


def test_a_file_that_is_not_text_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidScript) as refusal:
        sidecar("a.sh.dataops.toml", b"[parameters]\nx = '\xff'\n")
    assert refusal.value.detail["line"] == 2


def test_a_block_declares_outputs_beside_parameters() -> None:
    text = '# /// dataops\n# outputs = ["{n}.csv", {path = "b.csv", optional = true}]\n# [parameters]\n# n = 1\n# ///\n'
    declaration = declaration_of("clean.py", text)
    assert declaration is not None
    schema, outputs = declaration.read()
    assert [parameter.name for parameter in schema.parameters] == ["n"]
    assert outputs == (Output("{n}.csv"), Output("b.csv", optional=True))


def test_outputs_that_are_not_right_are_named_with_their_line() -> None:
    declaration = declaration_of("clean.py", '# /// dataops\n# outputs = ["a", {form = "x"}]\n# ///\n')
    assert declaration is not None
    with pytest.raises(InvalidScript, match="line 2"):
        declaration.read()
