"""Take one more file along, by a line in the `.dataopsignore` beside the notebook that names it."""

from __future__ import annotations

import os
from pathlib import Path

from ..domain.secret_files import is_secret
from ..domain.snapshots import along_line
from ..errors import InvalidRequest, PathOutsideRoot, Refused
from .ignore import IGNORE_FILE, IgnoreRules, named_in
from .reach import widened
from .workspace import Workspace, workspace_of


def take_along(path: str, file: str, *, root: str | None) -> str | None:
    """Let `file`, a path from the notebook's folder, travel from now on.

    Return the added line, or None when the file travels without one. Raise Refused for a file that looks like a
    secret, and when the line cannot be written; PathOutsideRoot and InvalidRequest for a path that cannot travel.
    """
    workspace = workspace_of(path, root)
    workspace = widened(workspace, [Path(os.path.normpath(workspace.folder / file))])
    located = _located(workspace, file)
    rules = IgnoreRules(workspace.root)
    beside = located.is_relative_to(workspace.folder)
    if located in named_in(workspace.folder) or (beside and not rules.kept_behind_on_the_way(located)):
        return None
    name = os.path.relpath(located, workspace.folder)
    line = along_line(name)
    real = Path(os.path.realpath(located))
    if any(map(is_secret, (*located.relative_to(workspace.root).parts, *real.relative_to(workspace.root).parts))):
        raise Refused(
            f"{name} looks like a secret, and whoever reads the version can read it. Set a variable or a secret of the "
            f"environment instead; or write {line} into {IGNORE_FILE} beside the notebook yourself.",
            code="secret_left_behind",
            path=name,
        )
    _append(workspace.folder / IGNORE_FILE, line)
    return line


def _located(workspace: Workspace, file: str) -> Path:
    # A name with a line break would make two lines.
    if not file.isprintable() or file.startswith(("/", "~")):
        raise InvalidRequest(f"{file!r} is not a path from the folder of the notebook.", path=file)
    located = Path(os.path.normpath(workspace.folder / file))
    if not (workspace.holds(located) and workspace.holds(Path(os.path.realpath(located)))):
        raise PathOutsideRoot(
            f"{file} lies outside of {workspace.root}, so it cannot travel. Copy it into the workspace.",
            path=file,
            root=str(workspace.root),
        )
    if not located.is_file():
        raise InvalidRequest(f"There is no file {file} beside the notebook. Check the path; folders are not taken.")
    return located


def _append(rules: Path, line: str) -> None:
    try:
        if rules.is_symlink():
            raise OSError(f"{rules.name} is a link")
        before = rules.read_bytes() if rules.exists() else b""
        unended = before != b"" and not before.endswith(b"\n")
        with rules.open("a", encoding="utf-8") as file:
            file.write("\n" * unended + line + "\n")
    except OSError as problem:
        raise Refused(
            f"{rules} cannot be written: {problem.strerror or problem}. Write the line {line} into it yourself.",
            code="not_writable",
            path=str(rules),
        ) from None
