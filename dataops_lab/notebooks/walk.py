"""Walk a folder, breadth first, with the ignore rules, and never out of the root."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .ignore import IgnoreRules, SkipReason


@dataclass(frozen=True)
class WalkedFile:
    """A regular file. `path` is its place for the notebook; `real` is the place of its bytes."""

    path: Path
    real: Path
    size: int
    executable: bool


@dataclass(frozen=True)
class LeftBehind:
    """A path that stays behind. `reason`: a SkipReason, `outside` (links out of the root), `unreadable` or `large`."""

    path: Path
    reason: str


class Walker:
    def __init__(
        self,
        root: Path,
        rules: IgnoreRules,
        on_left_behind: Callable[[LeftBehind], None],
        on_folder: Callable[[Path], None],
    ) -> None:
        """Prepare a walk. It calls `on_folder` for each folder it reads, and `on_left_behind` for what stays behind."""
        self._root = root
        self._rules = rules
        self._on_left_behind = on_left_behind
        self._on_folder = on_folder

    def files(self, start: Path) -> Iterator[WalkedFile]:
        """Yield the files below `start`, those near it first. It reads lazily, so that the caller can stop.

        It follows links to folders inside the root, and enters each real folder once.
        """
        folders = deque([start])
        seen: set[Path] = set()
        while folders:
            folder = folders.popleft()
            real = Path(os.path.realpath(folder))
            if real in seen:
                continue
            seen.add(real)
            self._on_folder(folder)
            for path in self._entries(folder):
                found = self.classify(path)
                if isinstance(found, WalkedFile):
                    yield found
                elif found:
                    folders.append(path)

    def classify(self, path: Path, *, is_named: bool = False) -> WalkedFile | bool:
        """Return a file that may travel; else tell whether `path` is a folder that may be entered.

        A path that the code names (`is_named`) travels against the rules, but never when it leads out of the root.
        """
        try:
            status = path.lstat()
            real = path
            if stat.S_ISLNK(status.st_mode):
                real = Path(os.path.realpath(path))
                status = real.stat()
                if not real.is_relative_to(self._root):
                    self._on_left_behind(LeftBehind(path, "outside"))
                    return False
        except OSError:
            return False  # deleted meanwhile, or a link to nothing
        is_folder = stat.S_ISDIR(status.st_mode)
        if not is_named and (reason := self._rules.skip_reason(path, folder=is_folder)):
            if reason is SkipReason.SECRET:
                self._on_left_behind(LeftBehind(path, reason))
            return False
        if is_folder:
            return True
        if not stat.S_ISREG(status.st_mode):
            return False  # pipes, sockets and devices have no bytes to store
        if not _is_utf8(path):
            self._on_left_behind(LeftBehind(path, "unreadable"))
            return False
        return WalkedFile(path, real, status.st_size, bool(status.st_mode & stat.S_IXUSR))

    def _entries(self, folder: Path) -> list[Path]:
        try:
            return sorted(folder.iterdir())
        except OSError:
            self._on_left_behind(LeftBehind(folder, "unreadable"))
            return []


def _is_utf8(path: Path) -> bool:
    """Tell whether a name is UTF-8. Another name cannot be written into a manifest."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
