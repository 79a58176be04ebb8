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
    expires_at: dt.datetime | None = None
    """By the clock of the database, where that is what decides."""

    def is_held(self, *, boot: str, monotonic: float) -> bool:
        return self.process.boot == boot and monotonic < self.expires
