"""An engine to which something happens at a place of the test's choosing. Of its environment, any one of

KILL_AT   "before running", "after finalizing": it is killed at the first commit that tells so, see TELLS;
          "copying": when it has copied a half of what a run directory needs
STOP_AT   "after running": it is stopped there, and nobody is in a transaction meanwhile
SLEEP_AT  "3": it is stopped in front of its third commit; continued, it prints what became of that
BUSY_S    how long it waits for the database
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
from dataops_lab.store import SqlStore, sqlite
from dataops_lab.wiring import Home, build_engine

TELLS = {
    "claimed": "attempt.launching",
    "running": "attempt.running",
    "progress": "run.progress",
    "finalizing": "attempt.finalizing",
    "ended": "attempt.succeeded",
    "waiting": "run.retry_wait",
}
"""By which event a commit is known."""


def end_at(moment: str, what: str, with_signal: signal.Signals) -> None:
    begin = SqlStore.begin
    shown = show_finalizing() if what == "finalizing" else threading.Event()

    @contextmanager
    def mortal(self: SqlStore, *, fence: int | None = None):
        fatal = False
        with begin(self, fence=fence) as transaction:
            yield transaction
            if moves_runs(fence) and not shown.is_set():
                fatal = TELLS[what] in [event["kind"] for event in transaction.events._new]
                if fatal and moment == "before":
                    os.kill(os.getpid(), with_signal)
        if fatal:
            os.kill(os.getpid(), with_signal)
            shown.set()

    SqlStore.begin = mortal


def show_finalizing() -> threading.Event:
    """Stored so quickly that nobody saw it otherwise, a record is written down with the end."""
    put_file, shown = FolderBlobs.put_file, threading.Event()
    FolderBlobs.put_file = lambda self, path: shown.wait() and put_file(self, path)
    return shown


def die_while_copying() -> None:
    copied, copy_to = [], FolderBlobs.copy_to

    def copy_half(self: FolderBlobs, digest: str, path: Path) -> None:
        if copied:
            path.write_bytes(self.read(digest)[:10])
            os.kill(os.getpid(), signal.SIGKILL)
        copy_to(self, digest, path)
        copied.append(path)

    FolderBlobs.copy_to = copy_half


def sleep_at(number: int) -> None:
    begin, commits = SqlStore.begin, [0]

    @contextmanager
    def drowsy(self: SqlStore, *, fence: int | None = None):
        commits[0] += moves_runs(fence)
        late = moves_runs(fence) and commits[0] == number
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
    asked = os.environ.get
    if asked("STOP_AT") or asked("SLEEP_AT"):
        tidy.FIRST_AFTER_S = float("inf")  # It could be in a transaction when all threads stop.
    if asked("KILL_AT") == "copying":
        die_while_copying()
    elif wanted := asked("KILL_AT"):
        end_at(*wanted.split(), signal.SIGKILL)
    elif wanted := asked("STOP_AT"):
        end_at(*wanted.split(), signal.SIGSTOP)
    elif wanted := asked("SLEEP_AT"):
        sleep_at(int(wanted))
    if wanted := asked("BUSY_S"):
        sqlite.BUSY_TIMEOUT_S = float(wanted)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    build_engine(Home(Path(sys.argv[1])), slots=2).run(stop)


if __name__ == "__main__":
    main()
