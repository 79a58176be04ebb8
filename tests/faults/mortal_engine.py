"""An engine to which something happens at a place that the test chooses. The environment has one of these variables:

KILL_AT   "before running", "after finalizing": it is killed at the first commit that tells so, see TELLS;
          "copying": it is killed when it has copied half of the files of a run directory
STOP_AT   "after running": it is stopped there, and nobody is in a transaction meanwhile
SLEEP_AT  "3": it is stopped before its third transaction; when it continues, it prints whether that was written
BUSY_S    the time in seconds that it waits for the database
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataops_lab.blobs import FolderBlobs
from dataops_lab.engine import Engine, Settings, garbage_collector
from dataops_lab.errors import StaleWrite
from dataops_lab.ports import Store
from dataops_lab.services import Services
from dataops_lab.store import open_sqlite, sqlite
from dataops_lab.store.sql import SqlTransaction
from dataops_lab.wiring import Home, build_backends, build_services

TELLS = {
    "claimed": "attempt.launching",
    "running": "attempt.running",
    "progress": "run.progress",
    "finalizing": "attempt.finalizing",
    "ended": "attempt.succeeded",
    "waiting": "run.retry_wait",
    "step ended": "step.succeeded",
    "item ended": "step.progress",
    "step started": "step.running",
    "planned": "run.publication_planned",
    "published": "run.publication_published",
}
"""The event by which a commit is recognised."""


def end_at(moment: str, what: str, with_signal: signal.Signals, reached: threading.Event) -> Callable[..., None]:
    """Return a function that the store calls before each commit. It sends the signal to the engine at that commit.

    `reached` is set when the engine goes on after the signal.
    """

    def end() -> None:
        os.kill(os.getpid(), with_signal)
        reached.set()

    def look(transaction: SqlTransaction) -> None:
        if reached.is_set() or TELLS[what] not in transaction.events.kinds:
            return
        if moment == "before":
            end()
        else:
            transaction.on_commit(end)

    return look


class WaitingBlobs(FolderBlobs):
    """Blobs that store no file of a record before `shown` is set, so that `finalizing` is committed alone and seen."""

    def __init__(self, folder: Path, shown: threading.Event) -> None:
        super().__init__(folder)
        self._shown = shown

    def put_file(self, path: Path) -> tuple[str, int]:
        self._shown.wait()
        return super().put_file(path)


class HalfCopyingBlobs(FolderBlobs):
    """Blobs that copy one whole file and ten bytes of the second, and then kill the engine."""

    copied = False

    def copy_to(self, digest: str, path: Path) -> None:
        if self.copied:
            path.write_bytes(self.read(digest)[:10])
            os.kill(os.getpid(), signal.SIGKILL)
        super().copy_to(digest, path)
        self.copied = True


class DrowsyStore:
    """A store that stops the engine before transaction `number` of those that move runs."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._left = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self, *, fence: int | None = None) -> Iterator[Any]:
        self._left -= moves_runs(fence)
        late = moves_runs(fence) and self._left == 0
        if late:
            os.kill(os.getpid(), signal.SIGSTOP)
        try:
            with self._store.begin(fence=fence) as transaction:
                yield transaction
        except StaleWrite:
            if late:
                print("woke up: nothing written", flush=True)
            raise
        if late:
            print("woke up: written", flush=True)


def moves_runs(fence: int | None) -> bool:
    """Tell whether a transaction moves runs: it has a fence, unlike those of the lease, and does not tidy up."""
    return fence is not None and threading.current_thread().name != "engine-garbage-collector"


def services(home: Home) -> Services:
    """Build the services of the engine that the environment asks for."""
    ctx, asked = build_services(home), os.environ.get
    if asked("KILL_AT") == "copying":
        return replace(ctx, blobs=HalfCopyingBlobs(home.blobs))
    if wanted := asked("SLEEP_AT"):
        return replace(ctx, store=DrowsyStore(ctx.store, int(wanted)))
    if wanted := asked("KILL_AT") or asked("STOP_AT"):
        moment, what = wanted.split(maxsplit=1)
        reached = threading.Event()
        look = end_at(moment, what, signal.SIGKILL if asked("KILL_AT") else signal.SIGSTOP, reached)
        ctx.store.close()
        ctx = replace(ctx, store=open_sqlite(home.database, before_commit=look))
        if what == "finalizing":
            return replace(ctx, blobs=WaitingBlobs(home.blobs, reached))
    return ctx


def main() -> None:
    asked = os.environ.get
    if asked("STOP_AT") or asked("SLEEP_AT"):
        garbage_collector.INITIAL_DELAY_S = float(
            "inf"
        )  # The garbage collector could be in a transaction when all threads stop.
    if wanted := asked("BUSY_S"):
        sqlite.BUSY_TIMEOUT_S = float(wanted)
    stop = threading.Event()
    home = Home(Path(sys.argv[1]))
    ctx = services(home)
    engine = Engine(ctx, build_backends(home, ctx.blobs), Settings(slots=2), inherited=os.environ)
    signal.signal(signal.SIGTERM, lambda *_: (stop.set(), engine.wake()))
    engine.run(stop)


if __name__ == "__main__":
    main()
