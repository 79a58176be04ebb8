"""Who leads: the lease of the engine, and how a process is known."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

ENGINE = "engine"


@dataclass(frozen=True)
class ProcessIdentity:
    """`started` in seconds since the epoch, as the operating system tells it; `boot` is the kernel's boot id.

    `namespace` is where its pid counts: containers of one machine number their processes each for themselves.
    """

    pid: int
    started: float
    boot: str
    namespace: str = ""


@dataclass(frozen=True)
class Lease:
    """`token` grows by one with every change of holder and fences the writes of the one before."""

    name: str
    holder: str
    token: int
    since: dt.datetime
    expires: float
    """On `Clock.monotonic` of the boot in `process`."""
    process: ProcessIdentity
    slots: int
    """How many attempts the holder lets run at once."""
    host: str = ""
    """See `Host.name`. Empty when a program took it that did not tell hosts apart."""
    expires_at: dt.datetime | None = None
    """For other hosts: on a clock that all of them can read."""

    def is_of_another_host(self, *, host: str, boot: str) -> bool:
        """Whether the boot clock of `expires` cannot be read from here. Containers of one machine share that clock."""
        return self.process.boot != boot and self.host not in ("", host)

    def is_held(self, *, boot: str, monotonic: float) -> bool:
        """Tell it on the holder's own host. A lease from before the last boot is not held: nothing of then lives."""
        return self.process.boot == boot and monotonic < self.expires

    def is_held_elsewhere(self, now: dt.datetime) -> bool:
        """Tell it of another host. `now` is on the clock of `expires_at`."""
        return self.expires_at is not None and now < self.expires_at
