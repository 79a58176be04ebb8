"""The publisher: threads of the leading engine put the outputs of runs into their folders."""

from __future__ import annotations

import logging
import time
from threading import Event, Thread

from ..errors import DataOpsError, StaleWrite
from ..services import Services, publications
from .wake import WakeSignal

log = logging.getLogger("dataops_lab.engine")

STOP_TIMEOUT_S = 5.0
RETRY_AFTER_S = 2.0


class Publisher:
    """The publisher of one engine. Each target folder has a thread of its own, while something is due there.

    A mount that does not answer holds up its own folder alone. Nobody waits for its thread when the engine ends: the
    next engine repeats what it has not done.
    """

    def __init__(self, ctx: Services, wake: WakeSignal) -> None:
        self._ctx = ctx
        self._wake = wake
        self._stopping = Event()
        self._threads: dict[str, Thread] = {}
        self.reset()

    def reset(self) -> None:
        """Forget when the next work is due, so that the next `look` asks the store."""
        self._due_at = float("-inf")
        self.has_work = False

    def note_change(self) -> None:
        """Note that somebody has written to the store."""
        self._due_at = float("-inf")

    def look(self, *, fence: int) -> None:
        """Start a thread for each folder where something is due. Call this often: nearly always it does nothing."""
        if self.next_due_s() > 0:
            return
        folders, next_s = publications.list_due(self._ctx, now=self._ctx.clock.now())
        # A thread that fails without a trace is started again.
        self._due_at = self._ctx.clock.monotonic() + min(next_s, RETRY_AFTER_S if folders else next_s)
        self.has_work = bool(folders) or next_s < float("inf")
        for folder in folders:
            if not (thread := self._threads.get(folder)) or not thread.is_alive():
                thread = Thread(target=self._publish, args=(folder, fence), name="engine-publisher", daemon=True)
                self._threads[folder] = thread
                thread.start()

    def next_due_s(self) -> float:
        """Return the seconds until the next look; infinite when only a change of the store brings one."""
        return self._due_at - self._ctx.clock.monotonic()

    def wait(self) -> None:
        """Wait until all threads are done with their work."""
        for thread in list(self._threads.values()):
            thread.join()

    def stop(self) -> None:
        """Begin nothing new, and wait a little for what is under way."""
        self._stopping.set()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for thread in list(self._threads.values()):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _publish(self, folder: str, fence: int) -> None:
        try:
            publications.publish_due(self._ctx, folder, fence=fence, stopped=self._stopping.is_set)
        except StaleWrite:
            pass  # Another engine leads, and publishes; or somebody has published it again meanwhile.
        except DataOpsError as error:
            log.warning("Publishing to %s: %s Trying again later.", folder, error)
        except Exception:
            log.exception("Publishing to %s failed unexpectedly; trying again later.", folder)
        finally:
            # More may be due for this folder by now.
            self._wake.set()
