"""An engine that kills itself at one of its own commits, as DIE_AT says: "before 3", "after 3"."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from dataops_lab.store import SqlStore
from dataops_lab.wiring import Home, build_engine


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def make_mortal(moment: str, at: int) -> None:
    begin, commits = SqlStore.begin, [0]

    @contextmanager
    def mortal(self: SqlStore, *, fence: int | None = None):
        fatal = False
        with begin(self, fence=fence) as transaction:
            yield transaction
            # The lease is taken and renewed without a fence; what moves runs has one, and so has tidying up.
            if fence is not None and threading.current_thread().name != "engine-tidying":
                commits[0] += 1
                fatal = commits[0] == at
                if fatal and moment == "before":
                    die()
        if fatal:
            die()

    SqlStore.begin = mortal


def main() -> None:
    if wanted := os.environ.get("DIE_AT"):
        moment, at = wanted.split()
        make_mortal(moment, int(at))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    build_engine(Home(Path(sys.argv[1])), slots=2).run(stop)


if __name__ == "__main__":
    main()
