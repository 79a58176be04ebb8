"""The executors of an installation, each made when the first attempt wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from ..errors import Unavailable
from ..ports import Executor, ImageBackend


class LazyBackends:
    """`makers` by kind; each gets the host after the `+` of a backend's name, or None."""

    def __init__(self, makers: Mapping[str, Callable[[str | None], Executor]]) -> None:
        self._makers = makers
        self._made: dict[str, Executor] = {}
        self._lock = Lock()

    def get(self, backend: str) -> Executor:
        kind, _, host = backend.partition("+")
        with self._lock:
            if backend not in self._made:
                if kind not in self._makers:
                    raise Unavailable(f"This installation has no executor {kind!r}.", code="no_such_executor")
                self._made[backend] = self._makers[kind](host or None)
            return self._made[backend]


class LazyImageBackends:
    """`make` gets the host, None for this machine's own daemon."""

    def __init__(self, make: Callable[[str | None], ImageBackend]) -> None:
        self._make = make
        self._made: dict[str | None, ImageBackend] = {}
        self._lock = Lock()

    def get(self, host: str | None) -> ImageBackend:
        with self._lock:
            if host not in self._made:
                self._made[host] = self._make(host)
            return self._made[host]
