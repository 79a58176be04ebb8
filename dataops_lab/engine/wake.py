"""Waking: the loop sleeps until something happens, or until its pause is over."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import wait

from ..ports import Bell, Store


class Wake:
    """The alarm of one loop. A thread that calls `set`, a commit to the store, or another descriptor wakes the loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._threads: socket.socket | None = None

    def set(self) -> None:
        """Wake the loop, from any thread. It has no effect while no loop runs."""
        if self._threads is not None:
            with suppress(OSError):  # The socket is full or closed: the loop is awake.
                self._threads.send(b"x")

    @contextmanager
    def listening(self) -> Iterator[Sleep]:
        reader, self._threads = socket.socketpair()
        reader.setblocking(False)
        self._threads.setblocking(False)
        with reader, self._threads, closing(self._store.bell()) as bell:
            yield Sleep(reader, bell)


class Sleep:
    def __init__(self, threads: socket.socket, bell: Bell) -> None:
        self._threads, self._bell = threads, bell

    def until_woken(self, timeout_s: float, others: Iterable[int] = ()) -> set[int]:
        """Wait until something happens or `timeout_s` is over. Return those of `others` that are readable then."""
        ready = wait([self._threads, self._bell.fileno(), *others], timeout_s)
        self._bell.silence()
        with suppress(OSError):
            self._threads.recv(4096)
        return {each for each in ready if isinstance(each, int)} - {self._bell.fileno()}
