from __future__ import annotations

import datetime as dt
from typing import Protocol

from ..domain.leases import ProcessIdentity


class Clock(Protocol):
    def now(self) -> dt.datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward, comparable between processes of one boot (CLOCK_BOOTTIME)."""
        ...


class Host(Protocol):
    """This machine's processes. A process is known by pid, start time and boot, never by pid alone."""

    def name(self) -> str:
        """Of this machine or container: at most 64 characters, the same after it was started again, and no other
        one's."""
        ...

    def identity(self) -> ProcessIdentity:
        """Of the calling process."""
        ...

    def is_dead(self, process: ProcessIdentity) -> bool:
        """Proven: False also when it cannot be known, as for a process of another machine."""
        ...
