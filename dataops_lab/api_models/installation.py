from __future__ import annotations

from importlib.metadata import version

from ..domain.actors import Actor
from ..domain.leases import EngineLifetime
from ..services.installation import Overview
from .base import ActorModel, Instant, Model


class EngineStatus(Model):
    """The engine that leads. `pid`, `since` and `lifetime` are null while no engine leads.

    `lifetime`: it ends with the `server`, when it is `idle`, when somebody stops it (`stays`), or is a `service`; one
    that runs `elsewhere` does not tell.
    """

    pid: int | None
    leading: bool
    since: Instant | None
    lifetime: EngineLifetime | None


class Status(Model):
    version: str
    user: ActorModel
    home: str
    engine: EngineStatus
    queued: int
    running: int
    may_administer: bool
    """True when this person may change environments, variables, secrets and images."""
    culled: bool
    """True where the server may be ended while nobody works on it, as on a JupyterHub."""

    @classmethod
    def from_domain(cls, overview: Overview, *, user: Actor, home: str, may_administer: bool, culled: bool) -> Status:
        leader = overview.leader
        return cls(
            version=version("dataops-lab"),
            user=ActorModel.from_domain(user),
            home=home,
            engine=EngineStatus(
                pid=leader.process.pid if leader else None,
                leading=leader is not None,
                since=leader.since if leader else None,
                lifetime=overview.lifetime,
            ),
            queued=overview.queued,
            running=overview.running,
            may_administer=may_administer,
            culled=culled,
        )
