"""Setting up an installation from one value: people see the changes first, then all of them happen or none."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from ..domain.actors import Actor
from ..domain.calendars import WEEKEND
from ..domain.configuration import (
    CalendarEntry,
    Change,
    Configuration,
    EnvironmentEntry,
    ImageEntry,
    ScheduleEntry,
    calendar_entry,
    diff,
    environment_entry,
    image_entry,
    schedule_entry,
)
from ..domain.environments import Environment
from ..domain.images import validate_name, validate_reference
from ..domain.jobs import DEFAULT_PROJECT
from ..domain.policy import ObjectKind, Verb
from ..domain.schedules import AfterJob, Files, Rule, Settings, Webhook
from ..domain.secrets import environment_scope
from ..domain.timetables import BusinessDay, Cron, Interval, Once
from ..domain.variables import Variable
from ..errors import Conflict, Refused
from ..ports import Transaction
from . import calendars, images, schedules, secrets
from .calendars import CalendarWish
from .context import Services
from .environments import audit, check_variable
from .environments import check as check_environment
from .permissions import require


@dataclass(frozen=True)
class Plan:
    """`state` is the digest of the configuration before. `remaining` holds commands for steps that no file can do."""

    changes: Sequence[Change]
    state: str
    remaining: Sequence[str]
    applied: bool


class _DryRunRollback(Exception):
    """Raised to roll back a trial."""


def export(ctx: Services) -> Configuration:
    with ctx.store.read() as tx:
        return _current_configuration(tx)


def plan(ctx: Services, wanted: Configuration, *, by: Actor) -> Plan:
    """Return the changes that `apply` would make, and change nothing. It raises the same errors."""
    require(ctx, by, Verb.CHANGE, ObjectKind.CONFIGURATION)
    try:
        with ctx.store.begin() as tx:
            result = _apply_changes(ctx, tx, wanted, by=by)
            # Try it and roll it back: so the plan is exactly what `apply` would do.
            raise _DryRunRollback
    except _DryRunRollback:
        return result


def apply(ctx: Services, wanted: Configuration, *, state: str | None = None, by: Actor) -> Plan:
    """Make the installation as wanted, in one transaction.

    With the `state` of a plan: Conflict when the configuration is not the same any more.
    """
    require(ctx, by, Verb.CHANGE, ObjectKind.CONFIGURATION)
    with ctx.store.begin() as tx:
        result = _apply_changes(ctx, tx, wanted, by=by)
        if state is not None and state != result.state:
            raise Conflict(
                "Somebody has changed the configuration since you looked at the difference. Look at it again.",
                code="changed_meanwhile",
            )
    for change in result.changes:
        named = {"image": change.image, "calendar": change.calendar, "schedule": change.schedule}
        where = next((f"{word} {name}" for word, name in named.items() if name), change.environment or "environments")
        audit.info("%s changed %s %s by a file", by, where, change.field)
    return replace(result, applied=True)


def _apply_changes(ctx: Services, tx: Transaction, wanted: Configuration, *, by: Actor) -> Plan:
    _check_configuration(wanted)
    if wanted.images:
        # Lock them in the order that all code uses, and before environments.
        for name in sorted({image.name for image in tx.images.all()} | {entry.name for entry in wanted.images}):
            tx.images.find(name)
    before = _current_configuration(tx)
    for image in wanted.images:
        _put_image_settings(ctx, tx, image, wanted, by=by)
    _put_environments(ctx, tx, wanted.environments, by=by)
    for entry in wanted.environments:
        _put_variables_and_secrets(ctx, tx, entry, by=by)
    for calendar in wanted.calendars:
        _put_calendar(ctx, tx, calendar, by=by)
    for schedule in wanted.schedules:
        _put_schedule(ctx, tx, schedule, by=by)
    after = _current_configuration(tx)
    return Plan(diff(before, after), before.digest, list(_remaining_commands(tx, wanted)), applied=False)


def _current_configuration(tx: Transaction) -> Configuration:
    scheduled = sorted(schedules.list_all(tx), key=lambda schedule: schedule.name)
    jobs = tx.jobs.get_many([schedule.job_id for schedule in scheduled])
    return Configuration(
        environments=tuple(
            environment_entry(
                environment,
                {variable.name: variable.value for variable in tx.variables.list_for_environment(environment.name)},
                tuple(secret.name for secret in tx.secrets.list_in_scope(environment_scope(environment.name))),
            )
            for environment in tx.environments.all()
        ),
        images=tuple(image_entry(image) for image in tx.images.all()),
        calendars=tuple(calendar_entry(calendar) for calendar in tx.calendars.all()),
        schedules=tuple(schedule_entry(schedule, jobs[schedule.job_id].source) for schedule in scheduled),
    )


def _check_configuration(wanted: Configuration) -> None:
    named = {
        "An environment": [entry.name for entry in wanted.environments],
        "An image": [entry.name for entry in wanted.images],
        "A calendar": [entry.name for entry in wanted.calendars],
        "A schedule": [entry.name for entry in wanted.schedules],
    }
    for what, names in named.items():
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Refused(f"{what} is there twice: {', '.join(twice)}.", code="invalid_configuration")
    for image in wanted.images:
        validate_name(image.name)
        if image.reference is not None:
            validate_reference(image.reference)
    if len(defaults := [image.name for image in wanted.images if image.settings.get("is_default")]) > 1:
        raise Refused(f"One image can be the default: {', '.join(defaults)}.", code="invalid_configuration")
    for entry in wanted.environments:
        for name, value in (entry.variables or {}).items():
            check_variable(name, value)


def _put_environments(ctx: Services, tx: Transaction, entries: Sequence[EnvironmentEntry], *, by: Actor) -> None:
    """Write the settings and the promotion order. An environment that is not named keeps its place among the others."""
    known = {environment.name: environment for environment in tx.environments.all()}
    named = [entry.name for entry in entries]
    order = list(known)
    # The named environments take, in their order, the places that they have already. A new one comes behind the
    # one before it in the file.
    places = [place for place, name in enumerate(order) if name in named]
    for place, name in zip(places, (name for name in named if name in known), strict=True):
        order[place] = name
    for before, name in zip([None, *named], named, strict=False):
        if name not in known:
            order.insert(order.index(before) + 1 if before else 0, name)
    given = {entry.name: entry.settings for entry in entries}
    for position, name in enumerate(order):
        present = known.get(name, Environment(name=name, position=position))
        updated = replace(present, position=position, **given.get(name, {}))
        if name in given:
            check_environment(ctx, updated)
        if name not in known or updated != present:
            tx.environments.put(updated, at=ctx.clock.now(), by=by)


def _put_variables_and_secrets(ctx: Services, tx: Transaction, entry: EnvironmentEntry, *, by: Actor) -> None:
    variables = {variable.name: variable.value for variable in tx.variables.list_for_environment(entry.name)}
    present = {secret.name for secret in tx.secrets.list_in_scope(environment_scope(entry.name))}
    for name in present - set(present if entry.secrets is None else entry.secrets):
        tx.secrets.remove(environment_scope(entry.name), name, at=ctx.clock.now(), by=by)
    if entry.variables is not None:
        for name in variables.keys() - entry.variables.keys():
            tx.variables.remove(entry.name, name, at=ctx.clock.now(), by=by)
        for name, value in entry.variables.items():
            if variables.get(name) != value:
                tx.variables.put(Variable(entry.name, name, value, ctx.clock.now(), by))
    for name in entry.secrets or ():
        secrets.expect(ctx, tx, entry.name, name, by=by)
    both = {variable.name for variable in tx.variables.list_for_environment(entry.name)} & {
        secret.name for secret in tx.secrets.list_in_scope(environment_scope(entry.name))
    }
    if both:
        raise Conflict(
            f"In {entry.name}, {', '.join(sorted(both))} would be both variable and secret. Nothing was changed.",
            code="variable_exists",
        )


def _put_image_settings(ctx: Services, tx: Transaction, entry: ImageEntry, wanted: Configuration, *, by: Actor) -> None:
    """Change the settings of an image. Do nothing when the catalogue does not have it.

    `_remaining_commands` then lists the commands that add it.
    """
    if tx.images.find(entry.name) is None:
        if entry.reference is None:
            raise Refused(
                f"The catalogue has no image {entry.name}. Write its reference too, or add it first.",
                code="invalid_configuration",
            )
        images.check_changes(images.ImageChanges(**entry.settings))
        return
    given = dict(entry.settings)
    if _waits_for_successor(tx, entry, wanted):
        del given["deprecated"]
    elif "deprecated" in given:
        given["deprecated"] = given["deprecated"] or False
    images.apply_changes(ctx, tx, entry.name, images.ImageChanges(**given), by=by)


def _waits_for_successor(tx: Transaction, entry: ImageEntry, wanted: Configuration) -> bool:
    """Tell whether the deprecation must wait: the file names its successor, and the catalogue does not have it yet."""
    deprecated = entry.settings.get("deprecated")
    successor = deprecated.successor if deprecated else None
    return successor in [image.name for image in wanted.images] and tx.images.find(successor) is None


def _put_calendar(ctx: Services, tx: Transaction, entry: CalendarEntry, *, by: Actor) -> None:
    """Write a calendar that differs. The holidays of a country are looked up only when the country changes."""
    present = tx.calendars.find(entry.name)
    if present is None and entry.country is None and entry.days is None:
        raise Refused(
            f"There is no calendar {entry.name}. Write its country or its days too.", code="invalid_configuration"
        )
    weekend = entry.weekend if entry.weekend is not None else (present.weekend if present else WEEKEND)
    same_country = present is not None and entry.country in (None, present.country)
    if present is not None and entry.days is None and same_country:
        wanted = replace(present, weekend=weekend)
        wanted.check()
    else:
        country, _, subdivision = (entry.country or "").partition("-")
        wish = CalendarWish(None, country or None, subdivision or None, entry.days, weekend)
        wanted = calendars.make(ctx, entry.name, wish)
    if present is None or calendar_entry(wanted) != calendar_entry(present):
        calendars.store(ctx, tx, wanted, by=by)


def _put_schedule(ctx: Services, tx: Transaction, entry: ScheduleEntry, *, by: Actor) -> None:
    """Change the settings of a schedule. `_remaining_commands` lists the command that adds one."""
    present = tx.schedules.find_by_name(DEFAULT_PROJECT, entry.name)
    if present is None:
        if entry.path is None or not {"rule", "timezone"} <= entry.settings.keys():
            raise Refused(
                f"There is no schedule {entry.name}. Write its path, rule and timezone too, or add it first.",
                code="invalid_configuration",
            )
        Settings(**entry.settings).checked()
        return
    wanted = replace(present.settings, **entry.settings).checked()
    if wanted != present.settings:
        schedules.change_in(ctx, tx, present.id, wanted, by=by)
    if entry.paused is True:
        schedules.pause_in(ctx, tx, present.id, by=by)
    elif entry.paused is False:
        schedules.resume_in(ctx, tx, present.id, by=by)


def _remaining_commands(tx: Transaction, wanted: Configuration) -> Iterator[str]:
    for entry in wanted.environments:
        for secret in tx.secrets.list_in_scope(environment_scope(entry.name)):
            if not secret.is_set:
                yield _command("secrets", "set", entry.name, secret.name)
    yield from _remaining_image_commands(tx, wanted)
    for schedule in wanted.schedules:
        yield from _remaining_schedule_commands(tx, schedule)


def _remaining_schedule_commands(tx: Transaction, entry: ScheduleEntry) -> Iterator[str]:
    """Yield the command that takes the version of a new schedule, or of one whose file or environment is another."""
    present = tx.schedules.find_by_name(DEFAULT_PROJECT, entry.name)
    if present is None:
        # `_put_schedule` has refused it without a path and a rule.
        path, environment, settings = entry.path, entry.environment or "sandbox", Settings(**entry.settings)
    else:
        source = tx.jobs.get(present.job_id).source
        path, environment, settings = entry.path or source, entry.environment or present.environment, present.settings
        if _is_same_file(path, source) and environment == present.environment:
            return
    yield _command(
        *("schedule", "set", path or "", "--name", entry.name, "--env", environment),
        *_rule_options(settings.rule),
        *("--timezone", settings.timezone),
    )


def _is_same_file(path: str, source: str) -> bool:
    """Tell whether the path in the file is the source. A relative one counts from any folder above."""
    parts = PurePath(path).parts
    return PurePath(source).parts[-len(parts) :] == parts


def _rule_options(rule: Rule) -> Sequence[str]:
    match rule:
        case Cron(expression):
            return ("--cron", expression)
        case Interval(every_s):
            return ("--every", f"{every_s:g}")
        case Once(at):
            return ("--once", at.isoformat())
        case BusinessDay(number, at):
            return ("--business-day", str(number), "--at", f"{at:%H:%M}")
        case AfterJob(job_id, on):
            return ("--after", job_id, "--on", str(on))
        case Files(folder):
            return ("--files", folder)
        case Webhook():
            return ("--webhook",)


def _remaining_image_commands(tx: Transaction, wanted: Configuration) -> Iterator[str]:
    known = {image.name: image for image in tx.images.all()}
    listed = {name: environment.name for environment in reversed(tx.environments.all()) for name in environment.images}
    for entry in wanted.images:
        known_image = known.get(entry.name)
        if known_image is None or entry.reference not in (None, known_image.reference):
            assert entry.reference is not None  # or `_put_image_settings` has refused it
            settings = {} if known_image else entry.settings
            yield _command(
                *("image", "add", entry.name, entry.reference),
                *(("--env", listed[entry.name]) if entry.name in listed else ()),
                *(("--description", settings["description"]) if settings.get("description") else ()),
                *(word for tag in settings.get("tags", ()) for word in ("--tag", tag)),
                *(("--allow-root",) if settings.get("root_allowed") else ()),
            )
        elif known_image.probe is None:
            yield _command("image", "probe", entry.name)
    for name, environment in listed.items():
        if name not in known and name not in [entry.name for entry in wanted.images]:
            yield _command("image", "add", name, "REFERENCE", "--env", environment)
    for entry in wanted.images:
        if entry.name not in known and entry.settings.get("is_default"):
            yield _command("image", "set-default", entry.name)
        if entry.name not in known or _waits_for_successor(tx, entry, wanted):
            yield from _deprecation_commands(entry)


def _deprecation_commands(entry: ImageEntry) -> Iterator[str]:
    if deprecated := entry.settings.get("deprecated"):
        yield _command(
            *("image", "deprecate", entry.name, "--on", deprecated.on.isoformat()),
            *(("--successor", deprecated.successor) if deprecated.successor else ()),
            *(("--message", deprecated.message) if deprecated.message else ()),
        )


def _command(*words: str) -> str:
    return shlex.join(["jupyter", "dataops", *words])
