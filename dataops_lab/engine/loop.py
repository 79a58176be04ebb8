"""The loop: wake up, lead, claim, look at everything that is alive, and act on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Event

from ..domain.moments import Moment
from ..domain.runs import Attempt, AttemptState, Reason, Run, RunState
from ..errors import BlobsUnavailable, DataOpsError, Refused, StaleWrite, StoreBusy, Unavailable
from ..ports import Backends, Executor, Look
from ..services import Services
from .claim import claim, keep_time
from .explain import explained
from .finish import Outcome, finish, read_outcome, store_record
from .launch import bundle_of, intend
from .lead import Leadership
from .sweep import sweep
from .tidy import Tidying
from .watch import PROGRESS_EVERY_S, JournalFollower, Step, Times, end_of, next_step

log = logging.getLogger("dataops_lab.engine")

LOOK_EVERY_S = 0.02
LOOK_AT_YOUNG_EVERY_S = 0.005
YOUNG_S = 2.0
"""An attempt that has just begun may end soon: what it does is seen sooner than that of a long one."""

SWEEP_EVERY_S = 60.0
KEEP_TIME_EVERY_S = 1.0
TRY_AGAIN_AFTER_S = 2.0


@dataclass(frozen=True)
class Settings:
    """`slots`: attempts at once. `exit_when_idle_s`: end after so long without work; None: never."""

    slots: int
    exit_when_idle_s: float | None = None


@dataclass
class _Followed:
    """What is remembered of a living attempt. All of it can be had again from the store and the run directory."""

    attempt: Attempt
    run: Run
    executor: Executor
    times: Times
    journal: JournalFollower
    noted_at: float = 0.0
    started: bool = False
    """The backend was called by this engine; one that adopts calls it once more."""
    not_before: float = 0.0
    at_work: Future[None] | None = None
    """A launch or a finish in a thread; until it is done, nothing else happens to the attempt."""


class Engine:
    """`inherited` are the variables of which runs get those that `launch.INHERITED` allows."""

    def __init__(self, ctx: Services, backends: Backends, settings: Settings, *, inherited: Mapping[str, str]) -> None:
        self._ctx = ctx
        self._backends = backends
        self._settings = settings
        self._inherited = inherited
        self._leadership = Leadership(ctx.store, ctx.clock, ctx.host, slots=settings.slots)
        self._followed: dict[str, _Followed] = {}
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine")
        self._wake = Event()
        self._seen: int | None = None
        self._kept_time_at = float("-inf")
        self._keep_time_every_s = KEEP_TIME_EVERY_S
        self._time_due_at = float("-inf")
        self._swept_at: float | None = None
        self._tidying = Tidying(ctx)

    def run(self, stop: Event) -> None:
        """Until `stop` is set, or there was nothing to do for as long as the settings say. Runs go on without us."""
        busy_at = self._now()
        idle_s = self._settings.exit_when_idle_s
        try:
            while not stop.is_set():
                if self._is_orphaned():
                    log.error("The state folder %s is gone: ending.", self._ctx.runs_folder.parent)
                    return
                if self._guarded_step():
                    busy_at = self._now()
                elif idle_s is not None and self._now() - busy_at >= idle_s:
                    if self._retires():
                        log.info("Idle for %g seconds: ending.", idle_s)
                        break
                    # A run waits that may not start yet: asked again when it was quiet for as long.
                    busy_at = self._now()
                if self._leadership.lease is not None:
                    self._tidying.look(fence=self._fence())
                self._wake.wait(self._pause_s())
                self._wake.clear()
        finally:
            self._tidying.stop()
            self._threads.shutdown(wait=True)
            if not self._is_orphaned():
                self._leadership.give_up()

    def _is_orphaned(self) -> bool:
        """An open database file outlives its folder: without this the engine would lead nothing for ever."""
        return not self._ctx.runs_folder.parent.is_dir()

    def _pause_s(self) -> float:
        young = (self._now() - it.times.since < YOUNG_S for it in self._followed.values() if it.at_work is None)
        return LOOK_AT_YOUNG_EVERY_S if any(young) else LOOK_EVERY_S

    def step(self) -> bool:
        """One look at everything; whether there is work. Raises what the store raises."""
        if not self._leadership.keep():
            self.start_over()
            return False
        fence = self._fence()
        self._catch_up_with_the_store(fence)
        for followed in list(self._followed.values()):
            self._advance(followed, fence)
        if self._swept_at is None or self._now() - self._swept_at >= SWEEP_EVERY_S:
            self._swept_at = self._now()
            sweep(self._ctx.store, self._backends, busy=self._followed)
        return bool(self._followed)

    def _retires(self) -> bool:
        """Give up the lease, unless somebody still counts on this engine.

        Whoever submits looks for a leader afterwards. So the lease goes first and the queue is read then:
        a run that came in between is seen here, and one that comes later finds that nobody leads.
        """
        self._leadership.give_up()
        with self._ctx.store.read() as tx:
            return not tx.runs.in_state(RunState.QUEUED, RunState.RETRY_WAIT, RunState.ACTIVE)

    def settle(self) -> None:
        """Wait for what is under way in threads; whoever steps by hand wants to see its end."""
        for it in self._followed.values():
            if it.at_work is not None:
                it.at_work.exception()

    def start_over(self) -> None:
        """Forget what is remembered and read it again: the store knows better."""
        self.settle()
        self._followed.clear()
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
        except Exception:
            # An engine that ends leaves every run without a guardian; one that goes on may recover.
            log.exception("Unexpected; trying again in %g seconds.", TRY_AGAIN_AFTER_S)
            self.start_over()
            Event().wait(TRY_AGAIN_AFTER_S)
        return True

    def _catch_up_with_the_store(self, fence: int) -> None:
        changes = self._ctx.store.changes()
        now = self._now()
        if changes != self._seen:
            # What is new may be due before what was known.
            self._time_due_at = min(self._time_due_at, self._kept_time_at + self._keep_time_every_s)
        elif now < self._time_due_at:
            return
        if now >= self._time_due_at:
            self._kept_time_at = now
            self._time_due_at = now + keep_time(self._ctx.store, self._ctx.moment(), fence=fence)
            # A fiftieth of the time at most, however many wait.
            self._keep_time_every_s = max(KEEP_TIME_EVERY_S, 50 * (self._now() - now))
        claim(self._ctx.store, self._ctx.clock, fence=fence, slots=self._settings.slots)
        with self._ctx.store.read() as tx:
            for attempt in tx.attempts.alive():
                run = tx.runs.get(attempt.run_id)
                if known := self._followed.get(attempt.name):
                    known.run = run
                else:
                    # New, or left by an engine that is gone: both are followed in the same way.
                    self._followed[attempt.name] = self._follow(attempt, run)
        # The number from before: what was committed since is looked at in the next round.
        self._seen = changes

    def _follow(self, attempt: Attempt, run: Run) -> _Followed:
        now = self._ctx.moment()
        ran_for = now.since(attempt.started or Moment(attempt.created_at))
        left = run.settings.total_timeout_s - now.since(run.created)
        times = Times(since=self._now() - ran_for, ends=self._now() + left)
        executor = self._backends.get(attempt.backend)
        journal = JournalFollower(executor.directory(attempt.name) / "journal.jsonl")
        return _Followed(attempt, run, executor, times, journal)

    def _advance(self, it: _Followed, fence: int) -> None:
        if it.at_work is not None:
            if not it.at_work.done():
                return
            done, it.at_work = it.at_work, None
            done.result()
        if it.attempt.state.is_terminal:
            del self._followed[it.attempt.name]
            return
        if self._now() < it.not_before:
            return
        if it.attempt.state in (AttemptState.CLAIMED, AttemptState.LAUNCHING) and not it.started:
            self._in_a_thread(it, lambda: self._launch(it, fence))
            return
        try:
            look = it.executor.look(it.attempt.name)
        except Unavailable as error:
            why = error.message
            log.warning("%s: %s", it.attempt.name, why)
            it.not_before = self._now() + TRY_AGAIN_AFTER_S
            if self._now() >= it.times.ends:
                self._in_a_thread(it, lambda: self._give_up(it, why, fence))
            return
        self._note_progress(it, fence, at_once=look.ended)
        step = next_step(it.attempt, it.run, look, it.times, now=self._now())
        self._act(it, step, look, fence)

    def _act(self, it: _Followed, step: Step, look: Look, fence: int) -> None:
        name = it.attempt.name
        match step:
            case Step.WAIT:
                if it.attempt.state in _STOPPING and it.times.stopping_since is None:
                    self._stop(it)  # Adopted while it was being stopped.
            case Step.RUNNING:
                it.times = replace(it.times, since=self._now())
                self._move_to_running(it, fence)
            case Step.CANCEL:
                self._move(it, AttemptState.CANCELLING, fence)
                self._stop(it)
            case Step.TIME_OUT:
                self._move(it, AttemptState.TIMING_OUT, fence)
                self._stop(it)
            case Step.FORCE:
                it.executor.stop(name, force=True)
            case Step.DOUBT:
                log.error("Cannot prove that %s is dead: %s", name, look.detail)
                self._move(it, AttemptState.UNCONFIRMED, fence)
            case Step.FINISH:
                self._in_a_thread(it, lambda: self._finish(it, look, fence))

    def _launch(self, it: _Followed, fence: int) -> None:
        if it.attempt.state is AttemptState.CLAIMED:
            it.attempt = intend(self._ctx.store, it.attempt, fence=fence)
        try:
            it.executor.start(bundle_of(self._ctx, it.attempt, self._inherited))
        except (DataOpsError, OSError) as error:
            if isinstance(error, (StaleWrite, StoreBusy)):
                raise
            if isinstance(error, Unavailable) and not isinstance(error, BlobsUnavailable):
                self._launch_later(it, error)
                return
            reason = Reason("launch_failed", f"It could not be started: {error}")
            if isinstance(error, Refused):
                # The same bundle would be refused again.
                reason = Reason(error.precise_code, error.message)
            self._finish_as(it, AttemptState.FAILED, Outcome.unknown(), reason, fence)
            return
        it.started = True
        it.times = replace(it.times, since=self._now())

    def _launch_later(self, it: _Followed, error: Unavailable) -> None:
        """Nothing is concluded from a backend that cannot be asked. Once the run is to end it is only looked for."""
        log.warning("%s: %s", it.attempt.name, error)
        nothing = Look(started=False, ended=False, gone=False)
        it.started = next_step(it.attempt, it.run, nothing, it.times, now=self._now()) is not Step.WAIT
        it.not_before = self._now() + TRY_AGAIN_AFTER_S

    def _give_up(self, it: _Followed, why: str, fence: int) -> None:
        """Nobody can say what became of it, and it has had all the time that its run may take."""
        if it.attempt.state in _STOPPING:
            self._move(it, AttemptState.UNCONFIRMED, fence)
        reason = Reason("total_timeout", f"Where it ran, nobody answers any more. {why}")
        self._finish_as(it, AttemptState.LOST, Outcome.unknown(), reason, fence)

    def _finish(self, it: _Followed, look: Look, fence: int) -> None:
        outcome = read_outcome(it.executor.directory(it.attempt.name))
        took = self._now() - it.times.since
        state, reason = end_of(it.attempt, it.run, outcome.succeeded, outcome.reason, look, took_s=took)
        if reason is not None:
            with self._ctx.store.read() as tx:
                reason = explained(reason, tx.jobs.get(it.run.job_id).source)
        if state in (AttemptState.SUCCEEDED, AttemptState.FAILED) and look.started:
            if it.attempt.state is AttemptState.LAUNCHING:
                # So short that nobody saw it running.
                self._move_to_running(it, fence)
            if it.attempt.state is AttemptState.RUNNING:
                self._move(it, AttemptState.FINALIZING, fence)
        self._finish_as(it, state, outcome, reason, fence)

    def _finish_as(
        self, it: _Followed, state: AttemptState, outcome: Outcome, reason: Reason | None, fence: int
    ) -> None:
        record = store_record(self._ctx, it.attempt, it.executor.directory(it.attempt.name))
        it.attempt = finish(self._ctx, it.attempt, state, outcome, record, reason, fence=fence)
        log.info("%s %s%s", it.attempt.name, state, f": {reason.message}" if reason else "")
        it.executor.forget(it.attempt.name)

    def _in_a_thread(self, it: _Followed, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except StaleWrite:
                raise
            except Exception as error:
                # The disk is full, the blobs are out of reach: it stays as it is, and is tried again.
                log.exception("%s: trying again in %g seconds.", it.attempt.name, TRY_AGAIN_AFTER_S)
                it.not_before = self._now() + TRY_AGAIN_AFTER_S
                self._note_trouble(it, error)

        it.at_work = self._threads.submit(guarded)
        it.at_work.add_done_callback(lambda _: self._wake.set())

    def _note_trouble(self, it: _Followed, error: Exception) -> None:
        if it.attempt.state is not AttemptState.FINALIZING:
            return
        said = error.message if isinstance(error, DataOpsError) else str(error)
        reason = Reason("record_not_stored", f"It has ended, and its record cannot be stored yet: {said} Trying again.")
        if reason == it.attempt.reason:
            return
        try:
            with self._ctx.store.begin(fence=self._fence()) as tx:
                tx.attempts.note_trouble(replace(it.attempt, reason=reason))
        except DataOpsError as also:
            log.warning("%s: %s", it.attempt.name, also)  # Likely the same disk; the next try notes it.
            return
        it.attempt = replace(it.attempt, reason=reason)

    def _stop(self, it: _Followed) -> None:
        it.times.stopping_since = self._now()
        it.executor.stop(it.attempt.name, force=False)

    def _move_to_running(self, it: _Followed, fence: int) -> None:
        now = self._ctx.moment()
        self._move(it, AttemptState.RUNNING, fence, started_at=now.at, started_boot=now.boot, started_tick=now.tick)

    def _move(self, it: _Followed, state: AttemptState, fence: int, **changes: object) -> None:
        moved = it.attempt.moved_to(state, token=fence, **changes)
        with self._ctx.store.begin(fence=fence) as tx:
            tx.attempts.move(it.attempt, moved)
        it.attempt = moved

    def _note_progress(self, it: _Followed, fence: int, *, at_once: bool) -> None:
        it.journal.read()
        if it.journal.progress == it.attempt.progress or it.attempt.state is not AttemptState.RUNNING:
            return
        now = self._now()
        if not at_once and now - it.noted_at < PROGRESS_EVERY_S:
            return
        it.noted_at = now
        it.attempt = replace(it.attempt, progress=it.journal.progress)
        if not at_once:  # The end brings its own.
            with self._ctx.store.begin(fence=fence) as tx:
                tx.attempts.note_progress(it.attempt)

    def _fence(self) -> int:
        assert self._leadership.lease is not None
        return self._leadership.lease.token

    def _now(self) -> float:
        return self._ctx.clock.monotonic()


_STOPPING = (AttemptState.CANCELLING, AttemptState.TIMING_OUT)
