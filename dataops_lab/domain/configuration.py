"""What an installation is set up to be, as one value: it can be written to a file, read back and compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .environments import Environment
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
"""What of an environment is chosen by people; its place is that in the list."""


@dataclass(frozen=True)
class EnvironmentEntry:
    """What is not given stays as it is; what is given becomes exactly so.

    `settings` has names of OF_ENVIRONMENTS. `variables` and `secrets` None: not given. Of secrets there are only names.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] | None = None
    secrets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ImageEntry:
    """An image that the catalogue has to have. Its bytes are no part of a configuration."""

    name: str
    reference: str


@dataclass(frozen=True)
class Configuration:
    """`environments` in promotion order; those that are not named stay."""

    environments: tuple[EnvironmentEntry, ...] = ()
    images: tuple[ImageEntry, ...] = ()

    @property
    def digest(self) -> str:
        return digest_of(canonical_json(asdict(self)))


@dataclass(frozen=True)
class Change:
    """`field` is as in the file, with dots; empty for a whole environment. None: it is not there."""

    environment: str
    field: str
    before: Any
    after: Any


def entry_of(it: Environment, variables: Mapping[str, str], secrets: tuple[str, ...]) -> EnvironmentEntry:
    return EnvironmentEntry(it.name, {name: getattr(it, name) for name in OF_ENVIRONMENTS}, dict(variables), secrets)


def changes(before: Configuration, after: Configuration) -> list[Change]:
    """What makes one of the other, environment by environment."""
    old, new = ({it.name: _flat(it) for it in each.environments} for each in (before, after))
    found = []
    for name in [*new, *(it for it in old if it not in new)]:
        if (name in old) is not (name in new):
            found.append(Change(name, "", name if name in old else None, name if name in new else None))
        was, becomes = old.get(name, {}), new.get(name, {})
        found += [
            Change(name, key, was.get(key), becomes.get(key))
            for key in [*becomes, *(it for it in was if it not in becomes)]
            if was.get(key) != becomes.get(key)
        ]
    order = [[it.name for it in each.environments] for each in (before, after)]
    if [it for it in order[0] if it in new] != [it for it in order[1] if it in old]:
        found.append(Change("", "order", ", ".join(order[0]), ", ".join(order[1])))
    return found


def _flat(it: EnvironmentEntry) -> dict[str, Any]:
    settings = {
        name: asdict(value) if hasattr(value, "__dataclass_fields__") else value for name, value in it.settings.items()
    }
    secrets = dict.fromkeys(it.secrets or (), "expected")
    return dict(_leaves({**settings, "variables": dict(it.variables or {}), "secrets": secrets}, ""))


def _leaves(value: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if isinstance(member, Mapping):
            yield from _leaves(member, f"{above}{name}.")
        elif isinstance(member, tuple):
            yield f"{above}{name}", [asdict(it) if hasattr(it, "__dataclass_fields__") else it for it in member]
        else:
            yield f"{above}{name}", member
