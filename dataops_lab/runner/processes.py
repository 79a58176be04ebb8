"""The processes of a run: on Linux none of them outlives it. Elsewhere only what POSIX offers is done."""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own, so that daemons stay within reach."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def death_signal_preexec() -> Callable[[], None] | None:
    """Return a `preexec_fn` for a child that is to die with this process, even when SIGKILL ends it.

    Return None where the system is not Linux.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return tie


def set_name(name: str) -> None:
    """Call this process `name`, of at most 15 characters, where processes are listed."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def kill_descendants(timeout_s: float = math.inf) -> bool:
    """Kill and reap all descendants of this process, which adopts orphans; False if one did not die in time.

    A process without a child has no descendant either: each has a living parent, or has become a child.
    """
    deadline = time.monotonic() + timeout_s
    pause = 0.001
    while not _reap_children():
        if time.monotonic() > deadline:
            return False
        for pid in list(descendants(os.getpid())):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(pause)
        pause = min(2 * pause, 0.1)
    return True


def _reap_children() -> bool:
    """Reap all children that have ended; return True when no child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def descendants(*roots: int) -> Iterator[int]:
    """Yield the pids of the processes that descend from `roots`."""
    left = list(roots)
    while left:
        with suppress(OSError):
            children = _children_of(left.pop())
            yield from children
            left += children


def _children_of(pid: int) -> list[int]:
    """List the pids of its children. Raise OSError when the process has ended."""
    if not _PROC_LISTS_CHILDREN:
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent_of(path) == pid]
    lists = [(task / "children").read_bytes().split() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [int(child) for children in lists for child in children]


_PROC_LISTS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()
"""Whether /proc lists the children of a process; some kernels are built without that."""


def _parent_of(process: Path) -> int | None:
    with suppress(OSError):
        return int((process / "stat").read_bytes().rpartition(b")")[2].split()[1])
    return None
