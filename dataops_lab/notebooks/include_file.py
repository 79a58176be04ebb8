"""Take one more file along, by a line in the `.dataopsignore` beside the notebook that names it."""

from __future__ import annotations

import os
from pathlib import Path

from ..domain.secret_files import is_secret
from ..domain.snapshots import include_line
from ..errors import InvalidRequest, PathOutsideRoot, Refused
from .ignore import IGNORE_FILE, IgnoreRules, files_named_in
from .reach import widen_workspace
from .workspace import Workspace, workspace_of


def include_file(path: str, file: str, *, root: str | None) -> str | None:
    """Let `file`, a path from the notebook's folder, travel from now on.

    Return the added line, or None when the file travels without one. Raise Refused for a file that looks like a
    secret, and when the line cannot be written; PathOutsideRoot and InvalidRequest for a path that cannot travel.
    """
    workspace = workspace_of(path, root)
    workspace = widen_workspace(workspace, [Path(os.path.normpath(workspace.folder / file))])
    resolved = _resolve(workspace, file)
    rules = IgnoreRules(workspace.root)
    is_in_folder = resolved.is_relative_to(workspace.folder)
    if resolved in files_named_in(workspace.folder) or (is_in_folder and not rules.skip_reason_on_path(resolved)):
        return None
    name = os.path.relpath(resolved, workspace.folder)
    line = include_line(name)
    real = Path(os.path.realpath(resolved))
    if any(map(is_secret, (*resolved.relative_to(workspace.root).parts, *real.relative_to(workspace.root).parts))):
        raise Refused(
            f"{name} looks like a secret, and whoever reads the version can read it. Set a variable or a secret of the "
            f"environment instead; or write {line} into {IGNORE_FILE} beside the notebook yourself.",
            code="secret_left_behind",
            path=name,
        )
    _append(workspace.folder / IGNORE_FILE, line)
    return line


def _resolve(workspace: Workspace, file: str) -> Path:
    # A name with a line break would make two lines.
    if not file.isprintable() or file.startswith(("/", "~")):
        raise InvalidRequest(f"{file!r} is not a path from the folder of the notebook.", path=file)
    resolved = Path(os.path.normpath(workspace.folder / file))
    if not (workspace.contains(resolved) and workspace.contains(Path(os.path.realpath(resolved)))):
        raise PathOutsideRoot(
            f"{file} lies outside of {workspace.root}, so it cannot travel. Copy it into the workspace.",
            path=file,
            root=str(workspace.root),
        )
    if not resolved.is_file():
        raise InvalidRequest(f"There is no file {file} beside the notebook. Check the path; folders are not taken.")
    return resolved


def _append(rules: Path, line: str) -> None:
    try:
        if rules.is_symlink():
            raise OSError(f"{rules.name} is a link")
        before = rules.read_bytes() if rules.exists() else b""
        lacks_newline = before != b"" and not before.endswith(b"\n")
        with rules.open("a", encoding="utf-8") as file:
            file.write("\n" * lacks_newline + line + "\n")
    except OSError as problem:
        raise Refused(
            f"{rules} cannot be written: {problem.strerror or problem}. Write the line {line} into it yourself.",
            code="not_writable",
            path=str(rules),
        ) from None
