"""Schedules, their ticks and calendars, as the store keeps them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..domain.actors import Actor
from ..domain.backfills import BackfillCounts
from ..domain.calendars import Calendar
from ..domain.plans import Plan
from ..domain.schedules import Schedule
from ..domain.ticks import InTheWay, Tick, TickState
from .pages import Page

SeenFiles = Mapping[str, tuple[int, int]]
"""The files of a folder by path from there: size, and time of the last change in nanoseconds."""


@dataclass(frozen=True)
class TickFilter:
    """All given conditions hold."""

    schedule_id: str | None = None
    states: tuple[TickState, ...] = ()
    preset: str | None = None
    nominal_after: dt.datetime | None = None
    nominal_before: dt.datetime | None = None


class Calendars(Protocol):
    def find(self, name: str) -> Calendar | None: ...
    def all(self) -> Sequence[Calendar]:
        """Return all calendars, sorted by name."""
        ...

    def put(self, calendar: Calendar, *, at: dt.datetime, by: Actor) -> Calendar:
        """Add it, or replace the one of that name. Return it as it is stored, with its new revision."""
        ...

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Schedules(Protocol):
    def get(self, name: str) -> Schedule:
        """Return the schedule of that id or name. NotFound when there is none.

        In a transaction that writes, no other one changes it until the end.
        """
        ...

    def find_by_name(self, project: str, name: str) -> Schedule | None: ...
    def find_by_hook(self, hook_id: str) -> Schedule | None:
        """Return the schedule with this address for webhooks."""
        ...

    def get_many(self, ids: Collection[str]) -> Mapping[str, Schedule]:
        """Return those that there are, by id, and hold them as `get` does."""
        ...

    def page(self, *, limit: int, cursor: str | None = None, job_id: str | None = None) -> Page[Schedule]:
        """List them, newest first."""
        ...

    def add(self, schedule: Schedule, plan: Plan) -> None:
        """Add the schedule with the plan of its runs; that of a job without steps has one entry, under ""."""
        ...

    def get_plan(self, schedule_id: str) -> Plan: ...
    def change(
        self, schedule: Schedule, kind: str, *, at: dt.datetime, by: Actor, plan: Plan | None = None
    ) -> Schedule:
        """Write the schedule with an event of this kind. Return it as it is stored, with its new revision.

        StaleWrite unless `schedule` has the revision of the stored one. With `plan` replace that too.
        """
        ...

    def move_on(self, schedule: Schedule) -> None:
        """Write what the engine counts: decided time, next tick, failures, refusal. No event, no new revision."""
        ...

    def remove(self, schedule_id: str, *, at: dt.datetime, by: Actor) -> None:
        """Remove the schedule and its ticks. Its runs stay."""
        ...

    def list_due(self, now: dt.datetime, *, limit: int) -> Sequence[Schedule]:
        """Return the schedules whose next tick starts by now, the longest due first."""
        ...

    def next_wake_at(self) -> dt.datetime | None:
        """Return the instant at which the next tick of any schedule starts."""
        ...

    def list_after_jobs(self, job_ids: Collection[str]) -> Sequence[Schedule]:
        """Return the schedules that follow one of these jobs and are not paused."""
        ...

    def following_jobs(self) -> Mapping[str, Sequence[str]]:
        """Return by job the jobs that a schedule starts after it, paused ones included."""
        ...

    def list_watching(self) -> Sequence[Schedule]:
        """Return the schedules that watch a folder and are not paused."""
        ...

    def get_seen_files(self, schedule_id: str) -> SeenFiles | None:
        """Return the files at the last burst; None when nobody has looked yet."""
        ...

    def put_seen_files(self, schedule_id: str, seen: SeenFiles | None) -> None: ...
    def list_with_calendar(self, name: str) -> Sequence[Schedule]: ...
    def count_active(self) -> int:
        """Count the schedules that may start something."""
        ...


class Ticks(Protocol):
    def add(self, tick: Tick, *, by: Actor | None = None) -> bool:
        """Add the tick. Return False, and write nothing, when it was decided before."""
        ...

    def get(self, tick_id: str) -> Tick: ...
    def get_many(self, tick_ids: Collection[str]) -> Mapping[str, Tick]: ...
    def move(self, before: Tick, after: Tick) -> None:
        """Write what became of an open tick. StaleWrite when it is no longer in the state of `before`."""
        ...

    def page(self, where: TickFilter, *, limit: int, cursor: str | None = None) -> Page[Tick]:
        """List them, newest decisions first."""
        ...

    def list_between(
        self, first: dt.datetime, last: dt.datetime, *, schedule_id: str | None = None, limit: int
    ) -> Sequence[Tick]:
        """Return the ticks with a nominal time in this span, and rows that reach into it, by nominal time."""
        ...

    def last_ticks(self, schedule_ids: Collection[str]) -> Mapping[str, Tick]:
        """Return the newest decision of each schedule that has any."""
        ...

    def find(self, tick: Tick) -> Tick | None:
        """Return the tick that was decided for the same schedule, nominal time, preset and cause."""
        ...

    def list_ready(self, *, limit: int, schedule_id: str | None = None) -> Sequence[Tick]:
        """Return the ticks that may start, of one schedule or of all, the oldest first."""
        ...

    def list_waiting(self, schedule_id: str | None = None) -> Sequence[Tick]:
        """Return the ticks that wait for the end of a run, the oldest first."""
        ...

    def in_the_way(self, schedule_id: str) -> Mapping[str, InTheWay]:
        """Return by preset the runs of the schedule that have not ended, and how many ticks wait."""
        ...

    def count_unfinished(self, cause: str) -> int:
        """Count the runs of the ticks with this cause that have not ended."""
        ...

    def list_by_cause(self, schedule_id: str, cause: str) -> Sequence[Tick]: ...
    def list_backfills(self, schedule_id: str, *, limit: int) -> Sequence[BackfillCounts]:
        """Return the newest backfills of the schedule, the newest first. A tick counts as its last run ended."""
        ...

    def succeeded(self, tick_ids: Collection[str]) -> frozenset[str]:
        """Return those of the ticks of which a run has succeeded."""
        ...

    def last_success(self, schedule_id: str, preset: str, *, before: dt.datetime) -> dt.datetime | None:
        """Return the nominal time of the newest earlier tick of which a run has succeeded."""
        ...

    def list_due(self, now: dt.datetime, *, limit: int) -> Sequence[Tick]:
        """Return the ticks whose due time has come, and of which nobody was told."""
        ...

    def list_due_later(self, now: dt.datetime, *, limit: int) -> Sequence[Tick]:
        """Return the ticks whose due time will come, and of which nobody was told, the next one first."""
        ...

    def next_due_at(self) -> dt.datetime | None: ...
    def mark_told(self, tick_id: str, *, at: dt.datetime) -> bool:
        """Note that it was told about the due time of the tick. Return False when that was noted before."""
        ...

    def delete_old(self, *, before: dt.datetime) -> int:
        """Remove the oldest decisions from before, some thousands at a time. Return how many."""
        ...
