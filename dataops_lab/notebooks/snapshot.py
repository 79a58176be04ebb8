"""Take a notebook as it is now, with the files that travel along."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..domain.inputs import FoundFile, Inputs, Pins, classify_file, exact_pattern
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import (
    LOCAL_RUNTIME,
    Finding,
    Inspection,
    KernelChoice,
    Severity,
    Snapshot,
    SnapshotLimits,
    TargetRuntime,
)
from ..domain.versions import IncludedFile, Manifest, Origin
from ..domain.workspaces import Location, normalize_remote
from ..errors import KernelUnavailable, SnapshotTooLarge
from ..ports import Blobs
from ..ports.notebooks import NO_PINS
from . import kernels
from .canonical import canonical_bytes
from .checks import check
from .dependencies import FileSet, collect_files, parent_folders
from .image_compatibility import compatibility_findings
from .modules import module_finder
from .origin import read_origin
from .parameters import parameters_of
from .reach import reached_paths, widen_workspace
from .read import Notebook, read_notebook
from .workspace import Workspace, find_location, workspace_of

T = TypeVar("T")

LONGEST_NAME = 200
"""The most characters in the name of a job. File systems allow longer names."""


@dataclass(frozen=True)
class _Examination:
    """The result of one look at a notebook, before anything is stored."""

    workspace: Workspace
    notebook: Notebook
    kernel: KernelChoice | None
    kernel_problem: KernelUnavailable | None
    parameters: ParameterSchema
    file_set: FileSet
    findings: list[Finding]
    files: tuple[FoundFile, ...]

    @property
    def name(self) -> str:
        name = self.workspace.notebook.name.removesuffix(".ipynb") or self.workspace.notebook.name
        return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"

    def location(self, origin: Origin) -> Location:
        return find_location(self.workspace.notebook, normalize_remote(origin.remote) if origin.remote else None)


def inspect(
    path: str,
    *,
    root: str | None,
    kernel: str | None,
    limits: SnapshotLimits,
    where: TargetRuntime = LOCAL_RUNTIME,
    pins: Pins = NO_PINS,
) -> Inspection:
    """Look at a notebook without a snapshot. It reads only code.

    When there is no kernel, the inspection says why, so that a form can ask for one.
    """
    workspace = workspace_of(path, root)
    with _in_background(read_origin, workspace.folder) as origin:
        examined = _examine(workspace, kernel=kernel, limits=limits, where=where, pins=pins)
    return Inspection(
        name=examined.name,
        location=examined.location(origin()),
        root=str(examined.workspace.root),
        notebook_path=examined.workspace.relative(examined.workspace.notebook),
        parameters=examined.parameters,
        kernel=examined.kernel,
        kernel_problem=examined.kernel_problem.message if examined.kernel_problem else None,
        kernels=kernels.installed_kernels()
        if where.kernels is None
        else tuple(kernel_choice.name for kernel_choice in where.kernels),
        files=examined.files,
        origin=origin(),
        findings=tuple(examined.findings),
        code_cells=len(examined.notebook.code_cells),
        cell_ids=examined.notebook.cell_ids,
        kernel_suggestion=examined.kernel_problem.detail.get("suggested") if examined.kernel_problem else None,
        pinned=pins,
    )


def snapshot(
    path: str,
    *,
    root: str | None,
    kernel: str | None,
    limits: SnapshotLimits,
    blobs: Blobs,
    where: TargetRuntime = LOCAL_RUNTIME,
    pins: Pins = NO_PINS,
) -> Snapshot:
    workspace = workspace_of(path, root)
    with _in_background(read_origin, workspace.folder) as origin:
        examined = _examine(workspace, kernel=kernel, limits=limits, where=where, pins=pins)
        if examined.kernel is None:
            assert examined.kernel_problem is not None
            raise examined.kernel_problem
        # All refusals come before the first blob is stored; from here on only the disk can fail.
        canonical = canonical_bytes(examined.notebook)
        stored, unreadable = _store_files(examined.file_set, limits, blobs)
    fresh = {file.path for file in examined.files if file.fresh}
    files = tuple(file for file in stored if file.path not in fresh)
    data = tuple(file for file in stored if file.path in fresh)
    folders = _named_folders(examined.file_set, [file.path for file in files])
    manifest = Manifest(
        path=examined.workspace.relative(examined.workspace.notebook),
        source_digest=blobs.put(canonical),
        files=files,
        parameters=examined.parameters,
        kernel_name=examined.kernel.name,
        language=examined.kernel.language,
        folders=folders,
    )
    return Snapshot(
        name=examined.name,
        location=examined.location(origin()),
        root=str(examined.workspace.root),
        manifest=manifest,
        kernel=examined.kernel,
        origin=origin(),
        findings=(*examined.findings, *unreadable),
        code_cells=len(examined.notebook.code_cells),
        inputs=Inputs(data, tuple(folder for folder in examined.file_set.empty_folders() if folder not in folders)),
        cell_ids=examined.notebook.cell_ids,
    )


@contextmanager
def _in_background(call: Callable[[Path], T], argument: Path) -> Iterator[Callable[[], T]]:
    """Start a call in a thread, and yield a function that waits for its result. An error in the block does not wait."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool.submit(call, argument).result
    finally:
        pool.shutdown(wait=False)


