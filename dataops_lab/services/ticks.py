"""Ticks: started when it is time, after other jobs and after runs that were in the way; each decided exactly once.

A tick and its run are written in one transaction under the engine's fence, with the schedule held. So it does not
matter how many engines look, or when one of them dies.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ulid import ULID

from ..domain.actors import ENGINE, SCHEDULES, Actor
from ..domain.backfills import concurrency_of, tells
from ..domain.calendars import Calendar
from ..domain.dates import compute_dates
from ..domain.lateness import round_up
from ..domain.notifications import MessageKind
from ..domain.runs import Reason, Run, RunState, TriggerKind
from ..domain.schedules import FAILURES, AfterJob, Pause, Schedule
from ..domain.subscriptions import Occasion
from ..domain.ticks import CLEAR, Decision, Tick, TickKind, TickState, decide, decide_overlap, in_words
from ..domain.time import Timestamp
from ..domain.timetables import Timetable, zone_of
from ..errors import Conflict, DataOpsError, StaleWrite, StoreBusy
from ..ports import Transaction
from . import lateness
from .context import Services
from .messages import FORESEEN, long_run_group, tell, tell_end
from .runs import ask_to_end
from .scheduled_runs import ScheduledRun, prepare
from .sending import is_told

log = logging.getLogger("dataops_lab.schedules")

MAX_DUE = 500
"""The most schedules that one look finds."""

_SUPERSEDED = "A later tick took its place."

DUE_STATES = (TickState.RAN, TickState.WAITING, TickState.READY, TickState.SKIPPED)
"""The states of ticks whose due time counts. People hear of the others at once."""


@dataclass(frozen=True)
class DueSchedules:
    """The result of a look at all schedules: those with something to start, and the instant of the next look."""

    schedules: Mapping[str, int]
    """The ids with the revisions."""
    next_at: dt.datetime | None


@dataclass(frozen=True)
class PreparedStart:
    """A schedule whose runs can start, or the reason why they cannot."""

    schedule_id: str
    revision: int
    run: ScheduledRun | None
    refusal: DataOpsError | None = None


def list_due(ctx: Services) -> DueSchedules:
    """Find the schedules with a tick that is due or ready, and the instant at which something is due again."""
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        due = {schedule.id: schedule.revision for schedule in tx.schedules.list_due(now, limit=MAX_DUE)}
        ready = {tick.schedule_id for tick in tx.ticks.list_ready(limit=MAX_DUE)} - due.keys()
        due |= {found.id: found.revision for found in tx.schedules.get_many(ready).values()}
        moments = (tx.schedules.next_wake_at(), tx.ticks.next_due_at())
        return DueSchedules(due, min((moment for moment in moments if moment is not None), default=None))


def prepare_start(ctx: Services, schedule_id: str) -> PreparedStart:
    """Prepare the runs of a schedule, outside of any transaction. It reads files, which may take a while."""
    with ctx.store.read() as tx:
        schedule = tx.schedules.get(schedule_id)
    try:
        return PreparedStart(schedule_id, schedule.revision, prepare(ctx, schedule))
    except StoreBusy:
        raise
    except DataOpsError as error:
        return PreparedStart(schedule_id, schedule.revision, None, error)
    except Exception as error:
        log.exception("The runs of the schedule %s cannot be prepared.", schedule.name)
        failure = DataOpsError(f"The run could not be prepared: {error}. The log of the engine says more.")
        return PreparedStart(schedule_id, schedule.revision, None, failure)


def start(ctx: Services, prepared: Sequence[PreparedStart], *, fence: int) -> None:
    """Decide about all that is due of these schedules, and start it, in one transaction."""
    with ctx.store.begin(fence=fence) as tx:
        for each in sorted(prepared, key=lambda each: each.schedule_id):
            try:
                with tx.savepoint():
                    _start(ctx, tx, each)
            except (StaleWrite, StoreBusy):
                raise
            except Exception as error:
                log.exception("The schedule %s cannot go on.", each.schedule_id)
                _put_off(ctx, tx, each.schedule_id, error)


RETRY_AFTER = dt.timedelta(minutes=1)


def _put_off(ctx: Services, tx: Transaction, schedule_id: str, error: Exception) -> None:
    """Look at a schedule again a little later, so that one that cannot be decided costs the others nothing."""
    for schedule in tx.schedules.get_many([schedule_id]).values():
        if schedule.wake_at is not None:
            refusal = f"The engine could not decide: {error}"
            tx.schedules.move_on(replace(schedule, wake_at=ctx.clock.now() + RETRY_AFTER, refusal=refusal[:1000]))


def _start(ctx: Services, tx: Transaction, prepared: PreparedStart) -> None:
    schedule = tx.schedules.get_many([prepared.schedule_id]).get(prepared.schedule_id)
    if schedule is None or schedule.revision != prepared.revision:
        return  # It was changed meanwhile: what was prepared is not what it wants now.
    at = ctx.moment()
    for tick in tx.ticks.list_ready(limit=MAX_DUE, schedule_id=schedule.id):
        schedule = _start_ready(tx, schedule, tick, prepared, at=at)
    if schedule.pause is None and schedule.wake_at is not None and schedule.wake_at <= at.wall_time:
        timetable = timetable_of(tx, schedule)
        look = decide(schedule, timetable, at.wall_time, tx.ticks.in_the_way(schedule.id))
        for decision in look.decisions:
            schedule = _write(ctx, tx, schedule, decision, prepared, at=at)
        schedule = replace(schedule, decided_until=look.decided_until).planned(timetable)
    tx.schedules.move_on(schedule)


def timetable_of(tx: Transaction, schedule: Schedule) -> Timetable:
    return schedule.settings.timetable(calendar_of(tx, schedule))


def calendar_of(tx: Transaction, schedule: Schedule) -> Calendar | None:
    name = schedule.settings.calendar
    return tx.calendars.find(name) if name else None


# --- one tick -------------------------------------------------------------------------------------


def _write(
    ctx: Services, tx: Transaction, schedule: Schedule, decision: Decision, prepared: PreparedStart, *, at: Timestamp
) -> Schedule:
    """Write the tick of a decision, with its run. Return the schedule as it is then."""
    due = schedule.settings.due
    tick = Tick(
        id=new_id(at),
        schedule_id=schedule.id,
        nominal=decision.nominal,
        preset=decision.preset,
        kind=TickKind.TIME,
        state=decision.state,
        decided_at=at.wall_time,
        reason=decision.reason,
        other_run_id=decision.other_run_id,
        until=decision.until,
        count=decision.count,
        due_at=due.instant(decision.nominal, schedule.settings.timezone) if due else None,
    )
    if decision.reason and decision.reason.code == "holiday":
        tick = replace(tick, due_at=None)
    if tx.ticks.find(tick) is not None:
        return schedule  # An earlier state of the schedule had this nominal time too, and decided about it.
    if tick.state is TickState.RAN:
        tick = _run(tx, schedule, tick, prepared, at=at)
    if tick.state not in DUE_STATES:
        tick = replace(tick, due_at=None)
    if decision.supersedes:
        skip_open(tx, schedule.id, "superseded", _SUPERSEDED, preset=decision.preset, at=at.wall_time)
    tx.ticks.add(tick, by=ENGINE)
    for run_id in decision.cancels:
        cancel_run(ctx, tx, run_id, at=at.wall_time)
    return _note(tx, schedule, tick, at=at.wall_time)


def _start_ready(
    tx: Transaction, schedule: Schedule, tick: Tick, prepared: PreparedStart, *, at: Timestamp
) -> Schedule:
    started = _run(tx, schedule, tick, prepared, at=at)
    tx.ticks.move(tick, replace(started, decided_at=at.wall_time))
    if tick.kind is TickKind.BACKFILL and started.state is TickState.REFUSED:
        release_backfill(tx, schedule.id, tick.cause, at=at.wall_time)
    return _note(tx, schedule, started, at=at.wall_time)


def _run(tx: Transaction, schedule: Schedule, tick: Tick, prepared: PreparedStart, *, at: Timestamp) -> Tick:
    """Add the run of a tick. Return the tick as it is then: with its run, or refused with the reason."""
    if prepared.run is None:
        assert prepared.refusal is not None
        return _refused(tick, prepared.refusal)
    try:
        with tx.savepoint():
            run = prepared.run.add(tx, tick, parameters_of(tx, schedule, tick), at=at)
    except (StaleWrite, StoreBusy):
        raise
    except DataOpsError as error:
        return _refused(tick, error)
    return replace(tick, state=TickState.RAN, run_id=run.id)


def _refused(tick: Tick, error: DataOpsError) -> Tick:
    return replace(tick, state=TickState.REFUSED, reason=Reason(error.precise_code, error.message), due_at=None)


def parameters_of(tx: Transaction, schedule: Schedule, tick: Tick) -> dict[str, Any]:
    """Return the parameters of the run of a tick: given ones, dates of its nominal time, and those of its cause."""
    settings = schedule.settings
    previous = tx.ticks.last_success(schedule.id, tick.preset, before=tick.nominal)
    dates = compute_dates(settings.dates_of(tick.preset), tick.nominal, zone_of(settings.timezone), previous=previous)
    return {**settings.parameters_of(tick.preset), **dates, **tick.payload}


def _note(tx: Transaction, schedule: Schedule, tick: Tick, *, at: dt.datetime) -> Schedule:
    """Tell people what they should know about the decision, and count it."""
    if tick.kind is TickKind.BACKFILL:
        return schedule
    if tick.state is TickState.RAN:
        return replace(schedule, refusal=None)
    if tick.state is TickState.MISSED:
        tell(tx, MessageKind.MISSED, schedule, tick, at=at)
    if tick.state is TickState.SKIPPED:
        tell(tx, MessageKind.MISSED, schedule, tick, occasion=Occasion.SKIPPED, at=at)
    if tick.state is TickState.REFUSED and tick.reason is not None:
        tell(tx, MessageKind.REFUSED, schedule, tick, at=at)
        return count_failure(tx, replace(schedule, refusal=tick.reason.message), tick, at=at)
    return schedule


def cancel_run(ctx: Services, tx: Transaction, run_id: str, *, at: dt.datetime) -> None:
    tx.pipelines.lock_parents([run_id])
    for run in tx.runs.get_many([run_id]).values():
        if not run.state.is_terminal:
            ask_to_end(ctx, tx, run, by=SCHEDULES, at=at)


def new_id(at: Timestamp) -> str:
    return str(ULID.from_datetime(at.wall_time))


# --- reactions ------------------------------------------------------------------------------------


def react(ctx: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime) -> None:
    """Count the ends of runs of schedules, start what waited for them, and what follows other jobs."""
    tops = [run for run in ended if run.parent_id is None]
    of_ticks = [run for run in tops if run.tick_id is not None]
    if of_ticks:
        _end_ticks(ctx, tx, of_ticks, at)
    started_by = [run for run in tops if run.trigger.kind is not TriggerKind.TRIAL]
    if started_by:
        _follow(ctx, tx, started_by, at)


def _end_ticks(ctx: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime) -> None:
    ticks = tx.ticks.get_many([run.tick_id for run in ended if run.tick_id is not None])
    schedules = dict(tx.schedules.get_many([tick.schedule_id for tick in ticks.values()]))
    for run in ended:
        tick = ticks.get(run.tick_id or "")
        schedule = schedules.get(tick.schedule_id) if tick else None
        if tick is None or schedule is None:
            continue  # The schedule is gone; its runs stay.
        if tick.kind is TickKind.BACKFILL:
            if tells(tick.cause) and run.state in FAILURES:
                tell(tx, MessageKind.FAILURE, schedule, tick, run=run, at=at)
            release_backfill(tx, schedule.id, tick.cause, at=at)
        else:
            schedules[schedule.id] = _count_end(ctx, tx, schedule, tick, run, at)
    for schedule_id in schedules:
        release_waiting(tx, schedule_id, at=at)


def _count_end(ctx: Services, tx: Transaction, schedule: Schedule, tick: Tick, run: Run, at: dt.datetime) -> Schedule:
    if run.state is RunState.SUCCEEDED:
        if tick.due_at is None or tick.due_at >= at:
            tx.ticks.mark_told(tick.id, at=at)
        # The first success after a failure says that it works again: nobody can choose not to hear that.
        if is_told(ctx, tx, schedule, tick, run, at=at) or schedule.failures:
            tell_end(tx, schedule, tick, run, at=at)
        if schedule.failures:
            schedule = replace(schedule, failures=0)
            tx.schedules.move_on(schedule)
    elif run.state in FAILURES:
        # People hear of the failure now. They need not hear again that there is no success at the due time.
        tx.ticks.mark_told(tick.id, at=at)
        tell_end(tx, schedule, tick, run, at=at)
        schedule = count_failure(tx, schedule, tick, at=at)
        tx.schedules.move_on(schedule)
    else:
        tell_end(tx, schedule, tick, run, at=at)
    return schedule


def count_failure(tx: Transaction, schedule: Schedule, tick: Tick, *, at: dt.datetime) -> Schedule:
    """Count a final failure, and pause the schedule when it was the last one that it may have. Return it."""
    schedule = replace(schedule, failures=schedule.failures + 1)
    limit = schedule.settings.pause_on_failure
    if limit is None or schedule.failures < limit or schedule.pause is not None:
        return schedule
    times = "one failure" if schedule.failures == 1 else f"{schedule.failures} failures in a row"
    paused = replace(schedule, pause=Pause(at, SCHEDULES, f"Paused after {times}."), next_at=None, wake_at=None)
    paused = tx.schedules.change(paused, "schedule.paused", at=at, by=SCHEDULES)
    skip_open(tx, schedule.id, "paused", f"The schedule was paused after {times}.", at=at)
    tell(tx, MessageKind.PAUSED, paused, tick, at=at)
    return paused


def release_waiting(tx: Transaction, schedule_id: str, *, at: dt.datetime) -> None:
    """Let the oldest waiting tick of each preset start of which no run is in the way any more."""
    waiting = [tick for tick in tx.ticks.list_waiting(schedule_id) if tick.kind is not TickKind.BACKFILL]
    if not waiting:
        return
    way = tx.ticks.in_the_way(schedule_id)
    released: set[str] = set()
    for tick in waiting:
        if tick.preset in released or way.get(tick.preset, CLEAR).run_ids:
            continue
        released.add(tick.preset)
        tx.ticks.move(tick, replace(tick, state=TickState.READY, decided_at=at))


def release_backfill(tx: Transaction, schedule_id: str, cause: str, *, at: dt.datetime) -> None:
    """Let as many ticks of a backfill start as may run at once."""
    of_cause = tx.ticks.list_by_cause(schedule_id, cause)
    ready = sum(tick.state is TickState.READY for tick in of_cause)
    room = concurrency_of(cause) - ready - tx.ticks.count_unfinished(cause)
    waiting = sorted((tick for tick in of_cause if tick.state is TickState.WAITING), key=lambda tick: tick.id)
    for tick in waiting[: max(0, room)]:
        tx.ticks.move(tick, replace(tick, state=TickState.READY, decided_at=at))


def catch_up(ctx: Services, *, fence: int) -> None:
    """Release ticks that wait for nothing any more: a reaction may have failed."""
    with ctx.store.read() as tx:
        waiting = tx.ticks.list_waiting()
    for schedule_id in sorted({tick.schedule_id for tick in waiting}):
        causes = {tick.cause for tick in waiting if tick.schedule_id == schedule_id and tick.kind is TickKind.BACKFILL}
        with ctx.store.begin(fence=fence) as tx:
            tx.schedules.get_many([schedule_id])
            release_waiting(tx, schedule_id, at=ctx.clock.now())
            for cause in sorted(causes):
                release_backfill(tx, schedule_id, cause, at=ctx.clock.now())


def _follow(ctx: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime) -> None:
    """Add a tick to each schedule that starts after one of these jobs."""
    followers = tx.schedules.list_after_jobs([run.job_id for run in ended])
    for schedule in followers:
        rule = schedule.settings.rule
        assert isinstance(rule, AfterJob)
        for run in ended:
            if run.job_id == rule.job_id and rule.on.fits(run.state) and is_within(schedule, at):
                add_event_ticks(ctx, tx, schedule, TickKind.JOB, nominal=at, cause=run.id, payload={}, at=at)


def is_within(schedule: Schedule, at: dt.datetime) -> bool:
    """Tell whether the schedule counts at this instant: between its start and its end."""
    settings = schedule.settings
    return (settings.starts_at is None or settings.starts_at <= at) and (
        settings.ends_at is None or at <= settings.ends_at
    )


def add_event_ticks(
    ctx: Services,
    tx: Transaction,
    schedule: Schedule,
    kind: TickKind,
    *,
    nominal: dt.datetime,
    cause: str,
    payload: Mapping[str, Any],
    at: dt.datetime,
) -> list[Tick]:
    """Add a tick for each preset that the engine starts soon, or that waits or is skipped as `overlap` says."""
    way = tx.ticks.in_the_way(schedule.id)
    due = schedule.settings.due
    added = []
    for preset in schedule.settings.preset_names:
        wanted = Decision(nominal, preset, TickState.READY)
        decision = decide_overlap(schedule.settings.overlap, wanted, way.get(preset, CLEAR))
        tick = Tick(
            id=new_id(Timestamp(at)),
            schedule_id=schedule.id,
            nominal=nominal,
            preset=preset,
            kind=kind,
            state=decision.state,
            decided_at=at,
            cause=cause,
            reason=decision.reason,
            other_run_id=decision.other_run_id,
            payload=payload,
            due_at=due.instant(nominal, schedule.settings.timezone) if due else None,
        )
        if decision.supersedes:
            skip_open(tx, schedule.id, "superseded", _SUPERSEDED, preset=preset, at=at)
        if tx.ticks.add(tick):
            added.append(tick)
            for run_id in decision.cancels:
                cancel_run(ctx, tx, run_id, at=at)
    return added


def skip_open(
    tx: Transaction, schedule_id: str, code: str, message: str, *, preset: str | None = None, at: dt.datetime
) -> None:
    """Skip the ticks that wait: those of the preset, or of all for None."""
    for tick in tx.ticks.list_waiting(schedule_id):
        if tick.kind is not TickKind.BACKFILL and preset in (None, tick.preset):
            skip(tx, tick, code, message, at=at)


def skip(tx: Transaction, tick: Tick, code: str, message: str, *, at: dt.datetime) -> None:
    """Skip a tick that waits."""
    tx.ticks.move(tick, replace(tick, state=TickState.SKIPPED, reason=Reason(code, message), decided_at=at))


# --- due times ------------------------------------------------------------------------------------


def tell_late(ctx: Services, *, fence: int) -> None:
    """Tell once of each tick whose due time has come and of which no run has succeeded."""
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        if not tx.ticks.list_due(now, limit=1):
            return
    with ctx.store.begin(fence=fence) as tx:
        due = tx.ticks.list_due(now, limit=MAX_DUE)
        succeeded = tx.ticks.succeeded([tick.id for tick in due])
        schedules = tx.schedules.get_many([tick.schedule_id for tick in due])
        for tick in due:
            if tx.ticks.mark_told(tick.id, at=now) and tick.id not in succeeded:
                tell(tx, MessageKind.LATE, schedules[tick.schedule_id], tick, at=now)


def tell_foreseen(ctx: Services, *, fence: int) -> None:
    """Tell once of each tick that will be late, before it is. Nothing is told again at its due time."""
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        foreseen = lateness.foresee_in(tx, tx.ticks.list_due_later(now, limit=MAX_DUE), now)
    if not foreseen:
        return
    with ctx.store.begin(fence=fence) as tx:
        found = tx.ticks.get_many(foreseen.keys())
        schedules = tx.schedules.get_many([tick.schedule_id for tick in found.values()])
        # A run may have ended meanwhile.
        for tick_id, late_s in lateness.foresee_in(tx, found.values(), now).items():
            tick = found[tick_id]
            # Somebody who was told that the run takes long is told at the due time, and not in between.
            if tick.run_id is not None and tx.outbox.knows(long_run_group(tick.run_id)):
                continue
            if tick.schedule_id in schedules and tx.ticks.mark_told(tick.id, at=now):
                why = Reason(FORESEEN, f"It will be late by about {in_words(round_up(late_s))}.")
                tell(tx, MessageKind.LATE, schedules[tick.schedule_id], replace(tick, reason=why), at=now)


# --- by hand --------------------------------------------------------------------------------------


def run_now(ctx: Services, schedule_id: str, *, preset: str | None, by: Actor) -> list[Tick]:
    """Start the runs of a schedule now, whatever is in the way and also while it is paused. Return their ticks."""
    prepared = prepare_start(ctx, schedule_id)
    if prepared.refusal is not None:
        raise prepared.refusal
    with ctx.store.begin() as tx:
        schedule = tx.schedules.get_many([schedule_id])[schedule_id]
        if schedule.revision != prepared.revision:
            raise Conflict("Somebody has just changed the schedule. Look at it, and run it again.", code="stale_write")
        at = ctx.moment()
        presets = schedule.settings.preset_names if preset is None else (preset,)
        ticks = []
        for name in presets:
            tick_id = new_id(at)
            tick = Tick(
                tick_id,
                schedule.id,
                at.wall_time,
                name,
                TickKind.MANUAL,
                TickState.RAN,
                at.wall_time,
                cause=tick_id,
                reason=Reason("by_hand", f"{by} started it."),
            )
            assert prepared.run is not None
            run = prepared.run.add(tx, tick, parameters_of(tx, schedule, tick), at=at)
            tick = replace(tick, run_id=run.id)
            tx.ticks.add(tick, by=by)
            ticks.append(tick)
    return ticks
