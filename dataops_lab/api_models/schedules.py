from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, TypeAdapter

from ..domain.backfills import MAX_CONCURRENCY, Backfill, BackfillScope, BackfillState
from ..domain.calendars import Calendar
from ..domain.dates import date_function
from ..domain.environments import Resources
from ..domain.runs import RunState, Submission
from ..domain.schedules import (
    DEFAULT_CATCHUP_WINDOW_S,
    MAX_CATCHUP_WINDOW_S,
    MAX_JITTER_S,
    MAX_PRESETS,
    AfterJob,
    Due,
    Files,
    JobEnd,
    Misfire,
    Overlap,
    Preset,
    Rule,
    Schedule,
    Settings,
    Webhook,
    settings_to_json,
)
from ..domain.sending import MAX_CONDITION, MAX_NAMES, SendRule, When
from ..domain.ticks import Tick, TickKind, TickState
from ..domain.timetables import (
    MAX_INTERVAL_S,
    MIN_INTERVAL_S,
    BusinessDay,
    Cron,
    Interval,
    Occurrence,
    Once,
    OnHoliday,
    zone_of,
)
from ..domain.webhooks import MAX_MAPPED, MAX_POINTER_LENGTH, Signature
from ..services.calendars import CalendarWish
from ..services.schedules import Drift, Preview, ScheduleView, ScheduleWish, TickSpan
from ..services.webhooks import HookState, Receipt
from .base import ActorModel, ContentsPath, Day, Instant, Model
from .environments import ResourcesModel
from .runs import ReasonModel, RunSummaryModel
from .settings import GivenSettingsModel
from .subscriptions import Recipients, TimeOfDay


@cache
def _instants() -> TypeAdapter[dt.datetime]:
    return TypeAdapter(AwareDatetime)


def _instant_of(value: Any) -> Any:
    """Read text here: strict reading of JSON refuses it in models that are also made from attributes."""
    if not isinstance(value, str):
        return value
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        raise ValueError("needs a date and time as 2026-01-31T08:00:00Z")
    return _instants().validate_python(value)


def _in_utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("is not a moment of the years 1 to 9999 in UTC") from None


GivenInstant = Annotated[AwareDatetime, BeforeValidator(_instant_of), AfterValidator(_in_utc)]


class CronRule(Model):
    """Five fields: minute, hour, day of the month, month, day of the week, where 0 and 7 are Sunday; `L` and `#` too.

    Names such as `@daily` are taken, and stored as fields.
    """

    kind: Literal["cron"]
    expression: str = Field(max_length=1000)

    def to_domain(self) -> Rule:
        return Cron(self.expression)


class IntervalRule(Model):
    """Every `every_s` seconds of real time, counted from the epoch and shifted by `phase_s`."""

    kind: Literal["interval"]
    every_s: float = Field(ge=MIN_INTERVAL_S, le=MAX_INTERVAL_S)
    phase_s: float = Field(default=0.0, ge=0, le=MAX_INTERVAL_S)

    def to_domain(self) -> Rule:
        return Interval(self.every_s, self.phase_s)


class OnceRule(Model):
    kind: Literal["once"]
    at: GivenInstant

    def to_domain(self) -> Rule:
        return Once(self.at)


class BusinessDayRule(Model):
    """The n-th business day of each month at a time of day; -1 is the last one."""

    kind: Literal["business_day"]
    number: int = Field(ge=-23, le=23)
    at: TimeOfDay

    def to_domain(self) -> Rule:
        return BusinessDay(self.number, dt.time.fromisoformat(self.at))


class AfterJobRule(Model):
    """When a run of another job has ended: with success, with a failure, or any way."""

    kind: Literal["after_job"]
    job_id: str = Field(max_length=26)
    on: JobEnd = JobEnd.SUCCESS

    def to_domain(self) -> Rule:
        return AfterJob(self.job_id, self.on)


class FilesRule(Model):
    """When files of a folder are new or have changed, and nothing has changed there for `quiet_s`.

    One run for all of them together. `parameter` gets the list of their names. `folder` is an absolute path.
    """

    kind: Literal["files"]
    folder: str = Field(max_length=4000, pattern=r"^/[^\x00]*$")
    pattern: str = Field(default="*", max_length=200)
    quiet_s: float = Field(default=30.0, ge=1, le=86_400)
    parameter: str | None = Field(default=None, max_length=200)

    def to_domain(self) -> Rule:
        return Files(self.folder, self.pattern, self.quiet_s, self.parameter)


