"""Declared outputs: which paths may be declared, what a run makes of them, and which values may stand in them."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.outputs import Output, find_collision, find_missing, find_problems, read_outputs, resolve
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.errors import InvalidOutputs

AT = dt.datetime(2026, 2, 28, 23, 30, tzinfo=dt.UTC)
SCHEMA = ParameterSchema(
    (
        Parameter("region", ParameterType.STRING, default="North"),
        Parameter("month", ParameterType.DATE, default="2026-01-31"),
        Parameter("at", ParameterType.DATETIME, default="2026-01-31T08:00:00"),
        Parameter("n", ParameterType.INTEGER, default=3),
        Parameter("draft", ParameterType.BOOLEAN, default=False),
        Parameter("names", ParameterType.LIST, default=[]),
        Parameter("nothing", ParameterType.STRING, default=None, nullable=True),
    )
)


def path_of(path: str, **values: object) -> str:
    (output,) = resolve([Output(path)], SCHEMA, values, nominal=AT, run_id="01RUN")
    return output.path


def problems(*outputs: Output, kind: JobKind = JobKind.NOTEBOOK, folder: str = "nb", **more: object) -> list[str]:
    return [message for _, message in find_problems(outputs, SCHEMA, kind=kind, folder=folder, **more)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("reports/{region}.html", "reports/North.html"),
        ("{month}/{n}.csv", "2026-01-31/3.csv"),
        ("{at}.csv", "2026-01-31T08-00-00.csv"),
        ("{draft}.csv", "false.csv"),
        ("{nominal}_{nominal_month}_{nominal_year}_{nominal_time}", "2026-02-28_2026-02_2026_2026-02-28T2330"),
        ("{run}/x.csv", "01RUN/x.csv"),
        ("./a//b.csv", "a/b.csv"),
        ("../reports/x.csv", "../reports/x.csv"),
    ],
)
def test_a_placeholder_becomes_the_value_or_the_nominal_time(path, expected):
    assert path_of(path) == expected


def test_a_parameter_with_the_name_of_a_placeholder_comes_first():
    schema = ParameterSchema((Parameter("nominal", ParameterType.STRING, default="mine"),))
    (output,) = resolve([Output("{nominal}.csv")], schema, {}, nominal=AT, run_id="r")
    assert output.path == "mine.csv"


def test_the_source_is_the_same_path_when_none_is_given_and_may_have_placeholders_too():
    outputs = resolve([Output("{n}.csv"), Output("b.csv", "out/{n}.csv")], SCHEMA, {}, nominal=AT, run_id="r")
    assert [output.source for output in outputs] == ["3.csv", "out/3.csv"]


@pytest.mark.parametrize(
    "value",
    [
        "../up",
        "a/b",
        "a\\b",
        "..",
        ".",
        ".hidden",
        "end.",
        " space",
        "a\0b",
        "a\nb",
        "a:b",
        "*",
        "",
        "x" * 101,
        "\ud800",
    ],
)
def test_a_value_that_is_no_part_of_a_name_is_refused(value):
    with pytest.raises(InvalidOutputs, match="`region` stands in the path of an output"):
        path_of("{region}.csv", region=value)


def test_a_value_that_is_null_is_refused():
    with pytest.raises(InvalidOutputs, match="has no value"):
        path_of("{nothing}.csv")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "is not a path"),
        ("/etc/x", "is not a path"),
        ("out/", "is not a path"),
        ("../../x", "leaves the workspace"),
        ("a/../../../x", "leaves the workspace"),
        ("a\\b", "characters"),
        ("a\nb", "characters"),
        ("x{", "characters"),
        (".dataops-outputs.json", "belongs to this program"),
        ("a/.DATAOPS/x", "belongs to this program"),
        ("{regin}.csv", "is not known"),
        ("{item}.csv", "is not known"),
        ("{names}.csv", "cannot stand in a path"),
        ("x" * 501, "is not a path"),
    ],
)
def test_a_path_that_cannot_be_published_is_named_before_the_start(path, said):
    (message,) = problems(Output(path))
    assert said in message


def test_a_path_may_lead_to_another_folder_of_the_workspace():
    assert problems(Output("../reports/x.csv")) == []


def test_a_script_has_neither_notebook_nor_report():
    assert problems(Output("x.html", "report")) == []
    (message,) = problems(Output("x.html", "report"), kind=JobKind.SCRIPT)
    assert "made of a notebook" in message


def test_the_items_of_a_fan_out_need_paths_of_their_own():
    (message,) = problems(Output("x.csv", step="train"), kind=JobKind.PIPELINE, fans_out={"train"})
    assert "Put {item} in it" in message
    assert problems(Output("{item}.csv", step="train"), kind=JobKind.PIPELINE, fans_out={"train"}) == []


def test_a_path_that_is_declared_twice_is_refused_also_when_only_the_values_make_it_one():
    assert "declared twice" in problems(Output("x.csv"), Output("x.csv"))[0]
    with pytest.raises(InvalidOutputs, match="Two outputs"):
        resolve([Output("{n}.csv"), Output("3.CSV")], SCHEMA, {}, nominal=AT, run_id="r")


def test_two_runs_with_one_path_are_named():
    outputs = resolve([Output("{region}.csv")], SCHEMA, {}, nominal=AT, run_id="r")
    assert find_collision([("row 1", outputs[0]), ("row 2", outputs[0])]).startswith("row 1 and row 2 both publish")


def test_only_required_outputs_that_were_not_left_are_missing():
    declared = [
        Output("a.csv"),
        Output("b.csv", optional=True),
        Output("c.html", "report"),
        Output("d.csv", "../d.csv"),
    ]
    outputs = resolve(declared, SCHEMA, {}, nominal=AT, run_id="r")
    assert find_missing(outputs, {"d.csv"}, folder="nb", has_notebook=True) == ["a.csv"]
    assert find_missing(outputs, {"nb/a.csv", "d.csv"}, folder="nb", has_notebook=False) == ["report"]


def test_outputs_are_read_as_paths_or_as_mappings():
    found = read_outputs(["a.csv", "report:b.html", {"path": "c.csv", "from": "d.csv", "optional": True}])
    assert found == (Output("a.csv"), Output("b.html", "report"), Output("c.csv", "d.csv", optional=True))


@pytest.mark.parametrize(
    "entries",
    ["a.csv", [7], [{}], [{"path": 1}], [{"path": "x", "form": "y"}], [{"path": "x", "optional": 1}]],
)
def test_outputs_that_cannot_be_read_are_an_error(entries):
    with pytest.raises(ValueError, match=r"has|gives"):
        read_outputs(entries)
