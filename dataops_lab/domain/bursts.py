"""Bursts: new and changed files of a folder, taken together when nothing has changed for a while."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Listing = Mapping[str, tuple[int, int]]
"""The files of a folder: by path size, and time of the last change in nanoseconds."""


@dataclass
class BurstDetector:
    """Tells when a folder is quiet again. `seen` are the files of the last burst; None: nobody has looked yet.

    Times are of a clock that nobody sets.
    """

    seen: Listing | None
    quiet_s: float
    _last: Listing = field(default_factory=dict)
    _changed_at: float = 0.0

    def look(self, listing: Listing, now: float) -> list[str] | None:
        """Return the new and changed files of a burst that is over; None while there is none.

        The files that were there at the first look are not new. The caller tells by `taken` that the burst is stored.
        """
        if self.seen is None:
            self.seen = dict(listing)
            self._last = dict(listing)
            return None
        if listing != self._last:
            self._last, self._changed_at = dict(listing), now
        fresh = [path for path, sign in listing.items() if self.seen.get(path) != sign]
        if not fresh or now - self._changed_at < self.quiet_s:
            return None
        return sorted(fresh)

    def taken(self, listing: Listing) -> None:
        self.seen = dict(listing)

    @property
    def is_waiting(self) -> bool:
        """Tell whether a burst may be over soon."""
        return self.seen is not None and any(self.seen.get(path) != sign for path, sign in self._last.items())
