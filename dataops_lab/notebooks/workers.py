"""The port `Notebooks` in worker processes, so that parsing and rendering never hold a server's event loop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, get_context, parent_process
from typing import Any, cast

from ..domain.images import Frozen
from ..domain.snapshots import HERE, Inspection, KernelChoice, Limits, Snapshot, Surroundings
from ..errors import Unavailable
from ..ports import Notebooks

_WORKERS = 2

# Longer than storing the largest snapshot on a slow disk; what takes longer will not end.
_TIMEOUT_S = 600.0


class WorkerNotebooks:
    """Calls block the calling thread alone, and may come from several. Workers start with the first call.

    `factory` makes the notebooks of a worker, in the worker: it must be picklable. A worker that dies
    takes its call along, which is then tried once more. A call that takes longer than `timeout_s`
    raises Unavailable, and the workers start anew.
    """

    def __init__(
        self, factory: Callable[[], Notebooks], *, workers: int = _WORKERS, timeout_s: float = _TIMEOUT_S
    ) -> None:
        self._factory = factory
        self._workers = workers
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def inspect(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: Limits,
        where: Surroundings = HERE,
    ) -> Inspection:
        return cast(Inspection, self._call("inspect", path, root=root, kernel=kernel, limits=limits, where=where))

    def snapshot(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: Limits,
        where: Surroundings = HERE,
    ) -> Snapshot:
        named = {"root": root, "kernel": kernel, "limits": limits, "where": where}
        return cast(Snapshot, self._call("snapshot", path, **named))

    def kernel_name(self, path: str, *, root: str | None, limits: Limits) -> str | None:
        return cast("str | None", self._call("kernel_name", path, root=root, limits=limits))

    def take_along(self, path: str, file: str, *, root: str | None) -> str | None:
        return cast("str | None", self._call("take_along", path, file, root=root))

    def kernel(self, name: str) -> KernelChoice:
        return cast(KernelChoice, self._call("kernel", name))

    def frozen(self, kernel: str) -> Frozen:
        return cast(Frozen, self._call("frozen", kernel))

    def filled_in(self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]) -> bytes:
        return cast(bytes, self._call("filled_in", notebook, language, dict(values), dict(types)))

    def report(self, notebook: bytes, *, title: str, code: bool) -> bytes:
        return cast(bytes, self._call("report", notebook, title=title, code=code))

    def close(self) -> None:
        """Ends the workers, whatever they do; a later call starts new ones."""
        if pool := self._pool:
            self._drop(pool)

    def _call(self, verb: str, *arguments: Any, **named: Any) -> Any:
        pool = self._running()
        try:
            return self._answer(pool, verb, arguments, named)
        except BrokenProcessPool:
            return self._answer(self._running(instead_of=pool), verb, arguments, named)

    def _answer(self, pool: ProcessPoolExecutor, verb: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            answer = pool.submit(_in_worker, verb, arguments, named)
        except RuntimeError as ended:  # by another thread, whose call was given up
            raise BrokenProcessPool(str(ended)) from None
        try:
            return answer.result(self._timeout_s)
        except TimeoutError:
            if answer.done():  # the call's own
                raise
            self._drop(pool)
            raise Unavailable(
                f"The notebook was not read within {self._timeout_s:g} s. Make it smaller, or try again.",
                code="notebook_too_slow",
            ) from None

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        # From Python 3.14 on a pool can do this by itself; until then a call that hangs would outlive the server.
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False)
        for process in processes:
            process.kill()

    def _running(self, instead_of: ProcessPoolExecutor | None = None) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None or self._pool is instead_of:
                # Forking a process that has threads, as every server has, can deadlock the child.
                self._pool = ProcessPoolExecutor(
                    self._workers, mp_context=get_context("spawn"), initializer=_start, initargs=(self._factory,)
                )
            return self._pool


_notebooks: Notebooks | None = None


def _start(factory: Callable[[], Notebooks]) -> None:
    global _notebooks  # noqa: PLW0603 — a worker process has one
    # Ctrl-C in the server's terminal is for the server, which then ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _notebooks = factory()


def _end_with_parent() -> None:
    """A pool's workers wait for work forever when their parent is killed: they hold its pipe open themselves."""
    if parent := parent_process():
        connection.wait([parent.sentinel])
        os._exit(1)


def _in_worker(verb: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return getattr(_notebooks, verb)(*arguments, **named)
