"""Bells: whoever waits for a change of the store sleeps on a descriptor instead of asking again and again."""

from __future__ import annotations

import errno
import os
import select
import socket
from contextlib import suppress
from pathlib import Path

from ulid import ULID


class LocalBell:
    """Rung within this process, from any thread, also when it has just been closed."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def wait(self, timeout_s: float) -> None:
        _wait(self.fileno(), timeout_s)

    def ring(self) -> None:
        with suppress(OSError):  # Full: it rings already.
            self._writer.send(b"x")

    def silence(self) -> None:
        _empty(self._reader.fileno())

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


class FifoBell:
    """Rung by every process of this machine that uses the folder. It goes with its process; what is left of it is
    removed by whoever rings next."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        name = str(ULID())
        self._path, hidden = folder / name, folder / f".{name}"
        os.mkfifo(hidden, 0o600)
        # For writing too: without a writer, a pipe that was written to once is readable for ever.
        self._descriptor = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        # Visible from now on, since now somebody listens: nobody takes it for one that was left behind.
        hidden.rename(self._path)

    def fileno(self) -> int:
        return self._descriptor

    def wait(self, timeout_s: float) -> None:
        _wait(self._descriptor, timeout_s)

    def silence(self) -> None:
        _empty(self._descriptor)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def ring_all(folder: Path) -> None:
    """Ring those of other processes and one's own. It never waits, and nothing that it meets is an error."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                _ring(entry.path)


def _ring(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ENXIO:  # Nobody listens any more.
            with suppress(OSError):
                Path(path).unlink()
        return
    try:
        os.write(descriptor, b"x")
    except OSError:
        pass  # Full: it rings already.
    finally:
        os.close(descriptor)


def _wait(descriptor: int, timeout_s: float) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll(timeout_s * 1000)


def _empty(descriptor: int) -> None:
    with suppress(BlockingIOError):
        while len(os.read(descriptor, 4096)) == 4096:
            pass
