"""The lease of the engine that leads, and the identity of a process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

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


class EngineLifetime(StrEnum):
    """The end of an engine, as far as its command line tells."""

    SERVER = "server"
    """It ends with the Jupyter server that started it."""
    IDLE = "idle"
    """It ends when there is nothing to do and no schedule may start something, or with the machine."""
    STAYS = "stays"
    """Somebody has to stop it, or switch the machine off."""
    SERVICE = "service"
    """It starts with the machine."""
    ELSEWHERE = "elsewhere"
    """It runs on another machine or in a container, so nobody can tell here."""


def lifetime_of(command: Sequence[str]) -> EngineLifetime:
    """Return the end of the engine with this command line; empty when nobody can read it."""
    if not command:
        return EngineLifetime.ELSEWHERE
    for option, lifetime in (
        ("--service", EngineLifetime.SERVICE),
        ("--parent", EngineLifetime.SERVER),
        ("--exit-when-idle", EngineLifetime.IDLE),
    ):
        if option in command:
            return lifetime
    return EngineLifetime.STAYS
