"""The executors of an installation. Each is made when an attempt needs it for the first time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock

from ..domain.environments import Backend, ExecutorKind
from ..errors import Unavailable
from ..ports import Executor, ImageBackend


class LazyBackends:
    """The executors by backend. Each of `factories` is called with the host of a backend of its kind."""

    def __init__(self, factories: Mapping[ExecutorKind, Callable[[str | None], Executor]]) -> None:
        self._factories = factories
        self._executors: dict[Backend, Executor] = {}
        self._lock = Lock()

    def get(self, backend: Backend) -> Executor:
        with self._lock:
            if backend not in self._executors:
                if backend.kind not in self._factories:
                    raise Unavailable(
                        f"This installation has no executor {str(backend.kind)!r}.", code="no_such_executor"
                    )
                self._executors[backend] = self._factories[backend.kind](backend.host)
            return self._executors[backend]


class LazyImageBackends:
    """The image backends by host. `factory` is called with the host; None is this machine's own daemon."""

    def __init__(self, factory: Callable[[str | None], ImageBackend]) -> None:
        self._factory = factory
        self._backends: dict[str | None, ImageBackend] = {}
        self._lock = Lock()

    def get(self, host: str | None) -> ImageBackend:
        with self._lock:
            if host not in self._backends:
                self._backends[host] = self._factory(host)
            return self._backends[host]
