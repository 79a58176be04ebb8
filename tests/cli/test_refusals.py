"""Bad input gets a sentence with the next step, a stable code and the right exit code; nothing is half done."""

from __future__ import annotations

import json

import pytest

CELL = {"id": "c", "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": "1"}
NOTEBOOKS = {
    "broken.ipynb": '{"cells": [<<<<<<< HEAD',
    "text.ipynb": "hello",
    "empty.ipynb": "",
    "list.ipynb": "[]",
    "old.ipynb": json.dumps({"worksheets": [], "metadata": {}, "nbformat": 2, "nbformat_minor": 0}),
    "future.ipynb": json.dumps({"cells": [], "metadata": {}, "nbformat": 9, "nbformat_minor": 0}),
    "no_kernel.ipynb": json.dumps({"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}),
    "other_kernel.ipynb": json.dumps(
        {"cells": [CELL], "metadata": {"kernelspec": {"name": "cobol"}}, "nbformat": 4, "nbformat_minor": 5}
    ),
    "no_env_kernel.ipynb": json.dumps(
        {
            "cells": [CELL],
            "metadata": {"kernelspec": {"name": "conda-env-old-py"}, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    ),
}
PARAMETERS = "n: int = 1\nsizes: list = []\nshare: float = 0.5"
GOOD = "good.ipynb"

REFUSALS = [
    (["missing.ipynb"], "notebook_not_found", "path"),
    (["folder.ipynb"], "not_a_notebook", "notebook"),
    (["broken.ipynb"], "broken_json", "line 1"),
    (["text.ipynb"], "broken_json", "line 1"),
    (["empty.ipynb"], "broken_json", "empty"),
    (["list.ipynb"], "not_a_notebook", "notebook"),
    (["old.ipynb"], "nbformat_too_old", "convert"),
    (["future.ipynb"], "nbformat_too_new", "upgrade"),
    (["no_kernel.ipynb"], "no_kernelspec", "--kernel"),
    (["other_kernel.ipynb"], "kernel_not_installed", "python3"),
    ([GOOD, "--kernel", "cobol"], "kernel_not_installed", "python3"),
    (["no_env_kernel.ipynb"], "kernel_not_installed", "--kernel python3"),
    ([GOOD, "--kernel", "odd"], "kernelspec_broken", "kernel.json"),
    ([GOOD, "-p", "m", "1"], "invalid_parameters", "n, sizes, share"),
    ([GOOD, "-p", "n", "many"], "invalid_parameters", "whole number"),
    ([GOOD, "-p", "sizes", "{}"], "invalid_parameters", "list"),
    ([GOOD, "-p", "sizes", "[NaN]"], "invalid_parameters", "list"),
    ([GOOD, "-p", "share", "nano"], "invalid_parameters", "number"),
    ([GOOD, "-p", "n = 1; import os #", "1"], "invalid_parameters", "n, sizes, share"),
    ([GOOD, "--params", "list.yaml"], "parameters_no_mapping", "a list"),
    ([GOOD, "--params", "empty.yaml"], "parameters_no_mapping", "nothing"),
    ([GOOD, "--params", "names.yaml"], "parameters_no_mapping", "names"),
    ([GOOD, "--params", "broken.yaml"], "invalid_request", "line 2"),
    ([GOOD, "--params", "broken.json"], "invalid_request", "line 1"),
    ([GOOD, "--params", "nan.json"], "invalid_request", "JSON"),
    ([GOOD, "--params", "binary.yaml"], "invalid_request", "binary.yaml"),
    ([GOOD, "--params", "python.yaml"], "invalid_request", "python.yaml"),
    ([GOOD, "--params", "missing.yaml"], "invalid_request", "missing.yaml"),
    ([GOOD, "--params", "."], "invalid_request", "directory"),
    ([GOOD, "--env", "staging"], "unknown_environment", "sandbox"),
    ([GOOD, "--root", "other_folder"], "path_outside_root", "root"),
    ([GOOD, "--key", ""], "invalid_request", "characters"),
    ([GOOD, "--key", "x" * 201], "invalid_request", "characters"),
    ([GOOD, "-o", "other_folder"], "invalid_request", "folder"),
    ([GOOD, "-o", "nowhere/out.ipynb"], "invalid_request", "Make it first"),
    ([GOOD, "-o", GOOD], "invalid_request", "never written"),
    ([GOOD, "-o", "/dev/null"], "invalid_request", "ordinary"),
    ([GOOD, "--timeout", "nan"], "usage", "more than 0"),
    ([GOOD, "--timeout", "-1"], "usage", "more than 0"),
    ([GOOD, "--start-timeout", "0"], "usage", "more than 0"),
    ([GOOD, "--retry-on-timeout", "often"], "usage", "boolean"),
    ([GOOD, "--no-wait", "-o", "out.ipynb"], "usage", "--no-wait"),
    ([GOOD, "--bogus"], "usage", "--bogus"),
    ([], "usage", "NOTEBOOK"),
    (["not-\udcff-utf8.ipynb"], "invalid_request", "UTF-8"),
    ([GOOD, "--server", "nonsense"], "invalid_request", "http://"),
    ([GOOD, "--server", "http://127.0.0.1:9/?token=abc"], "invalid_request", "DATAOPS_LAB_TOKEN"),
    ([GOOD, "--server", "http://127.0.0.1:9", "--root", "."], "invalid_request", "root"),
]


@pytest.fixture(scope="module")
def workspace(shell, tmp_path_factory):
    jupyter = tmp_path_factory.mktemp("jupyter")
    (jupyter / "kernels" / "odd").mkdir(parents=True)
    (jupyter / "kernels" / "odd" / "kernel.json").write_text('{"argv": ["python"], "env": null}')
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JUPYTER_PATH", str(jupyter))
        yield _filled(shell)


def _filled(shell):
    for name, content in NOTEBOOKS.items():
        shell.text(name, content)
    shell.notebook(GOOD, "1", parameters=PARAMETERS)
    shell.text("list.yaml", "- a\n")
    shell.text("empty.yaml", "")
    shell.text("names.yaml", "1: 2\n")
    shell.text("broken.yaml", "a: [1\n")
    shell.text("broken.json", "{a}")
    shell.text("nan.json", '{"share": NaN}')
    shell.text("python.yaml", "n: !!python/object/apply:os.getcwd []\n")
    (shell.folder / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (shell.folder / "folder.ipynb").mkdir()
    (shell.folder / "other_folder").mkdir()
    return shell


@pytest.mark.parametrize(
    ("arguments", "code", "said"), REFUSALS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_refused_with_2_and_leaves_nothing(workspace, arguments, code, said):
    before = sorted(path.name for path in workspace.folder.iterdir())

    for_people, for_programs = workspace.invoke("run", *arguments), workspace.invoke("run", *arguments, "--json")

    error = for_programs.json["error"]
    assert (for_people.code, for_programs.code) == (2, 2)
    assert error["code"] == code
    assert said.lower() in error["message"].lower()
    assert for_people.out == ""
    assert said.lower() in for_people.err.lower()
    assert "Traceback" not in for_people.err + for_programs.err
    assert workspace.runs() == []
    assert sorted(path.name for path in workspace.folder.iterdir()) == before
    assert not workspace.invoke("engine", "status", "--json").json["leading"]


def test_every_problem_of_the_parameters_is_named(workspace):
    error = workspace.invoke("run", GOOD, "-p", "n", "many", "-p", "m", "1", "--json").json["error"]

    assert [problem["name"] for problem in error["detail"]["problems"]] == ["n", "m"]
    assert error["detail"]["parameters"] == ["n", "sizes", "share"]


@pytest.mark.parametrize("home", ["a_file", "/dev/null/below", "/proc/nowhere"])
@pytest.mark.parametrize("command", [["run", GOOD], ["runs", "list"], ["engine", "status"]], ids=lambda words: words[0])
def test_a_state_folder_that_cannot_be_used_ends_with_4(workspace, home, command):
    workspace.text("a_file", "")

    answer = workspace.invoke(*command, "--json", DATAOPS_LAB_HOME=str(workspace.folder / home))

    assert answer.code == 4
    assert answer.json["error"]["code"] == "state_folder_unusable"
    assert "DATAOPS_LAB_HOME" in answer.json["error"]["message"]


def test_a_server_that_is_not_there_ends_with_4(workspace):
    for command in (["run", GOOD], ["runs", "list"], ["runs", "show", "last"], ["inspect", GOOD]):
        answer = workspace.invoke(*command, "--server", "http://127.0.0.1:9", "--json")
        assert answer.code == 4
        assert answer.json["error"]["code"] == "server_unreachable"


@pytest.mark.parametrize(
    "command",
    [
        ["runs", "show", "nothing"],
        ["runs", "show", "last"],
        ["runs", "output", "last"],
        ["runs", "cancel", "last", "nothing"],
        ["runs", "rerun", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        ["runs", "list", "--job", "no such job"],
        ["runs", "record", "last", "-o", "record.zip"],
    ],
    ids=" ".join,
)
def test_a_run_that_is_not_there_ends_with_2_and_the_next_step(workspace, command):
    answer = workspace.invoke(*command, "--json")

    assert answer.code == 2
    assert answer.json["error"]["code"] == "not_found"
    assert not (workspace.folder / "record.zip").exists()
