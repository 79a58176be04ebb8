from __future__ import annotations

from pathlib import Path

import pytest

from dataops_lab.domain.runs import Reason
from dataops_lab.engine.explain import explained


def missing(path: str, ename: str = "FileNotFoundError") -> Reason:
    evalue = f"[Errno 2] No such file or directory: '{path}'"
    return Reason("cell_error", f"{ename}: {evalue}", {"cell": 1, "ename": ename, "evalue": evalue})


@pytest.fixture
def notebook(tmp_path: Path) -> str:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "there.csv").touch()
    (tmp_path / "work").mkdir()
    return str(tmp_path / "work" / "n.ipynb")


def test_a_file_that_lies_beside_the_notebook_but_did_not_travel_is_said(notebook):
    reason = explained(missing("../data/there.csv"), notebook)
    assert "did not travel" in reason.message and "!../data/there.csv" in reason.message
    assert reason.detail["left_behind"] == "../data/there.csv"
    assert reason.detail["cell"] == 1


@pytest.mark.parametrize(
    "reason",
    [
        missing("../data/absent.csv"),
        missing("../data"),
        missing("a\0b"),
        missing("/etc/hostname"),
        missing("../data/there.csv", "KeyError"),
        missing("x" * 5000),
        Reason("timeout", "…"),
        Reason("cell_error", "…", {"ename": "FileNotFoundError", "evalue": "no path at all"}),
    ],
)
def test_everything_else_stays_as_it_was_said(notebook, reason):
    assert explained(reason, notebook) == reason
