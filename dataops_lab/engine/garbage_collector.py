"""Garbage collection: a thread of the leading engine removes what retention lets go, and what nothing refers to."""

from __future__ import annotations

import logging
from threading import Event, Thread

from ..errors import DataOpsError, StaleWrite
from ..services import Services, retention

log = logging.getLogger("dataops_lab.engine")

INITIAL_DELAY_S = 5.0
INTERVAL_S = 60.0


class GarbageCollector:
    """The garbage collector of one engine. It has one thread at most, and only while work is due."""

    def __init__(self, ctx: Services) -> None:
        self._ctx = ctx
        self._next_start_at = ctx.clock.monotonic() + INITIAL_DELAY_S
        self._stopping = Event()
        self._thread: Thread | None = None

    def start_if_due(self, *, fence: int) -> None:
        """Start the thread when work is due. The engine that leads with the token `fence` calls this often.

        Nearly always there is nothing to do.
        """
        if self._ctx.clock.monotonic() < self._next_start_at or (self._thread and self._thread.is_alive()):
            return
        self._next_start_at = self._ctx.clock.monotonic() + INTERVAL_S
        self._thread = Thread(target=self._collect, args=(fence,), name="engine-garbage-collector")
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread soon, and wait for it. The rest of the work is due again for the next engine."""
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def _collect(self, fence: int) -> None:
        try:
            removed = retention.run_maintenance(self._ctx, fence=fence, stopped=self._stopping.is_set)
        except StaleWrite:
            return  # Another engine leads, and tidies.
        except (DataOpsError, OSError) as error:
            log.warning("Garbage collection: %s Trying again later.", error)
            return
        except Exception:
            log.exception("Garbage collection failed unexpectedly; trying again later.")
            return
        if removed != retention.RemovalCounts():
            log.info(
                "Tidied: %d runs, %d versions, %d blobs of %d bytes.",
                removed.runs,
                removed.versions,
                removed.blobs,
                removed.bytes,
            )
