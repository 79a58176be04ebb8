"""Following: the engine launches each living attempt, looks at it often, stops it in time, and finishes it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial

from ..domain.environments import Backend
from ..domain.moments import Moment
from ..domain.runs import Attempt, AttemptState, Reason, Run
from ..errors import BlobsUnavailable, DataOpsError, Refused, StaleWrite, StoreBusy, Unavailable
from ..ports import AttemptStatus, Backends, Executor, Observation, Transaction
from ..services import Services
from .explain import explained
from .finish import End, Outcome, read_outcome, steps_to, store_record, write_ends
from .imports import LastImports
from .launch import Material, bundle_of, material_again
from .lead import Leadership
from .wake import Wake
from .watch import PROGRESS_EVERY_S, JournalFollower, Step, Times, end_of, next_step

log = logging.getLogger("dataops_lab.engine")

LOOK_EVERY_S = 0.02
LOOK_AT_YOUNG_EVERY_S = 0.005
LOOK_AT_WATCHED_EVERY_S = 0.1
YOUNG_S = 2.0
"""The age below which an attempt is young. A young attempt may end soon, so the engine looks at it more often.

Where its backend wakes the engine at its end, the engine looks only for its start and its progress.
"""

SHOW_FINALIZING_AFTER_S = 0.25
"""The time after which the engine shows that it stores a record. Most records take less and show only their end."""

FORCE_EVERY_S = 0.25
TRY_AGAIN_AFTER_S = 2.0

CLOSE_WITHIN_S = 10.0
"""The time that an engine that ends waits for its threads. The next engine repeats what they have not done."""


@dataclass
class _Followed:
    """The engine's memory of one attempt. Store and run directory can give all of it again."""

    attempt: Attempt
    run: Run
    executor: Executor
    times: Times
    journal: JournalFollower
    material: Material | None = None
    """The material for the first try of the launch, read when the attempt was claimed."""
    noted_at: float = 0.0
    started: bool = False
    """True once this engine has called the backend. An engine that adopts the attempt calls the backend once more."""
    answers: bool = False
    """True while the backend answered the last question, so that it is expected to answer the next without delay."""
    may_have_ended: bool = False
    """True once the backend has woken the engine for this attempt."""
    not_before: float = 0.0
    at_work: Future[None] | None = None
    """The work of a thread, such as a launch or a finish. The thread never writes to the store.

    Until it is done, nothing else happens to the attempt.
    """
    storing_since: float | None = None
    """The moment since which its record is being stored, after it has run to its end."""
    end: End | None = None
    trouble: Exception | None = None
    """The error of the last thread, until it is noted."""


