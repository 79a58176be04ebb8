"""Claiming: what waits is queued again or given up when its time has come, and the queue gets the free slots."""

from __future__ import annotations

from ..domain.moments import Moment
from ..domain.retries import due_at, is_due
from ..domain.runs import Attempt, AttemptState, Reason, Run, RunState
from ..ports import Clock, Store
from ..services.queue import starting

LOOK_AGAIN_S = 30.0
"""How long the time at which something is due is trusted: the wall clock, by which retries wait, may be set."""


def claim(store: Store, clock: Clock, *, fence: int, slots: int) -> list[tuple[Attempt, Run]]:
    """The new attempts, with their runs. Run, attempt and slot in one transaction: a crash leaves all or nothing."""
    now = clock.now()
    with store.read() as tx:
        # Nearly always there is nothing to do. To find that out, and to choose among thousands, must not take the
        # write lock: the only one who fills slots is the leader, and what was cancelled meanwhile is seen below.
        chosen = starting(tx, slots, now=now)
    if not chosen:
        return []
    ids = [place.id for place in chosen]
    with store.begin(fence=fence) as tx:
        queued = [run for run in tx.runs.of(ids).values() if run.state is RunState.QUEUED]
        if not queued:
            return []
        earlier = tx.attempts.of_runs(ids)
        backends = {it.name: it.backend for it in tx.environments.all()}
        runs, ways = [], []
        for run in queued:
            runs.append(run.moved_to(RunState.ACTIVE, started_at=run.started_at or now, reason=None))
            number, backend = len(earlier[run.id]) + 1, backends[run.environment]
            attempt = Attempt(run.id, number, AttemptState.CLAIMED, token=fence, created_at=now, backend=backend)
            # Also the intent: after a crash, its backend is asked for what it may have started under its name.
            ways.append((attempt, attempt.moved_to(AttemptState.LAUNCHING)))
        tx.runs.move_all(list(zip(queued, runs, strict=True)))
        tx.attempts.add_all(ways)
        for person in {run.created_by.id for run in runs}:
            tx.queue.note_start(person, at=now)
    return [(launching, run) for (_, launching), run in zip(ways, runs, strict=True)]


def keep_time(store: Store, now: Moment, *, fence: int) -> float:
    """Queue again what has waited long enough for its next attempt; give up what has waited for too long.

    Returns the seconds after which it is due again, if nothing changes before.
    """
    with store.read() as tx:
        left = {it.id: it.left_s(now) for it in tx.queue.patience()}
        waiting = tx.runs.in_state(RunState.RETRY_WAIT)
        last = {run_id: of_run[-1] for run_id, of_run in tx.attempts.of_runs([run.id for run in waiting]).items()}
        given_up = [tx.runs.get(run_id) for run_id, seconds in left.items() if seconds <= 0]
    moves = [(run, _expired(run, now)) for run in given_up]
    moves += [(run, after) for run in waiting if (after := _moved_by_time(run, last[run.id], now))]
    if moves:
        with store.begin(fence=fence) as tx:
            for before, after in moves:
                if tx.runs.get(before.id).state is before.state:
                    tx.runs.move(before, after)
    due = [*left.values(), *((due_at(attempt) - now.at).total_seconds() for attempt in last.values())]
    return min([LOOK_AGAIN_S, *(seconds for seconds in due if seconds > 0)])


def _moved_by_time(run: Run, last: Attempt, now: Moment) -> Run | None:
    if now.since(run.created) >= run.settings.total_timeout_s:
        return _expired(run, now)
    return run.moved_to(RunState.QUEUED) if is_due(last, now.at) else None


def _expired(run: Run, now: Moment) -> Run:
    hours = now.since(run.created) / 3600
    reason = Reason("expired", f"It waited for {hours:.3g} hours without ending; submit it again if it is wanted.")
    return run.moved_to(RunState.EXPIRED, finished_at=now.at, reason=reason)
