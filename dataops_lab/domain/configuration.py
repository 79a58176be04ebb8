"""The configuration of an installation as one value that a file can hold and a program can compare."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .environments import Environment, RunLimits, size_text
from .images import Image
from .versions import canonical_json, digest_of

OF_ENVIRONMENTS = (
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
)
"""The members of an environment that people choose. Its position comes from its place in the list."""

OF_IMAGES = ("description", "tags", "is_default", "root_allowed", "deprecated")
"""The members of an image that people choose. The environments say where it is allowed."""


@dataclass(frozen=True)
class EnvironmentEntry:
    """A wanted environment: the given members become exactly so, the others stay as they are.

    `settings` has names of OF_ENVIRONMENTS. `variables` and `secrets` are None when they are not given. `secrets` holds
    names alone.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] | None = None
    secrets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ImageEntry:
    """An image that the catalogue must have. Its bytes are not part of a configuration.

    `settings` has names of OF_IMAGES. Settings that are not given stay as they are; so does `reference` when it is
    None.
    """

    name: str
    reference: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """`environments` are in promotion order; those that are not named stay."""

    environments: tuple[EnvironmentEntry, ...] = ()
    images: tuple[ImageEntry, ...] = ()

    @property
    def digest(self) -> str:
        entries: tuple[EnvironmentEntry | ImageEntry, ...] = (*self.environments, *self.images)
        return digest_of(canonical_json([[it.name, _flat(it)] for it in entries]))


@dataclass(frozen=True)
class Change:
    """A change of an environment, of an `image`, or of neither.

    `field` is the name in the file, with dots; empty for a whole environment. `before` or `after` is None where there
    is nothing.
    """

    environment: str
    field: str
    before: Any
    after: Any
    image: str = ""


def entry_of(it: Environment, variables: Mapping[str, str], secrets: tuple[str, ...]) -> EnvironmentEntry:
    return EnvironmentEntry(it.name, {name: getattr(it, name) for name in OF_ENVIRONMENTS}, dict(variables), secrets)


def entry_of_image(it: Image) -> ImageEntry:
    return ImageEntry(it.name, it.reference, {name: getattr(it, name) for name in OF_IMAGES})


def limits_as_written(it: RunLimits) -> dict[str, Any]:
    """Return the limits by the names that they have in the file."""
    return {
        "cpus": it.resources.cpus,
        "memory": size_text(it.resources.memory_bytes),
        "pids": it.resources.pids,
        "gpus": it.resources.gpus,
        "timeout_s": it.timeout_s,
        "concurrency": it.concurrency,
    }


def changes(before: Configuration, after: Configuration) -> list[Change]:
    """List the changes that lead from one to the other, environment by environment and image by image."""
    old, new = ({it.name: _flat(it) for it in each.environments} for each in (before, after))
    found: list[Change] = []
    for name in [*new, *(it for it in old if it not in new)]:
        if (name in old) is not (name in new):
            found.append(Change(name, "", name if name in old else None, name if name in new else None))
        found += [Change(name, *each) for each in _differences(old.get(name, {}), new.get(name, {}))]
    order = [[it.name for it in each.environments] for each in (before, after)]
    if [it for it in order[0] if it in new] != [it for it in order[1] if it in old]:
        found.append(Change("", "order", ", ".join(order[0]), ", ".join(order[1])))
    was = {it.name: _flat(it) for it in before.images}
    for image in after.images:
        found += [Change("", *each, image=image.name) for each in _differences(was.get(image.name, {}), _flat(image))]
    return found


def _differences(was: Mapping[str, Any], becomes: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in [*becomes, *(it for it in was if it not in becomes)]:
        if was.get(key) != becomes.get(key):
            yield key, was.get(key), becomes.get(key)


def _flat(it: EnvironmentEntry | ImageEntry) -> dict[str, Any]:
    settings = {
        name: asdict(value) if hasattr(value, "__dataclass_fields__") else value for name, value in it.settings.items()
    }
    if isinstance(it, ImageEntry):
        return dict(_leaves({"reference": it.reference, **settings}, ""))
    if "limits" in settings:
        settings["limits"] = limits_as_written(it.settings["limits"])
    secrets = dict.fromkeys(it.secrets or (), "expected")
    return dict(_leaves({**settings, "variables": dict(it.variables or {}), "secrets": secrets}, ""))


def _leaves(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if isinstance(member, Mapping):
            yield from _leaves(member, f"{above}{name}.")
        elif isinstance(member, tuple):
            yield f"{above}{name}", [asdict(it) if hasattr(it, "__dataclass_fields__") else it for it in member]
        elif isinstance(member, dt.date):
            yield f"{above}{name}", member.isoformat()
        else:
            yield f"{above}{name}", member
