"""A schedule: a version of a job that runs when it is time, after another job, or when files or requests arrive."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from ..errors import InvalidSchedule
from .actors import Actor
from .calendars import Calendar
from .dates import DateFunction
from .runs import RunState
from .sending import ALWAYS, SendRule
from .subscriptions import NamedRecipient, check_recipients
from .timetables import (
    BusinessDay,
    Cron,
    Interval,
    Once,
    OnHoliday,
    TimeRule,
    Timetable,
    check_rule,
    local_instant,
    rule_from_json,
    rule_to_json,
    zone_of,
)
from .webhooks import Signature, check_mapping

MAX_NAME_LENGTH = 200
MAX_PRESETS = 200
MAX_JITTER_S = 86_400.0
MAX_CATCHUP_WINDOW_S = 366 * 86_400.0
DEFAULT_CATCHUP_WINDOW_S = 86_400.0
SANDBOX_PAUSE_ON_FAILURE = 5


class Overlap(StrEnum):
    """The effect of a run of the schedule that has not ended on the next tick. Presets do not hold up one another."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    """One tick waits for the end of the run; further ones are skipped."""
    BUFFER_ALL = "buffer_all"
    CANCEL_OTHER = "cancel_other"
    """The run is cancelled, and the tick starts when it has ended."""
    ALLOW_ALL = "allow_all"


class Misfire(StrEnum):
    """The effect of ticks whose time passed while no engine was there, as far as the catch-up window reaches."""

    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


class JobEnd(StrEnum):
    """The ends of another job that start this one."""

    SUCCESS = "success"
    FAILURE = "failure"
    ANY = "any"

    def fits(self, state: RunState) -> bool:
        if self is JobEnd.ANY:
            return state in _ENDS
        return (state is RunState.SUCCEEDED) == (self is JobEnd.SUCCESS) and state in _ENDS


_ENDS = (RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.LOST)
FAILURES = (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST, RunState.EXPIRED)
"""The ends of a run that count for `pause_on_failure`. A person's cancel says nothing about the job."""


@dataclass(frozen=True)
class AfterJob:
    """When a run of the job ended. The runs of its steps, and those of trials, do not count."""

    job_id: str
    on: JobEnd = JobEnd.SUCCESS


@dataclass(frozen=True)
class Files:
    """When files of a folder are new or have changed, and nothing has changed for `quiet_s`: one tick for all of them.

    `parameter` gets the list of their paths from the folder.
    """

    folder: str
    pattern: str = "*"
    quiet_s: float = 30.0
    parameter: str | None = None


@dataclass(frozen=True)
class Webhook:
    """When another program sends a signed request to the address of the schedule.

    `parameters` maps parameters of the job to the places of their values in the body, as JSON pointers.
    """

    signature: Signature = Signature.STANDARD
    parameters: Mapping[str, str] = field(default_factory=dict)


Rule: TypeAlias = TimeRule | AfterJob | Files | Webhook
TIME_RULES = (Cron, Interval, Once, BusinessDay)


@dataclass(frozen=True)
class Preset:
    """Parameters under a name, which override those of the schedule. Each tick has a run for each preset."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    recipients: tuple[NamedRecipient, ...] = ()
    """The recipients of messages about this preset, besides those of the schedule."""


@dataclass(frozen=True)
class Due:
    """The time by which the run should have succeeded: the next `at` in the schedule's zone, or `within_s` seconds."""

    at: dt.time | None = None
    within_s: float | None = None

    def instant(self, nominal: dt.datetime, timezone: str) -> dt.datetime:
        if self.within_s is not None:
            return nominal + dt.timedelta(seconds=self.within_s)
        assert self.at is not None
        zone = zone_of(timezone)
        day = nominal.astimezone(zone).date()
        found = local_instant(day, self.at, zone)
        return found if found >= nominal else local_instant(day + dt.timedelta(days=1), self.at, zone)


@dataclass(frozen=True)
class Pause:
    at: dt.datetime
    by: Actor
    why: str = ""


