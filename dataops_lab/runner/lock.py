"""Who runs a run directory: at most one runner, once, ever."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import protocol


@dataclass(frozen=True)
class Lock:
    """Held for as long as the process lives: the descriptor is neither closed nor inherited."""

    descriptor: int


def take(directory: Path) -> Lock | None:
    """The right to run `directory`, or None: another runner has it, had it, or brought it to its end.

    A runner that died without a result keeps its claim: what it did to files/ cannot be undone, so
    nobody may run there a second time.
    """
    # Locked before it has its name: whoever finds the file and no lock on it knows that its runner is dead,
    # and whoever tests the lock can never be in the way of taking it.
    side = directory / f".{protocol.LOCK}.{os.getpid()}"
    descriptor = os.open(side, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, json.dumps(identity()).encode())
        os.link(side, directory / protocol.LOCK)
    except FileExistsError:
        os.close(descriptor)
        return None
    finally:
        side.unlink()
    return Lock(descriptor)


def identity() -> dict[str, Any]:
    """What no other process ever has. The start time is in clock ticks since boot; None where /proc is missing."""
    try:
        # The name in parentheses may hold anything, so count from behind it: it is field 2, the start time field 22.
        start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        start, boot = None, None
    return {"pid": os.getpid(), "start_time": start, "boot_id": boot}
