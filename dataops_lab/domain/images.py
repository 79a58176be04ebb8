"""An image: a shared environment image of the catalogue, pinned, with the results of a look into it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ..errors import InvalidRequest
from .actors import Actor
from .jobs import JobKind
from .leases import ProcessIdentity
from .snapshots import KERNELSPEC_PREFIX, KernelChoice

NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")
_REGISTRY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,190}[A-Za-z0-9])?(:[0-9]{1,5})?")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,499}")


@dataclass(frozen=True)
class PinnedImage:
    """`id` is the digest of its configuration; `repo_digest` is `repository@sha256:…` where a registry gave one."""

    id: str
    repo_digest: str | None
    platform: str
    """System and architecture, such as `linux/amd64`."""
    user: str
    """The user as the image says; empty means root."""
    size_bytes: int

    @property
    def digest(self) -> str:
        """The reference that the daemon gets: no tag can move it."""
        return self.repo_digest or self.id


@dataclass(frozen=True)
class Login:
    """A login to a registry."""

    username: str
    password: str = field(repr=False)


OLDEST_PYTHON = (3, 9)
"""The oldest Python with which the runner works."""


@dataclass(frozen=True)
class Probe:
    """The answers of a container of the image, as hardened as any run. `packages` maps names to versions."""

    probed_at: dt.datetime
    python: str | None
    executable: str | None
    papermill: str | None
    kernels: tuple[KernelChoice, ...]
    packages: dict[str, str]
    user: str
    """`uid:gid` of its process."""
    problems: tuple[str, ...] = ()
    """The parts that notebooks miss, each with its fix; a run of one is refused while there is one."""
    cuda: str | None = None
    tools: dict[str, str] = field(default_factory=dict)
    """Programs that install packages (`pip`, `conda`, `mamba`, `micromamba`), with their paths."""

    @property
    def runs_programs(self) -> bool:
        """Tell whether scripts and commands run there. They need Python for the runner, and no papermill or kernel."""
        return self.python is not None and tuple(map(int, self.python.split(".")[:2])) >= OLDEST_PYTHON

    def problems_for(self, kind: JobKind) -> tuple[str, ...]:
        """Return what a run of this kind misses."""
        return () if kind in (JobKind.SCRIPT, JobKind.COMMAND) and self.runs_programs else self.problems


@dataclass(frozen=True)
class Deprecation:
    on: dt.date
    """The day from which new runs are refused; before it they get a warning."""
    successor: str | None = None
    message: str = ""


@dataclass(frozen=True)
class EarlierPin:
    """The image for which the entry stood before it was added again. Reruns from that time still use it."""

    pinned: PinnedImage
    reference: str
    until: dt.datetime
    by: Actor


@dataclass(frozen=True)
class Image:
    """`reference` is the text that a person gave; `pinned` is the image that it meant then, and that runs.

    `host` is the daemon that has it, as in `DockerSettings.host`.
    """

    name: str
    reference: str
    pinned: PinnedImage
    added_at: dt.datetime
    added_by: Actor
    description: str = ""
    tags: tuple[str, ...] = ()
    is_default: bool = False
    root_allowed: bool = False
    deprecated: Deprecation | None = None
    probe: Probe | None = None
    host: str | None = None
    base: str | None = None
    """The base of the recipe of an image that was built here; its reference is its id then."""
    earlier: tuple[EarlierPin, ...] = ()
    """The earlier pins, newest first."""
    revision: int = field(default=1, compare=False)

    @property
    def digest(self) -> str:
        return self.pinned.digest

    @property
    def as_run_image(self) -> RunImage:
        return RunImage(self.name, self.reference, self.digest, self.pinned.id)

    @property
    def pins(self) -> tuple[PinnedImage, ...]:
        """The present pin and the earlier ones."""
        return (self.pinned, *(pin.pinned for pin in self.earlier))

    def user(self, configured: str) -> str:
        """Return the user of its containers.

        It is `configured` unless root was allowed; then it is the image's own user.
        """
        if not self.root_allowed:
            return configured
        return self.pinned.user or "0:0"

    def with_pin(
        self, reference: str, pinned: PinnedImage, probe: Probe, *, base: str | None = None, at: dt.datetime, by: Actor
    ) -> Image:
        """Pin the entry anew. The image before joins the `earlier` ones, unless it is the same."""
        earlier = self.earlier
        if pinned.id != self.pinned.id:
            earlier = (EarlierPin(self.pinned, self.reference, at, by), *earlier)
        return replace(self, reference=reference, pinned=pinned, probe=probe, base=base, earlier=earlier)


@dataclass(frozen=True)
class RunImage:
    """The image of a run, as it was when the run was submitted. `id` finds it where no repository has it any more."""

    name: str
    reference: str
    digest: str
    id: str | None = None


def validate_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name!r} cannot be the name of an image. Use up to 63 lowercase letters, digits, dots, dashes and "
            "underscores, with a letter or digit at both ends.",
            code="invalid_image_name",
        )
    return name


def validate_reference(reference: str) -> str:
    """Return the reference, checked: `python:3.12`, `registry.example/team/data@sha256:…`, or an image id.

    Raise InvalidRequest when no daemon would take it.
    """
    if not _REFERENCE.fullmatch(reference) or "//" in reference:
        raise InvalidRequest(
            f"{reference!r} is not an image reference. Write repository:tag, repository@sha256:…, or an image id.",
            code="invalid_image_reference",
        )
    return reference


def registry_host(reference: str) -> str:
    """Read the registry as Docker does: the part before the first slash, if it looks like a host."""
    first, slash, _ = reference.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"


def validate_registry(registry: str) -> str:
    if not _REGISTRY.fullmatch(registry):
        raise InvalidRequest(
            f"{registry!r} is not a registry. Write its host as references of images have it, such as docker.io or "
            "registry.example:5000.",
            code="invalid_registry",
        )
    return registry


def kernelspec_name(environment: str, image: str, kernel: str) -> str:
    """Return the kernelspec name of a kernel of an image, for writing notebooks.

    Jupyter and notebooks keep this name.
    """
    return f"{KERNELSPEC_PREFIX}{environment}.{image}.{kernel}".lower()


def find_authoring_image(images: Iterable[Image], kernelspec: str | None) -> str | None:
    """Return the image on whose kernel a notebook was written; None when it was on none of these images."""
    if kernelspec is None or not kernelspec.startswith(KERNELSPEC_PREFIX):
        return None
    for image in images:
        for kernel in image.probe.kernels if image.probe else ():
            if kernelspec.endswith(f".{image.name}.{kernel.name}".lower()):
                return image.name
    return None


def protective_tag(name: str, image: PinnedImage) -> str:
    """Return our tag, which keeps the image from clean-ups of the daemon."""
    return f"dataops-lab/kept:{name}-{image.id.removeprefix('sha256:')[:12]}"


# --- work on images -----------------------------------------------------------------------------


class ImageTaskState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The process that did it has ended."""


