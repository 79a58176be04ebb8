"""`python -m dataops_lab.runner [--kept] RUN_DIRECTORY [DESCRIPTOR]`

DESCRIPTOR leads to a preloaded interpreter, if there is one. With `--kept` the parent is a keeper already, as PID 1 of
a container is. Without it, the process that was started becomes the keeper of a runner that it forks.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from .keeper import fork_runner
from .lock import Lock
from .termination import Termination

KEPT_OPTION = "--kept"

NICER_BY = 5
"""The niceness that a run adds: a run takes the processor from other runs before it takes it from the person's own
kernels and from the engine."""


def main(arguments: list[str]) -> int:
    """Run the directory; return 0 when it has its result or another runner has claimed it, 2 for wrong arguments."""
    is_kept = arguments[:1] == [KEPT_OPTION]
    named = arguments[is_kept:]
    if len(named) not in (1, 2):
        sys.stderr.write("usage: python -m dataops_lab.runner [--kept] RUN_DIRECTORY [DESCRIPTOR]\n")
        return 2
    termination = Termination()
    termination.listen()
    directory = Path(named[0]).absolute()
    preloaded = _inherited(int(named[1])) if named[1:] else None
    lock = Lock.prepare(directory)
    keeper = None if is_kept else fork_runner(lock, preloaded)
    if not lock.acquire(keeper=keeper):
        return 0
    os.nice(NICER_BY)
    # Every notebook library imports jsonschema, which imports this module where it is installed. The module compiles
    # a grammar for a second, to check IRIs. None makes it count as not installed.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from .run import run

    run(directory, termination, preloaded)
    return 0


def _inherited(descriptor: int) -> socket.socket:
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    return connection
