"""The lease of the engine that leads, and the identity of a process."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

ENGINE = "engine"


@dataclass(frozen=True)
class ProcessIdentity:
    """`started` is in seconds since the epoch, as the operating system reports it; `boot` is the kernel's boot id.

    `namespace` is the one in which its pid counts: each container of a machine numbers its own processes.
    """

    pid: int
    started: float
    boot: str
    namespace: str = ""


@dataclass(frozen=True)
class Lease:
    """`token` grows by one with every change of holder and fences the writes of the holder before."""

    name: str
    holder: str
    token: int
    since: dt.datetime
    expires: float
    """The end, on `Clock.monotonic` of the boot in `process`."""
    process: ProcessIdentity
    slots: int
    """The number of attempts that the holder lets run at once."""
    host: str = ""
    """See `Host.name`. Empty when the program that took the lease did not know host names."""
    expires_at: dt.datetime | None = None
    """The end for other hosts, on a clock that all of them can read."""

    def is_of_another_host(self, *, host: str, boot: str) -> bool:
        """Tell whether the boot clock of `expires` cannot be read from here.

        Containers of one machine share that clock.
        """
        return self.process.boot != boot and self.host not in ("", host)

    def is_held(self, *, boot: str, monotonic: float) -> bool:
        """Tell whether it is held, on the holder's own host.

        A lease from before the last boot is not held: no process of that time lives.
        """
        return self.process.boot == boot and monotonic < self.expires

    def is_held_elsewhere(self, now: dt.datetime) -> bool:
        """Tell whether another host holds it. `now` is on the clock of `expires_at`."""
        return self.expires_at is not None and now < self.expires_at
