from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, or_, select, update

from ..domain.actors import Actor
from ..domain.backfills import BackfillCounts, concurrency_of, id_of, tells
from ..domain.events import Subject, SubjectKind
from ..domain.runs import RunState
from ..domain.ticks import InTheWay, Tick, TickKind, TickState
from ..errors import NotFound, StaleWrite
from ..ports import Page, TickFilter
from . import reasons
from . import tables as t
from .events import SqlEvents
from .pages import page_of
from .rows import check_lengths, insert_if_absent

TRIM_BATCH_SIZE = 5000


class SqlTicks:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def add(self, tick: Tick, *, by: Actor | None = None) -> bool:
        if not insert_if_absent(self._connection, t.ticks, check_lengths(t.ticks, _columns(tick))):
            return False
        self._event(tick, by)
        return True

    def get(self, tick_id: str) -> Tick:
        found = self.get_many([tick_id])
        if tick_id not in found:
            raise NotFound(f"There is no tick {tick_id!r}. `jupyter dataops schedule log SCHEDULE` shows them.")
        return found[tick_id]

    def get_many(self, tick_ids: Collection[str]) -> Mapping[str, Tick]:
        return {row.id: _tick(row) for row in self._connection.execute(_BY_IDS, {"ids": list(set(tick_ids))})}

    def move(self, before: Tick, after: Tick) -> None:
        row = {**_columns(after), "of_tick": before.id, "of_state": before.state}
        if self._connection.execute(_MOVE, row).rowcount != 1:
            raise StaleWrite(f"The tick {before.id} is no longer {before.state}.")
        self._event(after, None)

    def page(self, where: TickFilter, *, limit: int, cursor: str | None = None) -> Page[Tick]:
        query = select(t.ticks)
        if where.schedule_id is not None:
            query = query.where(_T.schedule_id == where.schedule_id)
        if where.states:
            query = query.where(_T.state.in_([str(state) for state in where.states]))
        if where.preset is not None:
            query = query.where(_T.preset == where.preset)
        if where.nominal_after is not None:
            query = query.where(func.coalesce(_T.until, _T.nominal) >= where.nominal_after)
        if where.nominal_before is not None:
            query = query.where(_T.nominal < where.nominal_before)
        return page_of(self._connection, query, _T.id, _tick, limit=limit, cursor=cursor)

    def list_between(
        self, first: dt.datetime, last: dt.datetime, *, schedule_id: str | None = None, limit: int
    ) -> Sequence[Tick]:
        query = select(t.ticks).where(_T.nominal <= last, func.coalesce(_T.until, _T.nominal) >= first)
        if schedule_id is not None:
            query = query.where(_T.schedule_id == schedule_id)
        rows = self._connection.execute(query.order_by(_T.nominal, _T.id).limit(limit))
        return [_tick(row) for row in rows]

    def last_ticks(self, schedule_ids: Collection[str]) -> Mapping[str, Tick]:
        newest = select(func.max(_T.id)).where(_T.schedule_id.in_(list(schedule_ids))).group_by(_T.schedule_id)
        rows = self._connection.execute(select(t.ticks).where(_T.id.in_(newest)))
        return {row.schedule_id: _tick(row) for row in rows}

    def find(self, tick: Tick) -> Tick | None:
        query = select(t.ticks).where(*(column == getattr(tick, column.name) for column in _KEY))
        row = self._connection.execute(query).one_or_none()
        return _tick(row) if row else None

    def list_ready(self, *, limit: int, schedule_id: str | None = None) -> Sequence[Tick]:
        query = _READY if schedule_id is None else _READY.where(_T.schedule_id == schedule_id)
        return [_tick(row) for row in self._connection.execute(query, {"limit": limit})]

    def list_waiting(self, schedule_id: str | None = None) -> Sequence[Tick]:
        query = _WAITING if schedule_id is None else _WAITING.where(_T.schedule_id == schedule_id)
        return [_tick(row) for row in self._connection.execute(query)]

    def in_the_way(self, schedule_id: str) -> Mapping[str, InTheWay]:
        runs: dict[str, list[str]] = {}
        for preset, run_id in self._connection.execute(_ALIVE, {"schedule_id": schedule_id}):
            runs.setdefault(preset, []).append(run_id)
        rows = self._connection.execute(_OPEN_COUNTS, {"schedule_id": schedule_id})
        open_ticks: dict[str, int] = {preset: count for preset, count in rows}  # noqa: C416
        return {
            preset: InTheWay(tuple(runs.get(preset, ())), open_ticks.get(preset, 0)) for preset in {*runs, *open_ticks}
        }

    def count_unfinished(self, cause: str) -> int:
        return self._connection.scalar(_UNFINISHED_OF_CAUSE, {"cause": cause}) or 0

    def list_by_cause(self, schedule_id: str, cause: str) -> Sequence[Tick]:
        rows = self._connection.execute(_BY_CAUSE, {"schedule_id": schedule_id, "cause": cause})
        return [_tick(row) for row in rows]

    def list_backfills(self, schedule_id: str, *, limit: int) -> Sequence[BackfillCounts]:
        rows = self._connection.execute(_BACKFILLS, {"schedule_id": schedule_id, "limit": limit})
        return [_counts(cause, list(of_cause)) for cause, of_cause in groupby(rows, key=lambda row: row.cause)]

    def succeeded(self, tick_ids: Collection[str]) -> frozenset[str]:
        return frozenset(self._connection.scalars(_SUCCEEDED, {"ids": list(tick_ids)}))

    def last_success(self, schedule_id: str, preset: str, *, before: dt.datetime) -> dt.datetime | None:
        given = {"schedule_id": schedule_id, "preset": preset, "before": before}
        found: dt.datetime | None = self._connection.scalar(_LAST_SUCCESS, given)
        return found

    def list_due(self, now: dt.datetime, *, limit: int) -> Sequence[Tick]:
        return [_tick(row) for row in self._connection.execute(_DUE, {"now": now, "limit": limit})]

    def list_due_later(self, now: dt.datetime, *, limit: int) -> Sequence[Tick]:
        return [_tick(row) for row in self._connection.execute(_DUE_LATER, {"now": now, "limit": limit})]

    def next_due_at(self) -> dt.datetime | None:
        found: dt.datetime | None = self._connection.scalar(select(func.min(_T.due_at)).where(*_UNTOLD))
        return found

    def mark_told(self, tick_id: str, *, at: dt.datetime) -> bool:
        told = update(t.ticks).where(_T.id == tick_id, _T.told_at.is_(None)).values(told_at=at)
        return self._connection.execute(told).rowcount == 1

    def delete_old(self, *, before: dt.datetime) -> int:
        closed = _T.state.not_in((str(TickState.WAITING), str(TickState.READY)))
        oldest = select(_T.id).where(_T.decided_at < before, closed).order_by(_T.decided_at).limit(TRIM_BATCH_SIZE)
        return self._connection.execute(delete(t.ticks).where(_T.id.in_(oldest))).rowcount

    def _event(self, tick: Tick, by: Actor | None) -> None:
        data = {
            "tick": tick.id,
            "state": str(tick.state),
            "nominal": tick.nominal.isoformat(),
            **({"preset": tick.preset} if tick.preset else {}),
            **({"run": tick.run_id} if tick.run_id else {}),
            **({"reason": tick.reason.code} if tick.reason else {}),
        }
        subject = Subject(SubjectKind.SCHEDULE, tick.schedule_id)
        self._events.add(subject, f"tick.{tick.state}", at=tick.decided_at, actor=by, data=data)


