"""Timestamps; between two of them somebody may set the wall clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class Timestamp:
    """An instant on the wall clock, and `tick` seconds on the clock of the boot `boot`, which nobody can set."""

    wall_time: dt.datetime
    boot: str | None = None
    tick: float | None = None

    def seconds_since(self, earlier: Timestamp) -> float:
        """Return the seconds since `earlier`, never negative.

        Only between two boots or machines does the wall clock decide.
        """
        if self.boot is not None and self.boot == earlier.boot and self.tick is not None and earlier.tick is not None:
            return max(0.0, self.tick - earlier.tick)
        return max(0.0, (self.wall_time - earlier.wall_time).total_seconds())
