"""Take a notebook, script or command as it is now, with the files that travel along."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ..domain.inputs import FoundFile, Inputs, Pins, classify_file, exact_pattern
from ..domain.jobs import STEP_MARK, JobKind, without_pipeline_suffix
from ..domain.snapshots import (
    LOCAL_RUNTIME,
    Command,
    Finding,
    Inspection,
    Severity,
    Snapshot,
    SnapshotLimits,
    TargetRuntime,
)
from ..domain.versions import IncludedFile, Manifest, Origin
from ..domain.workspaces import Location, normalize_remote
from ..errors import SnapshotTooLarge
from ..ports import Blobs
from ..ports.notebooks import NO_PINS
from ..rundir import protocol
from ..rundir.parameters import parameter_variables
from .checks import check
from .dependencies import FileSet, collect_files, parent_folders
from .image_compatibility import compatibility_findings
from .modules import module_finder
from .origin import read_origin
from .reach import reached_paths, widen_workspace
from .source import Source, in_words_of, installed_choices, read_source
from .workspace import Workspace, find_location, workspace_of

T = TypeVar("T")

LONGEST_NAME = 200
"""The most characters in the name of a job. File systems allow longer names."""


@dataclass(frozen=True)
class _Examination:
    """The result of one look at a source, before anything is stored. `step` is the id of a command in its file."""

    workspace: Workspace
    source: Source
    file_set: FileSet
    findings: list[Finding]
    files: tuple[FoundFile, ...]
    step: str = ""

    @property
    def name(self) -> str:
        file = self.workspace.notebook.name
        name = file.removesuffix(".ipynb") or file
        if self.step:
            name = f"{without_pipeline_suffix(file) or file}: {self.step}"
        return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"

    @property
    def path(self) -> str:
        return self._of_step(self.workspace.relative(self.workspace.notebook))

    def location(self, origin: Origin) -> Location:
        remote = normalize_remote(origin.remote) if origin.remote else None
        found = find_location(self.workspace.notebook, remote)
        return replace(found, path=self._of_step(found.path))

    def _of_step(self, path: str) -> str:
        return f"{path}{STEP_MARK}{self.step}" if self.step else path


def inspect(
    path: str,
    *,
    root: str | None,
    kernel: str | None,
    limits: SnapshotLimits,
    where: TargetRuntime = LOCAL_RUNTIME,
    pins: Pins = NO_PINS,
    published: Collection[str] = (),
) -> Inspection:
    """Look at a notebook without a snapshot. It reads only code.

    When there is no kernel, the inspection says why, so that a form can ask for one.
    """
    workspace = workspace_of(path, root)
    with _in_background(read_origin, workspace.folder) as origin:
        examined = _examine(workspace, kernel=kernel, limits=limits, where=where, pins=pins, published=published)
    source = examined.source
    return Inspection(
        name=examined.name,
        location=examined.location(origin()),
        root=str(examined.workspace.root),
        notebook_path=examined.path,
        parameters=source.parameters,
        kernel=source.kernel,
        kernel_problem=source.kernel_problem.message if source.kernel_problem else None,
        kernels=installed_choices(source, where),
        files=examined.files,
        origin=origin(),
        findings=tuple(examined.findings),
        code_cells=source.code_cells,
        cell_ids=source.code.cell_ids,
        kernel_suggestion=source.kernel_problem.detail.get("suggested") if source.kernel_problem else None,
        pinned=pins,
        kind=source.kind,
        outputs=source.outputs,
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
    published: Collection[str] = (),
    command: Command | None = None,
) -> Snapshot:
    """Take a snapshot, see `Notebooks.snapshot`. The `path` of a command is `FILE#STEP`."""
    file, _, step = path.rpartition(STEP_MARK) if command else (path, "", "")
    workspace = workspace_of(file, root)
    with _in_background(read_origin, workspace.folder) as origin:
        examined = _examine(
            workspace,
            kernel=kernel,
            limits=limits,
            where=where,
            pins=pins,
            published=published,
            command=command,
            step=step,
        )
        source = examined.source
        if source.kernel is None:
            assert source.kernel_problem is not None
            raise source.kernel_problem
        # All refusals come before the first blob is stored; from here on only the disk can fail.
        content = source.content()
        stored, unreadable = store_files(examined.file_set, limits, blobs)
    fresh = {file.path for file in examined.files if file.fresh}
    files = tuple(file for file in stored if file.path not in fresh)
    data = tuple(file for file in stored if file.path in fresh)
    folders = _named_folders(examined.file_set, [file.path for file in files])
    manifest = Manifest(
        path=examined.path,
        source_digest=None if content is None else blobs.put(content),
        files=files,
        parameters=source.parameters,
        kernel_name=source.kernel.name,
        language=source.kernel.language,
        folders=folders,
        kind=source.kind,
        command=source.kernel.argv if source.kind is JobKind.COMMAND else (),
        outputs=source.outputs,
    )
    return Snapshot(
        name=examined.name,
        location=examined.location(origin()),
        root=str(examined.workspace.root),
        manifest=manifest,
        kernel=source.kernel,
        origin=origin(),
        findings=(*examined.findings, *unreadable),
        code_cells=source.code_cells,
        inputs=Inputs(data, tuple(folder for folder in examined.file_set.empty_folders() if folder not in folders)),
        cell_ids=source.code.cell_ids,
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
    published: Collection[str] = (),
    command: Command | None = None,
    step: str = "",
) -> _Examination:
    source = read_source(workspace.notebook, kernel=kernel, limits=limits, where=where, command=command)
    while True:
        file_set = collect_files(
            source.code,
            workspace,
            language=source.language,
            # A program gets its parameters as variables: its code has no names for them.
            parameters=[p.name for p in source.parameters.parameters] if source.kind is JobKind.NOTEBOOK else [],
            limits=limits,
            published=frozenset(published),
            # The facts about an image have the names of its packages, not of its modules.
            find_modules=module_finder(source.kernel if where.kernels is None else None),
            command=command,
        )
        # A taken file may reach further, such as a module that reads a table beside it.
        wider = widen_workspace(workspace, reached_paths(workspace, file_set.scan))
        if wider == workspace:
            break
        workspace = wider
    found = [
        *source.findings,
        *check(source.code, workspace, file_set, source.kernel, where, set_by_run=_variables_of_run(source)),
        *compatibility_findings(source.code, file_set, where),
    ]
    files = _found_files(workspace, file_set, pins)
    return _Examination(workspace, source, file_set, in_words_of(source, found), files, step)


def _variables_of_run(source: Source) -> set[str]:
    """Return the names of the variables that each run of the source gets, wherever it is."""
    if source.kind is JobKind.NOTEBOOK:
        return {protocol.ATTEMPT_VARIABLE}
    parameters = parameter_variables({each.name: "" for each in source.parameters.parameters})
    return {protocol.ATTEMPT_VARIABLE, protocol.PARAMETERS_VARIABLE, protocol.VALUES_VARIABLE, *parameters}


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


def store_files(file_set: FileSet, limits: SnapshotLimits, blobs: Blobs) -> tuple[list[IncludedFile], list[Finding]]:
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
