"""The inspection of a notebook before it runs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..domain.inputs import Role
from ..domain.jobs import JobKind
from ..domain.parameters import Parameter, ParameterType
from ..domain.snapshots import Inspection, Severity
from .base import ContentsPath, Model
from .outputs import OutputDeclaration


class ParameterModel(Model):
    name: str
    type: ParameterType
    default: Any = None
    required: bool = False
    nullable: bool = False
    description: str = ""
    choices: list[Any] = Field(default_factory=list)
    items: ParameterType | None = None

    @classmethod
    def from_domain(cls, parameter: Parameter) -> ParameterModel:
        return cls.model_validate(parameter)


class FindingModel(Model):
    code: str
    severity: Severity
    message: str
    hint: str = ""
    cell: int | None = None
    file: str | None = None
    """A file that stays behind and can be taken along, as a path from the notebook's folder."""
    job: str | None = None
    """The id of a job that may be the same as the job of the notebook."""


class KernelModel(Model):
    name: str
    language: str
    display_name: str


class OriginModel(Model):
    remote: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


class TravellingFileModel(Model):
    """A file that travels. `fresh`: each run takes it as it is then; otherwise it belongs to the version.

    Code always belongs to the version. For other files add `pattern` to the `pinned` of the job to let the file belong
    to the version, or `!` and `pattern` to let each run take it.
    """

    path: str
    size: int
    role: Role
    fresh: bool
    pattern: str


class AuthoredInModel(Model):
    """The environment and the image on whose kernel a notebook was written.

    `image` is null where nobody may choose one.
    """

    environment: str
    image: str | None


class InspectionModel(Model):
    """The facts that the form shows before a run. `files` holds the first 200 of `file_count` files."""

    name: str
    kind: JobKind
    source: str
    root: str
    notebook_path: str
    declares_parameters: bool
    parameters: list[ParameterModel]
    kernel: KernelModel | None
    kernel_problem: str | None
    kernels: list[str]
    files: list[TravellingFileModel]
    file_count: int
    file_bytes: int
    fresh_count: int
    """The number of files that each run takes anew."""
    origin: OriginModel
    findings: list[FindingModel]
    code_cells: int
    authored_in: AuthoredInModel | None = None
    kernel_suggestion: str | None = None
    """The only kernel there of the notebook's language, where `kernel` is null."""
    outputs: list[OutputDeclaration] = Field(default_factory=list)
    """The outputs that the notebook or script declares."""
    pinned: list[str] = Field(default_factory=list)
    """The patterns that decide which `files` are fresh: those that were given, else the job's."""

    @classmethod
    def from_domain(cls, inspection: Inspection) -> InspectionModel:
        return cls(
            name=inspection.name,
            kind=inspection.kind,
            source=inspection.location.source,
            root=inspection.root,
            notebook_path=inspection.notebook_path,
            declares_parameters=inspection.parameters.declared,
            parameters=[ParameterModel.from_domain(p) for p in inspection.parameters.parameters],
            kernel=KernelModel.model_validate(inspection.kernel) if inspection.kernel else None,
            kernel_problem=inspection.kernel_problem,
            kernels=list(inspection.kernels),
            files=[TravellingFileModel.model_validate(f) for f in inspection.files[:200]],
            file_count=len(inspection.files),
            file_bytes=sum(f.size for f in inspection.files),
            fresh_count=sum(f.fresh for f in inspection.files),
            origin=OriginModel.model_validate(inspection.origin),
            findings=[FindingModel.model_validate(f) for f in inspection.findings],
            code_cells=inspection.code_cells,
            authored_in=AuthoredInModel.model_validate(inspection.authored_in) if inspection.authored_in else None,
            kernel_suggestion=inspection.kernel_suggestion,
            outputs=[OutputDeclaration.from_domain(output) for output in inspection.outputs],
            pinned=list(inspection.pinned.patterns),
        )


class InspectRequest(Model):
    """A notebook to inspect. `path` is its path in Jupyter's contents API: below the server's root, with `/`."""

    path: ContentsPath
    kernel: str | None = None
    environment: str = "sandbox"
    """The environment where it would run, with its kernels and variables."""
    image: str | None = Field(default=None, max_length=100)
    pinned: list[str] | None = None
    """Patterns to use instead of those of the job."""


class IncludeFileRequest(Model):
    """A file to take along. `path` is as in InspectRequest; `file` is a path from the folder of the notebook."""

    path: ContentsPath
    file: str = Field(min_length=1, max_length=4000)


class IncludedFileModel(Model):
    """The `line` that was added to the `.dataopsignore` beside the notebook; null where the file travels without it."""

    line: str | None
