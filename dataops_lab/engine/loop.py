"""The loop: the engine wakes up, leads, looks at the attempts that it follows, and claims the runs that wait."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from ..domain.runs import Attempt, Run, RunState
from ..errors import StaleWrite, StoreBusy
from ..ports import Backends, Transaction
from ..services import Services, pipelines
from .claim import claim, keep_time
from .following import CLOSE_WITHIN_S, TRY_AGAIN_AFTER_S, Following
from .launch import materials_of
from .lead import Leadership
from .pipelines import PipelineClocks
from .queue import LiveQueue
from .sweep import sweep
from .tidy import Tidying
from .wake import Sleep, Wake

log = logging.getLogger("dataops_lab.engine")

LOOK_WHEN_QUIET_EVERY_S = 1.0
"""The longest pause without attempts. Events wake the engine, but not a write of another host to the same file."""

STAND_BY_EVERY_S = 0.25
"""The time after which an engine that stands by looks again whether the leading engine is dead."""

HOME_LOOK_EVERY_S = 1.0
SWEEP_EVERY_S = 60.0


@dataclass(frozen=True)
class Settings:
    """The settings of an engine. `slots`: the attempts at once.

    `exit_when_idle_s`: the seconds without work after which the engine ends; None: it never ends.
    """

    slots: int
    exit_when_idle_s: float | None = None


class Engine:
    """The engine of an installation. `inherited`: see `Following`."""

    def __init__(self, ctx: Services, backends: Backends, settings: Settings, *, inherited: Mapping[str, str]) -> None:
        self._ctx = ctx
        self._backends = backends
        self._settings = settings
        self._wake = Wake(ctx.store)
        self._leadership = Leadership(ctx.store, ctx.clock, ctx.host, slots=settings.slots)
        self._following = Following(ctx, backends, self._leadership, self._wake, inherited)
        self._sweeper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-sweep")
        self._sweeping: Future[None] | None = None
        self._seen: int | None = None
        self._queue = LiveQueue(settings.slots)
        self._clocks = PipelineClocks(ctx)
        self._swept_at: float | None = None
        self._tidying = Tidying(ctx)
        self._has_home = True
        self._home_seen_at = float("-inf")

    def run(self, stop: Event) -> None:
        """Run until `stop` is set, or for as long without work as the settings allow. Runs go on without the engine.

        The thread that sets `stop` also calls `wake`, unless it does not matter that the engine ends a second later.
        """
        try:
            with self._wake.listening() as sleep:
                self._loop(stop, sleep)
        finally:
            self._tidying.stop()
            self._following.close()
            self._sweeper.shutdown(wait=False, cancel_futures=True)
            if self._sweeping is not None:
                wait([self._sweeping], CLOSE_WITHIN_S)
            if not self._is_orphaned():
                self._leadership.give_up()

    def wake(self) -> None:
        """Wake the loop, from any thread or signal handler."""
        self._wake.set()

    def _loop(self, stop: Event, sleep: Sleep) -> None:
        busy_at = self._now()
        idle_s = self._settings.exit_when_idle_s
        while not stop.is_set():
            if self._is_orphaned():
                log.error("The state folder %s is gone: ending.", self._ctx.home)
                return
            if self._guarded_step():
                busy_at = self._now()
            elif idle_s is not None and self._now() - busy_at >= idle_s:
                if self._retires():
                    log.info("Idle for %g seconds: ending.", idle_s)
                    return
                # A run waits that may not start yet: the loop asks again after the same time without work.
                busy_at = self._now()
            if self._leadership.lease is not None:
                self._tidying.look(fence=self._leadership.fence)
            self._following.note_ends(sleep.until_woken(self._pause_s(), self._following.ends()))

    def _pause_s(self) -> float:
        if self._leadership.lease is None:
            pause_s = STAND_BY_EVERY_S
        else:
            pause_s = self._following.pause_s if self._following.names else LOOK_WHEN_QUIET_EVERY_S
        if self._settings.exit_when_idle_s is not None:
            pause_s = min(pause_s, self._settings.exit_when_idle_s)
        due_s = min(self._queue.next_due_s(self._ctx.moment()), self._clocks.next_due_s())
        return max(0.0, min(pause_s, due_s))

    def _is_orphaned(self) -> bool:
        """Tell whether the state folder is gone. It looks once in `HOME_LOOK_EVERY_S`.

        An open database file outlives its folder: without this the engine would lead nothing for ever.
        """
        if self._now() >= self._home_seen_at + HOME_LOOK_EVERY_S:
            self._home_seen_at = self._now()
            self._has_home = self._ctx.home.is_dir()
        return not self._has_home

    def step(self) -> bool:
        """Look once at everything, and tell whether there is work. Raise what the store raises."""
        if not self._leadership.keep():
            self.start_over()
            return False
        # The look at the attempts comes first, because it frees slots. Then the queue gives the slots to runs, which
        # start at once.
        self._following.look()
        self._catch_up_with_the_store(self._leadership.fence)
        if self._swept_at is None or self._now() - self._swept_at >= SWEEP_EVERY_S:
            pipelines.catch_up(self._ctx, fence=self._leadership.fence)
            self._sweep_if_done()
        self._clocks.look(fence=self._leadership.fence)
        return bool(self._following.names)

    def _sweep_if_done(self) -> None:
        if self._sweeping is not None and not self._sweeping.done():
            return
        self._swept_at = self._now()
        self._sweeping = self._sweeper.submit(self._sweep, self._following.names)

    def _sweep(self, busy: list[str]) -> None:
        try:
            sweep(self._ctx.store, self._backends, busy=busy)
        except Exception:
            log.exception("The engine cannot remove what earlier runs left; it tries again.")

    def _retires(self) -> bool:
        """Give up the lease, and tell whether no run counts on this engine any more.

        A process that submits a run looks for a leader afterwards. So the engine gives up the lease first and reads
        the queue then: it sees a run that came in between, and a later one finds that no engine leads.
        """
        self._leadership.give_up()
        with self._ctx.store.read() as tx:
            counts = tx.runs.counts()
        return not any(counts.get(state) for state in (RunState.QUEUED, RunState.RETRY_WAIT, RunState.ACTIVE))

    def settle(self) -> None:
        """Wait until all threads are done with their work. A caller that uses `step` alone wants to see it done."""
        if self._sweeping is not None:
            self._sweeping.exception()
        self._following.settle()

    def start_over(self) -> None:
        """Forget everything, so that it is read again from the store, which knows better. Wait for no thread."""
        self._leadership.doubt()
        self._following.forget()
        self._queue.forget()
        self._clocks.forget()
        self._seen = None
        self._swept_at = None

    def _guarded_step(self) -> bool:
        try:
            return self.step()
        except StaleWrite as error:
            log.info("Somebody else was faster: %s", error)
            self.start_over()
        except StoreBusy as error:
            log.warning("%s", error)
            self.start_over()
        except Exception:
            # An engine that ends leaves every run alone; one that goes on may recover.
            log.exception("Unexpected; trying again in %g seconds.", TRY_AGAIN_AFTER_S)
            self.start_over()
            Event().wait(TRY_AGAIN_AFTER_S)
        return True

    def _catch_up_with_the_store(self, fence: int) -> None:
        changes, now = self._ctx.store.changes(), self._ctx.moment()
        if changes == self._seen and not self._queue.has_due(now):
            return
        left: list[tuple[Attempt, Run]] = []
        if changes != self._seen:
            self._clocks.note_change()
            with self._ctx.store.read() as tx:
                # The engine follows attempts of an engine that is gone in the same way as new ones.
                left = _left_behind(tx) if self._seen is None else []
                self._following.note_cancels(tx, self._queue.follow(tx, now))
            # This is the number from before the read: the next round looks at what was committed since.
            self._seen = changes
        keep_time(self._ctx, self._queue, now, fence=fence)
        if self._queue.has_due(now):
            self._wake.set()
        claimed = claim(self._ctx, self._queue, fence=fence)
        self._following.add(left)
        if claimed:
            with self._ctx.store.read() as tx:
                materials = materials_of(tx, [run for _, run in claimed])
            self._following.add(claimed, materials)

    def _now(self) -> float:
        return self._ctx.clock.monotonic()


def _left_behind(tx: Transaction) -> list[tuple[Attempt, Run]]:
    alive = tx.attempts.alive()
    runs = tx.runs.of({attempt.run_id for attempt in alive})
    return [(attempt, runs[attempt.run_id]) for attempt in alive]
