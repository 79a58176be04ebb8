from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from ..domain.leases import ProcessIdentity


class Clock(Protocol):
    def now(self) -> dt.datetime:
        """Return the time of the wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only go forward, comparable between processes of one boot (CLOCK_BOOTTIME)."""
        ...


class Host(Protocol):
    """The processes of this machine. Pid, start time and boot together name a process; the pid alone never does."""

    def name(self) -> str:
        """Return the name of this machine or container, of at most 64 characters.

        It is the same after a restart, and no other machine or container has it.
        """
        ...

    def identity(self) -> ProcessIdentity:
        """Return the identity of the calling process."""
        ...

    def is_dead(self, process: ProcessIdentity) -> bool:
        """Tell whether the process is proven dead.

        False also when it cannot be known, as for one of another machine.
        """
        ...

    def command_of(self, process: ProcessIdentity) -> Sequence[str]:
        """Return the command line of a process; empty when it is not to be seen from here."""
        ...
