"""An actor: a person, a token or the system itself that did something."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    TOKEN = "token"  # noqa: S105
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """`id` is stable and decides; `name` is for people to read, and may change."""

    id: str
    name: str
    kind: ActorKind = ActorKind.PERSON

    def __str__(self) -> str:
        return self.name


ENGINE = Actor("system:engine", "the engine", ActorKind.SYSTEM)
RETENTION = Actor("system:retention", "retention", ActorKind.SYSTEM)
INSTALLATION = Actor("system:dataops_lab", "dataops_lab", ActorKind.SYSTEM)
SCHEDULES = Actor("system:schedules", "its schedule", ActorKind.SYSTEM)
SYSTEM = {actor.id: actor for actor in (ENGINE, RETENTION, INSTALLATION, SCHEDULES)}
"""The actors that are known without having been seen."""
