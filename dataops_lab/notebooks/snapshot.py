"""Take a notebook as it is now, with the files that travel along."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..domain.inputs import FoundFile, Inputs, Pins, pattern_of, role_of
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import HERE, Finding, Inspection, KernelChoice, Limits, Severity, Snapshot, Surroundings
from ..domain.versions import Manifest, Origin, TravellingFile
from ..domain.workspaces import Location, normalised_remote
from ..errors import KernelUnavailable, SnapshotTooLarge
from ..ports import Blobs
from ..ports.notebooks import NO_PINS
from . import kernels
from .canonical import canonical_bytes
from .checks import check
from .difference import differences
from .modules import looked_for_in
from .origin import origin_of
from .parameters import parameters_of
from .reach import reached, widened
from .read import Notebook, read_notebook
from .travel import Luggage, folders_above, pack
from .workspace import Workspace, location_of, workspace_of

T = TypeVar("T")

LONGEST_NAME = 200
"""The most characters in the name of a job. File systems allow longer names."""


@dataclass(frozen=True)
class _Look:
    """The result of one look at a notebook, before anything is stored."""

    workspace: Workspace
    notebook: Notebook
    kernel: KernelChoice | None
    kernel_problem: KernelUnavailable | None
    parameters: ParameterSchema
    luggage: Luggage
    findings: list[Finding]
    files: tuple[FoundFile, ...]

    @property
    def name(self) -> str:
        name = self.workspace.notebook.name.removesuffix(".ipynb") or self.workspace.notebook.name
        return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"

    def located(self, origin: Origin) -> Location:
        return location_of(self.workspace.notebook, normalised_remote(origin.remote) if origin.remote else None)


def inspect(
    path: str, *, root: str | None, kernel: str | None, limits: Limits, where: Surroundings = HERE, pins: Pins = NO_PINS
) -> Inspection:
    """Look at a notebook without a snapshot. It reads only code.

    When there is no kernel, the inspection says why, so that a form can ask for one.
    """
    workspace = workspace_of(path, root)
    with _beside(origin_of, workspace.folder) as origin:
        look = _look(workspace, kernel=kernel, limits=limits, where=where, pins=pins)
    return Inspection(
        name=look.name,
        location=look.located(origin()),
        root=str(look.workspace.root),
        notebook_path=look.workspace.relative(look.workspace.notebook),
        parameters=look.parameters,
        kernel=look.kernel,
        kernel_problem=look.kernel_problem.message if look.kernel_problem else None,
        kernels=kernels.installed() if where.kernels is None else tuple(it.name for it in where.kernels),
        files=look.files,
        origin=origin(),
        findings=tuple(look.findings),
        code_cells=len(look.notebook.code_cells),
        cell_ids=look.notebook.cell_ids,
        kernel_suggestion=look.kernel_problem.detail.get("suggested") if look.kernel_problem else None,
        pinned=pins,
    )


def snapshot(
    path: str,
    *,
    root: str | None,
    kernel: str | None,
    limits: Limits,
    blobs: Blobs,
    where: Surroundings = HERE,
    pins: Pins = NO_PINS,
) -> Snapshot:
    workspace = workspace_of(path, root)
    with _beside(origin_of, workspace.folder) as origin:
        look = _look(workspace, kernel=kernel, limits=limits, where=where, pins=pins)
        if look.kernel is None:
            assert look.kernel_problem is not None
            raise look.kernel_problem
        # All refusals come before the first blob is stored; from here on only the disk can fail.
        canonical = canonical_bytes(look.notebook)
        stored, unreadable = _stored(look.luggage, limits, blobs)
    fresh = {file.path for file in look.files if file.fresh}
    files = tuple(file for file in stored if file.path not in fresh)
    data = tuple(file for file in stored if file.path in fresh)
    folders = _folders_of(look.luggage, [file.path for file in files])
    manifest = Manifest(
        path=look.workspace.relative(look.workspace.notebook),
        source_digest=blobs.put(canonical),
        files=files,
        parameters=look.parameters,
        kernel_name=look.kernel.name,
        language=look.kernel.language,
        folders=folders,
    )
    return Snapshot(
        name=look.name,
        location=look.located(origin()),
        root=str(look.workspace.root),
        manifest=manifest,
        kernel=look.kernel,
        origin=origin(),
        findings=(*look.findings, *unreadable),
        code_cells=len(look.notebook.code_cells),
        inputs=Inputs(data, tuple(it for it in look.luggage.empty_folders() if it not in folders)),
        cell_ids=look.notebook.cell_ids,
    )


@contextmanager
def _beside(call: Callable[[Path], T], argument: Path) -> Iterator[Callable[[], T]]:
    """Start a call in a thread, and yield a function that waits for its result. An error in the block does not wait."""
    pool = ThreadPoolExecutor(1)
    try:
        yield pool.submit(call, argument).result
    finally:
        pool.shutdown(wait=False)


def _look(
    workspace: Workspace,
    *,
    kernel: str | None,
    limits: Limits,
    where: Surroundings,
    pins: Pins,
) -> _Look:
    notebook = read_notebook(workspace.notebook, max_bytes=limits.file_bytes)
    choice, problem = None, None
    try:
        choice = kernels.kernel_of(notebook, kernel, where)
    except KernelUnavailable as refused:
        problem = refused
    language = (choice.language if choice else None) or notebook.language or "python"
    schema, findings = parameters_of(notebook, language)
    while True:
        luggage = pack(
            notebook,
            workspace,
            language=language,
            parameters=[parameter.name for parameter in schema.parameters],
            limits=limits,
            # The facts about an image have the names of its packages, not of its modules.
            look_for=looked_for_in(choice if where.kernels is None else None),
        )
        # A taken file may reach further, such as a module that reads a table beside it.
        wider = widened(workspace, reached(workspace, luggage.scan))
        if wider == workspace:
            break
        workspace = wider
    findings.extend(check(notebook, workspace, luggage, choice, where))
    findings.extend(differences(notebook, luggage, where))
    return _Look(workspace, notebook, choice, problem, schema, luggage, findings, _files_of(workspace, luggage, pins))


def _files_of(workspace: Workspace, luggage: Luggage, pins: Pins) -> tuple[FoundFile, ...]:
    folder = workspace.relative(workspace.folder)
    files = []
    for path, found in sorted(luggage.files.items()):
        name = posixpath.relpath(path, folder)
        role = role_of(path, runs=path in luggage.run, executable=found.executable)
        fresh = not pins.holds(name, role)
        files.append(FoundFile(path, found.size, found.executable, role, fresh, pattern_of(name)))
    return tuple(files)


def _folders_of(luggage: Luggage, files: Iterable[str]) -> tuple[str, ...]:
    """List the folders that the code names. They belong to the version, so they do not depend on the data in them."""
    brought = folders_above((*files, *luggage.named_folders))
    return tuple(sorted(luggage.named_folders - brought))


def _stored(luggage: Luggage, limits: Limits, blobs: Blobs) -> tuple[list[TravellingFile], list[Finding]]:
    """Store the files, and return them with a finding for each that cannot be read.

    Digests and sizes are those of the stored bytes, also when a file changes meanwhile. Raise SnapshotTooLarge when
    the files grew beyond the limit.
    """
    files: list[TravellingFile] = []
    unreadable: list[Finding] = []
    total = 0
    put = blobs.put_files([found.real for found in luggage.files.values()])
    for path, found in sorted(luggage.files.items()):
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
        files.append(TravellingFile(path, digest, size, found.executable))
    return files, unreadable


def _unreadable(path: str, problem: OSError) -> Finding:
    return Finding(
        "unreadable_file",
        Severity.WARNING,
        f"{path} cannot be read ({problem.strerror}), so it does not travel.",
        "Check its permissions, or list it in .dataopsignore.",
    )