@dataclass(frozen=True)
class ImageTask:
    """A task that adds, probes or builds an image. It takes seconds or minutes, and its log shows the progress."""

    id: str
    kind: str
    """`add`, `probe` or `build`."""
    image: str
    state: ImageTaskState
    created_at: dt.datetime
    created_by: Actor
    process: ProcessIdentity
    """The process that does the task."""
    finished_at: dt.datetime | None = None
    error: dict[str, Any] | None = None
    """`code`, `message` and `detail`, when it failed.

    While it runs, it holds the wish to cancel it, if there is one.
    """


@dataclass(frozen=True)
class BuildRecipe:
    """The recipe of an image: one of `requirements`, `environment` and `kernel`.

    The first two are the texts of files of that kind. `kernel` stands for the packages of a kernel of this machine.
    `variables` are for the installer alone (PIP_INDEX_URL and the like); they are not in the image.
    """

    base: str
    """A name of the catalogue or a reference."""
    requirements: str = ""
    environment: str = ""
    kernel: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    network: str | None = None
    """The network by the name that the daemon gives it; None: the daemon's choice."""


@dataclass(frozen=True)
class FrozenPackages:
    """The packages of a kernel's interpreter, as pip requirements."""

    kernel: str
    python: str
    requirements: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    """Packages that no other machine can install, each with the reason."""


@dataclass(frozen=True)
class ImageTrial:
    """Jobs that were run again on another image. `runs` are pairs of run ids, before and on `image`."""

    id: str
    image: RunImage
    created_at: dt.datetime
    created_by: Actor
    runs: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...] = ()
    """Runs that could not be tried, each with the reason."""
