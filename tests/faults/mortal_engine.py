"""An engine that kills itself at one of its own commits, as DIE_AT says: "before running", "after finalizing".

With SLEEP_AT=3 it stops itself in front of the third one, and when it is continued it prints what became of that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from dataops_lab.blobs import FolderBlobs
from dataops_lab.engine import tidy
from dataops_lab.errors import StaleWrite
from dataops_lab.store import SqlStore
from dataops_lab.wiring import Home, build_engine

TELLS = {
    "claimed": "attempt.launching",
    "running": "attempt.running",
    "progress": "run.progress",
    "finalizing": "attempt.finalizing",
    "ended": "attempt.succeeded",
}
"""By which event a commit is known."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_mortal(moment: str, what: str) -> None:
    begin, put_file, shown = SqlStore.begin, FolderBlobs.put_file, threading.Event()
    if what == "finalizing":
        # Stored so quickly that nobody saw it otherwise, a record is written down with the end.
        FolderBlobs.put_file = lambda self, path: shown.wait() and put_file(self, path)

    @contextmanager
    def mortal(self: SqlStore, *, fence: int | None = None):
        fatal = False
        with begin(self, fence=fence) as transaction:
            yield transaction
            if moves_runs(fence):
                fatal = TELLS[what] in [event["kind"] for event in transaction.events._new]
                if fatal and moment == "before":
                    die()
        if fatal:
            die()

    SqlStore.begin = mortal


def make_drowsy(at: int) -> None:
    begin, commits = SqlStore.begin, [0]
    tidy.FIRST_AFTER_S = float("inf")  # Nobody but this thread may be in a transaction when all of them stop.

    @contextmanager
    def drowsy(self: SqlStore, *, fence: int | None = None):
        commits[0] += moves_runs(fence)
        late = moves_runs(fence) and commits[0] == at
        if late:
            os.kill(os.getpid(), signal.SIGSTOP)
        try:
            with begin(self, fence=fence) as transaction:
                yield transaction
        except StaleWrite:
            if late:
                print("woke up: nothing written", flush=True)
            raise
        if late:
            print("woke up: written", flush=True)

    SqlStore.begin = drowsy


def moves_runs(fence: int | None) -> bool:
    """The lease is taken and renewed without a fence; what moves runs has one, and so has tidying up."""
    return fence is not None and threading.current_thread().name != "engine-tidying"


def main() -> None:
    if wanted := os.environ.get("DIE_AT"):
        make_mortal(*wanted.split())
    if wanted := os.environ.get("SLEEP_AT"):
        make_drowsy(int(wanted))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    build_engine(Home(Path(sys.argv[1])), slots=2).run(stop)


if __name__ == "__main__":
    main()
