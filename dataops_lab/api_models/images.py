"""The catalogue of images, and the tasks that work on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import Field

from ..domain.images import BuildRecipe, Deprecation, EarlierPin, FrozenPackages, ImageTask, ImageTaskState, Login
from ..domain.runs import RunState
from ..domain.secrets import Secret
from ..services.image_tasks import AddImage
from ..services.images import ImageChanges, ImageUsers, ImageView
from .base import ActorModel, Day, Instant, Model
from .notebooks import KernelModel


class DeprecationModel(Model):
    """The end of an image. From the day `on` new runs are refused; before it they get a warning.

    `successor` is the name of another image of the catalogue.
    """

    on: Day
    successor: str | None = None
    message: str = Field(default="", max_length=500)


class ImageProbeModel(Model):
    """The findings in a container of an image. Runs are refused while there are `problems`; each says how to fix it."""

    probed_at: Instant
    python: str | None
    papermill: str | None
    kernels: list[KernelModel]
    packages: dict[str, str]
    user: str
    cuda: str | None
    problems: list[str]


class EarlierPinModel(Model):
    digest: str
    reference: str
    until: Instant
    by: ActorModel

    @classmethod
    def from_domain(cls, pin: EarlierPin) -> EarlierPinModel:
        return cls(
            digest=pin.pinned.digest, reference=pin.reference, until=pin.until, by=ActorModel.from_domain(pin.by)
        )


class ImageModel(Model):
    """An image of the catalogue. It was added by its `reference`; runs use the image with its `digest`.

    `user` is the user that the image sets, empty for root; containers do not run as root unless `root_allowed`.
    `environments` names those that allow the image. `base` is the image from which it was built here.
    """

    name: str
    reference: str
    base: str | None
    digest: str
    id: str
    platform: str
    size_bytes: int
    user: str
    host: str | None
    added_at: Instant
    added_by: ActorModel
    description: str
    tags: list[str]
    is_default: bool
    root_allowed: bool
    deprecated: DeprecationModel | None
    probe: ImageProbeModel | None
    environments: list[str]
    earlier: list[EarlierPinModel]
    revision: int

    @classmethod
    def from_domain(cls, view: ImageView) -> ImageModel:
        image = view.image
        return cls(
            name=image.name,
            reference=image.reference,
            base=image.base,
            digest=image.digest,
            id=image.pinned.id,
            platform=image.pinned.platform,
            size_bytes=image.pinned.size_bytes,
            user=image.pinned.user,
            host=image.host,
            added_at=image.added_at,
            added_by=ActorModel.from_domain(image.added_by),
            description=image.description,
            tags=list(image.tags),
            is_default=image.is_default,
            root_allowed=image.root_allowed,
            deprecated=DeprecationModel.model_validate(image.deprecated) if image.deprecated else None,
            probe=ImageProbeModel.model_validate(image.probe) if image.probe else None,
            environments=list(view.environments),
            earlier=[EarlierPinModel.from_domain(pin) for pin in image.earlier],
            revision=image.revision,
        )


class AddImageRequest(Model):
    """An image to add. An image with this name gets a new pin, and keeps the fields that are not given here.

    `environment`: its daemon gets the image, and the image is allowed there. `pull`: ask the registry even when the
    daemon has the reference.
    """

    name: str = Field(max_length=100)
    reference: str = Field(max_length=500)
    environment: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    root_allowed: bool | None = None
    pull: bool = False

    def to_domain(self) -> AddImage:
        return AddImage(**self.model_dump(exclude={"tags"}), tags=_optional_tuple(self.tags))


class ChangeImageRequest(Model):
    """Changes of an image. Fields that are left out stay; `deprecated` null takes the deprecation back."""

    description: str | None = None
    tags: list[str] | None = None
    is_default: bool | None = None
    root_allowed: bool | None = None
    deprecated: DeprecationModel | None = None

    def to_domain(self) -> ImageChanges:
        taken_back = "deprecated" in self.model_fields_set and self.deprecated is None
        deprecated = Deprecation(**self.deprecated.model_dump()) if self.deprecated else None
        return ImageChanges(
            description=self.description,
            tags=_optional_tuple(self.tags),
            is_default=self.is_default,
            root_allowed=self.root_allowed,
            deprecated=False if taken_back else deprecated,
        )


class BuildImageRequest(Model):
    """A new image `name` from `base`, which is a name of the catalogue or a reference.

    Its packages come from one of three: `requirements` is the text of a requirements.txt, `environment_yml` is the text
    of an environment.yml, and `kernel` is a kernel of this machine that has the packages. `variables` such as
    PIP_INDEX_URL are for the installer alone and are not in the image.
    """

    name: str = Field(max_length=100)
    base: str = Field(max_length=500)
    requirements: str = ""
    environment_yml: str = ""
    kernel: str | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    network: str | None = Field(default=None, max_length=100)
    environment: str | None = None
    description: str | None = None
    tags: list[str] | None = None

    def to_domain(self) -> tuple[AddImage, BuildRecipe]:
        request = AddImage(self.name, "", self.environment, self.description, _optional_tuple(self.tags))
        recipe = BuildRecipe(self.base, self.requirements, self.environment_yml, self.kernel)
        return request, replace(recipe, variables=self.variables, network=self.network)


def _optional_tuple(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


class ImageTaskError(Model):
    code: str
    message: str
    detail: dict[str, Any] = Field(default_factory=dict)


class ImageTaskModel(Model):
    """A task that adds, probes or builds an image; `kind` tells which.

    `log` is its log behind the first `after` characters, and is empty in lists. `log_size` counts all characters: send
    it as `after` the next time. An `error` while it runs says who cancelled it; the task has failed with this error
    when nothing of it is left.
    """

    id: str
    kind: str
    image: str
    state: ImageTaskState
    created_at: Instant
    created_by: ActorModel
    finished_at: Instant | None
    error: ImageTaskError | None
    log: str = ""
    log_size: int = 0

    @property
    def is_terminal(self) -> bool:
        return self.state is not ImageTaskState.RUNNING

    @classmethod
    def from_domain(cls, task: ImageTask, log: str = "", log_size: int = 0) -> ImageTaskModel:
        return cls(
            id=task.id,
            kind=task.kind,
            image=task.image,
            state=task.state,
            created_at=task.created_at,
            created_by=ActorModel.from_domain(task.created_by),
            finished_at=task.finished_at,
            error=ImageTaskError.model_validate(task.error) if task.error else None,
            log=log,
            log_size=log_size,
        )


class ImageCheckModel(Model):
    """A check of an image. `present`: the daemon has it.

    `moved_to` is the image for which its reference stands now; null when it is still this image.
    """

    present: bool
    moved_to: str | None
    problem: str | None


class ImageJobModel(Model):
    """A job that ran on the image, the number of its runs there, and the newest of them."""

    id: str
    name: str
    source: str
    runs: int
    last_run: str
    last_state: RunState
    last_at: Instant


class ImageUsersModel(Model):
    """Users of an image: environments that allow it, jobs that ran on it in the last `days`, and unfinished runs."""

    days: int
    environments: list[str]
    jobs: list[ImageJobModel]
    unfinished: int

    @classmethod
    def from_domain(cls, users: ImageUsers) -> ImageUsersModel:
        return cls(
            days=users.days,
            environments=list(users.environments),
            unfinished=users.unfinished,
            jobs=[
                ImageJobModel(
                    id=job.job.id,
                    name=job.job.name,
                    source=job.job.source,
                    runs=job.runs,
                    last_run=job.last.id,
                    last_state=job.last.state,
                    last_at=job.last.created_at,
                )
                for job in users.jobs
            ],
        )


class LoginRequest(Model):
    """A login to a registry of images. The password may be a token; it is sealed, and never shown again."""

    username: str = Field(min_length=1, max_length=10_000)
    password: str = Field(min_length=1, max_length=10_000)

    def to_domain(self) -> Login:
        return Login(self.username, self.password)


class RegistryModel(Model):
    """A registry to which there is a login."""

    registry: str
    changed_at: Instant
    changed_by: ActorModel

    @classmethod
    def from_domain(cls, secret: Secret) -> RegistryModel:
        return cls(
            registry=secret.name, changed_at=secret.changed_at, changed_by=ActorModel.from_domain(secret.changed_by)
        )


class FrozenModel(Model):
    """The packages of a kernel of this machine as pip requirements.

    `left_out` names the packages that no other machine can install, with the reason.
    """

    kernel: str
    python: str
    requirements: list[str]
    left_out: dict[str, str]

    @classmethod
    def from_domain(cls, frozen: FrozenPackages) -> FrozenModel:
        return cls(
            kernel=frozen.kernel,
            python=frozen.python,
            requirements=list(frozen.requirements),
            left_out=dict(frozen.left_out),
        )