class Following:
    """The attempts that the leading engine follows.

    One look at all of them writes one transaction, which the lease fences. A thread sets `wake` when it is done.
    `inherited` are the engine's own variables, for runs that were submitted without any.
    """

    def __init__(
        self, ctx: Services, backends: Backends, leadership: Leadership, wake: Wake, inherited: Mapping[str, str]
    ) -> None:
        self._ctx = ctx
        self._backends = backends
        self._leadership = leadership
        self._wake = wake
        self._inherited = inherited
        self._imports = LastImports(ctx)
        self._followed: dict[str, _Followed] = {}
        self._awaited: dict[int, _Followed] = {}
        self._writes: list[Callable[[Transaction], None]] = []
        self._ended: list[_Followed] = []
        # Each backend has its own threads: one that does not answer holds up only the attempts that run there.
        self._threads: defaultdict[Backend, ThreadPoolExecutor] = defaultdict(_threads)
        # Launches have threads of their own. Laying out a gigabyte takes long, and a stop must not wait for it.
        self._launches: defaultdict[Backend, ThreadPoolExecutor] = defaultdict(_threads)
        # All work that has begun, also for attempts that were forgotten since.
        self._under_way: set[Future[None]] = set()
        # Each put waits until the disk has the file, and the puts can wait together.
        self._puts = ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine-put")

    @property
    def names(self) -> list[str]:
        return list(self._followed)

    @property
    def pause_s(self) -> float:
        """The seconds until the next look, if nothing wakes the engine before."""
        return min((self._look_after_s(it) for it in self._followed.values()), default=LOOK_AT_WATCHED_EVERY_S)

    def _look_after_s(self, it: _Followed) -> float:
        if it.at_work is not None:
            return LOOK_AT_WATCHED_EVERY_S
        is_young = self._now() - it.times.since < YOUNG_S
        if it.executor.ends(it.attempt.name) is not None and not it.may_have_ended:
            return LOOK_EVERY_S if is_young else LOOK_AT_WATCHED_EVERY_S
        return LOOK_AT_YOUNG_EVERY_S if is_young or it.may_have_ended else LOOK_EVERY_S

    def ends(self) -> list[int]:
        """Return descriptors, each of which becomes readable when its attempt may have ended."""
        self._awaited = {
            end: it
            for it in self._followed.values()
            if it.at_work is None and not it.may_have_ended
            if (end := it.executor.ends(it.attempt.name)) is not None
        }
        return list(self._awaited)

    def note_ends(self, ready: Collection[int]) -> None:
        """Note the attempts whose descriptors are `ready`. `ends` leaves these attempts out from now on.

        A descriptor stays readable while the engine proves the end, and must not keep the loop awake.
        """
        for end in ready:
            if it := self._awaited.get(end):
                it.may_have_ended = True

    def look(self) -> None:
        """Look at all attempts, and write what has changed. Raise what the store raises; call `forget` after that."""
        for it in list(self._followed.values()):
            self._advance(it)
        self._commit()

    def add(self, new: Sequence[tuple[Attempt, Run]], materials: Mapping[str, Material] | None = None) -> None:
        """Follow the `new` attempts too, and launch at once those that are not launched yet.

        `materials` holds, by the id of the run, the material that was read already.
        """
        added = {attempt.name: self._follow(attempt, run) for attempt, run in new}
        for it in added.values():
            it.material = (materials or {}).get(it.run.id)
        self._followed |= added
        for it in added.values():
            self._advance(it)

    def note_cancels(self, tx: Transaction, cancelled: Collection[str]) -> None:
        """Note that people want the runs `cancelled` to end, and wake the loop if one of them is followed."""
        if wanted := [it for it in self._followed.values() if it.run.id in cancelled]:
            cancels = tx.runs.cancels([it.run.id for it in wanted])
            for it in wanted:
                it.run = it.run.cancelled_by(cancels.get(it.run.id))
            # The loop looked at them before it knew of this.
            self._wake.set()

    def settle(self) -> None:
        """Wait until all threads are done with their work."""
        wait(set(self._under_way))

    def forget(self) -> None:
        """Forget all attempts: store and run directories can give everything again.

        Threads that are at work go on, because a backend may keep them for as long as it wants. Their results have
        no effect: each thread writes to its own `_Followed`, which nothing refers to any more. Every verb of a backend
        may be repeated, also beside an earlier call of it.
        """
        self._followed.clear()
        self._writes, self._ended = [], []

    def close(self) -> None:
        """Begin no new work, and wait `CLOSE_WITHIN_S` at most for work under way. Leave alone what hangs longer."""
        for threads in (*self._threads.values(), *self._launches.values()):
            threads.shutdown(wait=False, cancel_futures=True)
        wait(set(self._under_way), CLOSE_WITHIN_S)
        self._puts.shutdown(wait=False)

    def _follow(self, attempt: Attempt, run: Run) -> _Followed:
        now = self._ctx.moment()
        ran_for = now.since(attempt.started or Moment(attempt.created_at))
        left = run.settings.total_timeout_s - now.since(run.created)
        times = Times(since=self._now() - ran_for, ends=self._now() + left)
        executor = self._backends.get(attempt.backend)
        journal = JournalFollower(executor.files(attempt.name))
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
            self._in_a_thread(it, lambda: self._launch(it), self._launches)
            return
        if not it.answers:
            self._in_a_thread(it, lambda: self._ask(it))
            return
        if it.attempt.state in _STOPPING and it.times.stopping_since is None:
            self._stop(it)  # It was adopted: its time to end begins anew.
            return
        try:
            seen = it.executor.look(it.attempt.name)
        except Exception:
            it.answers = False
            return
        self._note_progress(it, at_once=seen.has_ended)
        self._act(it, next_step(it.attempt, it.run, seen, it.times, now=self._now()), seen)

    def _act(self, it: _Followed, step: Step, seen: Observation) -> None:
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
                log.error("Cannot prove that %s is dead: %s", name, seen.detail)
                self._move(it, AttemptState.UNCONFIRMED)
            case Step.GIVE_UP:
                reason = Reason("unconfirmed", "It was to end, and for an hour nobody could prove that it is dead.")
                self._in_a_thread(it, lambda: self._give_up(it, reason))
            case Step.FINISH:
                self._in_a_thread(it, lambda: self._finish(it, seen))

    def _launch(self, it: _Followed) -> None:
        try:
            material, it.material = it.material, None
            if material is None or not self._leadership.is_certain():
                material = material_again(self._ctx, it.attempt, it.run)
            imports = self._imports.of(it.run)
            it.executor.start(bundle_of(self._ctx, it.attempt, it.run, self._inherited, material, imports))
        except (DataOpsError, OSError) as error:
            if isinstance(error, (StoreBusy, StaleWrite)):
                raise
            if isinstance(error, Unavailable) and not isinstance(error, BlobsUnavailable):
                self._launch_later(it, error)
                return
            reason = Reason("launch_failed", f"It could not be started: {error}")
            if isinstance(error, Refused):
                # The backend would refuse the same bundle again.
                reason = Reason(error.precise_code, error.message)
            self._finish_as(it, AttemptState.FAILED, Outcome.unknown(), reason, ran=False)
            return
        it.started = it.answers = True
        it.times = replace(it.times, since=self._now())

    def _ask(self, it: _Followed) -> None:
        """Ask a backend, in a thread, that was not reached yet or did not answer last: it may keep its caller waiting.

        Give the attempt up when the backend does not answer and the run has had all its time.
        """
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
        """Try the launch again later: a backend that cannot be reached proves nothing about the attempt.

        Once the run has to end, the engine launches nothing more and only looks for the attempt.
        """
        log.warning("%s: %s", it.attempt.name, error)
        nothing = Observation(AttemptStatus.STARTING)
        it.started = next_step(it.attempt, it.run, nothing, it.times, now=self._now()) is not Step.WAIT
        it.not_before = self._now() + TRY_AGAIN_AFTER_S

    def _give_up(self, it: _Followed, reason: Reason) -> None:
        """Finish the attempt as lost: nobody knows its end, and it has had all its time."""
        self._finish_as(it, AttemptState.LOST, Outcome.unknown(), reason, ran=False)

    def _finish(self, it: _Followed, seen: Observation) -> None:
        files = it.executor.files(it.attempt.name)
        outcome = read_outcome(files)
        if outcome.succeeded:
            self._imports.note(it.run, outcome.imports)
        took = self._now() - it.times.since
        state, reason = end_of(it.attempt, it.run, outcome.succeeded, outcome.reason, seen, took_s=took)
        if reason is not None:
            with self._ctx.store.read() as tx:
                source = tx.jobs.get(it.run.job_id).source
                manifest = tx.versions.get(it.run.job_id, it.run.version_digest).manifest
            reason = explained(reason, source, manifest.path, files.workspace)
        self._finish_as(it, state, outcome, reason, ran=seen.ran)

    def _finish_as(
        self, it: _Followed, state: AttemptState, outcome: Outcome, reason: Reason | None, *, ran: bool
    ) -> None:
        if state is AttemptState.LOST and it.attempt.state is AttemptState.FINALIZING:
            # The attempt had ended by itself; only its files are lost.
            state = AttemptState.FAILED
        if ran and state in (AttemptState.SUCCEEDED, AttemptState.FAILED):
            it.storing_since = self._now()
        record = store_record(self._ctx, it.attempt, it.executor.files(it.attempt.name), self._puts)
        it.end = End(state, outcome, record, reason, ran)

    def _in_a_thread(
        self, it: _Followed, work: Callable[[], None], threads: Mapping[Backend, ThreadPoolExecutor] | None = None
    ) -> None:
        def guarded() -> None:
            if self._followed.get(it.attempt.name) is not it:
                return  # It was forgotten while this work waited behind a backend that hangs.
            try:
                work()
            except Exception as error:
                # The disk may be full, or the blobs out of reach: the attempt stays as it is.
                self._try_again(it, error)

        it.at_work = future = (self._threads if threads is None else threads)[it.attempt.backend].submit(guarded)
        self._under_way.add(future)
        future.add_done_callback(self._note_done)

    def _note_done(self, future: Future[None]) -> None:
        self._under_way.discard(future)
        self._wake.set()

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
        # The engine writes the intent before it acts: an engine that finds the attempt dead then knows why.
        self._commit()
        it.times.stopping_since = self._now()
        self._in_a_thread(it, lambda: it.executor.stop(it.attempt.name, force=False))

    def _move(self, it: _Followed, state: AttemptState) -> None:
        """Move the attempt to `state`. The next `_commit` writes it."""
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
        if not at_once:  # The end of the attempt writes its own progress.
            self._writes.append(lambda tx: tx.attempts.note_progress(noted))

    def _commit(self) -> None:
        """Write everything that waits, in one transaction. After an error nothing of it waits any more."""
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
            # One of the ends cannot be written; the others can.
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
        with self._ctx.store.begin(fence=self._leadership.fence) as tx:
            for write in writes:
                write(tx)
            attempts = write_ends(self._ctx, tx, ends, self._ctx.moment()) if ends else []
        for it, attempt in zip(ended, attempts, strict=True):
            it.attempt, it.end = attempt, None
            reason = attempt.reason
            log.info("%s %s%s", attempt.name, attempt.state, f": {reason.message}" if reason else "")
            self._in_a_thread(it, partial(it.executor.forget, attempt.name))

    def _now(self) -> float:
        return self._ctx.clock.monotonic()


_NOT_YET_FINALIZING = (AttemptState.LAUNCHING, AttemptState.RUNNING)
_STOPPING = (AttemptState.CANCELLING, AttemptState.TIMING_OUT, AttemptState.UNCONFIRMED)


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine")
