"""Explanations of failures whose cause the error of the notebook cannot know."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..domain.runs import Reason
from ..domain.secret_files import is_secret
from ..domain.snapshots import include_line

_QUOTED = re.compile(r"'([^'\0]+)'")
_HINT = "`jupyter dataops inspect` shows what travels."


def add_hint(reason: Reason, source: str, notebook_path: str, run_root: str, *, word: str = "notebook") -> Reason:
    """Return `reason` with advice when a file, folder or module that the run did not find exists in the workspace.

    `source` is the path of the notebook or script, `notebook_path` the same path below the root of its workspace, and
    `run_root` the folder that the run had instead of that root. `word` says what ran. The advice names nothing outside
    the workspace, because a notebook may name any path. In all other cases `reason` comes back as it is.
    """
    name_match = _QUOTED.search(str(reason.detail.get("evalue", "")))
    if name_match is None:
        return reason
    folder = Path(source).parent
    root = Path(source).parents[len(PurePosixPath(notebook_path).parts) - 1]
    try:
        match reason.detail.get("ename"):
            case "FileNotFoundError":
                name = name_match[1].removeprefix(f"{run_root}/")
                return _add_file_hint(reason, name, folder, root, run_root=run_root, word=word)
            case "ModuleNotFoundError":
                return _add_module_hint(reason, name_match[1].partition(".")[0], folder, root)
    except (OSError, ValueError):
        pass
    return reason


def _add_file_hint(reason: Reason, name: str, folder: Path, root: Path, *, run_root: str, word: str) -> Reason:
    if name.startswith("/"):
        return reason
    below_root = f"'{run_root}/" in str(reason.detail.get("evalue"))
    path = Path(os.path.normpath((root if below_root else folder) / name))
    if not _is_inside(path, root):
        return reason
    name = posixpath.relpath(path, folder)
    if path.is_file():
        if any(map(is_secret, (*path.relative_to(root).parts, *path.resolve().relative_to(root.resolve()).parts))):
            return _append_to_message(
                reason, "It looks like a secret, and so it does not travel. Set a variable or a secret instead."
            )
        hinted = _append_to_message(
            reason,
            f"It exists beside the {word}, but did not travel with this run. Write "
            f"{include_line(name)} into the .dataopsignore beside the {word}, and run the {word} again; {_HINT}",
        )
        return replace(hinted, detail={**hinted.detail, "left_behind": name})
    missing_folder = next((candidate for candidate in (path, path.parent) if candidate.is_dir()), root)
    if missing_folder == root or folder.is_relative_to(missing_folder):
        return reason
    subfolder = posixpath.relpath(missing_folder, folder)
    return _append_to_message(
        reason,
        f"The folder {subfolder} exists in the workspace, but not in this run. Make it where it is needed, as "
        f"`os.makedirs({subfolder!r}, exist_ok=True)` does; or name its files in the code: then they travel. {_HINT}",
    )


def _add_module_hint(reason: Reason, name: str, folder: Path, root: Path) -> Reason:
    for start in (folder, *folder.parents):
        for path in (start / f"{name}.py", start / name):
            if _is_inside(path, root) and path.exists():
                return _append_to_message(
                    reason,
                    f"It lies in the workspace ({posixpath.relpath(path, folder)}), but did not travel with this run. "
                    f"Write `import {name}` into the code: then it is seen, and travels. {_HINT}",
                )
    return reason


def _is_inside(path: Path, root: Path) -> bool:
    return path.is_relative_to(root) and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def _append_to_message(reason: Reason, text: str) -> Reason:
    return replace(reason, message=f"{reason.message}. {text}")
