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
    """Held for as long as this process, or a fork of it, lives: the descriptor is neither closed nor handed on."""

    directory: Path
    descriptor: int
    side: Path

    @classmethod
    def prepared(cls, directory: Path) -> Lock:
        """A lock that has no name yet, so that a keeper and the runner that it forks can hold it together."""
        side = directory / f".{protocol.LOCK}.{os.getpid()}"
        descriptor = os.open(side, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND, 0o644)
        # Locked before it has its name: whoever finds the file and no lock on it knows that its runner is dead,
        # and whoever tests the lock can never be in the way of taking it.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(directory, descriptor, side)

    def take(self, *, keeper: int | None) -> bool:
        """Take the right to run `directory`; False when another runner has it, had it, or brought it to its end.

        A runner that died without a result keeps its claim: what it did to files/ cannot be undone, so
        nobody may run there a second time. `keeper` is the pid of the keeper, if there is one.
        """
        try:
            self.note(**identity(), **({} if keeper is None else {"keeper": keeper}))
            os.link(self.side, self.directory / protocol.LOCK)
        except FileExistsError:
            return False
        finally:
            self.side.unlink(missing_ok=True)
        return True

    def note(self, **members: Any) -> None:
        """Add a line. The lines of the file together are one object."""
        os.write(self.descriptor, json.dumps(members).encode() + b"\n")


def identity() -> dict[str, Any]:
    """What no other process ever has. The start time is in clock ticks since boot; None where /proc is missing."""
    try:
        # The name in parentheses may hold anything, so count from behind it: it is field 2, the start time field 22.
        start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        start, boot = None, None
    return {"pid": os.getpid(), "start_time": start, "boot_id": boot}
