"""Reproductions: the folder with all that a run found, and a kernel in it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ..domain.jobs import JobKind
from ..services.reproductions import Wanted
from .base import ContentsPath, Model

if TYPE_CHECKING:
    from ..services.reproductions import Reproduction, ReproductionKernel


class ReproduceRequest(Model):
    """The part of a run to reproduce. `step` is one of a pipeline run, and `item` the key of an item of its fan-out.

    `folder` is a new folder for it; null for one in `dataops-reproduce`.
    """

    step: str | None = Field(default=None, max_length=60)
    item: str | None = Field(default=None, max_length=100)
    folder: ContentsPath | None = None

    def to_domain(self, run_id: str) -> Wanted:
        return Wanted(run_id, self.step, self.item)


class MissingInputModel(Model):
    """Something that the run had and the folder has not: a path or the id of a step, and the reason."""

    name: str
    reason: str


class ReproductionModel(Model):
    """The folder of a reproduction. `path` is the file to open; null for a command.

    `cell` is the cell that failed, from 0. `command` is for a shell. `variables` have the values that people set for
    the run; `secrets` are names, and `left_out` are the names of those that this person may not have.
    """

    run: str
    kind: JobKind
    environment: str
    kernel: str | None
    """The name that people see of the kernel or interpreter of the run."""
    image: str | None
    """The name of the image in which the run ran."""
    folder: ContentsPath
    path: ContentsPath | None
    cell: int | None
    created: bool
    size: int
    variables: dict[str, str]
    secrets: list[str]
    left_out: list[str]
    missing: list[MissingInputModel]
    command: str

    @classmethod
    def from_domain(cls, reproduction: Reproduction, folder: str) -> ReproductionModel:
        """Return the model. `folder` is the path of the folder for the reader."""
        variables = reproduction.variables
        return cls(
            run=reproduction.run.id,
            kind=reproduction.run.kind,
            environment=reproduction.run.environment,
            kernel=reproduction.run.kernel.display_name if reproduction.run.kernel else None,
            image=reproduction.run.image.name if reproduction.run.image else None,
            folder=folder,
            path=None if reproduction.path is None else posixpath.join(folder, reproduction.path),
            cell=reproduction.cell,
            created=reproduction.created,
            size=reproduction.size,
            variables=dict(variables.given),
            secrets=list(variables.secrets),
            left_out=list(variables.left_out),
            missing=[MissingInputModel.model_validate(each) for each in reproduction.missing],
            command=reproduction.command,
        )


class ReproductionKernelRequest(Model):
    """The kernel to start in the `folder` of a reproduction: in the image of the run, or on this machine."""

    step: str | None = Field(default=None, max_length=60)
    item: str | None = Field(default=None, max_length=100)
    folder: ContentsPath
    place: Literal["image", "local"]

    def to_domain(self, run_id: str) -> Wanted:
        return Wanted(run_id, self.step, self.item)


class ReproductionKernelModel(Model):
    """A session of Jupyter on the notebook at `path`, by the ids of session and kernel.

    `secrets` are the names of those that the kernel got, `left_out` the names that this person may not have.
    """

    session: str
    kernel: str
    path: ContentsPath
    secrets: list[str]
    left_out: list[str]

    @classmethod
    def from_domain(
        cls, kernel: ReproductionKernel, *, session: str, kernel_id: str, path: str
    ) -> ReproductionKernelModel:
        return cls(
            session=session,
            kernel=kernel_id,
            path=path,
            secrets=list(kernel.variables.secrets),
            left_out=list(kernel.variables.left_out),
        )
