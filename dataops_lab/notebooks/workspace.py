"""The workspace of a notebook: the folder whose paths keep their meaning when a run mirrors it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..domain.workspaces import Location
from ..errors import InvalidNotebook, InvalidRequest, PathOutsideRoot


@dataclass(frozen=True)
class Workspace:
    """The workspace of a notebook. `notebook` lies below `root`.

    Both are real absolute paths, so every path to a notebook gives the same workspace.
    """

    root: Path
    notebook: Path
    widest_root: Path | None = None
    """The highest folder that may become the root, if the notebook reaches so far; None when the root is fixed."""

    @property
    def folder(self) -> Path:
        return self.notebook.parent

    def relative(self, path: Path) -> str:
        """Return the POSIX path below the root. ValueError when it is not below."""
        return path.relative_to(self.root).as_posix()

    def contains(self, path: Path) -> bool:
        return path.is_relative_to(self.root)


def workspace_of(path: str, root: str | None) -> Workspace:
    """Find the workspace. Its root is the given one, else the git work tree of the notebook, else its own folder.

    The last may be widened to the files that the notebook reaches. The home folder and `/` are not projects: as
    given roots they only limit where everything must lie. Raise InvalidRequest when the root is not a folder;
    PathOutsideRoot when the notebook lies outside it.
    """
    notebook = real_path(path)
    base = Path(os.path.realpath(root)) if root is not None else None
    if base is None:
        return _default_workspace(notebook, Path(notebook.anchor))
    if not base.is_dir():
        raise InvalidRequest(f"The root {base} is not a folder. Name one that holds the notebook.", root=str(base))
    if not notebook.is_relative_to(base):
        raise PathOutsideRoot(
            f"{notebook} lies outside the root {base}. Choose a root that holds it.", path=str(notebook), root=str(base)
        )
    return _default_workspace(notebook, base) if contains_home(base) else Workspace(base, notebook)


def real_path(path: str) -> Path:
    """Resolve links in a path. Raise InvalidNotebook when the text cannot be a path."""
    try:
        notebook = Path(os.path.realpath(path))
        str(notebook).encode()  # the path becomes part of the version, which is UTF-8
    except ValueError:
        raise InvalidNotebook(
            f"There is no notebook at {path!r}. Check the path.", code="notebook_not_found", path=path
        ) from None
    return notebook


def find_location(notebook: Path, remote: str | None) -> Location:
    """Return the location of a notebook: below the git work tree that holds it, else in its own folder.

    A given root and the reach of the notebook change nothing, so the server and the command line find the same job.
    The notebook need not exist.
    """
    root = work_tree(notebook.parent) or notebook.parent
    return Location(str(root), notebook.relative_to(root).as_posix(), remote)


def contains_home(folder: Path) -> bool:
    """Tell whether `folder` is the home folder or one above it."""
    return Path(os.path.realpath(Path.home())).is_relative_to(folder)


def _default_workspace(notebook: Path, widest_root: Path) -> Workspace:
    tree = work_tree(notebook.parent)
    if tree is not None and tree.is_relative_to(widest_root):
        return Workspace(tree, notebook)
    return Workspace(notebook.parent, notebook, widest_root)


def work_tree(folder: Path) -> Path | None:
    """Find the git work tree that holds `folder`, without git, which may be missing. None outside a work tree.

    A linked worktree or a submodule has a file instead of the folder `.git`.
    """
    for candidate in (folder, *folder.parents):
        marker = candidate / ".git"
        try:
            if marker.is_file() or (marker / "HEAD").is_file():
                return candidate
        except OSError:
            continue  # a name that is too long, or a folder that this user may not enter
    return None
