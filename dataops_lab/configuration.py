"""The file of a configuration, `dataops.yaml`: reading it, with the line of each problem, and writing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from .api_models.base import Day
from .domain.configuration import Configuration, EnvironmentEntry, ImageEntry, limits_to_json
from .domain.environments import DockerSettings, ExecutorKind, Mount, Resources, RunLimits, parse_size
from .domain.images import Deprecation
from .errors import Refused

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_EVENTS = 100_000
MAX_PROBLEMS = 100

# Use libyaml where there is one: it is twenty times as fast, and open brackets do not take the square of their number.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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


class ConfigurationFile(_Part):
    """The whole file. Each setting that it names becomes exactly so, and all others stay as they are.

    Environments are in promotion order.
    """

    environments: list[EnvironmentPart] = Field(default_factory=list)
    images: list[ImagePart] = Field(default_factory=list)


def load(text: str) -> Configuration:
    """Read a configuration. Raise Refused, with the line and the name of each problem, when something is wrong."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise _invalid([f"It is larger than {MAX_BYTES // 1_000_000} MB."])
    try:
        _check_size(text)
        root = yaml.compose(text, _LOADER)
        _force_text_keys(root)
        document = yaml.SafeLoader("").construct_document(root) if root else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"Line {mark.line + 1}: " if mark else ""
        raise _invalid([f"{where}this is not YAML: {getattr(error, 'problem', None) or error}."]) from None
    except (ValueError, RecursionError) as error:
        raise _invalid([f"This is not YAML: {error}."]) from None
    if problems := list(_duplicate_keys(root)):
        raise _invalid(problems)
    try:
        parsed = ConfigurationFile.model_validate({} if document is None else document)
        return Configuration(
            tuple(part.to_domain() for part in parsed.environments),
            tuple(part.to_domain() for part in parsed.images),
        )
    except ValidationError as error:
        first_errors = error.errors()[:MAX_PROBLEMS]  # to find the line of each takes a walk
        messages = [
            _describe_problem(root, error_item["loc"], error_item["type"], error_item["msg"])
            for error_item in first_errors
        ]
        raise _invalid(messages, count=error.error_count()) from None
    except ValueError as error:
        raise _invalid([str(error)]) from None


def _check_size(text: str) -> None:
    """Refuse a text that would take long to read. Stop at the first place that is too much."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, _LOADER)):
        problem = None
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        # A few aliases can stand for more text than there is memory.
        if isinstance(event, yaml.AliasEvent):
            problem = "aliases are not taken. Write it out"
        elif depth > MAX_DEPTH:
            problem = f"this is nested more than {MAX_DEPTH} levels deep"
        elif count > MAX_EVENTS:
            problem = "from here on it is too long. Apply it in parts"
        if problem:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise _invalid([f"Line {line}: {problem}."])


def dump(configuration: Configuration) -> str:
    """Write a configuration as the text of a file from which `read` makes the same configuration."""
    document = {
        "environments": [_environment(entry) for entry in configuration.environments],
        "images": [_image(entry) for entry in configuration.images],
    }
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


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


# --- problems, and where they are ---------------------------------------------------------------


def _describe_problem(root: Any, path: Sequence[int | str], kind: str, message: str) -> str:
    line, known = _line(root, path), ""
    if kind == "extra_forbidden":
        message, known = "unknown key", f" Known here: {', '.join(_keys(path))}."
    name = ".".join(str(step) for step in path if step != "[key]")
    return f"Line {line}: {name or 'the file'}: {message[0].lower()}{message[1:]}.{known}"


def _line(node: Any, path: Sequence[int | str]) -> int:
    """Return the line of the deepest part of the path that is in the file; for an unknown key its own line."""
    line = node.start_mark.line if node else 0
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line
    return int(line) + 1


def _keys(path: Sequence[int | str]) -> list[str]:
    parts: dict[str, type[_Part]] = {
        "environments": EnvironmentPart,
        "images": ImagePart,
        "limits": LimitsPart,
        "docker": DockerPart,
        "mounts": MountPart,
        "deprecated": DeprecationPart,
    }
    above = [step for step in path[:-1] if isinstance(step, str)]
    return list((parts[above[-1]] if above else ConfigurationFile).model_fields)


def _force_text_keys(node: Any) -> None:
    """Make all keys texts. For YAML `on` and `NO` are booleans, but here no key is a boolean."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            key.tag = yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG
            _force_text_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _force_text_keys(value)


def _duplicate_keys(node: Any) -> Iterator[str]:
    """Yield a problem for each key that is there twice: YAML would take the last one without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield f"Line {key.start_mark.line + 1}: {key.value} is there twice."
            seen.add(key.value)
            yield from _duplicate_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _duplicate_keys(value)


def _invalid(problems: list[str], *, count: int = 0) -> Refused:
    """Return the error for these problems. `count`: the number of all problems, when these are only the first."""
    count = max(count, len(problems))
    more = f" And {count - 10} more." if count > 10 else ""
    return Refused(
        f"The configuration cannot be read. {' '.join(problems[:10])}{more} Nothing was changed.",
        code="invalid_configuration",
        problems=problems,
    )
