"""Backfills: which ticks of a span are missing or failed, and their runs, a few at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from ulid import ULID

from ..domain.actors import Actor
from ..domain.backfills import (
    MAX_TICKS,
    Backfill,
    BackfillCell,
    BackfillCounts,
    BackfillState,
    cause_of,
    too_many,
)
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import Reason
from ..domain.schedules import Schedule
from ..domain.ticks import Tick, TickKind, TickState
from ..errors import InvalidRequest
from ..ports import Transaction
from . import ticks
from .context import Services
from .permissions import require

_MAX_ROWS = 50_000
_MAX_LISTED = 10
_MAX_COUNTED = 100_000
"""The number of ticks up to which a backfill that is refused is counted."""


def preview(ctx: Services, name: str, wish: Backfill) -> Sequence[BackfillCell]:
    """Return the grid: each tick of the span with its state, and whether it would run. It starts nothing."""
    with ctx.store.read() as tx:
        return _grid(tx, tx.schedules.get(name), wish, ctx.clock.now())


def start(ctx: Services, name: str, wish: Backfill, *, by: Actor) -> Sequence[Tick]:
    """Add the ticks that run, in their order. The first ones start at once, and each end lets the next one start.

    They run the version of the schedule on the data of now, with the parameters of their nominal times. People hear of
    those that fail only when the wish says so.
    """
    at = ctx.moment()
    with ctx.store.begin() as tx:
        schedule = tx.schedules.get(name)
        require(ctx, by, Verb.RUN, ObjectKind.SCHEDULE, owner=schedule.owner, what=f"Schedule {schedule.name}")
        wanted = [cell for cell in _grid(tx, schedule, wish, at.wall_time) if cell.runs]
        if len(wanted) > MAX_TICKS:
            raise too_many(len(wanted))
        cause = cause_of(ticks.new_id(at), wish.concurrency, tells=wish.tells)
        # Sort the ids: the ticks start in the order of theirs.
        ids = sorted(str(ULID.from_datetime(at.wall_time)) for _ in wanted)
        if wish.newest_first:
            wanted = wanted[::-1]
        added = [
            Tick(
                id=tick_id,
                schedule_id=schedule.id,
                nominal=cell.nominal,
                preset=cell.preset,
                kind=TickKind.BACKFILL,
                state=TickState.WAITING,
                decided_at=at.wall_time,
                cause=cause,
                reason=Reason("backfill", f"{by} asked for it."),
            )
            for tick_id, cell in zip(ids, wanted, strict=True)
        ]
        for tick in added:
            tx.ticks.add(tick, by=by)
        ticks.release_backfill(tx, schedule.id, cause, at=at.wall_time)
    return added


def list_newest(ctx: Services, name: str) -> Sequence[BackfillCounts]:
    """Return the newest backfills of a schedule and how far each is, the newest first."""
    with ctx.store.read() as tx:
        return tx.ticks.list_backfills(tx.schedules.get(name).id, limit=_MAX_LISTED)


def cancel(ctx: Services, name: str, *, by: Actor) -> int:
    """Start no more ticks of the backfills of a schedule. Return how many waited. Runs that have begun go on."""
    now = ctx.clock.now()
    with ctx.store.begin() as tx:
        schedule = tx.schedules.get(name)
        require(ctx, by, Verb.RUN, ObjectKind.SCHEDULE, owner=schedule.owner, what=f"Schedule {schedule.name}")
        waiting = [tick for tick in tx.ticks.list_waiting(schedule.id) if tick.kind is TickKind.BACKFILL]
        for tick in waiting:
            ticks.skip(tx, tick, "backfill_cancelled", f"{by} cancelled the backfill.", at=now)
    return len(waiting)


def _grid(tx: Transaction, schedule: Schedule, wish: Backfill, now: dt.datetime) -> list[BackfillCell]:
    wish.check()
    if not schedule.settings.follows_clock:
        raise InvalidRequest("Only a schedule that follows the clock has ticks of the past to make up for.")
    # A backfill may reach back to before the schedule began.
    timetable = ticks.timetable_of(tx, schedule)
    last = min(wish.last, now)
    found = timetable.between(wish.first - dt.timedelta(microseconds=1), last, limit=_MAX_COUNTED)
    occurrences = [occurrence for occurrence in found if not occurrence.skipped]
    presets = schedule.settings.preset_names
    if len(occurrences) * len(presets) > MAX_TICKS:
        raise too_many(len(occurrences) * len(presets), at_least=len(found) == _MAX_COUNTED)
    states = _states(tx, schedule, wish.first, last)
    return [
        BackfillCell(occurrence.at, preset, state, state.is_wanted(wish.scope))
        for occurrence in occurrences
        for preset in presets
        for state in [states.get((occurrence.at, preset), BackfillState.MISSING)]
    ]


def _states(
    tx: Transaction, schedule: Schedule, first: dt.datetime, last: dt.datetime
) -> dict[tuple[dt.datetime, str], BackfillState]:
    rows = tx.ticks.list_between(first, last, schedule_id=schedule.id, limit=_MAX_ROWS)
    rows = [row for row in rows if row.kind in (TickKind.TIME, TickKind.BACKFILL)]
    succeeded = tx.ticks.succeeded([row.id for row in rows])
    runs = tx.runs.get_many([row.run_id for row in rows if row.run_id])
    rank = list(BackfillState)
    states: dict[tuple[dt.datetime, str], BackfillState] = {}
    for row in rows:
        run = runs.get(row.run_id or "")
        if row.id in succeeded:
            state = BackfillState.DONE
        elif row.state.is_open or (run is not None and not run.state.is_terminal):
            state = BackfillState.RUNNING
        elif run is not None or row.state is TickState.REFUSED:
            state = BackfillState.FAILED
        else:
            continue
        key = (row.nominal, row.preset)
        # A run that goes on decides, then a success, then a failure.
        better = max(states.get(key, state), state, key=rank.index)
        states[key] = BackfillState.RUNNING if BackfillState.RUNNING in (states.get(key), state) else better
    return states
