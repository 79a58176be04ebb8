"""This machine: its clock and its processes.

psutil is imported only where it is used, because most short commands do not ask for a process.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from ..domain.leases import ProcessIdentity


class SystemClock:
    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        # This clock goes on while the machine sleeps, unlike time.monotonic on Linux.
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class SystemHost:
    def name(self) -> str:
        return _host_name()

    def identity(self) -> ProcessIdentity:
        return _process_identity(os.getpid())

    def is_dead(self, process: ProcessIdentity) -> bool:
        if (process.boot, process.namespace) != (boot_id(), _pid_namespace()):
            # The process belongs to another machine or container, or to this one before a restart. Nothing tells
            # these cases apart.
            return False
        return not is_process_alive(process)

    def command_of(self, process: ProcessIdentity) -> Sequence[str]:
        import psutil

        if (process.boot, process.namespace) != (boot_id(), _pid_namespace()) or not is_process_alive(process):
            return ()
        try:
            return psutil.Process(process.pid).cmdline()
        except psutil.Error:
            return ()


def supports_warm_start() -> bool:
    """Tell whether this system can start runs warm: interpreters are forked, and /proc has to tell what they became."""
    return sys.platform == "linux"


def is_process_alive(process: ProcessIdentity) -> bool:
    """Tell whether the process lives. The system reuses pids, so the start time is compared, too."""
    import psutil

    try:
        found = psutil.Process(process.pid)
        return abs(found.create_time() - process.started) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@cache
def _host_name() -> str:
    """Return a name for this machine, made of its host name and a hash of its machine id.

    Machines of one image have the same machine id, and some machines of different networks have the same name. The id
    itself must not be shown to others.
    """
    machine_id = ""
    for path in _MACHINE_IDS:
        with suppress(OSError):
            machine_id = machine_id or path.read_text().strip()
    return f"{socket.gethostname()[:48]}-{hashlib.sha256(machine_id.encode()).hexdigest()[:8]}"


_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@cache
def boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text().strip()
    import psutil

    return str(int(psutil.boot_time()))


@cache
def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


@cache
def _process_identity(pid: int) -> ProcessIdentity:
    import psutil

    return ProcessIdentity(pid, psutil.Process(pid).create_time(), boot_id(), _pid_namespace())
