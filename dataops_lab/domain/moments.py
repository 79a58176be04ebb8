"""Instants between which a wall clock may be set."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """An instant on the wall clock, and `tick` seconds on the clock of the boot `boot`, which nobody can set."""

    at: dt.datetime
    boot: str | None = None
    tick: float | None = None

    def since(self, earlier: Moment) -> float:
        """Return seconds, never negative. Only between two boots or two machines the wall clock decides."""
        if self.boot is not None and self.boot == earlier.boot and self.tick is not None and earlier.tick is not None:
            return max(0.0, self.tick - earlier.tick)
        return max(0.0, (self.at - earlier.at).total_seconds())
