"""The queue in the memory of the leading engine, so that the reads of a decision do not grow with its length."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from heapq import heappop, heappush

from ..domain.moments import Moment
from ..domain.queue import Lines, Place, Room, Standing
from ..domain.retries import due_at, is_due
from ..domain.runs import Attempt, RunState
from ..ports import Transaction


class LiveQueue:
    """The queue, read once and then kept up to date by the events that runs leave when they move.

    An event only names the run to look at, and the row of that run decides. So an event that is followed twice, or
    one of the engine's own, does no harm.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self.forget()

    def forget(self) -> None:
        """Forget everything, so that the next `follow` reads it again."""
        self._seq: int | None = None
        self._lines = Lines(Room(self._slots))
        self._active: dict[str, Place] = {}
        self._last_starts: dict[str, dt.datetime] = {}
        self._due: dict[str, float] = {}
        self._times: list[tuple[float, str]] = []

    def follow(self, tx: Transaction, now: Moment) -> Collection[str]:
        """Read the changes of the store since the last call. Return the runs that people asked to end since then."""
        if self._seq is None:
            self._seq = tx.events.last_seq()
            standing = tx.queue.alive()
            self._last_starts = dict(tx.queue.last_starts())
            moved = cancelled = frozenset(it.place.id for it in standing)
        else:
            self._seq, moved, cancelled = tx.queue.changes_since(self._seq)
            standing = tx.queue.alive(moved) if moved else ()
        for run_id in moved:
            self._drop(run_id)
        waiting = [it.place.id for it in standing if it.state is RunState.RETRY_WAIT]
        last = {run_id: of_run[-1] for run_id, of_run in tx.attempts.of_runs(waiting).items()} if waiting else {}
        for each in standing:
            self._take(each, last.get(each.place.id), now)
        if self._lines and len(self._active) < self._slots:
            room = tx.queue.room(self._slots)
            if room != self._lines.room:
                self._lines = self._lines.with_room(room)
        return cancelled

    def starting(self, *, now: dt.datetime) -> list[Place]:
        """Return the places that get the free slots, in their order."""
        return self._lines.starting(self._active.values(), self._last_starts, now=now)

    def note_started(self, places: Collection[Place], *, at: dt.datetime) -> None:
        """Note at once that these runs have started, so that no slot is given away twice.

        On PostgreSQL the event that tells of it arrives later.
        """
        for place in places:
            self._drop(place.id)
            self._active[place.id] = place
            self._last_starts[place.created_by] = at

    def due(self, now: Moment, *, most: int) -> list[str]:
        """Take out, and return, at most `most` runs whose time has come: for their next attempt, or to expire."""
        found: list[str] = []
        while len(found) < most and self.next_due_s(now) <= 0:
            _, run_id = heappop(self._times)
            del self._due[run_id]
            found.append(run_id)
        return found

    def look_again(self, run_id: str, *, after_s: float, now: Moment) -> None:
        """Make a run due again after `after_s` seconds. It was taken out too early, because a wall clock was set."""
        self._be_due(run_id, after_s, now)

    def has_due(self, now: Moment) -> bool:
        return self.next_due_s(now) <= 0

    def next_due_s(self, now: Moment) -> float:
        """Return the seconds until the next run has waited long enough, or too long; infinite when none waits."""
        while self._times and self._due.get(self._times[0][1]) != self._times[0][0]:
            heappop(self._times)  # The run has moved on, and this time no longer counts.
        return self._times[0][0] - (now.tick or 0.0) if self._times else float("inf")

    def _take(self, standing: Standing, last: Attempt | None, now: Moment) -> None:
        state, place, patience = standing
        if state is RunState.ACTIVE:
            self._active[place.id] = place
            return
        left_s = patience.left_s(now)
        if state is RunState.QUEUED:
            self._lines.add(place)
        elif last is not None:
            # The time is fixed here, on a clock that nobody can set.
            left_s = min(left_s, 0.0 if is_due(last, now.at) else (due_at(last) - now.at).total_seconds())
        self._be_due(place.id, left_s, now)

    def _be_due(self, run_id: str, after_s: float, now: Moment) -> None:
        self._due[run_id] = at = (now.tick or 0.0) + after_s
        heappush(self._times, (at, run_id))

    def _drop(self, run_id: str) -> None:
        self._lines.remove(run_id)
        self._active.pop(run_id, None)
        self._due.pop(run_id, None)
