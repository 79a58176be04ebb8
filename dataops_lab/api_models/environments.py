from __future__ import annotations

from pydantic import Field

from ..domain.environments import DockerSettings, Environment, ExecutorKind, Mount, Resources, RunLimits
from .base import ActorModel, Instant, Model


class ResourcesModel(Model):
    """Null: as much as there is, or what the environment gives when nothing is asked for."""

    cpus: float | None = Field(default=None, gt=0, le=10_000)
    memory_bytes: int | None = Field(default=None, gt=0, le=1 << 50)
    pids: int | None = Field(default=None, gt=0, le=10_000_000)
    gpus: int | None = Field(default=None, ge=0, le=1_000)

    def to_domain(self) -> Resources:
        return Resources(**self.model_dump())


class LimitsModel(Model):
    """`resources` are both the most that a run may ask for and what it gets when it asks for nothing.

    `concurrency`: attempts that may be alive at once.
    """

    resources: ResourcesModel = ResourcesModel()
    timeout_s: float | None = Field(default=None, gt=0, le=72 * 3600)
    concurrency: int | None = Field(default=None, gt=0, le=100_000)


class MountModel(Model):
    """A folder of the executor's host, seen in containers at `target`."""

    source: str = Field(max_length=4000)
    target: str = Field(max_length=4000)
    read_only: bool = True


class DockerModel(Model):
    """`host` null: this machine's daemon. `user`: numbers, never root. `warm`: containers that stand ready."""

    host: str | None = Field(default=None, max_length=400)
    user: str = "1000:1000"
    warm: int = Field(default=0, ge=0, le=20)


class EnvironmentSettings(Model):
    """What is left out is as it is by default. `position` in promotion order, from 0; null: last, or as it is.

    `images` names those of the catalogue that are allowed. `locked` names settings of a run that nobody may
    choose: image, kernel, resources, timeout_s. `guarded`: until something was promoted, only administrators run here.
    """

    position: int | None = Field(default=None, ge=0, le=1_000)
    executor: ExecutorKind = ExecutorKind.PROCESS
    description: str = Field(default="", max_length=2000)
    docker: DockerModel = DockerModel()
    limits: LimitsModel = LimitsModel()
    images: list[str] = Field(default_factory=list, max_length=500)
    default_image: str | None = None
    network: bool = True
    mounts: list[MountModel] = Field(default_factory=list, max_length=100)
    locked: list[str] = Field(default_factory=list, max_length=20)
    guarded: bool = False

    def to_domain(self, name: str, *, position: int) -> Environment:
        """`position` is for when none is given."""
        return Environment(
            name=name,
            position=position if self.position is None else self.position,
            executor=self.executor,
            description=self.description,
            docker=DockerSettings(**self.docker.model_dump()),
            limits=RunLimits(
                resources=self.limits.resources.to_domain(),
                timeout_s=self.limits.timeout_s,
                concurrency=self.limits.concurrency,
            ),
            images=tuple(self.images),
            default_image=self.default_image,
            network=self.network,
            mounts=tuple(Mount(**mount.model_dump()) for mount in self.mounts),
            locked=tuple(self.locked),
            guarded=self.guarded,
        )


class EnvironmentRequest(EnvironmentSettings):
    """A new environment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")


class EnvironmentChange(EnvironmentSettings):
    """All of its settings anew. With `revision`, 409 when somebody has changed it since."""

    revision: int | None = None


class EnvironmentModel(EnvironmentSettings):
    """`not_enforced` names the limits that its executor cannot hold a run to, whatever they are set to:
    cpus, memory_bytes, pids, gpus, network."""

    name: str
    position: int
    revision: int
    changed_at: Instant | None
    changed_by: ActorModel | None
    not_enforced: list[str]

    @classmethod
    def of(cls, it: Environment) -> EnvironmentModel:
        return cls.model_validate(it)
