from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.snapshots import Inspection, SnapshotLimits
from dataops_lab.domain.workspaces import Location
from dataops_lab.errors import InvalidNotebook, InvalidRequest, PathOutsideRoot
from dataops_lab.notebooks.read import read_notebook
from dataops_lab.notebooks.workspace import workspace_of

from .conftest import Project

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "analysis" / "sales.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    return path


def test_the_given_root_counts(notebook: Path) -> None:
    assert workspace_of(str(notebook), str(notebook.parents[2])).root == notebook.parents[2]


def test_else_the_git_work_tree(notebook: Path) -> None:
    (notebook.parents[1] / ".git").mkdir()
    (notebook.parents[1] / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    assert workspace_of(str(notebook), None).root == notebook.parents[1]


def test_a_worktree_and_a_submodule_have_a_file_instead(notebook: Path) -> None:
    (notebook.parents[1] / ".git").write_text("gitdir: elsewhere\n")
    assert workspace_of(str(notebook), None).root == notebook.parents[1]


def test_else_its_folder(notebook: Path) -> None:
    (notebook.parents[1] / ".git").mkdir()  # empty: no repository
    assert workspace_of(str(notebook), None).root == notebook.parent


def test_every_way_to_a_notebook_gives_the_same_workspace(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = notebook.parents[1]
    (root.parent / "link").symlink_to(root)
    monkeypatch.chdir(notebook.parent)
    ways = [
        "sales.ipynb",
        "../analysis/sales.ipynb",
        str(root.parent / "link" / "analysis" / "sales.ipynb"),
        str(notebook),
    ]
    assert {workspace_of(way, "..") for way in ways} == {workspace_of(str(notebook), str(root))}


@pytest.mark.parametrize("name", ["other.ipynb", "work-private/other.ipynb"])
def test_a_notebook_outside_the_given_root_is_refused(name: str, notebook: Path) -> None:
    outside = notebook.parents[2] / name
    outside.parent.mkdir(exist_ok=True)
    outside.write_text("{}")
    with pytest.raises(PathOutsideRoot) as refused:
        workspace_of(str(outside), str(notebook.parents[1]))
    assert refused.value.detail == {"path": str(outside), "root": str(notebook.parents[1])}


def test_a_link_to_a_notebook_outside_is_refused(notebook: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.ipynb").write_text("{}")
    link = notebook.parent / "link.ipynb"
    link.symlink_to(tmp_path / "outside.ipynb")
    with pytest.raises(PathOutsideRoot):
        workspace_of(str(link), str(notebook.parents[1]))


def test_dots_that_leave_the_root_are_refused(notebook: Path) -> None:
    with pytest.raises(PathOutsideRoot):
        workspace_of(f"{notebook.parent}/../../x.ipynb", str(notebook.parent))


def test_a_root_that_is_no_folder_is_refused(notebook: Path) -> None:
    with pytest.raises(InvalidRequest, match="not a folder"):
        workspace_of(str(notebook), str(notebook))


@pytest.mark.parametrize("path", ["a\0b.ipynb", "a\udcffb.ipynb"])
def test_a_path_that_is_no_text_is_refused(path: str) -> None:
    with pytest.raises(InvalidNotebook):
        workspace_of(path, None)


@pytest.mark.parametrize("path", ["x" * 300 + "/a.ipynb", "x/" * 3000 + "a.ipynb"])
def test_a_path_that_is_too_long_is_just_not_found(path: str, tmp_path: Path) -> None:
    workspace = workspace_of(f"{tmp_path}/{path}", None)
    with pytest.raises(InvalidNotebook) as refused:
        read_notebook(workspace.notebook, max_bytes=1)
    assert refused.value.precise_code == "notebook_not_found"


class TestWithoutGit:
    """The workspace is the smallest folder that holds all files that the notebook reaches."""

    @pytest.fixture
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        return home

    @pytest.fixture
    def looked(self, home: Path, notebooks: Any) -> Callable[..., Inspection]:
        def look(source: str, *files: str, root: Path | None = None) -> Inspection:
            project = Project(home, notebooks)
            for file in files:
                project.file(file)
            project.notebook(source, path="mine/deep/reports/n.ipynb")
            return project.inspect(root=str(root) if root else None)

        return look

    @pytest.mark.parametrize(
        ("source", "file"),
        [
            ("open('../data/a.csv')", "mine/deep/data/a.csv"),
            ("open('../out/new.csv', 'w')", "mine/deep/out/old.csv"),
            ("import sys; sys.path.append('..')\nimport helper", "mine/deep/helper.py"),
            ("open(find_root() / 'data' / 'a.csv')", "mine/deep/data/a.csv"),
            ("open('../../other/a.csv')", "mine/other/a.csv"),
        ],
    )
    def test_the_workspace_holds_what_is_reached_and_it_is_said(
        self, source: str, file: str, looked: Any, home: Path
    ) -> None:
        for root in (None, home, Path("/")):
            seen = looked(source, file, root=root)
            assert seen.root == str(home / ("mine/deep" if "deep" in file else "mine"))
            assert [finding.code for finding in seen.findings if finding.code != "no_parameters_cell"] == [
                "wider_workspace"
            ]

    def test_what_a_module_reaches_counts_too(self, looked: Any, home: Path) -> None:
        looked("1", "mine/data/a.csv")
        text = "import sys; sys.path.append('..')\nimport helper"
        (home / "mine" / "deep" / "helper.py").write_text(
            "from pathlib import Path\nopen(Path(__file__).parent.parent / 'data' / 'a.csv')"
        )
        assert looked(text).root == str(home / "mine")

    def test_neither_the_home_folder_nor_a_temporary_one_becomes_the_workspace(
        self, looked: Any, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = looked("open('../../../a.csv')\nopen('../b.csv')", "a.csv", "mine/deep/b.csv")
        assert seen.root == str(home / "mine" / "deep")
        (outside,) = (finding for finding in seen.findings if finding.code == "outside_root")
        assert f"--root {home}" in outside.hint
        monkeypatch.setattr(tempfile, "tempdir", str(home / "mine"))
        assert looked("open('../../a.csv')", "mine/a.csv").root == str(home / "mine" / "deep" / "reports")

    def test_a_line_that_names_a_file_widens_it_and_one_that_cannot_is_said(self, looked: Any, home: Path) -> None:
        looked("1", "mine/up.csv")
        rules = home / "mine" / "deep" / "reports" / ".dataopsignore"
        rules.write_text("!../../up.csv\n")
        assert [file.path for file in looked("1").files][-1] == "up.csv"
        rules.write_text("!../gone.csv\n!../../up.csv\n")
        seen = looked("1", root=home / "mine" / "deep")
        assert [finding.code for finding in seen.findings if finding.code != "no_parameters_cell"] == [
            "useless_line",
            "useless_line",
        ]

    def test_a_module_outside_is_not_to_be_installed(self, looked: Any, home: Path) -> None:
        seen = looked(
            "import sys; sys.path.append('..')\nimport helper", "mine/deep/helper.py", root=home / "mine/deep/reports"
        )
        (finding,) = (finding for finding in seen.findings if finding.code == "missing_module")
        assert "pip" not in finding.hint and f"--root {home}/mine/deep" in finding.hint

    def test_copied_examples_are_whole(self, notebooks: Any, home: Path) -> None:
        shutil.copytree(EXAMPLES, home / "mine")
        seen = notebooks.inspect(
            str(home / "mine" / "reports" / "monthly_sales.ipynb"), root=None, kernel=None, limits=SnapshotLimits()
        )
        assert seen.root == str(home / "mine")
        assert any(file.path.startswith("data/") for file in seen.files)
        assert {finding.code for finding in seen.findings} == {"wider_workspace"}


def test_the_location_is_below_the_git_work_tree_whatever_root_is_given(project: Project) -> None:
    (project.root / ".git").mkdir()
    (project.root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    project.notebook("1")
    expected = Location(str(project.root), "analysis/sales.ipynb")
    for root in (None, str(project.root.parent), str(project.path.parent)):
        inspected = project.notebooks.inspect(str(project.path), root=root, kernel=None, limits=SnapshotLimits())
        assert inspected.location == expected
    assert project.notebooks.locate(str(project.path)) == expected


def test_the_location_without_git_is_the_folder_however_far_the_notebook_reaches(project: Project) -> None:
    project.file("data/sales.csv")
    project.notebook("open('../data/sales.csv')")
    inspected = project.notebooks.inspect(str(project.path), root=None, kernel=None, limits=SnapshotLimits())
    assert inspected.root == str(project.root)
    assert inspected.location == Location(str(project.path.parent), "sales.ipynb")
