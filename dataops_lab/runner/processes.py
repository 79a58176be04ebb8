"""Processes of a run: that nothing outlives it. On Linux; elsewhere only what POSIX offers."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from .protocol import ATTEMPT_VARIABLE

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own: daemons stay within reach."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def dying_with_this_process() -> Callable[[], None] | None:
    """For `preexec_fn`: the child is killed when this process is, even by SIGKILL."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return tie


def kill_all(attempt: str, patience_s: float = 5.0) -> bool:
    """Kill and reap all that is left of the attempt except this process; False if something could not be killed."""
    deadline = time.monotonic() + patience_s
    while True:
        left = list(_left_of(attempt))
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        if not left or time.monotonic() > deadline:
            return not left
        time.sleep(0.005)


def _left_of(attempt: str) -> Iterator[int]:
    """Living descendants of this process, and whoever else carries the attempt's name in its environment."""
    mine = {os.getpid(), *_line_of(os.getpid())}
    below = set(tree([os.getpid()])) - mine
    mark = f"{ATTEMPT_VARIABLE}={attempt}".encode()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or (pid := int(entry.name)) in mine:
            continue
        if (pid in below or mark in _environment_of(pid)) and _parent_of(pid) is not None:
            yield pid


def tree(roots: list[int]) -> Iterator[int]:
    """The processes `roots` and all that descend from them."""
    left = list(roots)
    while left:
        pid = left.pop()
        yield pid
        with suppress(OSError):
            for task in os.scandir(f"/proc/{pid}/task"):
                left += map(int, _read(f"{task.path}/children").split())


def _line_of(pid: int) -> list[int]:
    """Parent, grandparent, and so on."""
    line: list[int] = []
    while (parent := _parent_of(pid)) and parent not in line:
        line.append(parent)
        pid = parent
    return line


def _parent_of(pid: int) -> int | None:
    """None for one that is no more, or a zombie."""
    with suppress(OSError):
        state, parent = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:2]
        return int(parent) if state not in b"ZX" else None
    return None


def _environment_of(pid: int) -> list[bytes]:
    try:
        return _read(f"/proc/{pid}/environ").split(b"\0")
    except OSError:
        return []


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (there are many)
        return file.read()


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
