"""Ticks: the nominal times of a schedule, each with exactly one run or one reason why there is none.

`decide` is the one place that decides. It is pure: the clock, the runs in the way and the waiting ticks are given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import takewhile
from typing import Any

from .runs import Reason
from .schedules import Misfire, Overlap, Schedule
from .timetables import Occurrence, Timetable

GRACE_S = 60.0
"""The delay up to which a tick is in time. The engine is quicker; a machine that wakes up may not be."""
MAX_WAITING = 100
"""The most ticks of a preset that wait with `buffer_all`."""
MAX_COUNTED = 10_000
MAX_AT_ONCE = 100
"""The most nominal times of a schedule that one look decides."""


class TickKind(StrEnum):
    """The cause of a tick."""

    TIME = "time"
    MANUAL = "manual"
    JOB = "job"
    FILES = "files"
    WEBHOOK = "webhook"
    BACKFILL = "backfill"


class TickState(StrEnum):
    WAITING = "waiting"
    """It waits for the end of a run that is in its way."""
    READY = "ready"
    """It may start, and the engine has not started it yet."""
    RAN = "ran"
    """It has a run."""
    SKIPPED = "skipped"
    MISSED = "missed"
    """No engine was there in time."""
    REFUSED = "refused"
    """The run could not be submitted."""

    @property
    def is_open(self) -> bool:
        return self in (TickState.WAITING, TickState.READY)


@dataclass(frozen=True)
class Tick:
    """A row of the decision log. `until` and `count`: one row stands for all ticks that were missed together.

    `cause` tells ticks with the same nominal time apart: the id of the run, delivery or backfill that made them.
    """

    id: str
    schedule_id: str
    nominal: dt.datetime
    preset: str
    kind: TickKind
    state: TickState
    decided_at: dt.datetime
    cause: str = ""
    reason: Reason | None = None
    run_id: str | None = None
    other_run_id: str | None = None
    """The run that was in the way, or that was cancelled for it."""
    until: dt.datetime | None = None
    count: int = 1
    payload: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that its cause gives."""
    due_at: dt.datetime | None = None
    told_at: dt.datetime | None = None
    """The time at which it was told that it is late, or at which it was clear that it is not."""


@dataclass(frozen=True)
class InTheWay:
    """The state of one preset: the runs that have not ended, oldest first, and the number of waiting ticks."""

    run_ids: tuple[str, ...] = ()
    waiting: int = 0


CLEAR = InTheWay()


@dataclass(frozen=True)
class Decision:
    """A decided tick that is not stored yet. `cancels` are the runs that make room for it."""

    nominal: dt.datetime
    preset: str
    state: TickState
    reason: Reason | None = None
    other_run_id: str | None = None
    until: dt.datetime | None = None
    count: int = 1
    cancels: tuple[str, ...] = ()
    supersedes: bool = False
    """The ticks of the preset that wait are skipped: this one takes their place."""


@dataclass(frozen=True)
class Look:
    """The result of a look at a schedule: the decisions in their order, and the nominal time up to which they reach."""

    decisions: tuple[Decision, ...]
    decided_until: dt.datetime


def decide(schedule: Schedule, timetable: Timetable, now: dt.datetime, in_the_way: Mapping[str, InTheWay]) -> Look:
    """Decide about all nominal times up to `now` that are not decided yet, `MAX_AT_ONCE` at most.

    A run that a decision starts is in the way of the following ones, as `in_the_way` for its preset.
    """
    settings = schedule.settings
    window = dt.timedelta(seconds=max(settings.catchup_window_s, GRACE_S))
    decisions: list[Decision] = []
    until = schedule.decided_until
    if now - window > until:
        passed = timetable.between(until, now - window, limit=MAX_COUNTED)
        decisions += _missed(settings.preset_names, [o for o in passed if not o.skipped], _beyond_window(schedule))
        until = passed[-1].at if len(passed) == MAX_COUNTED else now - window
        if len(passed) == MAX_COUNTED:
            return Look(tuple(decisions), until)
    found = _in_time(schedule, timetable, until, now)
    runnable = [occurrence for occurrence in found if not occurrence.skipped]
    if len(found) == MAX_COUNTED:
        # The latest of them is further on.
        decisions += _missed(settings.preset_names, runnable, _passed_over(settings.misfire))
        return Look(tuple(decisions), found[-1].at)
    late = [occurrence for occurrence in runnable if _lag_s(schedule, occurrence, now) > GRACE_S]
    chosen = runnable[len(late) :]
    if settings.misfire is Misfire.ALL:
        late, chosen = [], runnable
    elif settings.misfire is Misfire.LATEST and not chosen:
        late, chosen = late[:-1], late[-1:]
    decisions += _missed(settings.preset_names, late, _passed_over(settings.misfire))
    ways = dict(in_the_way)
    for occurrence in sorted([*chosen, *(o for o in found if o.skipped)], key=lambda o: o.at):
        for preset in settings.preset_names:
            if occurrence.skipped:
                reason = Reason("holiday", f"{occurrence.holiday} is a day off in the calendar {settings.calendar}.")
                decisions.append(Decision(occurrence.at, preset, TickState.SKIPPED, reason))
                continue
            decision = decide_overlap(
                settings.overlap,
                Decision(occurrence.at, preset, TickState.RAN, _why(schedule, occurrence, now)),
                ways.get(preset, CLEAR),
            )
            ways[preset] = _after(decision, ways.get(preset, CLEAR))
            decisions.append(decision)
    if found:
        until = max(until, found[-1].at)
    return Look(tuple(decisions), until)


