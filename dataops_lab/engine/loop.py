"""The loop: wake up, lead, claim, look at everything that is alive, and act on it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from threading import Event

from ..domain.moments import Moment
from ..domain.runs import Attempt, AttemptState, Reason, Run, RunState
from ..errors import BlobsUnavailable, DataOpsError, Refused, StaleWrite, StoreBusy, Unavailable
from ..ports import Backends, Executor, Look, Transaction
from ..services import Services
from .claim import claim, keep_time
from .explain import explained
from .finish import End, Outcome, read_outcome, steps_to, store_record, write_ends
from .launch import bundle_of
from .lead import Leadership
from .sweep import sweep
from .tidy import Tidying
from .watch import PROGRESS_EVERY_S, JournalFollower, Step, Times, end_of, next_step

log = logging.getLogger("dataops_lab.engine")

LOOK_EVERY_S = 0.02
LOOK_AT_YOUNG_EVERY_S = 0.005
YOUNG_S = 2.0
"""An attempt that has just begun may end soon: what it does is seen sooner than that of a long one."""

SHOW_FINALIZING_AFTER_S = 0.25
"""Storing most records takes less, and is written down with their end."""

FORCE_EVERY_S = 0.25
HOME_LOOK_EVERY_S = 1.0
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
    answers: bool = False
    """The backend did when it was asked last, and will again without delay."""
    not_before: float = 0.0
    at_work: Future[None] | None = None
    """A launch or a finish in a thread, which never writes to the store; until it is done, nothing else happens to
    the attempt."""
    storing_since: float | None = None
    """It has run to its end, and its record is being stored."""
    end: End | None = None
    trouble: Exception | None = None
    """What the thread brought."""


class Engine:
    """`inherited` are the variables of which runs get those that `launch.INHERITED` allows."""

    def __init__(self, ctx: Services, backends: Backends, settings: Settings, *, inherited: Mapping[str, str]) -> None:
        self._ctx = ctx
        self._backends = backends
        self._settings = settings
        self._inherited = inherited
        self._leadership = Leadership(ctx.store, ctx.clock, ctx.host, slots=settings.slots)
        self._followed: dict[str, _Followed] = {}
        self._writes: list[Callable[[Transaction], None]] = []
        self._ended: list[_Followed] = []
        # Each backend has its own: one that does not answer holds up nothing but what runs there.
        self._threads: defaultdict[str, ThreadPoolExecutor] = defaultdict(_threads)
        self._sweeper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-sweep")
        self._sweeping: Future[None] | None = None
        # Each waits until the disk has it, and they can wait together.
        self._puts = ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine-put")
        self._wake = Event()
        self._seen: int | None = None
        self._kept_time_at = float("-inf")
        self._keep_time_every_s = KEEP_TIME_EVERY_S
        self._time_due_at = float("-inf")
        self._swept_at: float | None = None
        self._tidying = Tidying(ctx)
        self._has_home = True
        self._home_seen_at = float("-inf")

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
            for threads in (*self._threads.values(), self._sweeper):
                threads.shutdown(wait=True)
            self._puts.shutdown(wait=True)
            if not self._is_orphaned():
                self._leadership.give_up()

    def _is_orphaned(self) -> bool:
        """An open database file outlives its folder: without this the engine would lead nothing for ever."""
        if self._now() >= self._home_seen_at + HOME_LOOK_EVERY_S:
            self._home_seen_at = self._now()
            self._has_home = self._ctx.runs_folder.parent.is_dir()
        return not self._has_home

    def _pause_s(self) -> float:
        young = (self._now() - it.times.since < YOUNG_S for it in self._followed.values() if it.at_work is None)
        return LOOK_AT_YOUNG_EVERY_S if any(young) else LOOK_EVERY_S

    def step(self) -> bool:
        """One look at everything; whether there is work. Raises what the store raises."""
        if not self._leadership.keep():
            self.start_over()
            return False
        # First what has happened, which frees slots, then the queue; what comes from there is launched at once.
        for followed in list(self._followed.values()):
            self._advance(followed)
        self._commit()
        for followed in self._catch_up_with_the_store(self._fence()):
            self._advance(followed)
        if self._swept_at is None or self._now() - self._swept_at >= SWEEP_EVERY_S:
            self._sweep_if_done()
        return bool(self._followed)

    def _sweep_if_done(self) -> None:
        if self._sweeping is not None and not self._sweeping.done():
            return
        self._swept_at = self._now()
        self._sweeping = self._sweeper.submit(self._sweep, list(self._followed))

    def _sweep(self, busy: list[str]) -> None:
        try:
            sweep(self._ctx.store, self._backends, busy=busy)
        except Exception:
            log.exception("What earlier runs left cannot be removed; trying again.")

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
        for work in [self._sweeping, *(it.at_work for it in self._followed.values())]:
            if work is not None:
                work.exception()

    def start_over(self) -> None:
        """Forget what is remembered and read it again: the store knows better."""
        self.settle()
        self._followed.clear()
        self._writes, self._ended = [], []
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
            # An engine that ends leaves every run without a guardian; one that goes on may recover.
            log.exception("Unexpected; trying again in %g seconds.", TRY_AGAIN_AFTER_S)
            self.start_over()
            Event().wait(TRY_AGAIN_AFTER_S)
        return True

    def _catch_up_with_the_store(self, fence: int) -> list[_Followed]:
        """Those that are followed from now on."""
        changes = self._ctx.store.changes()
        now = self._now()
        if changes != self._seen:
            # What is new may be due before what was known.
            self._time_due_at = min(self._time_due_at, self._kept_time_at + self._keep_time_every_s)
        elif now < self._time_due_at:
            return []
        if now >= self._time_due_at:
            self._kept_time_at = now
            self._time_due_at = now + keep_time(self._ctx.store, self._ctx.moment(), fence=fence)
            # A fiftieth of the time at most, however many wait.
            self._keep_time_every_s = max(KEEP_TIME_EVERY_S, 50 * (self._now() - now))
        # What an engine left that is gone, and what is new: both are followed in the same way.
        new = self._left_behind() if self._seen is None else []
        new += claim(self._ctx.store, self._ctx.clock, fence=fence, slots=self._settings.slots)
        if self._followed:
            with self._ctx.store.read() as tx:
                cancels = tx.runs.cancels([it.run.id for it in self._followed.values()])
            for it in self._followed.values():
                it.run = it.run.cancelled_by(cancels.get(it.run.id))
        followed = {attempt.name: self._follow(attempt, run) for attempt, run in new}
        self._followed |= followed
        # The number from before: what was committed since is looked at in the next round.
        self._seen = changes
        return list(followed.values())

    def _left_behind(self) -> list[tuple[Attempt, Run]]:
        with self._ctx.store.read() as tx:
            alive = tx.attempts.alive()
            runs = tx.runs.of({attempt.run_id for attempt in alive})
        return [(attempt, runs[attempt.run_id]) for attempt in alive]

    def _follow(self, attempt: Attempt, run: Run) -> _Followed:
        now = self._ctx.moment()
        ran_for = now.since(attempt.started or Moment(attempt.created_at))
        left = run.settings.total_timeout_s - now.since(run.created)
        times = Times(since=self._now() - ran_for, ends=self._now() + left)
        executor = self._backends.get(attempt.backend)
        journal = JournalFollower(executor.directory(attempt.name) / "journal.jsonl")
        return _Followed(attempt, run, executor, times, journal)

    def _advance(self, it: _Followed) -> None:
        if it.at_work is not None:
            if not it.at_work.done():
                self._show_finalizing(it)
                return
            it.at_work = None
        if it.attempt.state.is_terminal:
            del self._followed[it.attempt.name]
            return
        if it.end is not None:
            self._ended.append(it)
            return
        if it.trouble is not None:
            error, it.trouble = it.trouble, None
            self._note_trouble(it, error)
        if self._now() < it.not_before:
            return
        if it.attempt.state is AttemptState.CLAIMED:
            self._move(it, AttemptState.LAUNCHING)
            self._commit()
        wanted = it.run.cancel_requested_at is None
        if it.attempt.state is AttemptState.LAUNCHING and not it.started and wanted:
            self._in_a_thread(it, lambda: self._launch(it))
            return
        if not it.answers:
            self._in_a_thread(it, lambda: self._ask(it))
            return
        if it.attempt.state in _STOPPING and it.times.stopping_since is None:
            self._stop(it)  # Adopted: its time to end begins anew.
            return
        try:
            look = it.executor.look(it.attempt.name)
        except Exception:
            it.answers = False
            return
        self._note_progress(it, at_once=look.ended)
        self._act(it, next_step(it.attempt, it.run, look, it.times, now=self._now()), look)

    def _act(self, it: _Followed, step: Step, look: Look) -> None:
        name = it.attempt.name
        match step:
            case Step.WAIT:
                pass
            case Step.RUNNING:
                it.times = replace(it.times, since=self._now())
                self._move(it, AttemptState.RUNNING)
            case Step.CANCEL:
                self._move(it, AttemptState.CANCELLING)
                self._stop(it)
            case Step.TIME_OUT:
                self._move(it, AttemptState.TIMING_OUT)
                self._stop(it)
            case Step.FORCE:
                if it.times.stopping_since is not None:
                    it.not_before = self._now() + FORCE_EVERY_S
                self._in_a_thread(it, lambda: it.executor.stop(name, force=True))
            case Step.DOUBT:
                log.error("Cannot prove that %s is dead: %s", name, look.detail)
                self._move(it, AttemptState.UNCONFIRMED)
            case Step.GIVE_UP:
                reason = Reason("unconfirmed", "It was to end, and for an hour nobody could prove that it is dead.")
                self._in_a_thread(it, lambda: self._give_up(it, reason))
            case Step.FINISH:
                self._in_a_thread(it, lambda: self._finish(it, look))

    def _launch(self, it: _Followed) -> None:
        try:
            it.executor.start(bundle_of(self._ctx, it.attempt, it.run, self._inherited))
        except (DataOpsError, OSError) as error:
            if isinstance(error, (StoreBusy, StaleWrite)):
                raise
            if isinstance(error, Unavailable) and not isinstance(error, BlobsUnavailable):
                self._launch_later(it, error)
                return
            reason = Reason("launch_failed", f"It could not be started: {error}")
            if isinstance(error, Refused):
                # The same bundle would be refused again.
                reason = Reason(error.precise_code, error.message)
            self._finish_as(it, AttemptState.FAILED, Outcome.unknown(), reason, ran=False)
            return
        it.started = it.answers = True
        it.times = replace(it.times, since=self._now())

    def _ask(self, it: _Followed) -> None:
        """A backend that was not reached yet, or did not answer last: it may keep whoever asks waiting."""
        try:
            it.executor.look(it.attempt.name)
        except Exception as error:
            log.warning("%s: %s", it.attempt.name, error, exc_info=not isinstance(error, DataOpsError))
            it.not_before = self._now() + TRY_AGAIN_AFTER_S
            if self._now() >= it.times.ends:
                self._give_up(it, Reason("total_timeout", f"Where it ran, nobody answers any more. {error}"))
        else:
            it.answers = True

    def _launch_later(self, it: _Followed, error: Unavailable) -> None:
        """Nothing is concluded from a backend that cannot be asked. Once the run is to end it is only looked for."""
        log.warning("%s: %s", it.attempt.name, error)
        nothing = Look(started=False, ended=False, gone=False)
        it.started = next_step(it.attempt, it.run, nothing, it.times, now=self._now()) is not Step.WAIT
        it.not_before = self._now() + TRY_AGAIN_AFTER_S

    def _give_up(self, it: _Followed, reason: Reason) -> None:
        """Nobody can say what became of it, and it has had all its time."""
        self._finish_as(it, AttemptState.LOST, Outcome.unknown(), reason, ran=False)

    def _finish(self, it: _Followed, look: Look) -> None:
        outcome = read_outcome(it.executor.directory(it.attempt.name))
        took = self._now() - it.times.since
        state, reason = end_of(it.attempt, it.run, outcome.succeeded, outcome.reason, look, took_s=took)
        if reason is not None:
            with self._ctx.store.read() as tx:
                reason = explained(reason, tx.jobs.get(it.run.job_id).source)
        self._finish_as(it, state, outcome, reason, ran=look.started)

    def _finish_as(
        self, it: _Followed, state: AttemptState, outcome: Outcome, reason: Reason | None, *, ran: bool
    ) -> None:
        if state is AttemptState.LOST and it.attempt.state is AttemptState.FINALIZING:
            # It had ended by itself; what is lost is what it left.
            state = AttemptState.FAILED
        if ran and state in (AttemptState.SUCCEEDED, AttemptState.FAILED):
            it.storing_since = self._now()
        record = store_record(self._ctx, it.attempt, it.executor.directory(it.attempt.name), self._puts)
        it.end = End(state, outcome, record, reason, ran)

    def _in_a_thread(self, it: _Followed, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:
                # The disk is full, the blobs are out of reach: it stays as it is.
                self._try_again(it, error)

        it.at_work = self._threads[it.attempt.backend].submit(guarded)
        it.at_work.add_done_callback(lambda _: self._wake.set())

    def _try_again(self, it: _Followed, error: Exception) -> None:
        log.error("%s: trying again in %g seconds.", it.attempt.name, TRY_AGAIN_AFTER_S, exc_info=error)
        it.not_before = self._now() + TRY_AGAIN_AFTER_S
        it.end, it.trouble = None, error

    def _show_finalizing(self, it: _Followed) -> None:
        if it.storing_since is None or it.attempt.state not in _NOT_YET_FINALIZING:
            return
        if self._now() - it.storing_since >= SHOW_FINALIZING_AFTER_S:
            self._move(it, AttemptState.FINALIZING)

    def _note_trouble(self, it: _Followed, error: Exception) -> None:
        if it.storing_since is None:
            return
        said = error.message if isinstance(error, DataOpsError) else str(error)
        reason = Reason("record_not_stored", f"It has ended, and its record cannot be stored yet: {said} Trying again.")
        if reason == it.attempt.reason:
            return
        if it.attempt.state is not AttemptState.FINALIZING:
            self._move(it, AttemptState.FINALIZING)
        it.attempt = noted = replace(it.attempt, reason=reason)
        self._writes.append(lambda tx: tx.attempts.note_trouble(noted))

    def _stop(self, it: _Followed) -> None:
        # What is meant is written before it is done: whoever finds it dead knows why.
        self._commit()
        it.times.stopping_since = self._now()
        self._in_a_thread(it, lambda: it.executor.stop(it.attempt.name, force=False))

    def _move(self, it: _Followed, state: AttemptState) -> None:
        """With the next `_commit`."""
        before, steps = it.attempt, steps_to(it.attempt, state, self._ctx.moment(), ran=True)
        it.attempt = steps[-1]
        self._writes.append(lambda tx: tx.attempts.move(before, *steps))

    def _note_progress(self, it: _Followed, *, at_once: bool) -> None:
        it.journal.read()
        if it.journal.progress == it.attempt.progress or it.attempt.state is not AttemptState.RUNNING:
            return
        now = self._now()
        if not at_once and now - it.noted_at < PROGRESS_EVERY_S:
            return
        it.noted_at = now
        it.attempt = noted = replace(it.attempt, progress=it.journal.progress)
        if not at_once:  # The end brings its own.
            self._writes.append(lambda tx: tx.attempts.note_progress(noted))

    def _commit(self) -> None:
        """All that is to be written, in one transaction. After an error it is forgotten, see `start_over`."""
        writes, self._writes = self._writes, []
        ended, self._ended = self._ended, []
        if not writes and not ended:
            return
        try:
            self._write(writes, ended)
        except (StaleWrite, StoreBusy):
            raise
        except Exception:
            if not ended:
                raise
            # One of them cannot be written: the others can.
            self._write(writes, [])
            for it in ended:
                self._write_alone(it)

    def _write_alone(self, it: _Followed) -> None:
        try:
            self._write([], [it])
        except (StaleWrite, StoreBusy):
            raise
        except Exception as error:
            self._try_again(it, error)

    def _write(self, writes: list[Callable[[Transaction], None]], ended: list[_Followed]) -> None:
        ends = [(it.attempt, it.run, it.end) for it in ended if it.end]
        with self._ctx.store.begin(fence=self._fence()) as tx:
            for write in writes:
                write(tx)
            attempts = write_ends(tx, ends, self._ctx.moment()) if ends else []
        for it, attempt in zip(ended, attempts, strict=True):
            it.attempt, it.end = attempt, None
            reason = attempt.reason
            log.info("%s %s%s", attempt.name, attempt.state, f": {reason.message}" if reason else "")
            self._in_a_thread(it, partial(it.executor.forget, attempt.name))

    def _fence(self) -> int:
        assert self._leadership.lease is not None
        return self._leadership.lease.token

    def _now(self) -> float:
        return self._ctx.clock.monotonic()


_NOT_YET_FINALIZING = (AttemptState.LAUNCHING, AttemptState.RUNNING)
_STOPPING = (AttemptState.CANCELLING, AttemptState.TIMING_OUT, AttemptState.UNCONFIRMED)


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine")
