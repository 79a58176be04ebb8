"""The log: stdout and stderr of the cells as plain text, and what the runner has to say."""

from __future__ import annotations

import logging
import os
import re
from contextlib import suppress
from pathlib import Path

from .journal import append

# Colours and cursor movements are for terminals.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Log:
    """Append-only, and shared with the kernel's own stdout and stderr, which go to `descriptor` directly."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._pieces: list[str] = []
        self._at_line_start = True

    def stream(self, text: str) -> None:
        """Written at the next `flush`."""
        self._pieces.append(text)

    def say(self, text: str) -> None:
        """A line of the runner's own, or several; always on a line of its own."""
        self.flush()
        text = _ESCAPES.sub("", text).rstrip("\n") + "\n"
        self._append(text if self._at_line_start else "\n" + text)

    def flush(self) -> None:
        if self._pieces:
            text, self._pieces = "".join(self._pieces), []
            self._append(text)

    def _append(self, text: str) -> None:
        if text:
            self._at_line_start = text.endswith("\n")
            # A full disk is told by the journal; the log must not be in the way of that.
            with suppress(OSError):
                append(self.descriptor, text.encode("utf-8", "replace"))

    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def tail(self, since: int, limit: int = 4_000) -> str:
        """What was written after the log had `since` bytes; the last `limit` bytes of it."""
        with self._path.open("rb") as log:
            log.seek(max(since, self.size() - limit))
            return log.read().decode("utf-8", "replace").strip()


class LogHandler(logging.Handler):
    """What libraries log, in the same place."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.say(self.format(record))
