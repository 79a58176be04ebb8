"""Scripts and commands as sources of a snapshot, with the real scan, checks and interpreters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.inputs import Role
from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.parameters import Parameter, ParameterType
from dataops_lab.domain.snapshots import Command, Snapshot, SnapshotLimits
from dataops_lab.errors import InvalidScript
from dataops_lab.testing import MemoryBlobs

from ..conftest import Project

HEADER = "# /// dataops\n# [parameters]\n# month = 2026-10-01\n# ///\n"


def snapshot(project: Project, **more: Any) -> Snapshot:
    options = {"root": str(project.root), "kernel": None, "limits": SnapshotLimits(), **more}
    return project.notebooks.snapshot(str(project.path), **options)


@pytest.fixture
def script(project: Project) -> Any:
    def write(source: str, path: str = "jobs/load.py") -> Project:
        project.path = project.file(path, "")
        project.path.write_bytes(source.encode())
        return project

    return write


def test_the_version_of_a_script_has_its_very_bytes_and_an_interpreter(script: Any, blobs: MemoryBlobs) -> None:
    source = f"\ufeff{HEADER}print('ü')\r\n"
    found = snapshot(script(source))
    manifest = found.manifest
    assert (manifest.kind, manifest.path, manifest.language) == (JobKind.SCRIPT, "jobs/load.py", "python")
    assert manifest.source_digest is not None
    assert blobs.read(manifest.source_digest) == source.encode()
    assert [p.name for p in manifest.parameters.parameters] == ["month"]
    assert (found.name, found.code_cells, found.cell_ids) == ("load.py", 0, ())
    assert found.kernel is not None
    assert len(found.kernel.argv) == 1


def test_variables_that_every_run_of_a_script_gets_are_not_missing(script: Any) -> None:
    names = ("DATAOPS_PARAM_MONTH", "DATAOPS_PARAM_OTHER", "DATAOPS_PARAMS_FILE", "DATAOPS_LAB_VALUES")
    reads = "".join(f"os.environ['{name}']\n" for name in names)
    found = snapshot(script(f"{HEADER}import os\n{reads}"))
    assert [finding.missing for finding in found.findings] == ["DATAOPS_PARAM_OTHER"]


def test_another_byte_is_another_version(script: Any) -> None:
    first = snapshot(script("print(1)\n")).manifest.digest
    assert snapshot(script("print(1)")).manifest.digest != first


def test_what_a_script_imports_and_reads_travels(script: Any) -> None:
    project = script(
        "import tools\nfrom pathlib import Path\nopen('../data/a.csv')\nPath(__file__).parent / '../b.csv'\n"
    )
    project.file("jobs/tools.py", "open('../data/from_tools.csv')\n")
    for path in ("data/a.csv", "data/from_tools.csv", "b.csv", "data/unused.csv"):
        project.file(path)
    files = {file.path: file.role for file in project.inspect().files}
    assert files == {
        "jobs/tools.py": Role.CODE,
        "data/a.csv": Role.DATA,
        "data/from_tools.csv": Role.DATA,
        "b.csv": Role.DATA,
    }


@pytest.mark.parametrize(
    ("name", "source"), [("load.sh", "cat ../data/a.csv\n"), ("load.R", 'read.csv("../data/a.csv")\n')]
)
def test_paths_in_shell_and_r_travel(script: Any, name: str, source: str) -> None:
    project = script(source, f"jobs/{name}")
    project.file("data/a.csv")
    assert project.travels() == ["data/a.csv"]


def test_the_checks_speak_of_the_script_and_name_no_cell(script: Any) -> None:
    project = script("import no_such_module\nx = input()\nopen('gone.csv')\n")
    findings = {finding.code: finding for finding in project.inspect().findings}
    assert set(findings) >= {"missing_module", "input_call", "missing_file"}
    assert findings["input_call"].message.startswith("The script asks a question")
    assert "beside the script" in findings["missing_module"].message
    assert {finding.cell for finding in findings.values()} == {None}


def test_a_script_that_is_not_python_is_found_before_it_runs(script: Any) -> None:
    assert script("def (:\n").findings("unreadable_cell") == [
        "The script cannot be read as Python, so files and modules that it needs are not seen."
    ]


@pytest.mark.parametrize(
    ("name", "source", "codes"),
    [
        ("a.sh", "echo a\r\necho b\r\n", ["windows_line_ends"]),
        ("a.sh", "\ufeffecho a\n", ["byte_order_mark"]),
        ("a.R", "\ufeffcat(1)\r\n", ["byte_order_mark"]),
        ("a.py", "\ufeffprint()\r\n", []),
    ],
)
def test_bytes_that_an_interpreter_does_not_take_are_found(
    script: Any, name: str, source: str, codes: list[str]
) -> None:
    assert script(source, name).findings() == codes


def test_a_broken_block_refuses_look_and_snapshot_with_its_line(script: Any) -> None:
    project = script("import os\n# /// dataops\n# [parameters\n# ///\n")
    for look in (project.inspect, lambda: snapshot(project)):
        with pytest.raises(InvalidScript) as refusal:
            look()
        assert refusal.value.detail["line"] == 3


def test_a_file_beside_the_script_declares_its_parameters(script: Any) -> None:
    project = script("echo\n", "jobs/load.sh")
    project.file("jobs/load.sh.dataops.toml", "[parameters]\nn = 1\n")
    assert snapshot(project).manifest.parameters.parameters == (Parameter("n", ParameterType.INTEGER, default=1),)


def test_two_declarations_are_refused(script: Any) -> None:
    project = script(HEADER)
    project.file("jobs/load.py.dataops.toml", "[parameters]\nn = 1\n")
    with pytest.raises(InvalidScript, match=r"load\.py, line 1: .* load\.py\.dataops\.toml too"):
        snapshot(project)


def test_an_interpreter_that_is_missing_is_told_and_refuses_only_the_run(
    script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = script("cat(1)\n", "a.R")
    monkeypatch.setenv("PATH", "/nowhere")
    found = project.inspect()
    assert found.kernel is None
    assert "Rscript" in (found.kernel_problem or "")


@pytest.mark.parametrize(("name", "kernels"), [("a.py", True), ("a.sh", False), ("a.R", False)])
def test_only_for_python_there_are_kernels_to_choose_from(script: Any, name: str, kernels: bool) -> None:
    assert bool(script("", name).inspect().kernels) is kernels


def test_a_command_has_a_place_and_an_argv_and_takes_what_it_names(project: Project) -> None:
    project.path = project.file("jobs/month.pipeline.yaml")
    project.file("jobs/tool.py")
    project.file("data/a.csv")
    command = Command(("python3", "tool.py", "../data/a.csv"), (Parameter("n"),))
    found = project.notebooks.snapshot(
        f"{project.path}#load",
        root=str(project.root),
        kernel=None,
        limits=SnapshotLimits(),
        command=command,
    )
    manifest = found.manifest
    assert (manifest.kind, manifest.path) == (JobKind.COMMAND, "jobs/month.pipeline.yaml#load")
    assert (manifest.command, manifest.source_digest) == (command.argv, None)
    assert [file.path for file in manifest.files] == ["jobs/tool.py"]
    assert [file.path for file in found.inputs.files] == ["data/a.csv"]
    assert found.name == "month: load"
    assert found.kernel is not None
    assert found.kernel.argv == command.argv
    assert Path(found.location.path).name == "month.pipeline.yaml#load"


@pytest.mark.parametrize(
    ("argv", "include", "code", "data"),
    [
        (("python3", "tool.py", "--table=a.csv"), (), ["help.py", "tool.py"], ["a.csv"]),
        (("python3", "-m", "tool"), (), ["help.py", "tool.py"], []),
        (("sh", "-c", "python3 tool.py < a.csv && echo 'done'"), (), ["help.py", "tool.py"], ["a.csv"]),
        (("echo", "it's"), (), [], []),
        (("rm", "-rf", "scratch"), (), [], []),
        (("make",), ("Makefile", "*.csv", "sub"), ["Makefile", "sub/b.py"], ["a.csv", "b.csv"]),
    ],
)
def test_a_command_takes_what_it_names_or_includes_and_what_that_needs(
    project: Project, argv: Any, include: Any, code: list[str], data: list[str]
) -> None:
    project.path = project.file("month.pipeline.yaml")
    project.file("tool.py", "import help\n")
    for name in ("help.py", "other.py", "sub/b.py", "Makefile", "a.csv", "b.csv"):
        project.file(name, "")
    found = project.notebooks.snapshot(
        f"{project.path}#load",
        root=str(project.root),
        kernel=None,
        limits=SnapshotLimits(),
        command=Command(argv, include=include),
    )
    assert [file.path for file in found.manifest.files] == code
    assert [file.path for file in found.inputs.files] == data


def test_a_file_that_a_command_includes_and_that_is_not_there_is_found_missing(project: Project) -> None:
    project.path = project.file("month.pipeline.yaml")
    found = project.notebooks.snapshot(
        f"{project.path}#load",
        root=str(project.root),
        kernel=None,
        limits=SnapshotLimits(),
        command=Command(("make",), include=("rules.mk",)),
    )
    assert [finding.missing for finding in found.findings if finding.code == "missing_file"] == ["rules.mk"]
