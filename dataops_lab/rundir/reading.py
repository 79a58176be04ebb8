"""Functions that read a run directory from outside of the run.

The notebook may have put anything there: a pipe in the place of a file, a line without end, JSON on which a reader
breaks. These functions give out plain files, bounded sizes, and JSON that can be stored and sent on.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .files import is_sparse
from .protocol import ARTIFACTS, FILES, MAX_ARTIFACTS, MAX_DEPTH

MAX_LINE_BYTES = 32 * 1024**2
"""The most bytes of a line of a journal. The runner's are shorter: an output may have 16 MiB, see engine/launch.py."""

MAX_JOURNAL_BYTES = 2 * 1024**3
"""The most bytes that a reader of a whole journal reads."""

MAX_JSON_BYTES = 32 * 1024**2
"""The most bytes of `result.json` and of `values.json`."""

MAX_JSON_DEPTH = 100
"""The most lists and objects inside one another. The encoder of the server's answers can write 250."""

MAX_COUNT = 1_000_000
"""The highest count of cells, and of executions of one cell."""

_NOT_READABLE_ERRORS = frozenset(
    {
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,  # a link
        errno.ENXIO,  # a socket
        errno.EACCES,
        errno.EPERM,
        errno.EWOULDBLOCK,  # somebody holds a lease on it
    }
)

DISK_ERRORS = frozenset({errno.EIO, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO)})
"""The errors of a disk that does not give back the data that was written to it, now or later."""


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading, without waiting.

    Raise FileNotFoundError when it is not a plain file, is hollow, or may not be read. A link at the end of the path is
    not a plain file. The opened file is checked, not the path, which may lead to another file a moment later.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NOT_READABLE_ERRORS:
            raise FileNotFoundError(errno.ENOENT, error.strerror, str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode) or is_sparse(descriptor):
        os.close(descriptor)
        raise FileNotFoundError(errno.ENOENT, "It is not a plain file", str(path))
    return os.fdopen(descriptor, "rb")


class RunFolder:
    """The files of an attempt, in a folder of this machine; see `ports.AttemptFiles`.

    `workspace` is where the notebook saw `files/`, unless it ran in this folder.
    """

    def __init__(self, folder: Path, *, workspace: str | None = None) -> None:
        self._folder = folder
        self.workspace = workspace or str(folder / FILES)

    def open(self, path: str) -> BinaryIO:
        return open_plain(self._folder / path)

    def put(self, path: str, blobs: Any) -> tuple[str, int]:
        digest, size = blobs.put_file(self._folder / path)
        return digest, size

    def list_artifacts(self, on_unreadable_folder: Callable[[str], None]) -> list[str]:
        return plain_files(self._folder / ARTIFACTS, on_unreadable_folder)


def plain_files(folder: Path, note: Callable[[str], None]) -> list[str]:
    """List the plain files of an artifacts/ as sorted, relative POSIX paths. Links are skipped; each path is Unicode.

    `note` receives a sentence about each folder that the disk does not give back.
    """
    found: list[str] = []
    left = [""] if not folder.is_symlink() else []
    while left and len(found) < MAX_ARTIFACTS:
        prefix = left.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if prefix.count("/") < MAX_DEPTH:
                            left.append(f"{prefix}{entry.name}/")
                    elif entry.is_file(follow_symlinks=False) and _is_unicode(entry.name):
                        found.append(prefix + entry.name)
        except OSError as error:
            if error.errno in DISK_ERRORS:
                note(f"The folder {prefix or '.'} cannot be read: {error.strerror}.")
            elif error.errno not in _NOT_READABLE_ERRORS:
                raise
    return sorted(path for path in found if _is_unicode(path))[:MAX_ARTIFACTS]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class LineSplitter:
    """A splitter that cuts data into lines, piece by piece, in one pass. It holds one unfinished line at most."""

    def __init__(self, longest: int = MAX_LINE_BYTES) -> None:
        self._longest = longest
        self._rest = bytearray()
        self.unfinished_bytes = 0
        """The size of the unfinished line so far. Once it is too long, `_rest` holds nothing of it."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that end in this piece, without newlines. A line that is too long comes as an empty one."""
        *lines, rest = piece.split(b"\n")
        if lines:
            self._keep(lines[0])
            lines[0] = bytes(self._rest)
            self._rest, self.unfinished_bytes = bytearray(), 0
        self._keep(rest)
        if len(piece) > self._longest:
            return [line if len(line) <= self._longest else b"" for line in lines]
        return lines

    def _keep(self, part: bytes) -> None:
        self.unfinished_bytes += len(part)
        if self.unfinished_bytes > self._longest:
            self._rest = bytearray()
        else:
            self._rest += part


