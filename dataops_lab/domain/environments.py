"""An environment: a place to run, with its executor, limits and what it allows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SANDBOX = "sandbox"
PRODUCTION = "production"


class ExecutorKind(StrEnum):
    PROCESS = "process"
    DOCKER = "docker"


@dataclass(frozen=True)
class Resources:
    """What one attempt gets. None: as much as there is."""

    cpus: float | None = None
    memory_bytes: int | None = None
    pids: int | None = None
    gpus: int | None = None


@dataclass(frozen=True)
class RunLimits:
    """`resources` are both the most that a run may ask for and what it gets when it asks for nothing.

    `timeout_s` is the longest that an attempt may run, `concurrency` how many attempts may be alive at once.
    """

    resources: Resources = Resources()
    timeout_s: float | None = None
    concurrency: int | None = None


@dataclass(frozen=True)
class Mount:
    """A folder of data of the executor's host, seen in the container at `target`."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class DockerSettings:
    """`host` None: the daemon that the machine's own `docker` speaks to. `warm`: containers that stand ready."""

    host: str | None = None
    user: str = "1000:1000"
    warm: int = 0


@dataclass(frozen=True)
class Environment:
    """`position` is the place in promotion order, from 0. `images` and `default_image` are names of the catalogue.

    `locked` names the settings of a run that nobody may choose himself. `guarded`: what runs here was
    promoted; until it is, only administrators run here.
    """

    name: str
    position: int
    executor: ExecutorKind = ExecutorKind.PROCESS
    description: str = ""
    docker: DockerSettings = DockerSettings()
    limits: RunLimits = RunLimits()
    images: tuple[str, ...] = ()
    default_image: str | None = None
    network: bool = True
    mounts: tuple[Mount, ...] = ()
    locked: tuple[str, ...] = ()
    guarded: bool = False
    revision: int = field(default=1, compare=False)
    """Counts the changes."""

    @property
    def backend(self) -> str:
        """Which executor, and where it is: attempts keep it, so that they are found when the environment changes."""
        if self.executor is ExecutorKind.DOCKER and self.docker.host:
            return f"{self.executor}+{self.docker.host}"
        return str(self.executor)
