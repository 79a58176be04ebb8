"""The files that stay behind when a folder travels.

They are caches, repositories, environments, secrets, and the files that `.dataopsignore` names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from enum import StrEnum
from fnmatch import translate
from functools import cache
from pathlib import Path

from pathspec import GitIgnoreSpec

from ..domain.reproductions import MARKER_FOLDER
from ..domain.secret_files import is_secret

IGNORE_FILE = ".dataopsignore"


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


# Tools make these. They are useless elsewhere and often huge.
_TOOLS = _any_of((
    ".git", ".hg", ".svn", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv", "venv", ".dataops*", "*.pyc",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".DS_Store", ".virtual_documents", ".vscode",
    ".idea", ".cache", ".local", ".config", ".conda", ".npm", ".nvm", ".cargo", ".rustup", ".jupyter", ".ipython",
))  # fmt: skip

# A folder with one of these is an environment, a reproduction of a run, or holds the state of this very program.
_MARKERS = ("pyvenv.cfg", "conda-meta", "dataops.sqlite", MARKER_FOLDER)


class SkipReason(StrEnum):
    """The reason why a path stays behind."""

    TOOL = "tool"
    SECRET = "secret"  # noqa: S105
    IGNORED = "ignored"


class IgnoreRules:
    """The rules of the `.dataopsignore` files, from the workspace's root down, each for its own folder as in git."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._spec = cache(self._read)

    def skip_reason(self, path: Path, *, folder: bool) -> SkipReason | None:
        """Return the reason why `path` stays behind, or None when it travels.

        `path` is absolute and below the root. The folders above it are not checked here.
        """
        if _TOOLS.match(path.name) or (folder and any((path / marker).exists() for marker in _MARKERS)):
            return SkipReason.TOOL
        is_ignored = self._ignored_by_rule(path, folder=folder)
        if is_ignored:
            return SkipReason.IGNORED
        if is_ignored is None and (is_secret(path.name) or self._leads_to_secret(path)):
            return SkipReason.SECRET
        return None

    def skip_reason_on_path(self, path: Path) -> SkipReason | None:
        """Return the reason why a named path stays behind: its own, or that of a folder between the root and it."""
        parents = [parent for parent in path.parents if parent != self._root and parent.is_relative_to(self._root)]
        for parent in reversed(parents):
            if reason := self.skip_reason(parent, folder=True):
                return reason
        return self.skip_reason(path, folder=path.is_dir())

    def is_made_by_tool(self, path: Path) -> bool:
        """Tell whether a tool made `path` or a folder between the root and it."""
        parents = [
            folder for folder in (path, *path.parents) if folder != self._root and folder.is_relative_to(self._root)
        ]
        return any(_TOOLS.match(folder.name) for folder in parents)

    def _leads_to_secret(self, path: Path) -> bool:
        """Tell whether `path` is a link to a secret, or into a folder with the name of a secret."""
        if not path.is_symlink():
            return False
        real = Path(os.path.realpath(path))
        below = [
            folder for folder in (real, *real.parents) if folder.is_relative_to(self._root) and folder != self._root
        ]
        return any(
            is_secret(folder.name) and self._ignored_by_rule(folder, folder=folder.is_dir()) is not False
            for folder in below
        )

    def _ignored_by_rule(self, path: Path, *, folder: bool) -> bool | None:
        """Return the word of the nearest file that names `path`: True ignores it, False overrides every other rule."""
        for parent in path.parents:
            if (spec := self._spec(parent)) is not None:
                name = path.relative_to(parent).as_posix() + ("/" if folder else "")
                if (include := spec.check_file(name).include) is not None:
                    return include
            if parent == self._root:
                break
        return None

    def _read(self, folder: Path) -> GitIgnoreSpec | None:
        lines = _lines(folder)
        return GitIgnoreSpec.from_lines(filter(_is_pattern, lines)) if lines else None


def files_named_in(folder: Path) -> list[Path]:
    """List the files that the folder's own `.dataopsignore` names. They travel against all other rules."""
    names = (name for line in _lines(folder) if (name := _parse_named_file(line)) is not None)
    return list(dict.fromkeys(Path(os.path.normpath(folder / name)) for name in names))


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / IGNORE_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


_NAMED_FILE = re.compile(r"!(?:/(?=[^/])|(?=\.\./))((?:[^\\*?\[\]]|\\.)+)")


def _parse_named_file(line: str) -> str | None:
    """Read the path of `!/path` or `!../path`, as `include_line` writes it; None for a pattern, which names no file."""
    found = _NAMED_FILE.fullmatch(line.rstrip() if not line.endswith("\\ ") else line)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else None


def _is_pattern(line: str) -> bool:
    """Tell whether the library can read the line. It raises for other lines, which git skips."""
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