def decode_json(data: bytes) -> Any:
    """Decode JSON. ValueError when it is not strict JSON, holds text that is not Unicode, or is nested too deeply."""
    try:
        value = json.loads(data.decode(), parse_constant=_refuse_constant)
        if b"\\ud" in data or b"\\uD" in data:
            # Half of a surrogate pair can come as an escape, and in no other way.
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if data.count(b"[") + data.count(b"{") > MAX_JSON_DEPTH and _is_too_deep(value):
        raise ValueError("nested too deeply")
    return value


def read_json(file: BinaryIO) -> Any:
    """Read JSON from a file. Raise ValueError as `decode_json` does, and for more than MAX_JSON_BYTES bytes."""
    data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise ValueError("too large")
    return decode_json(data)


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_NESTED = (list, dict)


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, _NESTED) else []
    for _ in range(MAX_JSON_DEPTH + 1):
        if not level:
            return False
        level = [
            inner
            for container in level
            for inner in (container.values() if isinstance(container, dict) else container)
            if isinstance(inner, _NESTED)
        ]
    return True


# --- the events of a journal and their members ---


def parse_event(line: bytes) -> dict[str, Any] | None:
    """Return the event of a journal's line, which has the members that belong to its kind; None for any other line."""
    try:
        event = decode_json(line)
    except ValueError:
        return None
    if has_members(event, {"kind": is_text}) and has_members(event, _MEMBERS.get(event["kind"], {})):
        return dict(event)
    return None


Check = Callable[[Any], bool]


def strip_escapes(text: str) -> str:
    """Strip the sequences that only terminals understand: colours and movements of the cursor."""
    return _ESCAPES.sub("", text)


_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def has_members(value: Any, members: Mapping[str, Check]) -> bool:
    """Tell whether it is an object that has these members, each of which passes its check. It may have others."""
    return isinstance(value, dict) and all(name in value and check(value[name]) for name, check in members.items())


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def is_list_of_modules(value: Any) -> bool:
    """Tell whether it is a list of names as `import` takes them, of bounded number and length."""
    return (
        is_list(value)
        and len(value) <= MAX_MODULES
        and all(is_text(name) and _MODULE.fullmatch(name) for name in value)
    )


def is_output(value: Any) -> bool:
    """Tell whether it is an output of nbformat, with the members that its readers need."""
    if not has_members(value, {"output_type": is_text}):
        return False
    members = _OUTPUTS.get(value["output_type"])
    return members is not None and has_members(value, members)


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def is_size(value: Any) -> bool:
    """Tell whether it is a size in bytes that a database can hold."""
    return type(value) is int and 0 <= value < 1 << 63


def is_seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1e12


def optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


MAX_MODULES = 100
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,199}")

_BUNDLE: dict[str, Check] = {"data": is_object, "metadata": is_object}
_OUTPUTS: dict[str, dict[str, Check]] = {
    "stream": {"name": is_text, "text": is_text},
    "display_data": _BUNDLE,
    "execute_result": _BUNDLE,
    "error": {"traceback": is_list},
}

_MEMBERS: dict[str, dict[str, Check]] = {
    "start": {"cells": is_count, "code_cells": is_count},
    "cell_started": {"cell": is_count, "done": is_count},
    "output": {"cell": optional(is_count), "output": is_output},
    "clear": {"cell": is_count},
    "update": _BUNDLE,
    "cell_finished": {"cell": is_count, "ok": is_flag, "execution_count": optional(is_count), "done": is_count},
    "value": {"name": is_text, "value": lambda _: True},
    "usage": {"peak_memory_bytes": is_size, "cpu_seconds": is_seconds},
    "note": {"code": is_text, "message": is_text, "cell": optional(is_count)},
    "end": {"state": is_text},
}
"""The members of each kind of event, as rundir/protocol.py describes them."""
