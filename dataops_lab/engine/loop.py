"""The loop: the engine wakes up, leads, looks at the attempts that it follows, and claims the runs that wait."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from ..domain.jobs import JobKind
from ..domain.runs import Attempt, Run, RunState
from ..errors import StaleWrite, StoreBusy
from ..ports import Backends, Transaction
from ..services import Services, pipelines
from .claim import claim, expire_and_requeue
from .deliveries import DeliveryClock
from .garbage_collector import GarbageCollector
from .launch import read_launch_data
from .leader_election import Leadership
from .orphan_cleanup import remove_orphaned_attempts
from .pipelines import PipelineClocks
from .publisher import Publisher
from .queue import LiveQueue
from .schedules import ScheduleClocks
from .supervisor import CLOSE_TIMEOUT_S, RETRY_DELAY_S, AttemptSupervisor
from .wake import Sleeper, WakeSignal

log = logging.getLogger("dataops_lab.engine")

IDLE_POLL_INTERVAL_S = 1.0
"""The longest pause without attempts. Events wake the engine, but not a write of another host to the same file."""

STANDBY_POLL_INTERVAL_S = 0.25
"""The time after which an engine that stands by looks again whether the leading engine is dead."""

HOME_CHECK_INTERVAL_S = 1.0
ORPHAN_CLEANUP_INTERVAL_S = 60.0


@dataclass(frozen=True)
class Settings:
    """The settings of an engine. `slots`: the attempts at once.

    `exit_when_idle_s`: the seconds without work after which the engine ends; None: it never ends.
    """

    slots: int
    exit_when_idle_s: float | None = None


class Engine:
    """The engine of an installation. `inherited`: see `AttemptSupervisor`.

    `publishing` are the services of its publisher, which may take long; None: those of the engine itself.
    """

    def __init__(
        self,
        ctx: Services,
        backends: Backends,
        settings: Settings,
        *,
        inherited: Mapping[str, str],
        publishing: Services | None = None,
    ) -> None:
        self._ctx = ctx
        self._backends = backends
        self._settings = settings
        self._wake = WakeSignal(ctx.store)
        self._leadership = Leadership(ctx.store, ctx.clock, ctx.host, slots=settings.slots)
        self._supervisor = AttemptSupervisor(ctx, backends, self._leadership, self._wake, inherited)
        self._cleanup_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-orphan-cleanup")
        self._cleanup_future: Future[None] | None = None
        self._seen_changes: int | None = None
        self._queue = LiveQueue(settings.slots)
        self._clocks = PipelineClocks(ctx)
        self._publisher = Publisher(publishing or ctx, self._wake)
        self._schedules = ScheduleClocks(ctx, self._wake)
        self._deliveries = DeliveryClock(ctx, self._wake)
        self._cleaned_up_at: float | None = None
        self._garbage_collector = GarbageCollector(ctx)
        self._has_home = True
        self._home_checked_at = float("-inf")

    def run(self, stop: Event) -> None:
        """Run until `stop` is set, or for as long without work as the settings allow. Runs go on without the engine.

        The thread that sets `stop` also calls `wake`, unless it does not matter that the engine ends a second later.
        """
        try:
            with self._wake.listen() as sleep:
                self._loop(stop, sleep)
        finally:
            self._garbage_collector.stop()
            self._publisher.stop()
            self._supervisor.close()
            self._schedules.close()
            self._deliveries.close()
            self._cleanup_pool.shutdown(wait=False, cancel_futures=True)
            if self._cleanup_future is not None:
                wait([self._cleanup_future], CLOSE_TIMEOUT_S)
            if not self._is_orphaned():
                self._leadership.release()

    def wake(self) -> None:
        """Wake the loop, from any thread or signal handler."""
        self._wake.set()

    def _loop(self, stop: Event, sleep: Sleeper) -> None:
        busy_at = self._now()
        idle_s = self._settings.exit_when_idle_s
        while not stop.is_set():
            if self._is_orphaned():
                log.error("The state folder %s is gone: ending.", self._ctx.home)
                return
            if self._guarded_step():
                busy_at = self._now()
            elif idle_s is not None and self._now() - busy_at >= idle_s:
                if self._retire():
                    log.info("Idle for %g seconds: ending.", idle_s)
                    return
                # A run waits that may not start yet: the loop asks again after the same time without work.
                busy_at = self._now()
            if self._leadership.lease is not None:
                self._garbage_collector.start_if_due(fence=self._leadership.fence)
            self._supervisor.note_ready(sleep.wait(self._pause_s(), self._supervisor.end_descriptors()))

    def _pause_s(self) -> float:
        if self._leadership.lease is None:
            pause_s = STANDBY_POLL_INTERVAL_S
        else:
            pause_s = self._supervisor.pause_s if self._supervisor.names else IDLE_POLL_INTERVAL_S
            clocks = (self._clocks, self._schedules, self._publisher, self._deliveries)
            pause_s = min(pause_s, *(clock.next_due_s() for clock in clocks))
        if self._settings.exit_when_idle_s is not None:
            pause_s = min(pause_s, self._settings.exit_when_idle_s)
        return max(0.0, min(pause_s, self._queue.next_due_s(self._ctx.moment())))

    def _is_orphaned(self) -> bool:
        """Tell whether the state folder is gone. It looks once in `HOME_LOOK_EVERY_S`.

        An open database file outlives its folder: without this the engine would lead nothing for ever.
        """
        if self._now() >= self._home_checked_at + HOME_CHECK_INTERVAL_S:
            self._home_checked_at = self._now()
            self._has_home = self._ctx.home.is_dir()
        return not self._has_home

    def step(self) -> bool:
        """Look once at everything, and tell whether there is work. Raise what the store raises."""
        if not self._leadership.acquire_or_renew():
            self.reset()
            return False
        # The look at the attempts comes first, because it frees slots. Then the queue gives the slots to runs, which
        # start at once.
        self._supervisor.poll()
        self._sync_with_store(self._leadership.fence)
        if self._cleaned_up_at is None or self._now() - self._cleaned_up_at >= ORPHAN_CLEANUP_INTERVAL_S:
            pipelines.catch_up(self._ctx, fence=self._leadership.fence)
            self._schedules.catch_up(fence=self._leadership.fence)
            self._start_orphan_cleanup()
        self._clocks.look(fence=self._leadership.fence)
        self._schedules.look(fence=self._leadership.fence)
        self._publisher.look(fence=self._leadership.fence)
        self._deliveries.look(fence=self._leadership.fence)
        return bool(self._supervisor.names) or self._publisher.has_work or self._deliveries.has_work

    def _start_orphan_cleanup(self) -> None:
        if self._cleanup_future is not None and not self._cleanup_future.done():
            return
        self._cleaned_up_at = self._now()
        self._cleanup_future = self._cleanup_pool.submit(self._clean_up_orphans, self._supervisor.names)

    def _clean_up_orphans(self, busy: list[str]) -> None:
        try:
            remove_orphaned_attempts(self._ctx.store, self._backends, busy=busy)
        except Exception:
            log.exception("The engine cannot remove what earlier runs left; it tries again.")

    def _retire(self) -> bool:
        """Give up the lease, and tell whether only decisions of people, and no run or schedule, count on this engine.

        A process that submits a run looks for a leader afterwards. So the engine gives up the lease first and reads
        the queue then: it sees a run that came in between, and a later one finds that no engine leads.
        """
        with self._ctx.store.read() as tx:
            if tx.schedules.count_active():
                return False
        self._leadership.release()
        with self._ctx.store.read() as tx:
            if tx.schedules.count_active() or tx.publications.list_pending() or _has_messages(tx):
                return False
            counts = tx.runs.count_by_state(without=[kind for kind in JobKind if kind.has_steps])
            waits = any(counts.get(state) for state in (RunState.QUEUED, RunState.RETRY_WAIT, RunState.ACTIVE))
            return not waits and pipelines.await_people_alone(tx)

    def wait_for_threads(self) -> None:
        """Wait until all threads are done with their work. A caller that uses `step` alone wants to see it done."""
        if self._cleanup_future is not None:
            self._cleanup_future.exception()
        self._schedules.wait_for_threads()
        self._deliveries.wait_for_threads()
        self._supervisor.wait_for_threads()
        self._publisher.wait()

    def reset(self) -> None:
        """Forget everything, so that it is read again from the store, which knows better. Wait for no thread."""
        self._leadership.renew_soon()
        self._supervisor.reset()
        self._queue.reset()
        self._clocks.reset()
        self._publisher.reset()
        self._schedules.reset()
        self._deliveries.reset()
        self._seen_changes = None
        self._cleaned_up_at = None

    def _guarded_step(self) -> bool:
        try:
            return self.step()
        except StaleWrite as error:
            log.info("Somebody else was faster: %s", error)
            self.reset()
        except StoreBusy as error:
            log.warning("%s", error)
            self.reset()
        except Exception:
            # An engine that ends leaves every run alone; one that goes on may recover.
            log.exception("Unexpected; trying again in %g seconds.", RETRY_DELAY_S)
            self.reset()
            Event().wait(RETRY_DELAY_S)
        return True

    def _sync_with_store(self, fence: int) -> None:
        changes, now = self._ctx.store.change_counter(), self._ctx.moment()
        if changes == self._seen_changes and not self._queue.has_due(now):
            return
        adopted: list[tuple[Attempt, Run]] = []
        if changes != self._seen_changes:
            self._clocks.note_change()
            self._publisher.note_change()
            self._schedules.note_change()
            self._deliveries.note_change()
            with self._ctx.store.read() as tx:
                # The engine follows attempts of an engine that is gone in the same way as new ones.
                adopted = _adoptable_attempts(tx) if self._seen_changes is None else []
                self._supervisor.note_cancels(tx, self._queue.sync(tx, now))
            # This is the number from before the read: the next round looks at what was committed since.
            self._seen_changes = changes
        expire_and_requeue(self._ctx, self._queue, now, fence=fence)
        if self._queue.has_due(now):
            self._wake.set()
        claimed = claim(self._ctx, self._queue, fence=fence)
        self._supervisor.add(adopted)
        if claimed:
            with self._ctx.store.read() as tx:
                materials = read_launch_data(tx, [run for _, run in claimed])
            self._supervisor.add(claimed, materials)

    def _now(self) -> float:
        return self._ctx.clock.monotonic()


def _has_messages(tx: Transaction) -> bool:
    return any(each.next_at() is not None for each in (tx.outbox, tx.held, tx.deliveries))


def _adoptable_attempts(tx: Transaction) -> list[tuple[Attempt, Run]]:
    alive = tx.attempts.list_unfinished()
    runs = tx.runs.get_many({attempt.run_id for attempt in alive})
    return [(attempt, runs[attempt.run_id]) for attempt in alive]
