"""Processes of a run: that nothing outlives it. On Linux; elsewhere only what POSIX offers."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

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
    mark = f"{ATTEMPT_VARIABLE}={attempt}".encode()
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(entry.name)] = int(parent)
    own = os.getpid()
    mine = {own, *_line_of(own, parents)}
    for pid in parents:
        if pid in mine:
            continue
        if own in _line_of(pid, parents) or mark in _environment_of(pid):
            yield pid


def _line_of(pid: int, parents: dict[int, int]) -> list[int]:
    """Parent, grandparent, and so on."""
    line: list[int] = []
    while (pid := parents.get(pid, 0)) and pid not in line:
        line.append(pid)
    return line


def _environment_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