@dataclass(frozen=True)
class Settings:
    """All that a person chooses for a schedule, besides its job and its environment."""

    rule: Rule
    timezone: str
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    jitter_s: float = 0.0
    calendar: str | None = None
    """The name of a calendar. Without one, weekends alone are days off."""
    on_holiday: OnHoliday = OnHoliday.RUN
    parameters: Mapping[str, Any] = field(default_factory=dict)
    dates: Mapping[str, DateFunction] = field(default_factory=dict)
    """Parameters that are dates counted from the nominal time."""
    presets: tuple[Preset, ...] = ()
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.LATEST
    catchup_window_s: float = DEFAULT_CATCHUP_WINDOW_S
    pause_on_failure: int | None = None
    due: Due | None = None
    recipients: tuple[NamedRecipient, ...] = ()
    """The recipients of messages, besides the owner and those who subscribed."""
    send: SendRule = ALWAYS
    """When a success is told to those who hear of successes."""

    def checked(self) -> Settings:
        """Return them normalized. InvalidSchedule, with the reason, when they make no sense."""
        zone_of(self.timezone)
        rule = check_rule(self.rule) if isinstance(self.rule, TIME_RULES) else self.rule
        if isinstance(rule, Files):
            _check_files(rule)
        if isinstance(rule, Webhook):
            check_mapping(rule.parameters)
        _check_bounds("jitter", self.jitter_s, MAX_JITTER_S)
        _check_bounds("catch-up window", self.catchup_window_s, MAX_CATCHUP_WINDOW_S)
        if not isinstance(rule, TIME_RULES) and (self.jitter_s or self.calendar or self.due_at_a_time):
            raise InvalidSchedule("Jitter, calendars and due times of day are for schedules that follow the clock.")
        if self.on_holiday is not OnHoliday.RUN and isinstance(rule, Once | BusinessDay):
            raise InvalidSchedule(
                "A schedule that runs once, or on a business day, meets no holiday. Leave `on_holiday` out."
            )
        if self.on_holiday is OnHoliday.SKIP and self.calendar is None:
            raise InvalidSchedule("`on_holiday: skip` needs a calendar that names the holidays.")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise InvalidSchedule("The schedule ends before it starts. Correct one of the times.")
        if self.pause_on_failure is not None and not 1 <= self.pause_on_failure <= 1000:
            raise InvalidSchedule("`pause_on_failure` is a number of failures from 1 to 1000, or nothing.")
        _check_due(self.due)
        _check_presets(self.presets)
        presets = tuple(replace(each, recipients=check_recipients(each.recipients)) for each in self.presets)
        return replace(self, rule=rule, presets=presets, recipients=check_recipients(self.recipients))

    @property
    def due_at_a_time(self) -> bool:
        return self.due is not None and self.due.at is not None

    @property
    def follows_clock(self) -> bool:
        return isinstance(self.rule, TIME_RULES)

    def timetable(self, calendar: Calendar | None) -> Timetable:
        """Return when it fires. `calendar` is the one that it names; only for a rule that follows the clock."""
        assert isinstance(self.rule, TIME_RULES)
        if calendar is None and self.on_holiday is not OnHoliday.RUN:
            from .calendars import WEEKENDS

            calendar = WEEKENDS
        return Timetable(self.rule, self.timezone, calendar, self.on_holiday, self.starts_at, self.ends_at)

    @property
    def preset_names(self) -> tuple[str, ...]:
        """The names of its presets; the empty one where it has none."""
        return tuple(preset.name for preset in self.presets) or ("",)

    def parameters_of(self, preset: str) -> dict[str, Any]:
        """Return the given parameters of a preset, without dates."""
        own = next((each.parameters for each in self.presets if each.name == preset), {})
        return {**self.parameters, **own}

    def recipients_of(self, preset: str) -> tuple[NamedRecipient, ...]:
        """Return the recipients that the preset has for itself."""
        return next((each.recipients for each in self.presets if each.name == preset), ())

    @property
    def all_recipients(self) -> tuple[NamedRecipient, ...]:
        return (*self.recipients, *(recipient for preset in self.presets for recipient in preset.recipients))

    def dates_of(self, preset: str) -> dict[str, DateFunction]:
        own = next((each.parameters for each in self.presets if each.name == preset), {})
        return {name: function for name, function in self.dates.items() if name not in own}


