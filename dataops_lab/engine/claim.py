"""Claiming: what waits is queued again or given up when its time has come, and the queue gets the free slots."""

from __future__ import annotations

import datetime as dt

from ..domain.retries import due_at
from ..domain.runs import Attempt, AttemptState, Reason, Run, RunState
from ..ports import Clock, Store, Transaction

QUEUE_WITHIN = dt.timedelta(hours=24)
END_WITHIN = dt.timedelta(hours=72)


def claim(store: Store, clock: Clock, *, fence: int, slots: int) -> list[Attempt]:
    """The new attempts, oldest run first. Run, attempt and slot in one transaction: a crash leaves all or nothing."""
    with store.read() as tx:
        # Nearly always there is nothing to do, and finding that out must not take the write lock.
        if not tx.runs.queued(limit=1):
            return []
    now = clock.now()
    claimed = []
    with store.begin(fence=fence) as tx:
        free = slots - len(tx.attempts.alive())
        for found in tx.runs.queued(limit=free) if free > 0 else ():
            run = tx.runs.get(found.id)  # Looked up alone it stays as it is; a list may be old already.
            if run.state is not RunState.QUEUED:
                continue
            tx.runs.move(run, run.moved_to(RunState.ACTIVE, started_at=run.started_at or now, reason=None))
            number = len(tx.attempts.of_run(run.id)) + 1
            backend = tx.environments.get(run.environment).backend
            attempt = Attempt(run.id, number, AttemptState.CLAIMED, token=fence, created_at=now, backend=backend)
            tx.attempts.add(attempt)
            claimed.append(attempt)
    return claimed


def keep_time(store: Store, clock: Clock, *, fence: int) -> None:
    """Queue again what has waited long enough for its next attempt; give up what has waited for too long."""
    now = clock.now()
    with store.read() as tx:
        moves = [(run, after) for run in _waiting(tx) if (after := _moved_by_time(tx, run, now))]
    if moves:
        with store.begin(fence=fence) as tx:
            for before, after in moves:
                if tx.runs.get(before.id).state is before.state:
                    tx.runs.move(before, after)


def _waiting(tx: Transaction) -> list[Run]:
    return [*tx.runs.in_state(RunState.RETRY_WAIT), *tx.runs.queued(limit=100)]


def _moved_by_time(tx: Transaction, run: Run, now: dt.datetime) -> Run | None:
    waited = now - run.created_at
    attempts = tx.attempts.of_run(run.id)
    if waited >= (END_WITHIN if attempts else QUEUE_WITHIN):
        hours = waited.total_seconds() / 3600
        reason = Reason("expired", f"It waited for {hours:.0f} hours without ending; submit it again if it is wanted.")
        return run.moved_to(RunState.EXPIRED, finished_at=now, reason=reason)
    if run.state is RunState.RETRY_WAIT and now >= due_at(attempts[-1]):
        return run.moved_to(RunState.QUEUED)
    return None
