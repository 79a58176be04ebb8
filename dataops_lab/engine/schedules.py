"""The leading engine's part in schedules: it starts what is due, and tells what is late.

Its threads read files and prepare runs. Only its loop writes, under the fence of the lease.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait

from ..errors import NotFound, StoreBusy
from ..services import Services, ticks
from ..services.ticks import PreparedStart
from .folder_watch import FolderWatch
from .supervisor import CLOSE_TIMEOUT_S
from .wake import WakeSignal

log = logging.getLogger("dataops_lab.engine")

LOOK_AFTER_S = 0.25
"""The time after which a change of the store shows in the schedules."""
LONGEST_SLEEP_S = 30.0
"""The longest time between two looks. Somebody may have set the wall clock, on which ticks are counted."""
THREADS = 2


class ScheduleClocks:
    """The clocks of all schedules. Between two looks only the time of the next tick is remembered."""

    def __init__(self, ctx: Services, wake: WakeSignal) -> None:
        self._ctx = ctx
        self._wake = wake
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="engine-schedules")
        self._preparing: dict[str, Future[PreparedStart]] = {}
        self._folders = FolderWatch(ctx, wake)
        self.reset()

    def reset(self) -> None:
        """Forget everything, so that the next `look` reads it again."""
        self._looked_at = float("-inf")
        self._due_at = float("-inf")
        self._has_changed = False
        self._preparing.clear()
        self._folders.reset()

    def note_change(self) -> None:
        """Note that somebody has written to the store."""
        self._has_changed = True
        self._folders.note_change()

    def look(self, *, fence: int) -> None:
        """Start what is due and was prepared, and prepare the rest. Call this often: nearly always it does nothing."""
        self._start_prepared(fence)
        self._folders.look(fence=fence)
        if self.next_due_s() > 0:
            return
        self._has_changed = False
        self._looked_at = self._now()
        due = ticks.list_due(self._ctx)
        for schedule_id in due.schedules:
            if schedule_id not in self._preparing:
                future = self._pool.submit(ticks.prepare_start, self._ctx, schedule_id)
                self._preparing[schedule_id] = future
                # Not before it is done: the loop would look at it, and sleep again.
                future.add_done_callback(lambda _: self._wake.set())
        ticks.tell_late(self._ctx, fence=fence)
        ticks.tell_foreseen(self._ctx, fence=fence)
        left_s = LONGEST_SLEEP_S
        if due.next_at is not None:
            left_s = min(left_s, (due.next_at - self._ctx.clock.now()).total_seconds())
        # Schedules that are due now are being prepared; that wakes the loop.
        self._due_at = self._looked_at + max(left_s, LOOK_AFTER_S)

    def next_due_s(self) -> float:
        """Return the seconds until the next look."""
        if any(future.done() for future in self._preparing.values()):
            return 0.0
        due_at = min(self._due_at, self._looked_at + LOOK_AFTER_S) if self._has_changed else self._due_at
        return due_at - self._now()

    def catch_up(self, *, fence: int) -> None:
        """Make up for what reactions left undone."""
        ticks.catch_up(self._ctx, fence=fence)

    def wait_for_threads(self) -> None:
        """Wait until everything is prepared. A caller that uses `step` alone wants to see it done."""
        wait(self._preparing.values())
        self._folders.wait_for_thread()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._preparing.values(), CLOSE_TIMEOUT_S)
        self._folders.close()

    def _start_prepared(self, fence: int) -> None:
        done = [schedule_id for schedule_id, future in self._preparing.items() if future.done()]
        prepared = []
        for schedule_id in done:
            future = self._preparing.pop(schedule_id)
            try:
                prepared.append(future.result())
            except NotFound:
                pass  # Somebody has just removed it.
            except StoreBusy as error:
                log.warning("%s", error)
        if prepared:
            ticks.start(self._ctx, prepared, fence=fence)
            # Read again: more may be due than one look finds.
            self._has_changed = True

    def _now(self) -> float:
        return self._ctx.clock.monotonic()
