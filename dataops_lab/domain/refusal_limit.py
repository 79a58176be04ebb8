"""The limit of entries that the audit trail has for refused changes: a loop of a program must not fill it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

REFUSALS_PER_MINUTE = 20
MINUTE_S = 60.0
MAX_ACTORS = 1000


@dataclass
class _Recent:
    since: float
    written: int = 0
    dropped: int = 0


@dataclass
class RefusalLimit:
    """The limit for each actor, in one process. It is safe to use from many threads."""

    per_minute: int = REFUSALS_PER_MINUTE
    _recent: OrderedDict[str, _Recent] = field(default_factory=OrderedDict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def take(self, actor_id: str, now: float) -> int | None:
        """Return how many were dropped since the last entry; None when this one is dropped too.

        `now` is in seconds of a clock that only goes forward.
        """
        with self._lock:
            recent = self._recent.setdefault(actor_id, _Recent(now))
            self._recent.move_to_end(actor_id)
            if len(self._recent) > MAX_ACTORS:
                self._recent.popitem(last=False)
            if now - recent.since >= MINUTE_S:
                recent.since, recent.written = now, 0
            if recent.written >= self.per_minute:
                recent.dropped += 1
                return None
            dropped, recent.dropped = recent.dropped, 0
            recent.written += 1
            return dropped
