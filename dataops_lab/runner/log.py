"""The log: stdout and stderr of the cells as plain text, and the messages of the runner."""

from __future__ import annotations

import codecs
import fcntl
import logging
import os
import select
import struct
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path

from ..rundir.journal import append
from ..rundir.reading import strip_escapes
from .masking import Masking

DRAIN_TIMEOUT_S = 1.0
"""The time that text which a kernel has just written may take through the pipe."""


class Log:
    """An append-only file that is shared with the kernel's own stdout and stderr, which go to `descriptor`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.descriptor = self._file
        self._pieces: list[str] = []
        self._at_line_start = True
        self._masking = Masking()
        self._pipe: _Pipe | None = None
        self._lock = threading.RLock()

    def mask(self, masking: Masking) -> None:
        """Mask from now on. Call it before anything is written. Text for `descriptor` then goes through a pipe."""
        self._masking = masking
        if masking:
            self._pipe = _Pipe(self)
            self.descriptor = self._pipe.target

    def stream(self, text: str) -> None:
        """Take text of a stream. The next `flush` writes it, except an end that may be the beginning of a secret."""
        self._pieces.append(text)

    def write_message(self, text: str) -> None:
        """Write one or several lines of the runner itself. They begin on a new line."""
        with self._lock:
            self._flush_all()
            text = self._masking.mask_text(strip_escapes(text)).rstrip("\n") + "\n"
            self._append(text if self._at_line_start else "\n" + text)

    def flush(self) -> None:
        if self._pieces:
            text, self._pieces = "".join(self._pieces), []
            self.write(text)

    def write(self, text: str) -> None:
        """Write text of a stream at once. More of the stream may follow."""
        with self._lock:
            self._append(self._masking.mask_stream("log", text))

    def write_process_output(self, text: str) -> None:
        """Write text that a process wrote to `descriptor`. Outputs that come in between do not hide a secret in it."""
        with self._lock:
            self.write(self._masking.mask_stream("process", text))

    def close(self) -> None:
        """Write the rest. Text that processes which cannot be killed write later is lost."""
        if self._pipe:
            self._pipe.close()
        with self._lock:
            for _, text in self._masking.flush("process"):
                self.write(text)
            self._flush_all()

    def _flush_all(self) -> None:
        self.flush()
        for _, text in self._masking.flush("log"):
            self._append(text)

    def _append(self, text: str) -> None:
        if text:
            self._at_line_start = text.endswith("\n")
            # The journal tells of a full disk; the log must not be in its way.
            with suppress(OSError):
                append(self._file, text.encode("utf-8", "replace"))

    def size(self) -> int:
        return os.fstat(self._file).st_size

    def tail(self, since: int, limit: int = 4_000) -> str:
        """Return the text after the first `since` bytes of the log, at most its last `limit` bytes."""
        if self._pipe:
            self._pipe.drain()
        with self._path.open("rb") as log:
            log.seek(max(since, self.size() - limit))
            return log.read().decode("utf-8", "replace").strip()


class _Pipe:
    """A pipe that takes the text of a kernel's process, so that it can be masked."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._source, self.target = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        self._read_lock = threading.Lock()
        self._thread = threading.Thread(target=self._copy_all, name="log", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Wait until all earlier writes are in the log, for DRAIN_TIMEOUT_S at most."""
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while self._unread_bytes() and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._read_lock:
            pass

    def close(self) -> None:
        os.close(self.target)
        self._thread.join(DRAIN_TIMEOUT_S)

    def _unread_bytes(self) -> int:
        (size,) = struct.unpack("i", fcntl.ioctl(self._source, termios.FIONREAD, b"\0" * 4))
        return int(size)

    def _copy_all(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        while True:
            select.select([self._source], [], [])
            with self._read_lock:
                data = os.read(self._source, 1 << 16)
                self._log.write_process_output(decode(data, not data))
            if not data:
                return


class LogHandler(logging.Handler):
    """A handler that writes the log messages of libraries to the same log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.write_message(self.format(record))