Pointer = Annotated[str, Field(max_length=MAX_POINTER_LENGTH)]


class WebhookRule(Model):
    """When another program sends a signed request to the address of the schedule.

    `parameters` maps parameters of the job to JSON pointers, such as `/order/id`: the places of their values in the
    body. All else in the body is ignored.
    """

    kind: Literal["webhook"]
    signature: Signature = Signature.STANDARD
    parameters: dict[str, Pointer] = Field(default_factory=dict, max_length=MAX_MAPPED)

    def to_domain(self) -> Rule:
        return Webhook(self.signature, self.parameters)


RuleModel = Annotated[
    CronRule | IntervalRule | OnceRule | BusinessDayRule | AfterJobRule | FilesRule | WebhookRule,
    Field(discriminator="kind"),
]


class PresetModel(Model):
    """Parameters under a name, which override those of the schedule; and recipients of messages about it alone."""

    name: str = Field(min_length=1, max_length=100)
    parameters: dict[str, Any] = Field(default_factory=dict)
    recipients: Recipients = Field(default_factory=list)

    def to_domain(self) -> Preset:
        return Preset(self.name, self.parameters, tuple(each.to_domain() for each in self.recipients))


class DueModel(Model):
    """The time by which a run should have succeeded: a time of day in the schedule's zone, or seconds. Give one."""

    at: TimeOfDay | None = None
    within_s: float | None = Field(default=None, gt=0, le=MAX_CATCHUP_WINDOW_S)

    def to_domain(self) -> Due:
        return Due(dt.time.fromisoformat(self.at) if self.at else None, self.within_s)


class SendModel(Model):
    """When a success is told: `changed` compares named `values` with the last success that was told.

    `condition` is an expression in CEL over the recorded values, such as `values.auc < 0.8`.
    """

    when: When = When.ALWAYS
    values: list[str] = Field(default_factory=list, max_length=MAX_NAMES)
    condition: str = Field(default="", max_length=MAX_CONDITION)

    def to_domain(self) -> SendRule:
        return SendRule(self.when, tuple(self.values), self.condition)


class ScheduleSettings(Model):
    """All that a person chooses for a schedule besides its job and environment.

    `dates` maps parameters to functions of the nominal time, such as `yesterday` and `last_month`. `pause_on_failure`
    is a number of failures in a row; null when a schedule is added: 5 where an environment is not guarded, else never.
    """

    rule: RuleModel
    timezone: str = Field(max_length=100)
    starts_at: GivenInstant | None = None
    ends_at: GivenInstant | None = None
    jitter_s: float = Field(default=0.0, ge=0, le=MAX_JITTER_S)
    calendar: str | None = Field(default=None, max_length=100)
    on_holiday: OnHoliday = OnHoliday.RUN
    parameters: dict[str, Any] = Field(default_factory=dict)
    dates: dict[str, str] = Field(default_factory=dict)
    presets: list[PresetModel] = Field(default_factory=list, max_length=MAX_PRESETS)
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.LATEST
    catchup_window_s: float = Field(default=DEFAULT_CATCHUP_WINDOW_S, ge=0, le=MAX_CATCHUP_WINDOW_S)
    pause_on_failure: int | None = Field(default=None, ge=1, le=1000)
    due: DueModel | None = None
    recipients: Recipients = Field(default_factory=list)
    send: SendModel = Field(default_factory=SendModel)
    """When a success is told to those who hear of successes."""

    def to_settings(self) -> Settings:
        return Settings(
            rule=self.rule.to_domain(),
            timezone=self.timezone,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            jitter_s=self.jitter_s,
            calendar=self.calendar,
            on_holiday=self.on_holiday,
            parameters=self.parameters,
            dates={name: date_function(name, text) for name, text in self.dates.items()},
            presets=tuple(preset.to_domain() for preset in self.presets),
            overlap=self.overlap,
            misfire=self.misfire,
            catchup_window_s=self.catchup_window_s,
            pause_on_failure=self.pause_on_failure,
            due=self.due.to_domain() if self.due else None,
            recipients=tuple(each.to_domain() for each in self.recipients),
            send=self.send.to_domain(),
        )


