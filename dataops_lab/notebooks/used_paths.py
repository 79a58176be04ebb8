"""Find the paths that a notebook or a script reads and writes. The code is read, never run."""

from __future__ import annotations

import re
from pathlib import Path

from ..domain.snapshots import SnapshotLimits
from ..domain.used_paths import UsedPaths
from ..errors import InvalidNotebook, SnapshotTooLarge
from .read import read_notebook
from .scan import PythonScanner, Scan, Use, scan_calls, scan_text
from .workspace import workspace_of

_LIKE_A_FILE = re.compile(r"^(?! ).*[\w*]\.\w{1,10}$|^[^ ]*/[^ ]*$")
_SCANNED_BYTES = 1024**2  # what follows in a larger script is really data


def find_used_paths(path: str, *, root: str | None, limits: SnapshotLimits) -> UsedPaths:
    """Scan the file at `path`. Raise InvalidNotebook when it cannot be read, SnapshotTooLarge when it is too large."""
    file = workspace_of(path, root).notebook
    if file.suffix == ".ipynb":
        notebook = read_notebook(file, max_bytes=limits.file_bytes)
        language = (notebook.language or "python").lower()
        return _paths(_scan([cell.source for cell in notebook.code_cells], language))
    language = "python" if file.suffix == ".py" else "r" if file.suffix.lower() == ".r" else "shell"
    return _paths(_scan([_text(file, limits.file_bytes)], language))


def _scan(sources: list[str], language: str) -> Scan:
    if language == "python":
        scanner = PythonScanner()
        for place, source in enumerate(sources):
            scanner.read(source, place)
        return scanner.scan
    scan = Scan()
    for source in sources:
        scan_text(source, None, scan)
        scan_calls(source, scan, shell=language != "r")
    return scan


def _paths(scan: Scan) -> UsedPaths:
    """Sort the paths by their use. A path of unknown use counts as read, if the code does not write it."""
    used: dict[Use, set[str]] = {use: set() for use in Use}
    for mention in scan.mentions:
        # Any text may be a path that is used elsewhere: without a use it has to look like one.
        if mention.path.strip("*/. ") and (mention.use is not Use.UNKNOWN or _LIKE_A_FILE.search(mention.path)):
            used[mention.use].add(mention.path)
    writes = used[Use.WRITE]
    return UsedPaths(
        reads=frozenset(used[Use.READ] | used[Use.RUN] | (used[Use.UNKNOWN] - writes)), writes=frozenset(writes)
    )


def _text(file: Path, max_bytes: int) -> str:
    try:
        size = file.stat().st_size if file.is_file() else None
        if size is not None and size > max_bytes:
            raise SnapshotTooLarge(
                f"{file} has {size:,} bytes; {max_bytes:,} are allowed. Take data out of the script.",
                path=str(file),
                bytes=size,
            )
        if size is not None:
            return file.read_bytes()[:_SCANNED_BYTES].decode(errors="replace")
    except (OSError, ValueError):
        pass  # as if it were not there
    raise InvalidNotebook(f"There is no file at {file} that can be read. Check the path.", code="notebook_not_found")