_T, _R = t.ticks.c, t.runs.c
_KEY = (_T.schedule_id, _T.nominal, _T.preset, _T.cause)
_BY_IDS = select(t.ticks).where(_T.id.in_(bindparam("ids", expanding=True)))
_MOVE = update(t.ticks).where(_T.id == bindparam("of_tick"), _T.state == bindparam("of_state"))
# The constants, and not parameters, let both databases see that the index of open ticks has these rows.
_IS_READY, _IS_WAITING = (_T.state == bindparam(None, state, literal_execute=True) for state in ("ready", "waiting"))
_READY = select(t.ticks).where(_IS_READY).order_by(_T.id).limit(bindparam("limit"))
_WAITING = select(t.ticks).where(_IS_WAITING).order_by(_T.schedule_id, _T.id)
_UNFINISHED_STATES = [str(state) for state in RunState if not state.is_terminal]
_BY_CAUSE = (
    select(t.ticks)
    # The constant lets both databases see that the index of causes has these rows.
    .where(
        _T.cause != bindparam(None, "", literal_execute=True),
        _T.schedule_id == bindparam("schedule_id"),
        _T.cause == bindparam("cause"),
    )
    .order_by(_T.nominal, _T.id)
)
_ALIVE = (
    select(_T.preset, _R.id)
    .join(t.ticks, _T.id == _R.tick_id)
    .where(
        _R.state.in_(_UNFINISHED_STATES),
        _R.tick_id.is_not(None),
        _R.parent_id.is_(None),
        _T.schedule_id == bindparam("schedule_id"),
        _T.kind != str(TickKind.BACKFILL),
    )
    .order_by(_R.id)
)
_OPEN_COUNTS = (
    select(_T.preset, func.count())
    .where(
        or_(_IS_READY, _IS_WAITING),
        _T.schedule_id == bindparam("schedule_id"),
        _T.kind != str(TickKind.BACKFILL),
    )
    .group_by(_T.preset)
)
_UNFINISHED_OF_CAUSE = (
    select(func.count())
    .select_from(t.runs)
    .join(t.ticks, _T.id == _R.tick_id)
    .where(_R.state.in_(_UNFINISHED_STATES), _R.tick_id.is_not(None), _T.cause == bindparam("cause"))
)
_SUCCEEDED = (
    select(_R.tick_id)
    .where(_R.tick_id.in_(bindparam("ids", expanding=True)), _R.state == str(RunState.SUCCEEDED))
    .distinct()
)
_LAST_SUCCESS = select(func.max(_T.nominal)).where(
    _T.schedule_id == bindparam("schedule_id"),
    _T.preset == bindparam("preset"),
    _T.nominal < bindparam("before"),
    _T.id.in_(select(_R.tick_id).where(_R.tick_id == _T.id, _R.state == str(RunState.SUCCEEDED))),
)
_UNTOLD = (_T.due_at.is_not(None), _T.told_at.is_(None))
_DUE = (
    select(t.ticks).where(*_UNTOLD, _T.due_at <= bindparam("now")).order_by(_T.due_at, _T.id).limit(bindparam("limit"))
)
_DUE_LATER = (
    select(t.ticks).where(*_UNTOLD, _T.due_at > bindparam("now")).order_by(_T.due_at, _T.id).limit(bindparam("limit"))
)


