"""The workspace of a notebook: the folder whose paths keep their meaning when a run mirrors it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidNotebook, InvalidRequest, PathOutsideRoot


@dataclass(frozen=True)
class Workspace:
    """`notebook` lies below `root`; both are real absolute paths, so every way to a notebook gives the same one."""

    root: Path
    notebook: Path

    @property
    def folder(self) -> Path:
        return self.notebook.parent

    def relative(self, path: Path) -> str:
        """The POSIX path below the root. ValueError when it is not below."""
        return path.relative_to(self.root).as_posix()

    def holds(self, path: Path) -> bool:
        return path.is_relative_to(self.root)


def workspace_of(path: str, root: str | None) -> Workspace:
    """The root is the given one, else the git work tree that holds the notebook, else the notebook's folder."""
    try:
        notebook = Path(os.path.realpath(path))
        base = Path(os.path.realpath(root)) if root is not None else None
        str(notebook).encode()  # it becomes part of the version, which is UTF-8
    except ValueError:
        raise InvalidNotebook(
            f"There is no notebook at {path!r}. Check the path.", code="notebook_not_found", path=path
        ) from None
    if base is None:
        return Workspace(_work_tree(notebook.parent) or notebook.parent, notebook)
    if not base.is_dir():
        raise InvalidRequest(f"The root {base} is not a folder. Name one that holds the notebook.", root=str(base))
    if not notebook.is_relative_to(base):
        raise PathOutsideRoot(
            f"{notebook} lies outside the root {base}. Choose a root that holds it.", path=str(notebook), root=str(base)
        )
    return Workspace(base, notebook)


def _work_tree(folder: Path) -> Path | None:
    """Found without git, which may be absent; a worktree or submodule has a file instead of the folder."""
    for candidate in (folder, *folder.parents):
        marker = candidate / ".git"
        try:
            if marker.is_file() or (marker / "HEAD").is_file():
                return candidate
        except OSError:
            continue  # a name too long, or a folder that may not be entered
    return None
