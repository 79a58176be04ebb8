"""Artifacts: the files below files/ that a run made or changed."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

State = dict[str, tuple[int, int, int]]
"""Path below the root → size, time of change in ns, inode."""

_IGNORED_FOLDERS = {".ipynb_checkpoints", "__pycache__"}


def state_of(root: Path) -> State:
    return {path: _fingerprint(entry) for path, entry in _files(root, lambda _: None)}


def collect(root: Path, before: State, target: Path, note: Callable[[str], None]) -> list[dict[str, Any]]:
    """Put what differs from `before` under `target`, linked where possible; `note` is told what could not be kept."""
    collected = []
    for path, entry in _files(root, note):
        if before.get(path) == _fingerprint(entry):
            continue
        try:
            path.encode()
        except UnicodeEncodeError:
            note(f"The file {os.fsencode(path)!r} is not kept: its name is not UTF-8.")
            continue
        try:
            _put(root / path, target / path)
        except OSError as error:
            note(f"The file {path} is not kept: {error.strerror or error}.")
            continue
        collected.append({"path": path, "size": entry.st_size})
    return sorted(collected, key=lambda artifact: str(artifact["path"]))


def _files(root: Path, note: Callable[[str], None]) -> Iterator[tuple[str, os.stat_result]]:
    def unreadable(error: OSError) -> None:
        note(f"The folder {os.path.relpath(error.filename, root)} cannot be read: {error.strerror}.")

    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = [name for name in folders if name not in _IGNORED_FOLDERS]
        for name in names:
            path = Path(folder, name)
            try:
                entry = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(entry.st_mode) and not name.endswith(".pyc"):
                yield path.relative_to(root).as_posix(), entry


def _fingerprint(entry: os.stat_result) -> tuple[int, int, int]:
    return entry.st_size, entry.st_mtime_ns, entry.st_ino


def _put(source: Path, target: Path) -> None:
    # A link to a file that cannot be read would look like an artifact to everyone but its reader.
    with source.open("rb"):
        pass
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        try:
            shutil.copy2(source, target, follow_symlinks=False)
        except OSError:
            target.unlink(missing_ok=True)
            raise