_OF_BACKFILL = (_T.schedule_id == bindparam("schedule_id"), _T.kind == str(TickKind.BACKFILL))
# A cause begins with its mark and the id of the backfill, so the newest is the greatest.
_NEWEST_CAUSES = select(_T.cause).where(*_OF_BACKFILL).distinct().order_by(_T.cause.desc()).limit(bindparam("limit"))
_BACKFILLS = (
    select(
        _T.cause,
        _T.state,
        _R.state.label("run_state"),
        func.count().label("number"),
        func.min(_T.nominal).label("first"),
        func.max(_T.nominal).label("last"),
    )
    .select_from(t.ticks)
    .join(t.runs, _R.id == _T.run_id, isouter=True)
    .where(*_OF_BACKFILL, _T.cause.in_(_NEWEST_CAUSES))
    .group_by(_T.cause, _T.state, _R.state)
    .order_by(_T.cause.desc())
)


def _counts(cause: str, rows: Sequence[Row[Any]]) -> BackfillCounts:
    numbers = Counter[str]()
    for row in rows:
        numbers[_fate(TickState(row.state), RunState(row.run_state) if row.run_state else None)] += row.number
    return BackfillCounts(
        id=id_of(cause),
        first=min(row.first for row in rows),
        last=max(row.last for row in rows),
        concurrency=concurrency_of(cause),
        tells=tells(cause),
        **numbers,
    )


def _fate(state: TickState, run: RunState | None) -> str:
    """Return the member of BackfillCounts that counts a tick."""
    if state.is_open:
        return "waiting"
    if state is TickState.SKIPPED:
        return "skipped"
    if run is not None and not run.is_terminal:
        return "running"
    return "done" if run is RunState.SUCCEEDED else "failed"


def _columns(tick: Tick) -> dict[str, Any]:
    return {**vars(tick), "reason": reasons.to_json(tick.reason), "payload": dict(tick.payload)}


def _tick(row: Row[Any]) -> Tick:
    return Tick(
        **{
            **row._mapping,
            "kind": TickKind(row.kind),
            "state": TickState(row.state),
            "reason": reasons.from_json(row.reason),
        }
    )