def _examine(
    workspace: Workspace,
    *,
    kernel: str | None,
    limits: SnapshotLimits,
    where: TargetRuntime,
    pins: Pins,
) -> _Examination:
    notebook = read_notebook(workspace.notebook, max_bytes=limits.file_bytes)
    choice, problem = None, None
    try:
        choice = kernels.select_kernel(notebook, kernel, where)
    except KernelUnavailable as refused:
        problem = refused
    language = (choice.language if choice else None) or notebook.language or "python"
    schema, findings = parameters_of(notebook, language)
    while True:
        file_set = collect_files(
            notebook,
            workspace,
            language=language,
            parameters=[parameter.name for parameter in schema.parameters],
            limits=limits,
            # The facts about an image have the names of its packages, not of its modules.
            find_modules=module_finder(choice if where.kernels is None else None),
        )
        # A taken file may reach further, such as a module that reads a table beside it.
        wider = widen_workspace(workspace, reached_paths(workspace, file_set.scan))
        if wider == workspace:
            break
        workspace = wider
    findings.extend(check(notebook, workspace, file_set, choice, where))
    findings.extend(compatibility_findings(notebook, file_set, where))
    return _Examination(
        workspace, notebook, choice, problem, schema, file_set, findings, _found_files(workspace, file_set, pins)
    )


def _found_files(workspace: Workspace, file_set: FileSet, pins: Pins) -> tuple[FoundFile, ...]:
    folder = workspace.relative(workspace.folder)
    files = []
    for path, found in sorted(file_set.files.items()):
        name = posixpath.relpath(path, folder)
        role = classify_file(path, runs=path in file_set.executed, executable=found.executable)
        fresh = not pins.is_pinned(name, role)
        files.append(FoundFile(path, found.size, found.executable, role, fresh, exact_pattern(name)))
    return tuple(files)


def _named_folders(file_set: FileSet, files: Iterable[str]) -> tuple[str, ...]:
    """List the folders that the code names. They belong to the version, so they do not depend on the data in them."""
    brought = parent_folders((*files, *file_set.named_folders))
    return tuple(sorted(file_set.named_folders - brought))


def _store_files(file_set: FileSet, limits: SnapshotLimits, blobs: Blobs) -> tuple[list[IncludedFile], list[Finding]]:
    """Store the files, and return them with a finding for each that cannot be read.

    Digests and sizes are those of the stored bytes, also when a file changes meanwhile. Raise SnapshotTooLarge when
    the files grew beyond the limit.
    """
    files: list[IncludedFile] = []
    unreadable: list[Finding] = []
    total = 0
    put = blobs.put_files([found.real for found in file_set.files.values()])
    for path, found in sorted(file_set.files.items()):
        stored = put[found.real]
        if isinstance(stored, OSError):  # an error of the source; a failure of the blobs raises BlobsUnavailable
            unreadable.append(_unreadable(path, stored))
            continue
        digest, size = stored
        total += size
        if total > limits.total_bytes:
            raise SnapshotTooLarge(
                f"{path} grew while it was read, and now too much would travel. Try again.", path=path
            )
        files.append(IncludedFile(path, digest, size, found.executable))
    return files, unreadable


def _unreadable(path: str, problem: OSError) -> Finding:
    return Finding(
        "unreadable_file",
        Severity.WARNING,
        f"{path} cannot be read ({problem.strerror}), so it does not travel.",
        "Check its permissions, or list it in .dataopsignore.",
    )
