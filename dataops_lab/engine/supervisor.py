"""Supervision: the engine launches each living attempt, looks at it often, stops it in time, and finishes it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial

from ..domain.environments import Backend
from ..domain.jobs import JobKind
from ..domain.runs import Attempt, AttemptState, Reason, Run
from ..domain.time import Timestamp
from ..errors import BlobsUnavailable, DataOpsError, Refused, StaleWrite, StoreBusy, Unavailable
from ..ports import AttemptStatus, Backends, Executor, Observation, Transaction
from ..services import Services
from ..services.declared_outputs import find_shortfall
from .failure_hints import add_hint
from .finish import AttemptEnd, Outcome, read_outcome, steps_to, store_record, write_ends
from .imports import LastImports
from .launch import LaunchData, build_bundle, reread_launch_data
from .leader_election import Leadership
from .wake import WakeSignal
from .watch import PROGRESS_INTERVAL_S, AttemptTimes, JournalFollower, Step, determine_end, next_step

log = logging.getLogger("dataops_lab.engine")

POLL_INTERVAL_S = 0.02
YOUNG_POLL_INTERVAL_S = 0.005
WATCHED_POLL_INTERVAL_S = 0.1
YOUNG_S = 2.0
"""The age below which an attempt is young. A young attempt may end soon, so the engine looks at it more often.

Where its backend wakes the engine at its end, the engine looks only for its start and its progress.
"""

SHOW_FINALIZING_AFTER_S = 0.25
"""The time after which the engine shows that it stores a record. Most records take less and show only their end."""

FORCE_STOP_INTERVAL_S = 0.25
RETRY_DELAY_S = 2.0

CLOSE_TIMEOUT_S = 10.0
"""The time that an engine that ends waits for its threads. The next engine repeats what they have not done."""


@dataclass
class SupervisedAttempt:
    """The engine's memory of one attempt. Store and run directory can give all of it again."""

    attempt: Attempt
    run: Run
    executor: Executor
    times: AttemptTimes
    journal: JournalFollower
    launch_data: LaunchData | None = None
    """The material for the first try of the launch, read when the attempt was claimed."""
    progress_noted_at: float = 0.0
    started: bool = False
    """True once this engine has called the backend. An engine that adopts the attempt calls the backend once more."""
    is_reachable: bool = False
    """True while the backend answered the last question, so that it is expected to answer the next without delay."""
    may_have_ended: bool = False
    """True once the backend has woken the engine for this attempt."""
    next_action_at: float = 0.0
    work: Future[None] | None = None
    """The work of a thread, such as a launch or a finish. The thread never writes to the store.

    Until it is done, nothing else happens to the attempt.
    """
    storing_since: float | None = None
    """The moment since which its record is being stored, after it has run to its end."""
    end: AttemptEnd | None = None
    pending_error: Exception | None = None
    """The error of the last thread, until it is noted."""


