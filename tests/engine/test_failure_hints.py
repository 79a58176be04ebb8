from __future__ import annotations

from pathlib import Path

import pytest

from dataops_lab.domain.runs import Reason
from dataops_lab.engine.failure_hints import add_hint


def missing(path: str, ename: str = "FileNotFoundError") -> Reason:
    evalue = f"[Errno 2] No such file or directory: '{path}'"
    return Reason("cell_error", f"{ename}: {evalue}", {"cell": 1, "ename": ename, "evalue": evalue})


def unknown(module: str) -> Reason:
    evalue = f"No module named '{module}'"
    return Reason("cell_error", f"ModuleNotFoundError: {evalue}", {"ename": "ModuleNotFoundError", "evalue": evalue})


def told(reason: Reason, notebook: str) -> Reason:
    return add_hint(reason, notebook, "work/n.ipynb", "/state/runs/a_1/files")


@pytest.fixture
def notebook(tmp_path: Path) -> str:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "there.csv").touch()
    (tmp_path / "work").mkdir()
    (tmp_path / ".env").touch()
    (tmp_path / "helper.py").touch()
    (tmp_path / "package").mkdir()
    return str(tmp_path / "work" / "n.ipynb")


def test_a_file_that_lies_beside_the_notebook_but_did_not_travel_is_said(notebook):
    reason = told(missing("../data/there.csv"), notebook)
    assert "did not travel" in reason.message and "!../data/there.csv" in reason.message
    assert reason.detail["left_behind"] == "../data/there.csv"
    assert reason.detail["cell"] == 1


@pytest.mark.parametrize(
    "reason",
    [
        missing("../absent/a.csv"),
        missing("absent.csv"),
        unknown("absent"),
        unknown("x" * 5000),
        missing("a\0b"),
        missing("/etc/hostname"),
        missing("../data/there.csv", "KeyError"),
        missing("x" * 5000),
        Reason("timeout", "…"),
        Reason("cell_error", "…", {"ename": "FileNotFoundError", "evalue": "no path at all"}),
    ],
)
def test_everything_else_stays_as_it_was_said(notebook, reason):
    assert told(reason, notebook) == reason


def test_a_path_below_the_run_is_one_of_the_workspace(notebook):
    reason = told(missing("/state/runs/a_1/files/data/there.csv"), notebook)
    assert reason.detail["left_behind"] == "../data/there.csv"


def test_a_folder_that_is_not_in_the_run_is_said(notebook):
    for path in ("../data", "../data/new.csv", "/state/runs/a_1/files/data/new.csv"):
        assert "makedirs('../data'" in told(missing(path), notebook).message


@pytest.mark.parametrize("module", ["helper", "package", "package.inner"])
def test_a_module_that_did_not_travel_is_to_be_imported_by_its_name(module, notebook):
    assert f"`import {module.partition('.')[0]}`" in told(unknown(module), notebook).message


def test_nothing_advises_to_take_a_secret_along(notebook):
    reason = told(missing("../.env"), notebook)
    assert "looks like a secret" in reason.message and "dataopsignore" not in reason.message
    assert "left_behind" not in reason.detail


def test_nothing_is_said_of_what_lies_outside_of_the_workspace(notebook, tmp_path):
    root = tmp_path / "root"
    (root / "work").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "data")
    for path in ("../../data/there.csv", "../../data", "../link/there.csv", f"{tmp_path}/data/there.csv"):
        assert told(missing(path), str(root / "work" / "n.ipynb")) == missing(path)
    assert told(unknown("helper"), str(root / "work" / "n.ipynb")) == unknown("helper")
