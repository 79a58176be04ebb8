"""The limits on files that travel, and the message when they are passed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NoReturn

from ..domain.snapshots import SnapshotLimits
from ..errors import SnapshotTooLarge
from .ignore import IGNORE_FILE
from .workspace import Workspace

_MAX_NAMED = 5  # files that a message names

WALK_FACTOR = 10
"""A multiple of the files that may travel. The walk stops there: it is enough to name the main causes, and quick."""


@dataclass(frozen=True)
class Excess:
    """Files below the root that stay behind together: one large file, or all files of a kind in a folder.

    `name` is a path or a pattern.
    """

    name: str
    files: tuple[str, ...]
    bytes: int

    def __str__(self) -> str:
        size = size_text(self.bytes)
        return f"{self.name} ({len(self.files):,} files, {size})" if len(self.files) > 1 else f"{self.name} ({size})"


class SizeBudget:
    """A count of the files that travel. `check` raises SnapshotTooLarge, and so does `add` far beyond a limit."""

    def __init__(self, limits: SnapshotLimits, workspace: Workspace) -> None:
        self._limits = limits
        self._workspace = workspace
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def add(self, path: str, size: int) -> None:
        """Count a file that travels. `path` is below the root. Raise SnapshotTooLarge far beyond a limit."""
        self._sizes[path] = size
        self._bytes += size
        if len(self._sizes) > WALK_FACTOR * self._limits.files:
            self.check()

    def check(self) -> None:
        """Raise SnapshotTooLarge when a limit is passed.

        Call it after every `add`, so that the message names the files whose removal helps most.
        """
        limits = self._limits
        for path, size in self._sizes.items():
            if size > limits.file_bytes:
                self._refuse(f"{path} has {size_text(size)}, and a file may have {size_text(limits.file_bytes)}")
        if self._bytes > limits.total_bytes:
            self._refuse(
                f"the files that the notebook names have {size_text(self._bytes)}, and {size_text(limits.total_bytes)} "
                "may travel"
            )
        if len(self._sizes) > limits.files:
            self._refuse(f"more than {limits.files:,} files would travel with the notebook")

    def choose_excess(self, offered: Mapping[str, int]) -> list[Excess]:
        """Choose which of these files, paths and sizes, stay behind so that the others fit.

        When there are too many files, the most numerous kinds stay behind first; then the largest files.
        """
        left = dict(offered)
        excess: list[Excess] = []

        def leave_behind(name: str, paths: list[str]) -> None:
            excess.append(Excess(name, tuple(paths), sum(left.pop(path) for path in paths)))

        kinds: dict[str, list[str]] = defaultdict(list)
        for path in offered:
            file = PurePosixPath(path)
            kinds[str(file.parent / f"*{file.suffix}")].append(path)
        for name, paths in sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0])):
            if len(left) > self._limits.files - len(self._sizes):
                leave_behind(name if len(paths) > 1 else paths[0], paths)
        total = self._bytes + sum(left.values())
        for path, size in sorted(left.items(), key=lambda file: (-file[1], file[0])):
            if total > self._limits.total_bytes:
                total -= size
                leave_behind(path, [path])
        return excess

    def check_folders(self, empty: int) -> None:
        if empty > self._limits.files:
            self._refuse(f"more than {self._limits.files:,} empty folders would travel with the notebook")

    def _refuse(self, what: str) -> NoReturn:
        largest = sorted(self._sizes.items(), key=lambda entry: -entry[1])[:_MAX_NAMED]
        named = ", ".join(f"{path} ({size_text(size)})" for path, size in largest)
        ignore_file = str(
            self._workspace.folder / IGNORE_FILE if self._all_in_folder() else self._workspace.root / IGNORE_FILE
        )
        raise SnapshotTooLarge(
            f"Too much to take along: {what}. Largest: {named}. Most files: {self._most_crowded_folders()}. "
            f"List what is not needed in {ignore_file}, one pattern a line.",
            largest=[{"path": path, "bytes": size} for path, size in largest],
            ignore_file=ignore_file,
        )

    def _all_in_folder(self) -> bool:
        return all(path.startswith(self._prefix) for path in self._sizes)

    def _most_crowded_folders(self) -> str:
        """Name the folders with the most files, directly below the notebook's folder or below the root."""
        inner = [path.removeprefix(self._prefix) for path in self._sizes]
        counts = Counter(path.split("/", 1)[0] + "/" for path in inner if "/" in path)
        return ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(_MAX_NAMED)) or "the folder itself"

    @property
    def _prefix(self) -> str:
        folder = self._workspace.relative(self._workspace.folder)
        return "" if folder == "." else f"{folder}/"


def describe_excess(excess: list[Excess]) -> str:
    """Say how many files stay behind, their size and the largest groups. The text is empty when there are none."""
    if not excess:
        return ""
    files = sum(len(group.files) for group in excess)
    most = ", ".join(map(str, sorted(excess, key=lambda group: (-len(group.files), -group.bytes))[:_MAX_NAMED]))
    return f"{files:,} {'file' if files == 1 else 'files'} ({size_text(sum(group.bytes for group in excess))}): {most}"


def size_text(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} GB"