class AttemptSupervisor:
    """The attempts that the leading engine follows.

    One look at all of them writes one transaction, which the lease fences. A thread sets `wake` when it is done.
    `inherited` are the engine's own variables, for runs that were submitted without any.
    """

    def __init__(
        self, ctx: Services, backends: Backends, leadership: Leadership, wake: WakeSignal, inherited: Mapping[str, str]
    ) -> None:
        self._ctx = ctx
        self._backends = backends
        self._leadership = leadership
        self._wake = wake
        self._inherited = inherited
        self._imports = LastImports(ctx)
        self._attempts: dict[str, SupervisedAttempt] = {}
        self._attempts_by_descriptor: dict[int, SupervisedAttempt] = {}
        self._pending_writes: list[Callable[[Transaction], None]] = []
        self._ended_attempts: list[SupervisedAttempt] = []
        # Each backend has its own threads: one that does not answer holds up only the attempts that run there.
        self._thread_pools: defaultdict[Backend, ThreadPoolExecutor] = defaultdict(_make_thread_pool)
        # Launches have threads of their own. Laying out a gigabyte takes long, and a stop must not wait for it.
        self._launch_pools: defaultdict[Backend, ThreadPoolExecutor] = defaultdict(_make_thread_pool)
        # All work that has begun, also for attempts that were forgotten since.
        self._running_futures: set[Future[None]] = set()
        # Each put waits until the disk has the file, and the puts can wait together.
        self._put_pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine-put")

    @property
    def names(self) -> list[str]:
        return list(self._attempts)

    @property
    def pause_s(self) -> float:
        """The seconds until the next look, if nothing wakes the engine before."""
        return min(
            (self._poll_interval_s(supervised) for supervised in self._attempts.values()),
            default=WATCHED_POLL_INTERVAL_S,
        )

    def _poll_interval_s(self, supervised: SupervisedAttempt) -> float:
        if supervised.work is not None:
            return WATCHED_POLL_INTERVAL_S
        is_young = self._now() - supervised.times.began_at < YOUNG_S
        if supervised.executor.end_descriptor(supervised.attempt.name) is not None and not supervised.may_have_ended:
            return POLL_INTERVAL_S if is_young else WATCHED_POLL_INTERVAL_S
        return YOUNG_POLL_INTERVAL_S if is_young or supervised.may_have_ended else POLL_INTERVAL_S

    def end_descriptors(self) -> list[int]:
        """Return descriptors, each of which becomes readable when its attempt may have ended."""
        self._attempts_by_descriptor = {
            descriptor: supervised
            for supervised in self._attempts.values()
            if supervised.work is None and not supervised.may_have_ended
            if (descriptor := supervised.executor.end_descriptor(supervised.attempt.name)) is not None
        }
        return list(self._attempts_by_descriptor)

    def note_ready(self, ready: Collection[int]) -> None:
        """Note the attempts whose descriptors are `ready`. `end_descriptors` leaves these attempts out from now on.

        A descriptor stays readable while the engine proves the end, and must not keep the loop awake.
        """
        for descriptor in ready:
            if supervised := self._attempts_by_descriptor.get(descriptor):
                supervised.may_have_ended = True

    def poll(self) -> None:
        """Look at all attempts, and write what has changed. Raise what the store raises; call `reset` after that."""
        for supervised in list(self._attempts.values()):
            self._advance(supervised)
        self._commit()

    def add(self, new: Sequence[tuple[Attempt, Run]], launch_data: Mapping[str, LaunchData] | None = None) -> None:
        """Follow the `new` attempts too, and launch at once those that are not launched yet.

        `materials` holds, by the id of the run, the material that was read already.
        """
        added = {attempt.name: self._supervise(attempt, run) for attempt, run in new}
        for supervised in added.values():
            supervised.launch_data = (launch_data or {}).get(supervised.run.id)
        self._attempts |= added
        for supervised in added.values():
            self._advance(supervised)

    def note_cancels(self, tx: Transaction, cancelled: Collection[str]) -> None:
        """Note that people want the runs `cancelled` to end, and wake the loop if one of them is followed."""
        if affected := [supervised for supervised in self._attempts.values() if supervised.run.id in cancelled]:
            cancels = tx.runs.cancel_requests([supervised.run.id for supervised in affected])
            for supervised in affected:
                supervised.run = supervised.run.with_cancel_request(cancels.get(supervised.run.id))
            # The loop looked at them before it knew of this.
            self._wake.set()

    def wait_for_threads(self) -> None:
        """Wait until all threads are done with their work."""
        wait(set(self._running_futures))

    def reset(self) -> None:
        """Forget all attempts: store and run directories can give everything again.

        Threads that are at work go on, because a backend may keep them for as long as it wants. Their results have
        no effect: each thread writes to its own `SupervisedAttempt`, to which nothing refers. Every verb of a backend
        may be repeated, also beside an earlier call of it.
        """
        self._attempts.clear()
        self._pending_writes, self._ended_attempts = [], []

    def close(self) -> None:
        """Begin no new work, and wait `CLOSE_WITHIN_S` at most for work under way. Leave alone what hangs longer."""
        for pool in (*self._thread_pools.values(), *self._launch_pools.values()):
            pool.shutdown(wait=False, cancel_futures=True)
        wait(set(self._running_futures), CLOSE_TIMEOUT_S)
        self._put_pool.shutdown(wait=False)

    def _supervise(self, attempt: Attempt, run: Run) -> SupervisedAttempt:
        now = self._ctx.moment()
        elapsed_s = now.seconds_since(attempt.started or Timestamp(attempt.created_at))
        remaining_s = run.settings.total_timeout_s - now.seconds_since(run.created)
        times = AttemptTimes(began_at=self._now() - elapsed_s, deadline=self._now() + remaining_s)
        executor = self._backends.get(attempt.backend)
        journal = JournalFollower(executor.files(attempt.name))
        return SupervisedAttempt(attempt, run, executor, times, journal)

    def _advance(self, supervised: SupervisedAttempt) -> None:
        if supervised.work is not None:
            if not supervised.work.done():
                self._show_finalizing(supervised)
                return
            supervised.work = None
        if supervised.attempt.state.is_terminal:
            del self._attempts[supervised.attempt.name]
            return
        if supervised.end is not None:
            self._ended_attempts.append(supervised)
            return
        if supervised.pending_error is not None:
            error, supervised.pending_error = supervised.pending_error, None
            self._note_trouble(supervised, error)
        if self._now() < supervised.next_action_at:
            return
        if supervised.attempt.state is AttemptState.CLAIMED:
            self._move(supervised, AttemptState.LAUNCHING)
            self._commit()
        is_wanted = supervised.run.cancel_requested_at is None
        if supervised.attempt.state is AttemptState.LAUNCHING and not supervised.started and is_wanted:
            self._submit(supervised, lambda: self._launch(supervised), self._launch_pools)
            return
        if not supervised.is_reachable:
            self._submit(supervised, lambda: self._check_reachable(supervised))
            return
        if supervised.attempt.state in _STOPPING and supervised.times.stopping_since is None:
            self._stop(supervised)  # It was adopted: its time to end begins anew.
            return
        try:
            observation = supervised.executor.observe(supervised.attempt.name)
        except Exception:
            supervised.is_reachable = False
            return
        self._note_progress(supervised, at_once=observation.has_ended)
        self._take_step(
            supervised,
            next_step(supervised.attempt, supervised.run, observation, supervised.times, now=self._now()),
            observation,
        )

    def _take_step(self, supervised: SupervisedAttempt, step: Step, observation: Observation) -> None:
        name = supervised.attempt.name
        match step:
            case Step.WAIT:
                pass
            case Step.RUNNING:
                supervised.times = replace(supervised.times, began_at=self._now())
                self._move(supervised, AttemptState.RUNNING)
            case Step.CANCEL:
                self._move(supervised, AttemptState.CANCELLING)
                self._stop(supervised)
            case Step.TIME_OUT:
                self._move(supervised, AttemptState.TIMING_OUT)
                self._stop(supervised)
            case Step.FORCE:
                if supervised.times.stopping_since is not None:
                    supervised.next_action_at = self._now() + FORCE_STOP_INTERVAL_S
                self._submit(supervised, lambda: supervised.executor.stop(name, force=True))
            case Step.MARK_UNCONFIRMED:
                log.error("Cannot prove that %s is dead: %s", name, observation.detail)
                self._move(supervised, AttemptState.UNCONFIRMED)
            case Step.GIVE_UP:
                reason = Reason("unconfirmed", "It was to end, and for an hour nobody could prove that it is dead.")
                self._submit(supervised, lambda: self._give_up(supervised, reason))
            case Step.FINISH:
                self._submit(supervised, lambda: self._finish(supervised, observation))

    def _launch(self, supervised: SupervisedAttempt) -> None:
        try:
            launch_data, supervised.launch_data = supervised.launch_data, None
            if launch_data is None or not self._leadership.is_certain():
                launch_data = reread_launch_data(self._ctx, supervised.attempt, supervised.run)
            imports = self._imports.get(supervised.run) if supervised.run.kind is JobKind.NOTEBOOK else ()
            supervised.executor.start(
                build_bundle(self._ctx, supervised.attempt, supervised.run, self._inherited, launch_data, imports)
            )
        except (DataOpsError, OSError) as error:
            if isinstance(error, (StoreBusy, StaleWrite)):
                raise
            if isinstance(error, Unavailable) and not isinstance(error, BlobsUnavailable):
                self._retry_launch_later(supervised, error)
                return
            reason = Reason("launch_failed", f"It could not be started: {error}")
            if isinstance(error, Refused):
                # The backend would refuse the same bundle again.
                reason = Reason(error.precise_code, error.message)
            self._finish_as(supervised, AttemptState.FAILED, Outcome.unknown(), reason, ran=False)
            return
        supervised.started = supervised.is_reachable = True
        supervised.times = replace(supervised.times, began_at=self._now())

    def _check_reachable(self, supervised: SupervisedAttempt) -> None:
        """Ask a backend, in a thread, that was not reached yet or did not answer last: it may keep its caller waiting.

        Give the attempt up when the backend does not answer and the run has had all its time.
        """
        try:
            supervised.executor.observe(supervised.attempt.name)
        except Exception as error:
            log.warning("%s: %s", supervised.attempt.name, error, exc_info=not isinstance(error, DataOpsError))
            supervised.next_action_at = self._now() + RETRY_DELAY_S
            if self._now() >= supervised.times.deadline:
                self._give_up(supervised, Reason("total_timeout", f"Where it ran, nobody answers any more. {error}"))
        else:
            supervised.is_reachable = True

    def _retry_launch_later(self, supervised: SupervisedAttempt, error: Unavailable) -> None:
        """Try the launch again later: a backend that cannot be reached proves nothing about the attempt.

        Once the run has to end, the engine launches nothing more and only looks for the attempt.
        """
        log.warning("%s: %s", supervised.attempt.name, error)
        no_answer = Observation(AttemptStatus.STARTING)
        supervised.started = (
            next_step(supervised.attempt, supervised.run, no_answer, supervised.times, now=self._now()) is not Step.WAIT
        )
        supervised.next_action_at = self._now() + RETRY_DELAY_S

    def _give_up(self, supervised: SupervisedAttempt, reason: Reason) -> None:
        """Finish the attempt as lost: nobody knows its end, and it has had all its time."""
        self._finish_as(supervised, AttemptState.LOST, Outcome.unknown(), reason, ran=False)

    def _finish(self, supervised: SupervisedAttempt, observation: Observation) -> None:
        files = supervised.executor.files(supervised.attempt.name)
        outcome = read_outcome(files)
        if outcome.succeeded and supervised.run.kind is JobKind.NOTEBOOK:
            self._imports.note(supervised.run, outcome.imports)
        duration_s = self._now() - supervised.times.began_at
        state, reason = determine_end(
            supervised.attempt, supervised.run, outcome.succeeded, outcome.reason, observation, duration_s=duration_s
        )
        if reason is not None:
            with self._ctx.store.read() as tx:
                source = tx.jobs.get(supervised.run.job_id).source
                manifest = tx.versions.get(supervised.run.job_id, supervised.run.version_digest).manifest
            reason = add_hint(reason, source, manifest.source_path, files.workspace, word=manifest.kind)
        self._finish_as(supervised, state, outcome, reason, ran=observation.ran)

    def _finish_as(
        self, supervised: SupervisedAttempt, state: AttemptState, outcome: Outcome, reason: Reason | None, *, ran: bool
    ) -> None:
        if state is AttemptState.LOST and supervised.attempt.state is AttemptState.FINALIZING:
            # The attempt had ended by itself; only its files are lost.
            state = AttemptState.FAILED
        if ran and state in (AttemptState.SUCCEEDED, AttemptState.FAILED):
            supervised.storing_since = self._now()
        record = store_record(
            self._ctx, supervised.attempt, supervised.executor.files(supervised.attempt.name), self._put_pool
        )
        owes_outputs = state is AttemptState.SUCCEEDED and not outcome.nothing_to_do
        if owes_outputs and (shortfall := find_shortfall(self._ctx, supervised.run, record)):
            state, reason = AttemptState.FAILED, shortfall
        supervised.end = AttemptEnd(state, outcome, record, reason, ran)

    def _submit(
        self,
        supervised: SupervisedAttempt,
        call: Callable[[], None],
        pools: Mapping[Backend, ThreadPoolExecutor] | None = None,
    ) -> None:
        def guarded_call() -> None:
            if self._attempts.get(supervised.attempt.name) is not supervised:
                return  # It was forgotten while this work waited behind a backend that hangs.
            try:
                call()
            except Exception as error:
                # The disk may be full, or the blobs out of reach: the attempt stays as it is.
                self._retry_later(supervised, error)

        supervised.work = future = (self._thread_pools if pools is None else pools)[supervised.attempt.backend].submit(
            guarded_call
        )
        self._running_futures.add(future)
        future.add_done_callback(self._note_done)

    def _note_done(self, future: Future[None]) -> None:
        self._running_futures.discard(future)
        self._wake.set()

    def _retry_later(self, supervised: SupervisedAttempt, error: Exception) -> None:
        log.error("%s: trying again in %g seconds.", supervised.attempt.name, RETRY_DELAY_S, exc_info=error)
        supervised.next_action_at = self._now() + RETRY_DELAY_S
        supervised.end, supervised.pending_error = None, error

    def _show_finalizing(self, supervised: SupervisedAttempt) -> None:
        if supervised.storing_since is None or supervised.attempt.state not in _NOT_YET_FINALIZING:
            return
        if self._now() - supervised.storing_since >= SHOW_FINALIZING_AFTER_S:
            self._move(supervised, AttemptState.FINALIZING)

    def _note_trouble(self, supervised: SupervisedAttempt, error: Exception) -> None:
        if supervised.storing_since is None:
            return
        error_text = error.message if isinstance(error, DataOpsError) else str(error)
        reason = Reason(
            "record_not_stored", f"It has ended, and its record cannot be stored yet: {error_text} Trying again."
        )
        if reason == supervised.attempt.reason:
            return
        if supervised.attempt.state is not AttemptState.FINALIZING:
            self._move(supervised, AttemptState.FINALIZING)
        supervised.attempt = noted = replace(supervised.attempt, reason=reason)
        self._pending_writes.append(lambda tx: tx.attempts.record_trouble(noted))

    def _stop(self, supervised: SupervisedAttempt) -> None:
        # The engine writes the intent before it acts: an engine that finds the attempt dead then knows why.
        self._commit()
        supervised.times.stopping_since = self._now()
        self._submit(supervised, lambda: supervised.executor.stop(supervised.attempt.name, force=False))

    def _move(self, supervised: SupervisedAttempt, state: AttemptState) -> None:
        """Move the attempt to `state`. The next `_commit` writes it."""
        before, steps = supervised.attempt, steps_to(supervised.attempt, state, self._ctx.moment(), ran=True)
        supervised.attempt = steps[-1]
        self._pending_writes.append(lambda tx: tx.attempts.transition(before, *steps))

    def _note_progress(self, supervised: SupervisedAttempt, *, at_once: bool) -> None:
        supervised.journal.read()
        if (
            supervised.journal.progress == supervised.attempt.progress
            or supervised.attempt.state is not AttemptState.RUNNING
        ):
            return
        now = self._now()
        if not at_once and now - supervised.progress_noted_at < PROGRESS_INTERVAL_S:
            return
        supervised.progress_noted_at = now
        supervised.attempt = noted = replace(supervised.attempt, progress=supervised.journal.progress)
        if not at_once:  # The end of the attempt writes its own progress.
            self._pending_writes.append(lambda tx: tx.attempts.record_progress(noted))

    def _commit(self) -> None:
        """Write everything that waits, in one transaction. After an error nothing of it waits any more."""
        writes, self._pending_writes = self._pending_writes, []
        ended, self._ended_attempts = self._ended_attempts, []
        if not writes and not ended:
            return
        try:
            self._write(writes, ended)
        except (StaleWrite, StoreBusy):
            raise
        except Exception:
            if not ended:
                raise
            # One of the ends cannot be written; the others can.
            self._write(writes, [])
            for supervised in ended:
                self._write_single_end(supervised)

    def _write_single_end(self, supervised: SupervisedAttempt) -> None:
        try:
            self._write([], [supervised])
        except (StaleWrite, StoreBusy):
            raise
        except Exception as error:
            self._retry_later(supervised, error)

    def _write(self, writes: list[Callable[[Transaction], None]], ended: list[SupervisedAttempt]) -> None:
        ends = [(supervised.attempt, supervised.run, supervised.end) for supervised in ended if supervised.end]
        with self._ctx.store.begin(fence=self._leadership.fence) as tx:
            for write in writes:
                write(tx)
            attempts = write_ends(self._ctx, tx, ends, self._ctx.moment()) if ends else []
        for supervised, attempt in zip(ended, attempts, strict=True):
            supervised.attempt, supervised.end = attempt, None
            reason = attempt.reason
            log.info("%s %s%s", attempt.name, attempt.state, f": {reason.message}" if reason else "")
            self._submit(supervised, partial(supervised.executor.forget, attempt.name))

    def _now(self) -> float:
        return self._ctx.clock.monotonic()


_NOT_YET_FINALIZING = (AttemptState.LAUNCHING, AttemptState.RUNNING)
_STOPPING = (AttemptState.CANCELLING, AttemptState.TIMING_OUT, AttemptState.UNCONFIRMED)


def _make_thread_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine")
