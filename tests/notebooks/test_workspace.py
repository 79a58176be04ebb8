from __future__ import annotations

from pathlib import Path

import pytest

from dataops_lab.errors import InvalidNotebook, InvalidRequest, PathOutsideRoot
from dataops_lab.notebooks.read import read_notebook
from dataops_lab.notebooks.workspace import workspace_of


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