class PauseRequest(Model):
    why: str = Field(default="", max_length=1000)


class ScheduleRequest(ScheduleSettings):
    """A schedule of a notebook, script or pipeline as it is now.

    `path` and the members after it are as in a submission.

    Without a name it has that of its job. With `pause` it starts nothing until it is resumed.
    """

    path: ContentsPath
    name: str | None = Field(default=None, max_length=200)
    environment: str = "sandbox"
    kernel: str | None = None
    image: str | None = Field(default=None, max_length=100)
    resources: ResourcesModel | None = None
    run_settings: GivenSettingsModel = GivenSettingsModel()
    pause: PauseRequest | None = None

    def to_wish(self, path: str, *, root: str | None = None) -> ScheduleWish:
        """Return the wish; `path` is the local path of the source, and `root` as in a submission."""
        submission = Submission(
            path=path,
            root=root,
            environment=self.environment,
            kernel=self.kernel,
            image=self.image,
            resources=self.resources.to_domain() if self.resources else Resources(),
            **self.run_settings.settings(),
        )
        return ScheduleWish(submission, self.to_settings(), self.name, self.pause.why if self.pause else None)


class ScheduleChange(ScheduleSettings):
    """All settings of a schedule anew. With `revision` the answer is 409 when somebody has changed it since."""

    name: str | None = Field(default=None, max_length=200)
    revision: int | None = None


class BackfillRequest(Model):
    """A span of time, whose ticks run now with their nominal times.

    `scope` says which: those that never had a run, failed ones too, failed ones alone, or all.

    `concurrency` is the number that may be unfinished at once. `tells`: people hear of the runs that fail.
    """

    first: GivenInstant
    last: GivenInstant
    scope: BackfillScope = BackfillScope.MISSING
    concurrency: int = Field(default=1, ge=1, le=MAX_CONCURRENCY)
    newest_first: bool = False
    tells: bool = False

    def to_domain(self) -> Backfill:
        return Backfill(self.first, self.last, self.scope, self.concurrency, self.newest_first, self.tells)


class BackfillModel(Model):
    """A backfill and how far it is: the numbers of its ticks. `first` and `last` are their nominal times.

    `skipped` were cancelled before they began.
    """

    id: str
    first: Instant
    last: Instant
    concurrency: int
    tells: bool
    waiting: int
    running: int
    done: int
    failed: int
    skipped: int


class BackfillCellModel(Model):
    """A tick of the grid: its state over all runs that it ever had, and whether the backfill starts it."""

    nominal: Instant
    preset: str
    state: BackfillState
    runs: bool


class RunNowRequest(Model):
    """A request for runs of now: of one preset, or of all for null."""

    preset: str | None = Field(default=None, max_length=100)


class PauseModel(Model):
    at: Instant
    by: ActorModel
    why: str


class OccurrenceModel(Model):
    """A nominal time. `local` is the same in the schedule's zone, with its offset.

    `holiday` names a day off: the tick is `skipped` on it, or was moved away from it.
    """

    at: Instant
    local: str
    holiday: str | None
    skipped: bool

    @classmethod
    def from_occurrence(cls, occurrence: Occurrence, timezone: str) -> OccurrenceModel:
        local = occurrence.at.astimezone(zone_of(timezone)).isoformat(timespec="seconds")
        return cls(at=occurrence.at, local=local, holiday=occurrence.holiday, skipped=occurrence.skipped)


class SchedulePreviewRequest(ScheduleSettings):
    count: int = Field(default=5, ge=1, le=50)


class SchedulePreviewModel(Model):
    """The next ticks of settings that are not stored. `never` says why there are none."""

    items: list[OccurrenceModel]
    never: str | None
    warnings: list[str]

    @classmethod
    def from_preview(cls, preview: Preview, timezone: str) -> SchedulePreviewModel:
        return cls(
            items=[OccurrenceModel.from_occurrence(each, timezone) for each in preview.occurrences],
            never=preview.never,
            warnings=list(preview.warnings),
        )


_NOTHING: Mapping[str, float] = {}


