"""The leading engine's part in messages: it plans deliveries, tries them in threads, and notes the results."""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait

from ..domain.notifications import Delivery
from ..services import Services, messages, notifications, recipients
from ..services.notifications import Outcome
from .supervisor import CLOSE_TIMEOUT_S
from .wake import WakeSignal

log = logging.getLogger("dataops_lab.engine")

THREADS = 8
MAX_IN_LANE = 2
"""The most tries at once in one lane, so that a receiver that hangs leaves threads for the others."""
WARN_EVERY_S = 20.0
"""The time between two looks at runs that may take unusually long."""
LONGEST_SLEEP_S = 30.0
"""The longest time between two looks. Somebody may have set the wall clock."""


class DeliveryClock:
    """The deliveries of one engine. Its threads only read; its loop writes, under the fence of the lease."""

    def __init__(self, ctx: Services, wake: WakeSignal) -> None:
        self._ctx = ctx
        self._wake = wake
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="engine-deliveries")
        self._under_way: dict[Future[Outcome], Delivery] = {}
        self.reset()

    def reset(self) -> None:
        """Look again at the next `look`. Tries that are under way are noted as they end, if this engine leads then."""
        self._due_at = self._warned_at = float("-inf")

    def note_change(self) -> None:
        """Note that somebody has written to the store."""
        self._due_at = float("-inf")

    @property
    def has_work(self) -> bool:
        return bool(self._under_way)

    def look(self, *, fence: int) -> None:
        """Note what was tried, plan what is new, try what is due. Call this often: nearly always it does nothing."""
        self._note_tries(fence)
        if self.next_due_s() > 0:
            return
        self._warn_of_long_runs(fence)
        recipients.release(self._ctx, fence=fence)
        notifications.plan(self._ctx, fence=fence)
        room = THREADS - len(self._under_way)
        if room:
            under_way = {delivery.id for delivery in self._under_way.values()}
            for delivery in notifications.take(self._ctx, fence=fence, limit=room, without=self._full_lanes()):
                if delivery.id not in under_way:  # A try may outlast its claim, when making the content takes long.
                    self._begin(delivery)
        self._due_at = self._now() + self._sleep_s()

    def next_due_s(self) -> float:
        """Return the seconds until the next look."""
        if any(future.done() for future in self._under_way):
            return 0.0
        return self._due_at - self._now()

    def wait_for_threads(self) -> None:
        """Wait until all tries have ended. A caller that uses `look` alone wants to see it done."""
        wait(self._under_way)

    def close(self) -> None:
        """Begin nothing new, and wait a little. The next engine tries again what was not noted."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._under_way, CLOSE_TIMEOUT_S)

    def _begin(self, delivery: Delivery) -> None:
        future = self._pool.submit(notifications.attempt, self._ctx, delivery)
        self._under_way[future] = delivery
        # Not before it is done: the loop would look at it, and sleep again.
        future.add_done_callback(lambda _: self._wake.set())

    def _warn_of_long_runs(self, fence: int) -> None:
        if self._now() - self._warned_at >= WARN_EVERY_S:
            self._warned_at = self._now()
            messages.warn_of_long_runs(self._ctx, fence=fence)

    def _note_tries(self, fence: int) -> None:
        done = [future for future in self._under_way if future.done()]
        if not done:
            return
        notifications.note(self._ctx, [future.result() for future in done], fence=fence)
        for future in done:
            del self._under_way[future]
        self._due_at = float("-inf")

    def _full_lanes(self) -> frozenset[str]:
        lanes = [delivery.recipient.lane for delivery in self._under_way.values()]
        return frozenset(lane for lane in lanes if lanes.count(lane) >= MAX_IN_LANE)

    def _sleep_s(self) -> float:
        if len(self._under_way) >= THREADS:
            return LONGEST_SLEEP_S  # The end of a try wakes the loop.
        due_at = notifications.next_at(self._ctx, without=self._full_lanes())
        if due_at is None:
            return LONGEST_SLEEP_S
        return min(LONGEST_SLEEP_S, max(0.0, (due_at - self._ctx.clock.now()).total_seconds()))

    def _now(self) -> float:
        return self._ctx.clock.monotonic()
