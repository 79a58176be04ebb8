from __future__ import annotations

from importlib.metadata import version

from ..services.installation import Overview
from .base import Instant, Model


class EngineStatus(Model):
    """`pid` and `since` are null while no engine leads."""

    pid: int | None
    leading: bool
    since: Instant | None


class Status(Model):
    version: str
    user: str
    home: str
    engine: EngineStatus
    queued: int
    running: int
    may_administer: bool
    """Whether this person may change environments, variables, secrets and images."""

    @classmethod
    def of(cls, seen: Overview, *, user: str, home: str, may_administer: bool) -> Status:
        leader = seen.leader
        return cls(
            version=version("dataops-lab"),
            user=user,
            home=home,
            engine=EngineStatus(
                pid=leader.process.pid if leader else None,
                leading=leader is not None,
                since=leader.since if leader else None,
            ),
            queued=seen.queued,
            running=seen.running,
            may_administer=may_administer,
        )
