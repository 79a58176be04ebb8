"""Worker processes that answer calls on notebooks, so that the calls do not block a server's event loop.

multiprocessing cannot do this safely: its children search the current folder for modules, and that is the
workspace. Our workers never do, so a `pickle.py` there is a file like any other.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from socket import socketpair
from typing import Any

from ..errors import DataOpsError
from ..ports import Notebooks


class WorkerDied(Exception):
    """The worker ended in the middle of the call."""


class WorkerTooSlow(Exception):
    """No answer came in time. This is not TimeoutError, because a call may raise that by itself."""


_STEP_S = 0.5


def _poll_interval(deadline: float, wanted: Callable[[], bool]) -> float:
    """Return the seconds to wait before the next look.

    Raise WorkerTooSlow when no time is left or the answer is not `wanted` any more.
    """
    left = deadline - time.monotonic()
    if left <= 0 or not wanted():
        raise WorkerTooSlow
    return min(left, _STEP_S)


class Pool:
    """At most `workers` processes; each starts when it is first needed. Calls may come from several threads.

    `factory` makes the notebooks of a worker, in the worker: it must be picklable by name.
    """

    def __init__(self, factory: Callable[[], Notebooks], *, workers: int) -> None:
        self._factory = factory
        self._free = threading.Semaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()

    def call(
        self,
        timeout_s: float,
        method: str,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        *,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Any:
        """Call the method `method` in a worker and return its answer; raise the errors of the call.

        Raise WorkerTooSlow when no answer came `timeout_s` seconds, including the wait for a worker, or when the
        answer is not `wanted` any more, which is asked from time to time. WorkerDied when the worker ended.
        Such a call costs that worker only.
        """
        deadline = time.monotonic() + timeout_s
        while not self._free.acquire(timeout=_poll_interval(deadline, wanted)):
            pass
        try:
            worker = self._acquire_worker()
            try:
                answer, error, trace = worker.answer(deadline, wanted, method, arguments, keywords)
            except BaseException:
                worker.end()
                raise
            finally:
                self._release_worker(worker)
        finally:
            self._free.release()
        if error is None:
            return answer
        if not isinstance(error, DataOpsError):
            error.add_note(f"In a worker process:\n{trace}")
        raise error

    def close(self) -> None:
        """End the workers, also in the middle of a call. A later call starts new ones."""
        with self._lock:
            for worker in (*self._idle, *self._busy):
                worker.end()
            self._idle.clear()

    def _acquire_worker(self) -> _Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    break
                worker.end()
            else:
                worker = _Worker(self._factory)
            self._busy.add(worker)
            return worker

    def _release_worker(self, worker: _Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            if worker.is_alive():
                self._idle.append(worker)
            else:
                worker.end()


class _Worker:
    def __init__(self, factory: Callable[[], Notebooks]) -> None:
        ours, theirs = socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # The worker has -P, and a current folder where nobody else writes: see above.
                [sys.executable, "-P", "-m", "dataops_lab.notebooks.worker", str(theirs.fileno())],
                cwd="/",
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._connection = Connection(ours.detach())
        with suppress(OSError):  # The worker has ended already; the first call finds that out.
            self._connection.send(factory)

    def answer(self, deadline: float, wanted: Callable[[], bool], *call: Any) -> tuple[Any, BaseException | None, str]:
        try:
            self._connection.send(call)
            while not self._connection.poll(_poll_interval(deadline, wanted)):
                pass
            answer: tuple[Any, BaseException | None, str] = self._connection.recv()
            return answer
        except (EOFError, ConnectionError) as ended:
            raise WorkerDied from ended

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """End the process. It is safe to repeat."""
        self._process.kill()
        self._process.wait()
