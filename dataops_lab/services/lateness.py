"""Lateness that is foreseen for ticks: from their runs, and from how long those of before took."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from ..domain.durations import LAST, WARNING_NEEDS, expected_duration
from ..domain.lateness import foresee_lateness
from ..domain.runs import RunState
from ..domain.schedules import Schedule
from ..domain.ticks import Tick, TickState
from ..ports import Transaction
from .context import Services

_GOING = (TickState.WAITING, TickState.READY, TickState.RAN)


def foresee(ctx: Services, found: Collection[Tick]) -> Mapping[str, float]:
    """Return by how many seconds these ticks will be late, as far as it can be foreseen, by their ids."""
    now = ctx.clock.now()
    if not any(_may_be_late(tick, now) for tick in found):
        return {}
    with ctx.store.read() as tx:
        return foresee_in(tx, found, now)


def foresee_in(tx: Transaction, found: Collection[Tick], now: dt.datetime) -> Mapping[str, float]:
    """Return the same within a transaction."""
    going = [tick for tick in found if _may_be_late(tick, now)]
    schedules = tx.schedules.get_many([tick.schedule_id for tick in going]) if going else {}
    runs = tx.runs.get_many([tick.run_id for tick in going if tick.run_id])
    usual: dict[str, float | None] = {}
    late: dict[str, float] = {}
    for tick in going:
        schedule = schedules.get(tick.schedule_id)
        run = runs.get(tick.run_id or "")
        if schedule is None or tick.due_at is None or (tick.run_id and (run is None or run.state.is_terminal)):
            continue
        if schedule.id not in usual:
            usual[schedule.id] = _usual_duration(tx, schedule)
        late_s = foresee_lateness(
            tick.due_at, now, expected_s=usual[schedule.id], started_at=run.started_at if run else None
        )
        if late_s is not None:
            late[tick.id] = late_s
    return late


def of_schedules(ctx: Services, last: Mapping[str, Tick]) -> Mapping[str, float]:
    """Return by how many seconds the newest ticks of schedules will be late, all presets of one time together."""
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        found: list[Tick] = []
        for schedule_id, tick in last.items():
            if tick.due_at is not None and tick.due_at > now:
                found += tx.ticks.list_between(tick.nominal, tick.nominal, schedule_id=schedule_id, limit=500)
        foreseen = foresee_in(tx, found, now)
    late: dict[str, float] = {}
    for tick in found:
        if tick.id in foreseen:
            late[tick.schedule_id] = max(foreseen[tick.id], late.get(tick.schedule_id, 0.0))
    return late


def _may_be_late(tick: Tick, now: dt.datetime) -> bool:
    return tick.due_at is not None and tick.due_at > now and tick.state in _GOING


def _usual_duration(tx: Transaction, schedule: Schedule) -> float | None:
    """Return the expected duration in seconds; None as long as too few runs have succeeded."""
    ends = tx.runs.list_last_ends(schedule.job_id, schedule.environment, limit=2 * LAST)
    durations: Sequence[float] = [
        end.seconds for end in ends if end.state is RunState.SUCCEEDED and end.seconds is not None
    ]
    return expected_duration(durations) if len(durations) >= WARNING_NEEDS else None