@dataclass(frozen=True)
class Schedule:
    """`version_digest` is the version that runs, whatever the file of the job has become since.

    `decided_until`: for all nominal times up to this one there is a run, or a reason why there is none.
    `next_at` is the nominal time of the next tick, `wake_at` the instant at which it starts, later by its jitter.
    """

    id: str
    project: str
    name: str
    job_id: str
    version_digest: str
    environment: str
    settings: Settings
    owner: Actor
    created_at: dt.datetime
    created_by: Actor
    changed_at: dt.datetime
    changed_by: Actor
    decided_until: dt.datetime
    next_at: dt.datetime | None = None
    wake_at: dt.datetime | None = None
    pause: Pause | None = None
    failures: int = 0
    """The number of final failures since the last success."""
    refusal: str | None = None
    """The reason why the newest tick could not start, as long as none has started since."""
    hook_id: str | None = None
    """The last part of the address to which other programs send, where the rule is a webhook."""
    revision: int = field(default=1, compare=False)

    @property
    def is_active(self) -> bool:
        """Tell whether it may start something some time."""
        return self.pause is None and (self.next_at is not None or not self.settings.follows_clock)

    def jitter(self, nominal: dt.datetime) -> dt.timedelta:
        """Return the delay of a tick: the same for the same tick on every machine, and spread over the schedules."""
        if not self.settings.jitter_s:
            return dt.timedelta()
        seed = hashlib.sha256(f"{self.id} {nominal.isoformat()}".encode()).digest()
        return dt.timedelta(seconds=self.settings.jitter_s * int.from_bytes(seed[:8], "big") / 2**64)

    def planned(self, timetable: Timetable | None) -> Schedule:
        """Return it with the next tick after `decided_until`; with none while it is paused or follows no clock."""
        occurrence = timetable.next_after(self.decided_until) if timetable and self.pause is None else None
        if occurrence is None:
            return replace(self, next_at=None, wake_at=None)
        return replace(self, next_at=occurrence.at, wake_at=occurrence.at + self.jitter(occurrence.at))


def find_cycle(edges: Mapping[str, Sequence[str]], start: str) -> list[str] | None:
    """Return the jobs of a circle through `start`, which begins and ends with it; None when there is none.

    `edges`: by job the jobs that start after it.
    """
    paths = [[start]]
    seen: set[str] = set()
    while paths:
        path = paths.pop()
        for following in edges.get(path[-1], ()):
            if following == start:
                return [*path, start]
            if following not in seen:
                seen.add(following)
                paths.append([*path, following])
    return None


def settings_to_json(settings: Settings) -> dict[str, Any]:
    due = settings.due
    return {
        "rule": _rule_to_json(settings.rule),
        "timezone": settings.timezone,
        "starts_at": settings.starts_at.isoformat() if settings.starts_at else None,
        "ends_at": settings.ends_at.isoformat() if settings.ends_at else None,
        "jitter_s": settings.jitter_s,
        "calendar": settings.calendar,
        "on_holiday": str(settings.on_holiday),
        "parameters": dict(settings.parameters),
        "dates": {name: str(function) for name, function in settings.dates.items()},
        "presets": [
            {
                "name": preset.name,
                "parameters": dict(preset.parameters),
                "recipients": [recipient.to_json() for recipient in preset.recipients],
            }
            for preset in settings.presets
        ],
        "overlap": str(settings.overlap),
        "misfire": str(settings.misfire),
        "catchup_window_s": settings.catchup_window_s,
        "pause_on_failure": settings.pause_on_failure,
        "due": {"at": due.at.isoformat() if due.at else None, "within_s": due.within_s} if due else None,
        "recipients": [recipient.to_json() for recipient in settings.recipients],
        "send": settings.send.to_json(),
    }


