from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.errors import DataOpsError

Take = Callable[[str], "str | None"]


@pytest.fixture
def take(project: Any) -> Take:
    """A function that takes along a file beside the notebook, and returns the line that this needed."""
    project.notebook("1")

    def taken(file: str) -> str | None:
        line: str | None = project.notebooks.include_file(str(project.path), file, root=str(project.root))
        return line

    return taken


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("../data/stock.csv", "!../data/stock.csv"),
        ("./raw/../raw/stock.csv", "!/raw/stock.csv"),
        ("raw/a [1]*?.csv ", r"!/raw/a \[1\]\*\?.csv\ "),
        ("raw/back\\slash!#.csv", r"!/raw/back\\slash!#.csv"),
    ],
)
def test_a_file_travels_once_it_was_taken_along_and_nothing_else_does(
    project: Any, take: Take, file: str, line: str
) -> None:
    project.file(f"analysis/{file}")
    project.file("data/other.csv")
    project.file("analysis/raw/other.csv")
    project.file(".dataopsignore", "raw/")
    assert project.travels() == []
    assert take(file) == line
    (travelling,) = project.travels()
    assert (project.root / travelling).samefile(project.root / "analysis" / file)


def test_a_file_that_travels_already_needs_no_line(project: Any, take: Take) -> None:
    project.file("analysis/beside.csv")
    project.file("data/stock.csv")
    assert take("beside.csv") is None
    assert not (project.root / "analysis" / ".dataopsignore").exists()
    assert take("../data/stock.csv") is not None
    assert take("../data/stock.csv") is None


def test_the_rules_that_were_there_stay(project: Any, take: Take) -> None:
    rules = project.file("analysis/.dataopsignore", "*.log")
    project.file("data/stock.csv")
    take("../data/stock.csv")
    assert rules.read_text() == "*.log\n!../data/stock.csv\n"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("../../outside.csv", "path_outside_root"),
        ("link.csv", "path_outside_root"),
        ("missing.csv", "invalid_request"),
        ("../data", "invalid_request"),
        ("../data/stock.csv\n*", "invalid_request"),
        ("/etc/hostname", "invalid_request"),
        ("../.env", "secret_left_behind"),
        ("../.aws/config", "secret_left_behind"),
    ],
)
def test_what_may_not_travel_is_refused_and_nothing_is_written(
    project: Any, take: Take, tmp_path: Path, file: str, code: str
) -> None:
    for path in ("data/stock.csv", ".env", ".aws/config", "../outside.csv"):
        project.file(path)
    (project.root / "analysis" / "link.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(DataOpsError) as refusal:
        take(file)
    assert refusal.value.precise_code == code
    assert not (project.root / "analysis" / ".dataopsignore").exists()


def test_no_link_is_written_through(project: Any, take: Take, tmp_path: Path) -> None:
    project.file("data/stock.csv")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    (project.root / "analysis" / ".dataopsignore").symlink_to(elsewhere)
    with pytest.raises(DataOpsError) as refusal:
        take("../data/stock.csv")
    assert refusal.value.precise_code == "not_writable" and "!../data/stock.csv" in refusal.value.message
    assert elsewhere.read_text() == ""
