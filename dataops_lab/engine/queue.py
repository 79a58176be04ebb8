"""The queue in the memory of the leading engine, so that the reads of a decision do not grow with its length."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from heapq import heappop, heappush

from ..domain.queue import ConcurrencyLimits, FairQueue, QueuedRun, UnfinishedRun
from ..domain.retries import is_retry_due, retry_at
from ..domain.runs import Attempt, RunState
from ..domain.time import Timestamp
from ..ports import Transaction


class LiveQueue:
    """The queue, read once and then kept up to date by the events that runs leave when they move.

    An event only names the run to look at, and the row of that run decides. So an event that is followed twice, or
    one of the engine's own, does no harm.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self.reset()

    def reset(self) -> None:
        """Forget everything, so that the next `sync` reads it again."""
        self._seq: int | None = None
        self._lines = FairQueue(ConcurrencyLimits(self._slots))
        self._active: dict[str, QueuedRun] = {}
        self._last_starts: dict[str, dt.datetime] = {}
        self._due: dict[str, float] = {}
        self._due_heap: list[tuple[float, str]] = []

    def sync(self, tx: Transaction, now: Timestamp) -> Collection[str]:
        """Read the changes of the store since the last call. Return the runs that people asked to end since then."""
        if self._seq is None:
            self._seq = tx.events.last_seq()
            entries = tx.queue.list_unfinished()
            self._last_starts = dict(tx.queue.last_starts())
            moved = cancelled = frozenset(entry.run.id for entry in entries)
        else:
            self._seq, moved, cancelled = tx.queue.changes_since(self._seq)
            entries = tx.queue.list_unfinished(moved) if moved else ()
        for run_id in moved:
            self._remove(run_id)
        waiting = [entry.run.id for entry in entries if entry.state is RunState.RETRY_WAIT]
        last_attempts = (
            {run_id: attempts[-1] for run_id, attempts in tx.attempts.list_for_runs(waiting).items()} if waiting else {}
        )
        for entry in entries:
            self._add(entry, last_attempts.get(entry.run.id), now)
        if self._lines and len(self._active) < self._slots:
            room = tx.queue.concurrency_limits(self._slots)
            if room != self._lines.limits:
                self._lines = self._lines.with_limits(room)
        return cancelled

    def select_starts(self, *, now: dt.datetime) -> list[QueuedRun]:
        """Return the places that get the free slots, in their order."""
        return self._lines.next_starts(self._active.values(), self._last_starts, now=now)

    def note_started(self, places: Collection[QueuedRun], *, at: dt.datetime) -> None:
        """Note at once that these runs have started, so that no slot is given away twice.

        On PostgreSQL the event that tells of it arrives later.
        """
        for place in places:
            self._remove(place.id)
            self._active[place.id] = place
            self._last_starts[place.created_by] = at

    def pop_due(self, now: Timestamp, *, limit: int) -> list[str]:
        """Take out, and return, at most `limit` runs whose time has come: for their next attempt, or to expire."""
        found: list[str] = []
        while len(found) < limit and self.next_due_s(now) <= 0:
            _, run_id = heappop(self._due_heap)
            del self._due[run_id]
            found.append(run_id)
        return found

    def reschedule(self, run_id: str, *, after_s: float, now: Timestamp) -> None:
        """Make a run due again after `after_s` seconds. It was taken out too early, because a wall clock was set."""
        self._schedule(run_id, after_s, now)

    def has_due(self, now: Timestamp) -> bool:
        return self.next_due_s(now) <= 0

    def next_due_s(self, now: Timestamp) -> float:
        """Return the seconds until the next run has waited long enough, or too long; infinite when none waits."""
        while self._due_heap and self._due.get(self._due_heap[0][1]) != self._due_heap[0][0]:
            heappop(self._due_heap)  # The run has moved on, and this time no longer counts.
        return self._due_heap[0][0] - (now.tick or 0.0) if self._due_heap else float("inf")

    def _add(self, entry: UnfinishedRun, last_attempt: Attempt | None, now: Timestamp) -> None:
        state, place, patience = entry
        if state is RunState.ACTIVE:
            self._active[place.id] = place
            return
        left_s = patience.remaining_s(now)
        if state is RunState.QUEUED:
            self._lines.add(place)
        elif last_attempt is not None:
            # The time is fixed here, on a clock that nobody can set.
            left_s = min(
                left_s,
                0.0
                if is_retry_due(last_attempt, now.wall_time)
                else (retry_at(last_attempt) - now.wall_time).total_seconds(),
            )
        self._schedule(place.id, left_s, now)

    def _schedule(self, run_id: str, after_s: float, now: Timestamp) -> None:
        self._due[run_id] = at = (now.tick or 0.0) + after_s
        heappush(self._due_heap, (at, run_id))

    def _remove(self, run_id: str) -> None:
        self._lines.remove(run_id)
        self._active.pop(run_id, None)
        self._due.pop(run_id, None)