def settings_from_json(value: Mapping[str, Any]) -> Settings:
    due = value["due"]
    return Settings(
        rule=_rule_from_json(value["rule"]),
        timezone=value["timezone"],
        starts_at=_instant(value["starts_at"]),
        ends_at=_instant(value["ends_at"]),
        jitter_s=value["jitter_s"],
        calendar=value["calendar"],
        on_holiday=OnHoliday(value["on_holiday"]),
        parameters=value["parameters"],
        dates={name: DateFunction(function) for name, function in value["dates"].items()},
        presets=tuple(Preset(preset["name"], preset["parameters"], _recipients(preset)) for preset in value["presets"]),
        overlap=Overlap(value["overlap"]),
        misfire=Misfire(value["misfire"]),
        catchup_window_s=value["catchup_window_s"],
        pause_on_failure=value["pause_on_failure"],
        due=Due(dt.time.fromisoformat(due["at"]) if due["at"] else None, due["within_s"]) if due else None,
        recipients=_recipients(value),
        send=SendRule.from_json(value.get("send")),
    )


def _recipients(value: Mapping[str, Any]) -> tuple[NamedRecipient, ...]:
    # Settings from before there were recipients do not name them.
    return tuple(map(NamedRecipient.from_json, value.get("recipients", ())))


def _rule_to_json(rule: Rule) -> dict[str, Any]:
    match rule:
        case AfterJob(job_id, on):
            return {"kind": "after_job", "job_id": job_id, "on": str(on)}
        case Files(folder, pattern, quiet_s, parameter):
            return {
                "kind": "files",
                "folder": folder,
                "pattern": pattern,
                "quiet_s": quiet_s,
                "parameter": parameter,
            }
        case Webhook(signature, parameters):
            return {"kind": "webhook", "signature": str(signature), "parameters": dict(parameters)}
    return rule_to_json(rule)


def _rule_from_json(value: dict[str, Any]) -> Rule:
    match value["kind"]:
        case "after_job":
            return AfterJob(value["job_id"], JobEnd(value["on"]))
        case "files":
            return Files(value["folder"], value["pattern"], value["quiet_s"], value["parameter"])
        case "webhook":
            return Webhook(Signature(value["signature"]), value["parameters"])
    return rule_from_json(value)


def rule_kind(rule: Rule) -> str:
    return str(_rule_to_json(rule)["kind"])


def _instant(text: str | None) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _check_bounds(what: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        raise InvalidSchedule(f"The {what} is 0 to {most:g} seconds; {value:g} were given.")


def _check_due(due: Due | None) -> None:
    if due is None:
        return
    if (due.at is None) == (due.within_s is None):
        raise InvalidSchedule("A due time is either a time of day, such as 09:00, or a number of seconds.")
    if due.within_s is not None and not 0 < due.within_s <= MAX_CATCHUP_WINDOW_S:
        raise InvalidSchedule("A schedule is due within a positive number of seconds, and within a year.")


def _check_presets(presets: Sequence[Preset]) -> None:
    names = [preset.name for preset in presets]
    if len(names) > MAX_PRESETS:
        raise InvalidSchedule(f"A schedule has at most {MAX_PRESETS} presets. Use a pipeline that runs for each item.")
    if len(set(names)) != len(names):
        raise InvalidSchedule("Two presets have the same name. Give each its own.")
    for name in names:
        if not name or len(name) > 100 or not name.isprintable():
            raise InvalidSchedule(f"{name!r} cannot name a preset: a name has 1 to 100 printable characters.")


def _check_files(rule: Files) -> None:
    if not rule.folder.startswith("/"):
        raise InvalidSchedule("The folder that is watched is an absolute path.")
    if "/" in rule.pattern.strip("/") and "**" in rule.pattern:
        raise InvalidSchedule("A pattern of watched files names files of the folder itself, such as *.csv.")
    if not rule.pattern or len(rule.pattern) > 200:
        raise InvalidSchedule("A pattern of watched files has 1 to 200 characters, such as *.csv.")
    if not 1 <= rule.quiet_s <= 86_400:
        raise InvalidSchedule("The quiet time is 1 second to one day.")
