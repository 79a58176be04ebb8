"""How much may travel, and what to say when it is too much."""

from __future__ import annotations

from collections import Counter
from typing import NoReturn

from ..domain.snapshots import Limits
from ..errors import SnapshotTooLarge
from .ignore import IGNORE_FILE
from .workspace import Workspace

_NAMED = 5  # offenders in a message


class Allowance:
    """Counts files as they are taken; the first one over a limit raises SnapshotTooLarge."""

    def __init__(self, limits: Limits, workspace: Workspace) -> None:
        self._limits = limits
        self._workspace = workspace
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def take(self, path: str, size: int) -> None:
        """`path` is below the root."""
        self._sizes[path] = size
        self._bytes += size
        limits = self._limits
        if size > limits.file_bytes:
            self._refuse(f"{path} has {_spelled(size)}, and a file may have {_spelled(limits.file_bytes)}")
        if self._bytes > limits.total_bytes:
            self._refuse(f"the files that travel with the notebook have more than {_spelled(limits.total_bytes)}")
        if len(self._sizes) > limits.files:
            self._refuse(f"more than {limits.files:,} files would travel with the notebook")

    def check_folders(self, empty: int) -> None:
        if empty > self._limits.files:
            self._refuse(f"more than {self._limits.files:,} empty folders would travel with the notebook")

    def _refuse(self, what: str) -> NoReturn:
        largest = sorted(self._sizes.items(), key=lambda it: -it[1])[:_NAMED]
        named = ", ".join(f"{path} ({_spelled(size)})" for path, size in largest)
        ignore_file = str(
            self._workspace.folder / IGNORE_FILE if self._all_in_folder() else self._workspace.root / IGNORE_FILE
        )
        raise SnapshotTooLarge(
            f"Too much to take along: {what}. Largest: {named}. Most files: {self._crowded()}. "
            f"List what is not needed in {ignore_file}, one pattern a line.",
            largest=[{"path": path, "bytes": size} for path, size in largest],
            ignore_file=ignore_file,
        )

    def _all_in_folder(self) -> bool:
        return all(path.startswith(self._prefix) for path in self._sizes)

    def _crowded(self) -> str:
        """The folders next below the notebook's, or below the root, that hold most files."""
        inner = [path.removeprefix(self._prefix) for path in self._sizes]
        counts = Counter(path.split("/", 1)[0] + "/" for path in inner if "/" in path)
        return ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(_NAMED)) or "the folder itself"

    @property
    def _prefix(self) -> str:
        folder = self._workspace.relative(self._workspace.folder)
        return "" if folder == "." else f"{folder}/"


def _spelled(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} GB"
