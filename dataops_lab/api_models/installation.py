from __future__ import annotations

from importlib.metadata import version

from ..domain.actors import Actor
from ..services.installation import Overview
from .base import ActorModel, Instant, Model


class EngineStatus(Model):
    """The engine that leads. `pid` and `since` are null while no engine leads."""

    pid: int | None
    leading: bool
    since: Instant | None


class Status(Model):
    version: str
    user: ActorModel
    home: str
    engine: EngineStatus
    queued: int
    running: int
    may_administer: bool
    """True when this person may change environments, variables, secrets and images."""

    @classmethod
    def from_domain(cls, overview: Overview, *, user: Actor, home: str, may_administer: bool) -> Status:
        leader = overview.leader
        return cls(
            version=version("dataops-lab"),
            user=ActorModel.from_domain(user),
            home=home,
            engine=EngineStatus(
                pid=leader.process.pid if leader else None,
                leading=leader is not None,
                since=leader.since if leader else None,
            ),
            queued=overview.queued,
            running=overview.running,
            may_administer=may_administer,
        )
