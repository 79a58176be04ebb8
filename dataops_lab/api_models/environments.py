from __future__ import annotations

from pydantic import Field

from ..domain.environments import DockerSettings, Environment, ExecutorKind, Mount, Resources, RunLimits
from .base import ActorModel, Instant, Model


class ResourcesModel(Model):
    """Resources of a run. Null: all that there is; in a request, the amount that the environment gives by default."""

    cpus: float | None = Field(default=None, gt=0, le=10_000)
    memory_bytes: int | None = Field(default=None, gt=0, le=1 << 50)
    pids: int | None = Field(default=None, gt=0, le=10_000_000)
    gpus: int | None = Field(default=None, ge=0, le=1_000)

    def to_domain(self) -> Resources:
        return Resources(**self.model_dump())


class LimitsModel(Model):
    """Limits of an environment. `resources` is the most that a run may ask for, and also its default.

    `concurrency` is the number of attempts that may be alive at once.
    """

    resources: ResourcesModel = ResourcesModel()
    timeout_s: float | None = Field(default=None, gt=0, le=72 * 3600)
    concurrency: int | None = Field(default=None, gt=0, le=100_000)


class MountModel(Model):
    """A folder of the executor's host, which containers see at `target`."""

    source: str = Field(max_length=4000)
    target: str = Field(max_length=4000)
    read_only: bool = True


class DockerModel(Model):
    """Settings for Docker. `host` is the address of a daemon; null is the daemon of this machine.

    `user` is given in numbers and is never root. `warm` is the number of containers that stand ready.
    """

    host: str | None = Field(default=None, max_length=400)
    user: str = "1000:1000"
    warm: int = Field(default=0, ge=0, le=20)


class EnvironmentSettings(Model):
    """Settings of an environment. A setting that is left out has its default.

    `position` counts from 0 in promotion order; null puts a new environment last, and leaves an old one where it is.
    `images` names the images of the catalogue that are allowed. `locked` names settings of a run that nobody may
    choose: image, kernel, resources, timeout_s. `guarded`: only administrators may run here what was not promoted.
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
    output_folder: str | None = Field(default=None, max_length=2000)
    """The folder to which its runs publish outputs; null: to their workspace, and nowhere if it is guarded."""

    def to_domain(self, name: str, *, position: int) -> Environment:
        """Make the environment. `position` is used when the request gives none."""
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
            output_folder=self.output_folder,
        )


class EnvironmentRequest(EnvironmentSettings):
    """A new environment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")


class EnvironmentChange(EnvironmentSettings):
    """All settings of an environment anew. With `revision` the answer is 409 when somebody has changed it since."""

    revision: int | None = None


class EnvironmentModel(EnvironmentSettings):
    """An environment. `not_enforced` names the limits that its executor cannot enforce, whatever their values are.

    These can be cpus, memory_bytes, pids, gpus and network.
    """

    name: str
    position: int
    revision: int
    changed_at: Instant | None
    changed_by: ActorModel | None
    not_enforced: list[str]

    @classmethod
    def from_domain(cls, environment: Environment) -> EnvironmentModel:
        return cls.model_validate(environment)
