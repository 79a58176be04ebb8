"""The configuration of an installation as one value that a file can hold and a program can compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeAlias

from .calendars import Calendar
from .environments import Environment, RunLimits, format_size
from .images import Image
from .schedules import Schedule, Settings, settings_to_json
from .versions import canonical_json, digest_of

ENVIRONMENT_FIELDS = (
    "executor",
    "description",
    "docker",
    "limits",
    "images",
    "default_image",
    "network",
    "mounts",
    "locked",
    "guarded",
    "output_folder",
)
"""The members of an environment that people choose. Its position comes from its place in the list."""

IMAGE_FIELDS = ("description", "tags", "is_default", "root_allowed", "deprecated")
"""The members of an image that people choose. The environments say where it is allowed."""


@dataclass(frozen=True)
class EnvironmentEntry:
    """A wanted environment: the given members become exactly so, the others stay as they are.

    `settings` has names of ENVIRONMENT_FIELDS. `variables` and `secrets` are None when they are not given. `secrets`
    holds names alone.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] | None = None
    secrets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ImageEntry:
    """An image that the catalogue must have. Its bytes are not part of a configuration.

    `settings` has names of IMAGE_FIELDS. Settings that are not given stay as they are; so does `reference` when it is
    None.
    """

    name: str
    reference: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CalendarEntry:
    """A wanted calendar: the holidays of a `country` such as `FR` or `DE-BW`, or the `days` themselves.

    `days` and `weekend` stay as they are when they are None.
    """

    name: str
    country: str | None = None
    days: Mapping[dt.date, str] | None = None
    weekend: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ScheduleEntry:
    """A wanted schedule. `settings` has names of the fields of `Settings`; those that are not given stay as they are.

    `path` and `environment` say which version is taken, and where it runs. No file can take a version, so a schedule
    that differs in them is left to a command. `paused` None: it stays as it is.
    """

    name: str
    path: str | None = None
    environment: str | None = None
    paused: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


Entry: TypeAlias = EnvironmentEntry | ImageEntry | CalendarEntry | ScheduleEntry


@dataclass(frozen=True)
class Configuration:
    """`environments` are in promotion order. Entries that are not named stay."""

    environments: tuple[EnvironmentEntry, ...] = ()
    images: tuple[ImageEntry, ...] = ()
    calendars: tuple[CalendarEntry, ...] = ()
    schedules: tuple[ScheduleEntry, ...] = ()

    @property
    def digest(self) -> str:
        entries: tuple[Entry, ...] = (*self.environments, *self.images, *self.calendars, *self.schedules)
        return digest_of(canonical_json([[entry.name, _flatten(entry)] for entry in entries]))


@dataclass(frozen=True)
class Change:
    """A change of an environment, of an `image`, `calendar` or `schedule`, or of none of them.

    `field` is the name in the file, with dots; empty for a whole environment. `before` or `after` is None where there
    is nothing.
    """

    environment: str
    field: str
    before: Any
    after: Any
    image: str = ""
    calendar: str = ""
    schedule: str = ""


def environment_entry(
    environment: Environment, variables: Mapping[str, str], secrets: tuple[str, ...]
) -> EnvironmentEntry:
    return EnvironmentEntry(
        environment.name, {name: getattr(environment, name) for name in ENVIRONMENT_FIELDS}, dict(variables), secrets
    )


def image_entry(image: Image) -> ImageEntry:
    return ImageEntry(image.name, image.reference, {name: getattr(image, name) for name in IMAGE_FIELDS})


def calendar_entry(calendar: Calendar) -> CalendarEntry:
    if calendar.country is not None:
        return CalendarEntry(calendar.name, calendar.country, weekend=calendar.weekend)
    return CalendarEntry(calendar.name, days=dict(calendar.days), weekend=calendar.weekend)


def schedule_entry(schedule: Schedule, path: str) -> ScheduleEntry:
    settings = {each.name: getattr(schedule.settings, each.name) for each in fields(Settings)}
    return ScheduleEntry(schedule.name, path, schedule.environment, schedule.pause is not None, settings)


def limits_to_json(limits: RunLimits) -> dict[str, Any]:
    """Return the limits by the names that they have in the file."""
    return {
        "cpus": limits.resources.cpus,
        "memory": format_size(limits.resources.memory_bytes),
        "pids": limits.resources.pids,
        "gpus": limits.resources.gpus,
        "timeout_s": limits.timeout_s,
        "concurrency": limits.concurrency,
    }


def diff(before: Configuration, after: Configuration) -> list[Change]:
    """List the changes that lead from one to the other, environment by environment and image by image."""
    old, new = (
        {entry.name: _flatten(entry) for entry in configuration.environments} for configuration in (before, after)
    )
    found: list[Change] = []
    for name in [*new, *(removed for removed in old if removed not in new)]:
        if (name in old) is not (name in new):
            found.append(Change(name, "", name if name in old else None, name if name in new else None))
        found += [Change(name, *difference) for difference in _differences(old.get(name, {}), new.get(name, {}))]
    order = [[entry.name for entry in configuration.environments] for configuration in (before, after)]
    if [name for name in order[0] if name in new] != [name for name in order[1] if name in old]:
        found.append(Change("", "order", ", ".join(order[0]), ", ".join(order[1])))
    for word in ("image", "calendar", "schedule"):
        old_entries, new_entries = (getattr(configuration, f"{word}s") for configuration in (before, after))
        known = {entry.name: _flatten(entry) for entry in old_entries}
        for entry in new_entries:
            differences = _differences(known.get(entry.name, {}), _flatten(entry))
            found += [Change("", *difference, **{word: entry.name}) for difference in differences]
    return found


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in [*after, *(removed for removed in before if removed not in after)]:
        if before.get(key) != after.get(key):
            yield key, before.get(key), after.get(key)


def _flatten(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, CalendarEntry):
        days = {day.isoformat(): name for day, name in (entry.days or {}).items()}
        return dict(_leaves({"country": entry.country, "weekend": entry.weekend, "days": days}, ""))
    if isinstance(entry, ScheduleEntry):
        own = {"path": entry.path, "environment": entry.environment, "paused": entry.paused}
        return dict(_leaves({**own, **settings_to_json(Settings(**entry.settings))}, ""))
    settings = {
        name: asdict(value) if hasattr(value, "__dataclass_fields__") else value
        for name, value in entry.settings.items()
    }
    if isinstance(entry, ImageEntry):
        return dict(_leaves({"reference": entry.reference, **settings}, ""))
    if "limits" in settings:
        settings["limits"] = limits_to_json(entry.settings["limits"])
    secrets = dict.fromkeys(entry.secrets or (), "expected")
    return dict(_leaves({**settings, "variables": dict(entry.variables or {}), "secrets": secrets}, ""))


def _leaves(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if isinstance(member, Mapping):
            yield from _leaves(member, f"{above}{name}.")
        elif isinstance(member, tuple):
            yield f"{above}{name}", [asdict(item) if hasattr(item, "__dataclass_fields__") else item for item in member]
        elif isinstance(member, dt.date):
            yield f"{above}{name}", member.isoformat()
        else:
            yield f"{above}{name}", member