def _in_time(schedule: Schedule, timetable: Timetable, after: dt.datetime, now: dt.datetime) -> list[Occurrence]:
    """Return the occurrences up to now whose jitter is over as well."""
    limit = MAX_AT_ONCE if schedule.settings.misfire is Misfire.ALL else MAX_COUNTED
    found = timetable.between(after, now, limit=limit)
    return list(takewhile(lambda occurrence: occurrence.at + schedule.jitter(occurrence.at) <= now, found))


def decide_overlap(overlap: Overlap, wanted: Decision, way: InTheWay) -> Decision:
    """Return what becomes of a tick that should run, with these runs of its preset in the way."""
    if overlap is Overlap.ALLOW_ALL or (not way.run_ids and not way.waiting):
        return wanted
    other = way.run_ids[-1] if way.run_ids else None
    blocked = f"Run {other} of this schedule had not ended." if other else "An earlier tick still waits."
    if overlap is Overlap.SKIP:
        return replace(wanted, state=TickState.SKIPPED, reason=Reason("overlap", blocked), other_run_id=other)
    if overlap is Overlap.CANCEL_OTHER:
        reason = Reason("cancelled_other", f"{blocked} It was cancelled, and this tick starts when it has ended.")
        return replace(
            wanted,
            state=TickState.WAITING,
            reason=reason,
            other_run_id=other,
            cancels=way.run_ids,
            supersedes=way.waiting > 0,
        )
    limit = 1 if overlap is Overlap.BUFFER_ONE else MAX_WAITING
    if way.waiting >= limit:
        full = "one tick waits already" if limit == 1 else f"{limit} ticks wait already"
        reason = Reason("buffer_full", f"{blocked} It may not wait: {full}.")
        return replace(wanted, state=TickState.SKIPPED, reason=reason, other_run_id=other)
    reason = Reason("buffered", f"{blocked} It waits for that.")
    return replace(wanted, state=TickState.WAITING, reason=reason, other_run_id=other)


def _after(decision: Decision, way: InTheWay) -> InTheWay:
    if decision.state is TickState.RAN:
        return replace(way, run_ids=(*way.run_ids, "of the tick before"))
    if decision.state is TickState.WAITING:
        return replace(way, waiting=1 if decision.supersedes else way.waiting + 1)
    return way


def _lag_s(schedule: Schedule, occurrence: Occurrence, now: dt.datetime) -> float:
    return (now - occurrence.at - schedule.jitter(occurrence.at)).total_seconds()


def _why(schedule: Schedule, occurrence: Occurrence, now: dt.datetime) -> Reason | None:
    lag_s = _lag_s(schedule, occurrence, now)
    if lag_s > GRACE_S:
        return Reason("late_start", f"It started {in_words(lag_s)} after its time, because no engine was there.")
    if occurrence.holiday is not None:
        return Reason("moved", f"It was moved here from a day off ({occurrence.holiday}).")
    return None


def _missed(presets: Sequence[str], passed: Sequence[Occurrence], reason: Reason) -> list[Decision]:
    """Make one decision for each preset, which stands for all ticks that were missed together."""
    if not passed:
        return []
    first, last = passed[0].at, passed[-1].at
    until = last if len(passed) > 1 else None
    return [Decision(first, preset, TickState.MISSED, reason, until=until, count=len(passed)) for preset in presets]


def _beyond_window(schedule: Schedule) -> Reason:
    window = in_words(max(schedule.settings.catchup_window_s, GRACE_S))
    return Reason("beyond_window", f"No engine was there at the time, nor within the catch-up window of {window}.")


def _passed_over(misfire: Misfire) -> Reason:
    if misfire is Misfire.SKIP:
        return Reason("misfire", "No engine was there at the time, and `misfire: skip` makes up for nothing.")
    return Reason("misfire", "No engine was there at the time, and `misfire: latest` makes up for the last tick alone.")


def in_words(seconds: float) -> str:
    """Return a duration as people say it, in its two largest units."""
    left, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