class TickModel(Model):
    """A row of the decision log. `until` and `count`: the row stands for all ticks that were missed together.

    `foreseen_late_s`: before its due time, the seconds by which it will be late, from how long its runs usually take.

    `other_run_id` is the run that was in the way. `cause` tells what made it: a run, or nothing for the clock.
    """

    id: str
    schedule_id: str
    nominal: Instant
    preset: str
    kind: TickKind
    state: TickState
    decided_at: Instant
    cause: str
    reason: ReasonModel | None
    run_id: str | None
    other_run_id: str | None
    until: Instant | None
    count: int
    due_at: Instant | None
    told_at: Instant | None
    foreseen_late_s: float | None

    @classmethod
    def from_domain(cls, tick: Tick, foreseen: Mapping[str, float] = _NOTHING) -> TickModel:
        values = {name: getattr(tick, name) for name in cls.model_fields if name not in ("reason", "foreseen_late_s")}
        reason = ReasonModel.model_validate(tick.reason) if tick.reason else None
        return cls(**values, reason=reason, foreseen_late_s=foreseen.get(tick.id))


class ComingTickModel(OccurrenceModel):
    """A tick that will come."""

    schedule_id: str
    schedule_name: str


class TickSpanModel(Model):
    """The ticks of a span of time: those that are decided, and those that will come.

    `run_states` has the states of the runs of the decided ones. `is_complete` is false when there are more than these.
    """

    decided: list[TickModel]
    coming: list[ComingTickModel]
    run_states: dict[str, RunState]
    is_complete: bool

    @classmethod
    def from_domain(cls, span: TickSpan) -> TickSpanModel:
        return cls(
            decided=[TickModel.from_domain(tick) for tick in span.decided],
            coming=[
                ComingTickModel(
                    **OccurrenceModel.from_occurrence(occurrence, schedule.settings.timezone).model_dump(),
                    schedule_id=schedule.id,
                    schedule_name=schedule.name,
                )
                for schedule, occurrence in span.coming
            ],
            run_states=dict(span.run_states),
            is_complete=span.is_complete,
        )


class WebhookModel(Model):
    """The address of a webhook, from the server's base address, and its secret without the value.

    `secret_changed_at` is null as long as there is no secret: then nothing is taken. `previous_until`: the secret
    before it counts until then.
    """

    path: str
    secret_changed_at: Instant | None
    secret_changed_by: ActorModel | None
    previous_until: Instant | None

    @classmethod
    def from_state(cls, hook_id: str, state: HookState | None) -> WebhookModel:
        return cls(
            path=hook_path(hook_id),
            secret_changed_at=state.changed_at if state else None,
            secret_changed_by=ActorModel.from_domain(state.changed_by) if state else None,
            previous_until=state.previous_until if state else None,
        )


def hook_path(hook_id: str) -> str:
    return f"dataops/hooks/{hook_id}"


class WebhookSecretRequest(Model):
    """A new secret for a webhook: one that the sender has made, or null for one that is made here."""

    secret: str | None = Field(default=None, max_length=1000)
    keep_previous: bool = True


class WebhookSecretModel(Model):
    """The secret is shown only this once; it is null when it was given. `path` is as in the webhook."""

    path: str
    secret: str | None

    @classmethod
    def from_domain(cls, schedule: Schedule, secret: str | None) -> WebhookSecretModel:
        return cls(path=hook_path(schedule.hook_id or ""), secret=secret)


class ReceivedTick(Model):
    id: str
    preset: str
    state: TickState


class ReceiptModel(Model):
    """The answer to a delivery: a tick for each preset of the schedule."""

    ticks: list[ReceivedTick]

    @classmethod
    def from_domain(cls, receipt: Receipt) -> ReceiptModel:
        return cls(ticks=[ReceivedTick.model_validate(tick) for tick in receipt.ticks])


class DriftModel(Model):
    """The difference of the working file from the scheduled version. `problem`: why nobody can tell."""

    moved_on: bool
    changes: list[str]
    problem: str | None

    @classmethod
    def from_domain(cls, drift: Drift) -> DriftModel:
        return cls(moved_on=drift.moved_on, changes=list(drift.changes), problem=drift.problem)


