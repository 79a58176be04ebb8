"""The lock of a run directory: at most one runner ever runs there, and only once."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..rundir import protocol


@dataclass(frozen=True)
class Lock:
    """A lock that is held while this process or a fork of it lives: the descriptor is never closed nor handed on."""

    directory: Path
    descriptor: int
    unnamed_path: Path

    @classmethod
    def prepare(cls, directory: Path) -> Lock:
        """Prepare a lock that has no name yet, so that a keeper and the runner that it forks can hold it together."""
        unnamed_path = directory / f".{protocol.LOCK}.{os.getpid()}"
        descriptor = os.open(unnamed_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND, 0o644)
        # The file is locked before it has its name. So a process that finds the file and no lock on it knows that the
        # runner is dead, and a process that tests the lock can never be in the way of taking it.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(directory, descriptor, unnamed_path)

    def acquire(self, *, keeper: int | None) -> bool:
        """Take the right to run `directory`; return False when another runner has or had it.

        A runner that died without a result keeps its claim: its changes in files/ cannot be undone, so nobody may run
        there a second time. `keeper` is the pid of the keeper, if there is one.
        """
        try:
            self.note(**process_identity(), **({} if keeper is None else {"keeper": keeper}))
            os.link(self.unnamed_path, self.directory / protocol.LOCK)
        except FileExistsError:
            return False
        finally:
            self.unnamed_path.unlink(missing_ok=True)
        return True

    def note(self, **members: Any) -> None:
        """Add a line to the file. A reader merges the members of all lines into one object."""
        os.write(self.descriptor, json.dumps(members).encode() + b"\n")


def process_identity() -> dict[str, Any]:
    """Return what tells this process from every other: pid, start time in clock ticks since boot, and boot id.

    The last two are None where /proc is missing.
    """
    try:
        # The name in parentheses, field 2, may hold anything. So count from behind it: the start time is field 22.
        start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        start, boot = None, None
    return {"pid": os.getpid(), "start_time": start, "boot_id": boot}
