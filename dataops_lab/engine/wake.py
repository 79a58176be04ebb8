"""Waking: the loop sleeps until something happens, or until its pause is over."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import wait

from ..ports import ChangeSignal, Store


class WakeSignal:
    """The alarm of one loop. A thread that calls `set`, a commit to the store, or another descriptor wakes the loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer: socket.socket | None = None

    def set(self) -> None:
        """Wake the loop, from any thread. It has no effect while no loop runs."""
        if self._writer is not None:
            with suppress(OSError):  # The socket is full or closed: the loop is awake.
                self._writer.send(b"x")

    @contextmanager
    def listen(self) -> Iterator[Sleeper]:
        reader, self._writer = socket.socketpair()
        reader.setblocking(False)
        self._writer.setblocking(False)
        with reader, self._writer, closing(self._store.change_signal()) as bell:
            yield Sleeper(reader, bell)


class Sleeper:
    def __init__(self, reader: socket.socket, bell: ChangeSignal) -> None:
        self._reader, self._bell = reader, bell

    def wait(self, timeout_s: float, descriptors: Iterable[int] = ()) -> set[int]:
        """Wait until something happens or `timeout_s` is over. Return those of `descriptors` that are readable then."""
        ready = wait([self._reader, self._bell.fileno(), *descriptors], timeout_s)
        self._bell.clear()
        with suppress(OSError):
            self._reader.recv(4096)
        return {item for item in ready if isinstance(item, int)} - {self._bell.fileno()}
