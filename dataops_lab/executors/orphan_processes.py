"""Orphans: processes whose state folder was deleted while they ran, so that no engine cares for them any more."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from ..rundir.protocol import ATTEMPT_VARIABLE

_DELETED = " (deleted)"


def find_orphan_processes() -> Iterator[psutil.Process]:
    """Yield the orphans of this user: runners and kernels without their run directory, engines without state folder.

    An engine removes a run directory only when nothing of the attempt is alive. So nobody waits for these processes.
    """
    for process in psutil.process_iter():
        try:
            if process.uids().real == os.getuid() and process.status() != psutil.STATUS_ZOMBIE and _is_orphan(process):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            continue


def kill(process: psutil.Process) -> None:
    """Kill the process at once: no folder is left in which it could save anything."""
    try:
        process.send_signal(signal.SIGKILL)  # psutil checks that the pid was not reused.
    except psutil.NoSuchProcess:
        pass


def _is_orphan(process: psutil.Process) -> bool:
    environment = process.environ()
    if attempt := environment.get(ATTEMPT_VARIABLE):
        folder = str(Path(f"/proc/{process.pid}/cwd").readlink())
        return folder.endswith(_DELETED) and attempt in Path(folder.removesuffix(_DELETED)).parts
    home = environment.get("DATAOPS_LAB_HOME")
    is_engine = {"dataops_lab.cli", "engine", "run"} <= set(process.cmdline())
    return home is not None and is_engine and not Path(home).exists()
