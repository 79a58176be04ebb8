"""Claiming: waiting runs are queued again or given up when their time has come, and queued runs get the free slots."""

from __future__ import annotations

from ..domain.runs import Attempt, AttemptState, Reason, Run, RunState
from ..domain.time import Timestamp
from ..services import Services
from ..services.reactions import move_runs
from .queue import LiveQueue

MAX_RUNS_PER_TRANSACTION = 100
"""The most runs that one transaction moves because of their time. People who submit wait for its end."""


def claim(ctx: Services, queue: LiveQueue, *, fence: int) -> list[tuple[Attempt, Run]]:
    """Give the free slots to queued runs. Return the new attempts with their runs.

    One transaction writes run, attempt and slot: after a crash the store has all of them or none.
    """
    now = ctx.clock.now()
    # Nearly always there is nothing to do, and finding that out must not take the write lock. Only the leader fills
    # slots, and the code below sees a run that was cancelled meanwhile.
    chosen = queue.select_starts(now=now)
    if not chosen:
        return []
    with ctx.store.begin(fence=fence) as tx:
        queued = [
            run for run in tx.runs.get_many([place.id for place in chosen]).values() if run.state is RunState.QUEUED
        ]
        if not queued:
            return []
        started_before = [run.id for run in queued if run.started_at is not None]
        earlier_attempts = tx.attempts.list_for_runs(started_before) if started_before else {}
        backends = {environment.name: environment.backend for environment in tx.environments.all()}
        runs, attempt_steps = [], []
        for run in queued:
            runs.append(run.transition_to(RunState.ACTIVE, started_at=run.started_at or now, reason=None))
            number, backend = len(earlier_attempts.get(run.id, ())) + 1, backends[run.environment]
            attempt = Attempt(run.id, number, AttemptState.CLAIMED, token=fence, created_at=now, backend=backend)
            # LAUNCHING is stored as the intent. After a crash, an engine asks the backend for what it may have
            # started under the name of the attempt.
            attempt_steps.append((attempt, attempt.transition_to(AttemptState.LAUNCHING)))
        tx.runs.transition_all(list(zip(queued, runs, strict=True)))
        tx.attempts.add_all(attempt_steps)
        tx.queue.record_starts({run.created_by.id for run in runs}, at=now)
    claimed = {run.id for run in runs}
    queue.note_started([place for place in chosen if place.id in claimed], at=now)
    return [(launching, run) for (_, launching), run in zip(attempt_steps, runs, strict=True)]


def expire_and_requeue(ctx: Services, queue: LiveQueue, now: Timestamp, *, fence: int) -> None:
    """Queue each run again that has waited long enough for its next attempt. Expire each that has waited too long.

    One call handles at most `MAX_RUNS_PER_TRANSACTION` runs. Call it again while the queue `has_due`.
    """
    due = queue.pop_due(now, limit=MAX_RUNS_PER_TRANSACTION)
    if not due:
        return
    with ctx.store.begin(fence=fence) as tx:
        moves = []
        tx.pipelines.lock_parents(due)
        for run in tx.runs.get_many(due).values():
            remaining_s = _remaining_s(run, now)
            if remaining_s <= 0 and run.state in (RunState.QUEUED, RunState.RETRY_WAIT):
                moves.append((run, _expire(run, now)))
            elif run.state is RunState.RETRY_WAIT:
                moves.append((run, run.transition_to(RunState.QUEUED)))
            elif run.state is RunState.QUEUED:
                queue.reschedule(run.id, after_s=remaining_s, now=now)
        if moves:
            move_runs(ctx, tx, moves, at=now.wall_time)


def _remaining_s(run: Run, now: Timestamp) -> float:
    settings = run.settings
    limit_s = settings.total_timeout_s if run.started_at else min(settings.queue_timeout_s, settings.total_timeout_s)
    return limit_s - now.seconds_since(run.created)


def _expire(run: Run, now: Timestamp) -> Run:
    hours = now.seconds_since(run.created) / 3600
    reason = Reason("expired", f"It waited for {hours:.3g} hours without ending; submit it again if it is wanted.")
    return run.transition_to(RunState.EXPIRED, finished_at=now.wall_time, reason=reason)
