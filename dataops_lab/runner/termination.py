"""SIGTERM: the request that a run ends, which may come at any moment."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any


class Termination:
    """A memory of the first SIGTERM; later ones change nothing."""

    def __init__(self) -> None:
        self.requested_at: float | None = None
        """The moment of the first signal on the monotonic clock."""
        self._callback: Callable[[], None] | None = None

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._handle_signal)
        signal.signal(signal.SIGINT, self._handle_signal)  # from a terminal

    @property
    def requested(self) -> bool:
        return self.requested_at is not None

    def on_request(self, callback: Callable[[], None]) -> None:
        """Call `callback` when the signal comes, or now if it came already. A signal handler calls it: be quick."""
        self._callback = callback
        if self.requested:
            callback()

    def _handle_signal(self, *_: Any) -> None:
        if self.requested_at is None:
            self.requested_at = time.monotonic()
            if self._callback is not None:
                self._callback()
