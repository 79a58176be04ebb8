"""Bells: a process that waits for a change of the store sleeps on a descriptor instead of asking again and again."""

from __future__ import annotations

import errno
import os
import select
import socket
from contextlib import suppress
from pathlib import Path

from ulid import ULID


class LocalBell:
    """A bell that any thread of this process may ring, also when it has just been closed."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def wait(self, timeout_s: float) -> None:
        _wait(self.fileno(), timeout_s)

    def ring(self) -> None:
        with suppress(OSError):  # The socket is full: the bell rings already.
            self._writer.send(b"x")

    def clear(self) -> None:
        _drain(self._reader.fileno())

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


class FifoBell:
    """A bell that is rung by every process of this machine that uses the folder.

    The bell ends with its own process. When its file is left behind, the process that rings next removes it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        name = str(ULID())
        self._path, hidden_path = folder / name, folder / f".{name}"
        os.mkfifo(hidden_path, 0o600)
        # It is open for writing too: without a writer, a pipe that was written to once is readable for ever.
        self._descriptor = os.open(hidden_path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        # It is visible only from now on, when it has a listener: so nobody takes it for one that was left behind.
        hidden_path.rename(self._path)

    def fileno(self) -> int:
        return self._descriptor

    def wait(self, timeout_s: float) -> None:
        _wait(self._descriptor, timeout_s)

    def clear(self) -> None:
        _drain(self._descriptor)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def ring_all(folder: Path) -> None:
    """Ring all bells in the folder, those of other processes and of this one. It never waits and never fails."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                _ring(entry.path)


def _ring(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENXIO:  # No process listens any more.
            with suppress(OSError):
                Path(path).unlink()
        return
    try:
        os.write(descriptor, b"x")
    except OSError:
        pass  # The pipe is full: the bell rings already.
    finally:
        os.close(descriptor)


def _wait(descriptor: int, timeout_s: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(timeout_s * 1000)


def _drain(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while len(os.read(descriptor, 4096)) == 4096:
            pass