class ScheduleModel(ScheduleSettings):
    """A schedule. `next_at` is its next tick; null while it is paused, and where it does not follow the clock.

    `refusal`: why its newest run could not start. `orphaned`: why its owner may not run there any more. `drift` is only
    there when one schedule is asked for. `foreseen_late_s`: the seconds by which its newest ticks will be late.
    """

    id: str
    name: str
    job_id: str
    job_name: str
    job_kind: str
    source: str
    version_digest: str
    version_number: int
    newest_version_number: int
    environment: str
    owner: ActorModel
    created_at: Instant
    created_by: ActorModel
    changed_at: Instant
    changed_by: ActorModel
    next_at: Instant | None
    pause: PauseModel | None
    failures: int
    refusal: str | None
    orphaned: str | None
    last_tick: TickModel | None
    foreseen_late_s: float | None
    last_run: RunSummaryModel | None
    drift: DriftModel | None
    webhook: WebhookModel | None
    revision: int

    @classmethod
    def from_domain(cls, view: ScheduleView) -> ScheduleModel:
        schedule = view.schedule
        settings = settings_to_json(schedule.settings)
        pause = schedule.pause
        return cls(
            **settings,
            owner=ActorModel.from_domain(schedule.owner),
            created_by=ActorModel.from_domain(schedule.created_by),
            changed_by=ActorModel.from_domain(schedule.changed_by),
            id=schedule.id,
            name=schedule.name,
            job_id=schedule.job_id,
            job_name=view.job.name,
            job_kind=str(view.job.kind),
            source=view.job.source,
            version_digest=schedule.version_digest,
            version_number=view.version.number,
            newest_version_number=view.newest_version.number,
            environment=schedule.environment,
            created_at=schedule.created_at,
            changed_at=schedule.changed_at,
            next_at=schedule.next_at,
            pause=PauseModel(at=pause.at, by=ActorModel.from_domain(pause.by), why=pause.why) if pause else None,
            failures=schedule.failures,
            refusal=schedule.refusal,
            orphaned=view.orphaned,
            last_tick=TickModel.from_domain(view.last_tick) if view.last_tick else None,
            foreseen_late_s=view.foreseen_late_s,
            last_run=RunSummaryModel.from_domain(view.last_run) if view.last_run else None,
            drift=DriftModel.from_domain(view.drift) if view.drift else None,
            webhook=WebhookModel.from_state(schedule.hook_id, view.hook) if schedule.hook_id else None,
            revision=schedule.revision,
        )


class DayOffModel(Model):
    date: Day
    name: str = Field(max_length=200)


DayOfWeek = Annotated[int, Field(ge=0, le=6)]


class CountryDays(Model):
    """The public holidays of a country, such as FR, or of a part of it, such as BW of DE."""

    kind: Literal["country"]
    country: str = Field(max_length=10)
    subdivision: str | None = Field(default=None, max_length=20)


class FileDays(Model):
    """The whole days of the text of an iCalendar file."""

    kind: Literal["ics"]
    text: str = Field(max_length=900_000)


class GivenDays(Model):
    kind: Literal["days"]
    days: list[DayOffModel] = Field(max_length=5_000)


class CalendarRequest(Model):
    """A calendar, and where its days come from. `weekend` counts the days of the week from 0 for Monday."""

    source: Annotated[CountryDays | FileDays | GivenDays, Field(discriminator="kind")]
    weekend: list[DayOfWeek] = Field(default=[5, 6], max_length=6)

    def to_wish(self) -> CalendarWish:
        weekend = tuple(self.weekend)
        match self.source:
            case CountryDays():
                return CalendarWish(country=self.source.country, subdivision=self.source.subdivision, weekend=weekend)
            case FileDays():
                return CalendarWish(ics=self.source.text, weekend=weekend)
        return CalendarWish(days={day.date: day.name for day in self.source.days}, weekend=weekend)


class CalendarModel(Model):
    """A calendar. `last_day` is the last one that it knows: after it there are no holidays in it."""

    name: str
    source: str
    weekend: list[int]
    days: list[DayOffModel]
    last_day: Day | None
    changed_at: Instant | None
    changed_by: ActorModel | None
    revision: int

    @classmethod
    def from_domain(cls, calendar: Calendar) -> CalendarModel:
        return cls(
            name=calendar.name,
            source=calendar.source,
            weekend=list(calendar.weekend),
            days=[DayOffModel(date=day, name=name) for day, name in sorted(calendar.days.items())],
            last_day=calendar.last_day,
            changed_at=calendar.changed_at,
            changed_by=ActorModel.from_domain(calendar.changed_by) if calendar.changed_by else None,
            revision=calendar.revision,
        )
