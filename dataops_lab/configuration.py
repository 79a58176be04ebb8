"""The file of a configuration, `dataops.yaml`: reading it, with the line of each problem, and writing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from . import yaml12
from .api_models.base import Day
from .api_models.schedules import CronRule, RuleModel, ScheduleSettings
from .domain.configuration import (
    CalendarEntry,
    Configuration,
    EnvironmentEntry,
    ImageEntry,
    ScheduleEntry,
    limits_to_json,
)
from .domain.environments import DockerSettings, ExecutorKind, Mount, Resources, RunLimits, parse_size
from .domain.images import Deprecation
from .domain.schedules import Settings, settings_to_json
from .errors import Refused

MAX_PROBLEMS = 100


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LimitsPart(_Part):
    cpus: float | None = None
    memory: StrictStr | int | None = None
    """A size such as `4Gi` or `500M`; a number means bytes."""
    pids: int | None = None
    gpus: int | None = None
    timeout_s: float | None = None
    concurrency: int | None = None

    def to_domain(self) -> RunLimits:
        memory = parse_size(str(self.memory)) if self.memory is not None else None
        return RunLimits(Resources(self.cpus, memory, self.pids, self.gpus), self.timeout_s, self.concurrency)


class DockerPart(_Part):
    host: StrictStr | None = None
    user: StrictStr = "1000:1000"
    warm: int = 0


class MountPart(_Part):
    source: StrictStr
    target: StrictStr
    read_only: StrictBool = True


class EnvironmentPart(_Part):
    name: StrictStr
    executor: ExecutorKind = ExecutorKind.PROCESS
    description: StrictStr = ""
    docker: DockerPart = DockerPart()
    limits: LimitsPart = LimitsPart()
    images: list[StrictStr] = Field(default_factory=list)
    default_image: StrictStr | None = None
    network: StrictBool = True
    mounts: list[MountPart] = Field(default_factory=list)
    locked: list[StrictStr] = Field(default_factory=list)
    guarded: StrictBool = False
    output_folder: str | None = None
    variables: dict[StrictStr, StrictStr] | None = None
    secrets: list[StrictStr] | None = None

    def to_domain(self) -> EnvironmentEntry:
        settings: dict[str, Any] = {
            "executor": self.executor,
            "description": self.description,
            "docker": DockerSettings(**self.docker.model_dump()),
            "limits": self.limits.to_domain(),
            "images": tuple(self.images),
            "default_image": self.default_image,
            "network": self.network,
            "mounts": tuple(Mount(**mount.model_dump()) for mount in self.mounts),
            "locked": tuple(self.locked),
            "guarded": self.guarded,
            "output_folder": self.output_folder,
        }
        given = {name: value for name, value in settings.items() if name in self.model_fields_set}
        secrets = tuple(self.secrets) if self.secrets is not None else None
        return EnvironmentEntry(self.name, given, self.variables, secrets)


class DeprecationPart(_Part):
    on: Day
    successor: StrictStr | None = None
    message: StrictStr = ""


class ImagePart(_Part):
    name: StrictStr
    reference: StrictStr | None = None
    description: StrictStr = ""
    tags: list[StrictStr] = Field(default_factory=list)
    is_default: StrictBool = False
    root_allowed: StrictBool = False
    deprecated: DeprecationPart | None = None

    def to_domain(self) -> ImageEntry:
        settings: dict[str, Any] = {
            "description": self.description,
            "tags": tuple(self.tags),
            "is_default": self.is_default,
            "root_allowed": self.root_allowed,
            "deprecated": Deprecation(**self.deprecated.model_dump()) if self.deprecated else None,
        }
        given = {name: value for name, value in settings.items() if name in self.model_fields_set}
        return ImageEntry(self.name, self.reference, given)


class CalendarPart(_Part):
    name: StrictStr
    country: StrictStr | None = None
    """Such as `FR`, or `DE-BW` for a part of it."""
    days: dict[Day, StrictStr] | None = None
    weekend: list[int] | None = None

    def to_domain(self) -> CalendarEntry:
        if self.country is not None and self.days is not None:
            raise ValueError(f"Calendar {self.name} has a country and days. Write one of them.")
        return CalendarEntry(
            self.name, self.country, self.days, tuple(self.weekend) if self.weekend is not None else None
        )


class SchedulePart(ScheduleSettings):
    """The settings are those of the API. Only given members are taken, so the defaults have no meaning here."""

    name: StrictStr
    path: StrictStr | None = None
    environment: StrictStr | None = None
    paused: StrictBool | None = None
    rule: RuleModel = CronRule(kind="cron", expression="0 0 * * *")
    timezone: StrictStr = "UTC"

    def to_domain(self) -> ScheduleEntry:
        settings = self.to_settings()
        given = {
            name: getattr(settings, name) for name in ScheduleSettings.model_fields if name in self.model_fields_set
        }
        return ScheduleEntry(self.name, self.path, self.environment, self.paused, given)


class ConfigurationFile(_Part):
    """The whole file. Each setting that it names becomes exactly so, and all others stay as they are.

    Environments are in promotion order.
    """

    environments: list[EnvironmentPart] = Field(default_factory=list)
    images: list[ImagePart] = Field(default_factory=list)
    calendars: list[CalendarPart] = Field(default_factory=list)
    schedules: list[SchedulePart] = Field(default_factory=list)


def load(text: str) -> Configuration:
    """Read a configuration. Raise Refused, with the line and the name of each problem, when something is wrong."""
    try:
        document = yaml12.read(text)
    except yaml12.YamlError as error:
        raise _invalid([str(error)]) from None
    if problems := [f"Line {at.line}: {path[-1]} is there twice." for path, at in document.repeated_keys()]:
        raise _invalid(problems)
    try:
        parsed = ConfigurationFile.model_validate({} if document.value is None else document.value)
        return Configuration(
            tuple(part.to_domain() for part in parsed.environments),
            tuple(part.to_domain() for part in parsed.images),
            tuple(part.to_domain() for part in parsed.calendars),
            tuple(part.to_domain() for part in parsed.schedules),
        )
    except ValidationError as error:
        first_errors = error.errors()[:MAX_PROBLEMS]  # to find the line of each takes a walk
        messages = [_describe_problem(document, each["loc"], each["type"], each["msg"]) for each in first_errors]
        raise _invalid(messages, count=error.error_count()) from None
    except ValueError as error:
        raise _invalid([str(error)]) from None


def dump(configuration: Configuration) -> str:
    """Write a configuration as the text of a file from which `read` makes the same configuration."""
    document = {
        "environments": [_environment(entry) for entry in configuration.environments],
        "images": [_image(entry) for entry in configuration.images],
        "calendars": [_calendar(entry) for entry in configuration.calendars],
        "schedules": [_schedule(entry) for entry in configuration.schedules],
    }
    return yaml12.written(document)


def _environment(entry: EnvironmentEntry) -> dict[str, Any]:
    settings = entry.settings
    return {
        "name": entry.name,
        "executor": str(settings["executor"]),
        "description": settings["description"],
        "docker": {name: value for name, value in vars(settings["docker"]).items() if value is not None},
        "limits": {name: value for name, value in limits_to_json(settings["limits"]).items() if value is not None},
        "images": list(settings["images"]),
        "default_image": settings["default_image"],
        "network": settings["network"],
        "mounts": [vars(mount) for mount in settings["mounts"]],
        "locked": list(settings["locked"]),
        "guarded": settings["guarded"],
        "output_folder": settings["output_folder"],
        "variables": dict(entry.variables or {}),
        "secrets": list(entry.secrets or ()),
    }


def _image(entry: ImageEntry) -> dict[str, Any]:
    settings = entry.settings
    return {
        "name": entry.name,
        "reference": entry.reference,
        "description": settings["description"],
        "tags": list(settings["tags"]),
        "is_default": settings["is_default"],
        "root_allowed": settings["root_allowed"],
        "deprecated": vars(settings["deprecated"]) if settings["deprecated"] else None,
    }


def _calendar(entry: CalendarEntry) -> dict[str, Any]:
    days = {day.isoformat(): name for day, name in entry.days.items()} if entry.days is not None else None
    written = {"country": entry.country, "days": days, "weekend": list(entry.weekend or ())}
    return {"name": entry.name, **{name: value for name, value in written.items() if value is not None}}


def _schedule(entry: ScheduleEntry) -> dict[str, Any]:
    place = {"name": entry.name, "path": entry.path, "environment": entry.environment, "paused": entry.paused}
    return {**place, **settings_to_json(Settings(**entry.settings))}


# --- problems, and where they are ---------------------------------------------------------------


def _describe_problem(document: yaml12.Document, path: Sequence[int | str], kind: str, message: str) -> str:
    line, known = document.position(path).line, ""
    if kind == "extra_forbidden":
        message, known = "unknown key", f" Known here: {', '.join(_keys(path))}."
    name = ".".join(str(step) for step in path if step != "[key]")
    return f"Line {line}: {name or 'the file'}: {message[0].lower()}{message[1:]}.{known}"


def _keys(path: Sequence[int | str]) -> list[str]:
    parts: dict[str, type[BaseModel]] = {
        "environments": EnvironmentPart,
        "images": ImagePart,
        "calendars": CalendarPart,
        "schedules": SchedulePart,
        "limits": LimitsPart,
        "docker": DockerPart,
        "mounts": MountPart,
        "deprecated": DeprecationPart,
    }
    above = [step for step in path[:-1] if isinstance(step, str)]
    return list((parts[above[-1]] if above else ConfigurationFile).model_fields)


def _invalid(problems: list[str], *, count: int = 0) -> Refused:
    """Return the error for these problems. `count`: the number of all problems, when these are only the first."""
    count = max(count, len(problems))
    more = f" And {count - 10} more." if count > 10 else ""
    return Refused(
        f"The configuration cannot be read. {' '.join(problems[:10])}{more} Nothing was changed.",
        code="invalid_configuration",
        problems=problems,
    )
