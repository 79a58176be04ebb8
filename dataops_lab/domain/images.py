"""An image: a shared environment image of the catalogue, pinned, with what was found in it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from .snapshots import KernelChoice


@dataclass(frozen=True)
class PinnedImage:
    """`id` is the digest of its configuration; `repo_digest` is `repository@sha256:…` where a registry gave one."""

    id: str
    repo_digest: str | None
    platform: str
    """As `linux/amd64`."""
    user: str
    """As the image says; empty means root."""
    size_bytes: int


@dataclass(frozen=True)
class Probe:
    """What a container of the image told about itself, run as hardened as any run. `packages` is name to version."""

    probed_at: dt.datetime
    python: str | None
    executable: str | None
    papermill: str | None
    kernels: tuple[KernelChoice, ...]
    packages: dict[str, str]
    user: str
    """`uid:gid` as which it ran."""
    problems: tuple[str, ...] = ()
    """What is missing, each with its mend; a run is refused while there is one."""


@dataclass(frozen=True)
class Deprecation:
    on: dt.date
    """From this day on new runs are refused; before it they are warned."""
    successor: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Image:
    """`reference` is what was asked for; `pinned` is what it was then, and what runs."""

    name: str
    reference: str
    pinned: PinnedImage
    added_at: dt.datetime
    added_by: str
    description: str = ""
    tags: tuple[str, ...] = ()
    is_default: bool = False
    root_allowed: bool = False
    deprecated: Deprecation | None = None
    probe: Probe | None = None
    revision: int = field(default=1, compare=False)

    @property
    def digest(self) -> str:
        """What the daemon is told to run: no tag can move it."""
        return self.pinned.repo_digest or self.pinned.id

    @property
    def for_run(self) -> RunImage:
        return RunImage(self.name, self.reference, self.digest)


@dataclass(frozen=True)
class RunImage:
    """The image of a run, as it was when the run was submitted."""

    name: str
    reference: str
    digest: str
