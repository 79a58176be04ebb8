"""Schedules as people set them: added, changed, paused, taken over, looked at and removed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from typing import Any

from ..domain.actors import Actor
from ..domain.calendars import Calendar
from ..domain.dates import check_dates, compute_dates
from ..domain.jobs import DEFAULT_PROJECT, Job, JobKind
from ..domain.parameters import ParameterSchema
from ..domain.plans import Plan, PlannedStep
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import Reason, RunState, RunSummary, Submission
from ..domain.schedules import (
    MAX_NAME_LENGTH,
    SANDBOX_PAUSE_ON_FAILURE,
    AfterJob,
    Files,
    Pause,
    Schedule,
    Settings,
    Webhook,
    find_cycle,
)
from ..domain.settings import resolve_settings
from ..domain.subscriptions import ObjectKind as SubscribedKind
from ..domain.subscriptions import ObjectRef
from ..domain.ticks import Tick, TickKind, TickState
from ..domain.time import Timestamp
from ..domain.timetables import Occurrence, Timetable, why_never, zone_of
from ..domain.version_changes import describe_changes
from ..domain.versions import Version
from ..errors import Conflict, DataOpsError, Forbidden, InvalidRequest, InvalidSchedule, Refused, StaleWrite
from ..ports import Page, TickFilter, Transaction
from . import lateness, pipeline_files, runs, ticks, webhooks
from .context import Services
from .parameters import check_parameters
from .permissions import allows, require
from .pipeline_plans import make_plan, take_pipeline
from .placement import with_submitter_variables
from .scheduled_runs import SINGLE, root_of
from .sending import check_rule
from .subscriptions import check_recipients_of
from .versions import TakenSnapshot, make_version, take_snapshot

MAX_PREVIEW = 50
MAX_BETWEEN = 5_000
MAX_PARAMETERS_BYTES = 100_000
MAX_WHY_LENGTH = 1_000
_PAGE = 500
_SAMPLED = 30
"""The number of coming ticks among which the shortest distance is looked for."""


@dataclass(frozen=True)
class ScheduleWish:
    """The wishes of a person for a schedule: a submission, as for a run of now, and the settings of the schedule.

    `pause`: it begins paused, and this says why; None: it begins active. `id`: that of a new one, where it has to be
    the same each time, as for an import.
    """

    submission: Submission
    settings: Settings
    name: str | None = None
    pause: str | None = None
    id: str | None = None


@dataclass(frozen=True)
class Drift:
    """The difference of the working file from the version that is scheduled. `problem`: why nobody can tell."""

    moved_on: bool
    changes: Sequence[str] = ()
    problem: str | None = None


@dataclass(frozen=True)
class ScheduleView:
    """A schedule with all that a screen shows beside it."""

    schedule: Schedule
    job: Job
    version: Version
    newest_version: Version
    last_tick: Tick | None
    last_run: RunSummary | None
    orphaned: str | None = None
    """The reason why it runs for nobody any more: its owner may not run there."""
    drift: Drift | None = None
    """Only `get` looks at the working file."""
    hook: webhooks.HookState | None = None
    """Only a webhook that has a secret."""
    foreseen_late_s: float | None = None
    """The seconds by which its newest ticks will be late, as far as it can be foreseen."""


@dataclass(frozen=True)
class TickSpan:
    """The ticks of a span of time. `is_complete` is False when there are more than are told."""

    decided: Sequence[Tick]
    coming: Sequence[tuple[Schedule, Occurrence]]
    run_states: Mapping[str, RunState]
    """The states of the runs of the decided ticks, by the id of the run."""
    is_complete: bool


@dataclass(frozen=True)
class Preview:
    """The next occurrences, and what is worth knowing about them. `never` says why there are none."""

    occurrences: Sequence[Occurrence]
    never: str | None = None
    warnings: Sequence[str] = field(default_factory=list)


# --- looking --------------------------------------------------------------------------------------


def get(ctx: Services, name: str) -> ScheduleView:
    """Return the schedule of that id or name, compared with the working file."""
    with ctx.store.read() as tx:
        schedule = tx.schedules.get(name)
    view = _views(ctx, [schedule])[0]
    return replace(view, drift=_drift(ctx, view))


def page(ctx: Services, *, limit: int = 50, cursor: str | None = None, job_id: str | None = None) -> Page[ScheduleView]:
    with ctx.store.read() as tx:
        found = tx.schedules.page(limit=limit, cursor=cursor, job_id=job_id)
    return Page(_views(ctx, found.items), found.next)


def tick_page(ctx: Services, where: TickFilter, *, limit: int = 50, cursor: str | None = None) -> Page[Tick]:
    """Return the decision log, newest first."""
    with ctx.store.read() as tx:
        if where.schedule_id is not None:
            where = replace(where, schedule_id=tx.schedules.get(where.schedule_id).id)
        return tx.ticks.page(where, limit=limit, cursor=cursor)


def ticks_between(ctx: Services, first: dt.datetime, last: dt.datetime, *, name: str | None = None) -> TickSpan:
    """Return the decided ticks of a span, and those that will come in it, by time. InvalidRequest for a long span."""
    if not first < last <= first + dt.timedelta(days=370):
        raise InvalidRequest("A span begins before it ends, and has at most 370 days.")
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        schedule = tx.schedules.get(name) if name else None
        schedule_id = schedule.id if schedule else None
        decided = tx.ticks.list_between(first, last, schedule_id=schedule_id, limit=MAX_BETWEEN + 1)
        wanted = [schedule] if schedule else list_all(tx)
        coming: list[tuple[Schedule, Occurrence]] = []
        is_complete = len(decided) <= MAX_BETWEEN
        for each in wanted:
            if each.pause is None and each.settings.follows_clock:
                timetable = ticks.timetable_of(tx, each)
                after = max(first - dt.timedelta(microseconds=1), each.decided_until, now)
                # One schedule for each second must not take the room of all others.
                most = MAX_BETWEEN // max(1, len(wanted)) + 1
                found = timetable.between(after, last, limit=most)
                is_complete = is_complete and len(found) < most
                coming += [(each, occurrence) for occurrence in found]
    decided = decided[:MAX_BETWEEN]
    found_runs = runs.summaries(ctx, [tick.run_id for tick in decided if tick.run_id])
    states = {run_id: run.state for run_id, run in found_runs.items()}
    return TickSpan(decided, sorted(coming, key=lambda pair: pair[1].at)[:MAX_BETWEEN], states, is_complete)


def list_all(tx: Transaction) -> Sequence[Schedule]:
    """Return all schedules, newest first."""
    page = tx.schedules.page(limit=_PAGE)
    found = list(page.items)
    while page.next is not None:
        page = tx.schedules.page(limit=_PAGE, cursor=page.next)
        found += page.items
    return found


def preview(ctx: Services, settings: Settings, *, count: int = 5) -> Preview:
    """Return the next occurrences of settings that are not stored. InvalidSchedule when they make no sense."""
    if not 1 <= count <= MAX_PREVIEW:
        raise InvalidRequest(f"A preview has 1 to {MAX_PREVIEW} ticks.")
    settings = settings.checked()
    if not settings.follows_clock:
        return Preview(())
    with ctx.store.read() as tx:
        calendar = _require_calendar(tx, settings)
    timetable = settings.timetable(calendar)
    now = ctx.clock.now()
    found = tuple(islice(timetable.after(now), count))
    warnings = list(_warnings(timetable, found, calendar))
    return Preview(found, why_never(timetable, now), warnings)


def _warnings(timetable: Timetable, found: Sequence[Occurrence], calendar: Calendar | None) -> Sequence[str]:
    warnings = []
    zone = zone_of(timetable.timezone)
    if found and len({occurrence.at.astimezone(zone).utcoffset() for occurrence in found}) > 1:
        warnings.append("The clocks are set between these times.")
    if calendar and calendar.last_day and found and found[-1].at.date() > calendar.last_day:
        warnings.append(f"The calendar {calendar.name} knows no day after {calendar.last_day}. Set it again.")
    return warnings


def _views(ctx: Services, found: Sequence[Schedule]) -> list[ScheduleView]:
    """Read all of them in a constant number of queries, for any number of schedules."""
    ids = [schedule.id for schedule in found]
    with ctx.store.read() as tx:
        jobs = tx.jobs.get_many([schedule.job_id for schedule in found])
        versions = tx.versions.get_many([(schedule.job_id, schedule.version_digest) for schedule in found])
        newest = tx.versions.newest_by_job([schedule.job_id for schedule in found])
        last = tx.ticks.last_ticks(ids)
        guarded = {environment.name: environment.guarded for environment in tx.environments.all()}
    hooks = webhooks.states(ctx, found)
    foreseen = lateness.of_schedules(ctx, last)
    last_runs = runs.summaries(ctx, [tick.run_id for tick in last.values() if tick.run_id])
    return [
        ScheduleView(
            schedule=schedule,
            job=jobs[schedule.job_id],
            version=versions[schedule.job_id, schedule.version_digest],
            newest_version=newest[schedule.job_id],
            last_tick=(tick := last.get(schedule.id)),
            last_run=last_runs.get(tick.run_id) if tick and tick.run_id else None,
            orphaned=_orphaned(ctx, schedule, guarded),
            hook=hooks.get(schedule.id),
            foreseen_late_s=foreseen.get(schedule.id),
        )
        for schedule in found
    ]


def _orphaned(ctx: Services, schedule: Schedule, guarded: Mapping[str, bool]) -> str | None:
    if schedule.environment not in guarded:
        return f"The environment {schedule.environment} is gone."
    kind = ObjectKind.GUARDED_ENVIRONMENT if guarded[schedule.environment] else ObjectKind.ENVIRONMENT
    if not allows(ctx, schedule.owner, Verb.RUN, kind):
        return f"{schedule.owner} may not run in {schedule.environment} any more. Somebody who may can take it over."
    return None


def _drift(ctx: Services, view: ScheduleView) -> Drift:
    """Compare the version with the working file, as a submission of now would take it."""
    schedule = view.schedule
    schema = view.version.manifest.parameters
    parameters = _sample_parameters(schedule.settings, schedule.settings.preset_names[0], schema)
    submission = _of_working_file(view.job, view.version, schedule.environment)
    submission = replace(submission, parameters=parameters)
    try:
        if view.job.kind is JobKind.PIPELINE:
            taken = take_pipeline(ctx, submission, by=schedule.owner)
            steps = {step_id: each.snapshot.manifest.digest for step_id, each in taken.steps.items()}
            manifest = replace(
                view.version.manifest,
                source_digest=taken.digest,
                steps=tuple(steps.items()),
                parameters=taken.pipeline.parameters,
            )
        elif view.job.kind is JobKind.COMMAND:
            return Drift(False)
        else:
            manifest = take_snapshot(ctx, submission, by=schedule.owner).snapshot.manifest
            # The image chooses the kernel's name; the placement, and not the file, decides on it.
            own = view.version.manifest
            manifest = replace(manifest, kernel_name=own.kernel_name, language=own.language)
    except DataOpsError as error:
        return Drift(True, problem=error.message)
    changes = describe_changes(view.version.manifest, manifest)
    return Drift(bool(changes), changes)


def _of_working_file(job: Job, version: Version, environment: str) -> Submission:
    """Return a submission of the file as it is now, below the same root as the version, if it is still there."""
    try:
        root = root_of(job, version.manifest)
    except Refused:
        root = None  # It has moved: the snapshot finds the root of its new place.
    return Submission(job.source, root=root, environment=environment)


# --- setting --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Taken:
    """A source that was read and checked for a schedule. `store` adds its version and makes the plan."""

    schema: ParameterSchema
    check: Callable[[dict[str, Any]], object]
    store: Callable[[Transaction, Timestamp], tuple[Job, Version, Plan]]


def add(ctx: Services, wish: ScheduleWish, *, by: Actor) -> ScheduleView:
    """Add a schedule of the source as it is now. Everything is refused before anything is written."""
    settings = _read_and_check(ctx, wish.settings)
    taken = _take(ctx, wish.submission, settings, by=by)
    _check_parameters(settings, taken)
    at = ctx.moment()
    with ctx.store.begin() as tx:
        job, version, plan = taken.store(tx, at)
        environment = tx.environments.get(wish.submission.environment)
        if settings.pause_on_failure is None and not environment.guarded:
            settings = replace(settings, pause_on_failure=SANDBOX_PAUSE_ON_FAILURE)
        _check_cycle(tx, job, settings)
        name = _check_name(wish.name or job.name)
        if tx.schedules.find_by_name(DEFAULT_PROJECT, name) is not None:
            raise Conflict(
                f"There is a schedule {name!r} already. Choose another name, or change that one.",
                code="name_taken",
                name=name,
            )
        schedule = Schedule(
            id=wish.id or ticks.new_id(at),
            project=DEFAULT_PROJECT,
            name=name,
            job_id=job.id,
            version_digest=version.digest,
            environment=environment.name,
            settings=settings,
            owner=by,
            created_at=at.wall_time,
            created_by=by,
            changed_at=at.wall_time,
            changed_by=by,
            decided_until=at.wall_time,
            pause=None if wish.pause is None else Pause(at.wall_time, by, wish.pause[:MAX_WHY_LENGTH]),
        )
        schedule = webhooks.with_address(tx, None, schedule, by=by, at=at.wall_time)
        tx.schedules.add(_planned(tx, schedule), plan)
    return get(ctx, schedule.id)


def check(ctx: Services, wish: ScheduleWish, *, by: Actor) -> None:
    """Raise all that `add` would refuse, but for a name that is taken. It stores nothing."""
    settings = _read_and_check(ctx, wish.settings)
    _check_parameters(settings, _take(ctx, wish.submission, settings, by=by))


def parameter_schema(ctx: Services, submission: Submission, *, by: Actor) -> ParameterSchema:
    """Return the parameters that the source of a single run declares."""
    return take_snapshot(ctx, submission, by=by).snapshot.manifest.parameters


def change(
    ctx: Services, name: str, settings: Settings, *, new_name: str | None = None, revision: int | None = None, by: Actor
) -> ScheduleView:
    """Replace the settings. They count from now on. With `revision`, StaleWrite when somebody changed it since."""
    settings = _read_and_check(ctx, settings)
    with ctx.store.begin() as tx:
        schedule = _get_with_permission(ctx, tx, name, by, Verb.CHANGE, revision)
        _replace_settings(ctx, tx, schedule, settings, new_name or schedule.name, by=by)
    return get(ctx, schedule.id)


def change_in(ctx: Services, tx: Transaction, name: str, settings: Settings, *, by: Actor) -> None:
    """Replace the settings as `change` does, in this transaction and with the calendars that it has written."""
    schedule = _get_with_permission(ctx, tx, name, by, Verb.CHANGE)
    _replace_settings(ctx, tx, schedule, _check_settings(ctx, tx, settings), schedule.name, by=by)


def _replace_settings(
    ctx: Services, tx: Transaction, schedule: Schedule, settings: Settings, name: str, *, by: Actor
) -> None:
    at = ctx.clock.now()
    job, version = tx.jobs.get(schedule.job_id), tx.versions.get(schedule.job_id, schedule.version_digest)
    schema = version.manifest.parameters
    _check_parameters(settings, _Taken(schema, _checker(ctx, version), _nothing_to_store))
    _check_cycle(tx, job, settings)
    wanted = _check_name(name)
    other = tx.schedules.find_by_name(schedule.project, wanted)
    if other is not None and other.id != schedule.id:
        raise Conflict(f"There is a schedule {wanted!r} already. Choose another name.", code="name_taken")
    changed = replace(schedule, name=wanted, settings=settings, decided_until=at)
    if isinstance(settings.rule, Files) and settings.rule != schedule.settings.rule:
        tx.schedules.put_seen_files(schedule.id, None)
    changed = webhooks.with_address(tx, schedule, changed, by=by, at=at)
    tx.schedules.change(_planned(tx, changed), "schedule.changed", at=at, by=by)


def update_version(
    ctx: Services, name: str, submission: Submission | None = None, *, revision: int | None = None, by: Actor
) -> ScheduleView:
    """Let the schedule run the working file as it is now. A `submission` also says where and how."""
    with ctx.store.read() as tx:
        schedule = tx.schedules.get(name)
        job, version = tx.jobs.get(schedule.job_id), tx.versions.get(schedule.job_id, schedule.version_digest)
    wanted = submission or _of_working_file(job, version, schedule.environment)
    taken = _take(ctx, wanted, schedule.settings, by=by)
    _check_parameters(schedule.settings, taken)
    at = ctx.moment()
    with ctx.store.begin() as tx:
        schedule = _get_with_permission(ctx, tx, name, by, Verb.CHANGE, revision)
        job, version, plan = taken.store(tx, at)
        if job.id != schedule.job_id:
            _check_cycle(tx, job, schedule.settings)
        changed = replace(
            schedule,
            job_id=job.id,
            version_digest=version.digest,
            environment=submission.environment if submission else schedule.environment,
            refusal=None,
        )
        tx.schedules.change(changed, "schedule.version_updated", at=at.wall_time, by=by, plan=plan)
    return get(ctx, schedule.id)


def set_schedule(ctx: Services, wish: ScheduleWish, *, by: Actor) -> tuple[ScheduleView, bool]:
    """Add the schedule, or bring the one of that name up to date with version, place and settings. Tell if it is new.

    Safe to repeat: scripts and files of settings call this.
    """
    if wish.name is None:
        try:
            return add(ctx, wish, by=by), True
        except Conflict as error:
            if error.precise_code != "name_taken":
                raise
            wish = replace(wish, name=error.detail["name"])
    with ctx.store.read() as tx:
        known = tx.schedules.find_by_name(DEFAULT_PROJECT, wish.name or "")
    if known is None:
        return add(ctx, wish, by=by), True
    if wish.pause is not None:
        pause(ctx, known.id, why=wish.pause, by=by)
    update_version(ctx, known.id, wish.submission, by=by)
    settings = wish.settings
    if settings.pause_on_failure is None:
        settings = replace(settings, pause_on_failure=known.settings.pause_on_failure)
    return change(ctx, known.id, settings, by=by), False


def pause(ctx: Services, name: str, *, why: str = "", by: Actor) -> ScheduleView:
    """Let no tick start until `resume`. Runs go on; ticks that wait are skipped. Safe to repeat."""
    with ctx.store.begin() as tx:
        schedule = pause_in(ctx, tx, name, why=why, by=by)
    return get(ctx, schedule.id)


def pause_in(ctx: Services, tx: Transaction, name: str, *, why: str = "", by: Actor) -> Schedule:
    """Pause it as `pause` does, in this transaction. Return it as it was."""
    at = ctx.clock.now()
    schedule = _get_with_permission(ctx, tx, name, by, Verb.CHANGE)
    if schedule.pause is None:
        paused = replace(schedule, pause=Pause(at, by, why[:MAX_WHY_LENGTH]), next_at=None, wake_at=None)
        tx.schedules.change(paused, "schedule.paused", at=at, by=by)
        ticks.skip_open(tx, schedule.id, "paused", f"{by} paused the schedule.", at=at)
    return schedule


def resume(ctx: Services, name: str, *, by: Actor) -> ScheduleView:
    """Let it start again from now on. The times that passed meanwhile get one row of the log. Safe to repeat."""
    with ctx.store.begin() as tx:
        schedule = resume_in(ctx, tx, name, by=by)
    return get(ctx, schedule.id)


def resume_in(ctx: Services, tx: Transaction, name: str, *, by: Actor) -> Schedule:
    """Let it start again as `resume` does, in this transaction. Return it as it was."""
    at = ctx.clock.now()
    schedule = _get_with_permission(ctx, tx, name, by, Verb.CHANGE)
    if schedule.pause is not None:
        _note_paused(tx, schedule, at)
        going = replace(schedule, pause=None, failures=0, decided_until=max(schedule.decided_until, at))
        tx.schedules.put_seen_files(schedule.id, None)
        tx.schedules.change(_planned(tx, going), "schedule.resumed", at=at, by=by)
    return schedule


def take_over(ctx: Services, name: str, *, by: Actor) -> ScheduleView:
    """Become its owner: from now on it runs with the rights of `by`.

    Its owner may give it away like this only to administrators, and anybody may take one that is orphaned.
    """
    at = ctx.clock.now()
    with ctx.store.begin() as tx:
        schedule = tx.schedules.get(name)
        guarded = {environment.name: environment.guarded for environment in tx.environments.all()}
        if _orphaned(ctx, schedule, guarded) is None:
            require(ctx, by, Verb.CHANGE, ObjectKind.SCHEDULE, owner=schedule.owner, what=f"Schedule {schedule.name}")
        kind = ObjectKind.GUARDED_ENVIRONMENT if guarded.get(schedule.environment) else ObjectKind.ENVIRONMENT
        if not allows(ctx, by, Verb.RUN, kind):
            raise Forbidden(
                f"You may not run in {schedule.environment}, so the schedule would not run either. Ask somebody who "
                "may.",
                code="environment_guarded",
                verb=str(Verb.RUN),
                object=str(kind),
                environment=schedule.environment,
            )
        if schedule.owner.id != by.id:
            tx.schedules.change(replace(schedule, owner=by, refusal=None), "schedule.taken_over", at=at, by=by)
    return get(ctx, schedule.id)


def remove(ctx: Services, name: str, *, by: Actor) -> ScheduleView:
    """Remove the schedule with its decision log, and return it as it was. Its runs stay."""
    with ctx.store.begin() as tx:
        schedule = _get_with_permission(ctx, tx, name, by, Verb.DELETE)
        view = _views(ctx, [schedule])[0]
        webhooks.forget(tx, schedule.id, by=by, at=ctx.clock.now())
        tx.schedules.remove(schedule.id, at=ctx.clock.now(), by=by)
        tx.subscriptions.remove_to(ObjectRef(SubscribedKind.SCHEDULE, schedule.id))
    return view


def run_now(ctx: Services, name: str, *, preset: str | None = None, by: Actor) -> list[Tick]:
    """Start it now, whatever is in the way and also while it is paused. Return a tick for each preset."""
    with ctx.store.read() as tx:
        schedule = tx.schedules.get(name)
    require(ctx, by, Verb.RUN, ObjectKind.SCHEDULE, owner=schedule.owner, what=f"Schedule {schedule.name}")
    if preset is not None and preset not in schedule.settings.preset_names:
        raise InvalidRequest(
            f"{schedule.name} has no preset {preset!r}. It has {', '.join(schedule.settings.preset_names) or 'none'}."
        )
    return ticks.run_now(ctx, schedule.id, preset=preset, by=by)


def _note_paused(tx: Transaction, schedule: Schedule, at: dt.datetime) -> None:
    """Add a row to the log that stands for all ticks of the time in which it was paused."""
    if not schedule.settings.follows_clock or schedule.pause is None:
        return
    found = ticks.timetable_of(tx, schedule).between(schedule.decided_until, at, limit=10_000)
    if not found:
        return
    why = f": {schedule.pause.why}" if schedule.pause.why else "."
    reason = Reason("paused", f"{schedule.pause.by} had paused the schedule{why}")
    for preset in schedule.settings.preset_names:
        tick = Tick(
            id=ticks.new_id(Timestamp(at)),
            schedule_id=schedule.id,
            nominal=found[0].at,
            preset=preset,
            kind=TickKind.TIME,
            state=TickState.SKIPPED,
            decided_at=at,
            reason=reason,
            until=found[-1].at if len(found) > 1 else None,
            count=len(found),
        )
        if tx.ticks.find(tick) is None:
            tx.ticks.add(tick)


def _get_with_permission(
    ctx: Services, tx: Transaction, name: str, by: Actor, verb: Verb, revision: int | None = None
) -> Schedule:
    schedule = tx.schedules.get(name)
    require(ctx, by, verb, ObjectKind.SCHEDULE, owner=schedule.owner, what=f"Schedule {schedule.name}")
    if revision not in (None, schedule.revision):
        raise StaleWrite(
            "Somebody else has changed the schedule. Look at it again.", id=schedule.id, revision=schedule.revision
        )
    return schedule


def _planned(tx: Transaction, schedule: Schedule) -> Schedule:
    return schedule.planned(ticks.timetable_of(tx, schedule) if schedule.settings.follows_clock else None)


def _check_name(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidSchedule(f"A schedule has a name of 1 to {MAX_NAME_LENGTH} printable characters.")
    return name.strip()


def _read_and_check(ctx: Services, settings: Settings) -> Settings:
    """Check them before a transaction that writes begins."""
    with ctx.store.read() as tx:
        return _check_settings(ctx, tx, settings)


def _check_settings(ctx: Services, tx: Transaction, settings: Settings) -> Settings:
    """Return them normalized. InvalidSchedule when they make no sense, or when the schedule would never start."""
    settings = settings.checked()
    settings = replace(settings, send=check_rule(ctx, settings.send))
    if len(json.dumps([dict(settings.parameters), [dict(p.parameters) for p in settings.presets]], default=str)) > (
        MAX_PARAMETERS_BYTES
    ):
        raise InvalidSchedule(f"The parameters have more than {MAX_PARAMETERS_BYTES} bytes. Let a file hold them.")
    if settings.all_recipients:
        check_recipients_of(tx, settings)
    if not settings.follows_clock:
        return settings
    timetable = settings.timetable(_require_calendar(tx, settings))
    now = ctx.clock.now()
    if (reason := why_never(timetable, now)) is not None:
        raise InvalidSchedule(f"The schedule would never start. {reason}", code="never_fires")
    if settings.jitter_s:
        moments = [occurrence.at for occurrence in islice(timetable.after(now), _SAMPLED)]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
        if gaps and settings.jitter_s >= min(gaps):
            raise InvalidSchedule(
                f"The jitter is as long as the time between two ticks, which is {min(gaps):g} seconds. Give less."
            )
    return settings


def _require_calendar(tx: Transaction, settings: Settings) -> Calendar | None:
    if settings.calendar is None:
        return None
    calendar = tx.calendars.find(settings.calendar)
    if calendar is None:
        names = ", ".join(each.name for each in tx.calendars.all()) or "none yet"
        raise InvalidSchedule(
            f"There is no calendar {settings.calendar!r}. There is: {names}. An administrator can add one.",
            code="unknown_calendar",
        )
    return calendar


def _check_cycle(tx: Transaction, job: Job, settings: Settings) -> None:
    rule = settings.rule
    if not isinstance(rule, AfterJob):
        return
    followed = tx.jobs.get(rule.job_id)
    edges = {before: list(after) for before, after in tx.schedules.following_jobs().items()}
    edges.setdefault(followed.id, []).append(job.id)
    circle = find_cycle(edges, job.id)
    if circle is not None:
        names = {each.id: each.name for each in tx.jobs.get_many(circle).values()}
        path = " → ".join(names.get(job_id, job_id) for job_id in circle)
        raise InvalidSchedule(
            f"The job would wait for itself: {path}. Leave one of these schedules out.",
            code="schedule_cycle",
            jobs=circle,
        )


def _check_parameters(settings: Settings, taken: _Taken) -> None:
    """Raise InvalidParameters or InvalidSchedule when a run would not take the parameters."""
    check_dates(settings.dates, taken.schema)
    for preset in settings.preset_names:
        taken.check(_sample_parameters(settings, preset, taken.schema))


def _sample_parameters(settings: Settings, preset: str, schema: ParameterSchema) -> dict[str, Any]:
    """Return parameters such as a run of the preset will have."""
    zone = zone_of(settings.timezone)
    computed = compute_dates(settings.dates_of(preset), _SAMPLE_TIME, zone, previous=None)
    rule = settings.rule
    by_cause: dict[str, Any] = {}
    if isinstance(rule, Files) and rule.parameter is not None:
        by_cause = {rule.parameter: ["a"]}
    if isinstance(rule, Webhook):
        # A parameter that there is not is among them too: the check then names it.
        known = {name: schema.get(name) for name in rule.parameters}
        by_cause = {name: parameter.sample() if parameter else None for name, parameter in known.items()}
    return {**settings.parameters_of(preset), **computed, **by_cause}


_SAMPLE_TIME = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)


def _checker(ctx: Services, version: Version) -> Callable[[dict[str, Any]], object]:
    def check(values: dict[str, Any]) -> object:
        if version.manifest.kind is JobKind.PIPELINE:
            return version.manifest.parameters.validate(values, word="pipeline")
        return check_parameters(ctx, version.manifest, values)

    return check


def _nothing_to_store(_tx: Transaction, _at: Timestamp) -> tuple[Job, Version, Plan]:
    raise AssertionError("Settings alone make no version.")


def _take(ctx: Services, submission: Submission, settings: Settings, *, by: Actor) -> _Taken:
    """Read the source as a run of now would, and check that it may run there."""
    submission.check()
    if submission.kind is JobKind.PIPELINE:
        declared = pipeline_files.read_parameters(ctx, submission)
        parameters = _sample_parameters(settings, settings.preset_names[0], declared)
        taken = take_pipeline(ctx, replace(submission, parameters=parameters), by=by)

        def store_pipeline(tx: Transaction, at: Timestamp) -> tuple[Job, Version, Plan]:
            return make_plan(ctx, tx, taken, by=by, at=at)

        schema = taken.pipeline.parameters
        return _Taken(schema, lambda values: schema.validate(values, word="pipeline"), store_pipeline)
    single = take_snapshot(ctx, submission, by=by)
    manifest = single.snapshot.manifest

    def store(tx: Transaction, at: Timestamp) -> tuple[Job, Version, Plan]:
        job, version = make_version(ctx, tx, single, by=by, at=at.wall_time)
        return job, version, {SINGLE: _plan_of(ctx, tx, single, job, version)}

    return _Taken(manifest.parameters, lambda values: check_parameters(ctx, manifest, values), store)


def _plan_of(ctx: Services, tx: Transaction, taken: TakenSnapshot, job: Job, version: Version) -> PlannedStep:
    placed, snapshot = taken.placed, taken.snapshot
    assert snapshot.kernel is not None, "Only a pipeline has no kernel, interpreter or command."
    return PlannedStep(
        job_id=job.id,
        version_digest=version.digest,
        kernel=with_submitter_variables(ctx, placed, snapshot.kernel),
        settings=resolve_settings(taken.submission, job.settings, placed.environment.limits),
        image=placed.image,
        resources=placed.resources,
        inputs_digest=tx.inputs.put(snapshot.inputs),
        origin=snapshot.origin,
        findings=(*snapshot.findings, *placed.findings),
    )
