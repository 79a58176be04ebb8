from __future__ import annotations

PARAMETERS = """\
from typing import Literal
region: Literal["North", "South"] = "North"  # sales region
month: str = "2026-01"
"""


def test_it_shows_parameters_kernel_and_what_travels(own_shell):
    own_shell.text("helper.py", "x = 1\n")
    notebook = own_shell.notebook("report.ipynb", "import helper", parameters=PARAMETERS)

    shown = own_shell.invoke("inspect", notebook)

    assert shown.code == 0
    for expected in ('"North" | "South"', "sales region", "month", "Python 3", "helper.py", "report.ipynb"):
        assert expected in shown.out


def test_a_pipeline_is_shown_with_its_parameters_and_without_a_kernel(own_shell):
    own_shell.text("month.pipeline.yaml", "version: 1\nparameters: {top: {default: 3}}\nsteps: {a: {command: [ls]}}\n")

    shown = own_shell.invoke("inspect", "month.pipeline.yaml")

    assert "top" in shown.out
    assert not any(word in shown.out for word in ("kernel", "cells", "takes"))


def test_json_is_the_inspection(own_shell):
    own_shell.text("helper.py", "x = 1\n")
    notebook = own_shell.notebook("report.ipynb", "import helper", parameters=PARAMETERS)

    found = own_shell.invoke("inspect", notebook, "--json").json

    assert [p["name"] for p in found["parameters"]] == ["region", "month"]
    assert found["parameters"][0]["choices"] == ["North", "South"]
    assert [file["path"] for file in found["files"]] == ["helper.py"]


def test_what_will_be_missing_comes_with_its_mend(own_shell):
    notebook = own_shell.notebook("report.ipynb", "open('/home/nobody/data.csv')")

    found = own_shell.invoke("inspect", notebook, "--json").json["findings"]
    shown = own_shell.invoke("inspect", notebook).out

    warnings = [finding for finding in found if finding["severity"] == "warning"]
    assert warnings and all(finding["hint"] for finding in warnings)
    assert all(finding["message"] in shown and finding["hint"] in shown for finding in warnings)


def test_a_kernel_that_is_missing_is_shown_with_those_that_are_there(own_shell):
    notebook = own_shell.notebook("report.ipynb", "1", kernelspec={"name": "cobol"})

    assert own_shell.invoke("inspect", notebook, "--json").json["kernel"] is None
    assert "python3" in own_shell.invoke("inspect", notebook).out
    assert own_shell.invoke("inspect", notebook, "--kernel", "python3", "--json").json["kernel"]["name"] == "python3"


def test_nothing_is_submitted_and_no_engine_is_started(own_shell):
    own_shell.invoke("inspect", own_shell.notebook("report.ipynb", "1"))

    assert own_shell.runs() == []
    assert not own_shell.invoke("engine", "status", "--json").json["leading"]
