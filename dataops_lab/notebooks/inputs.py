"""Take the data of a version as they are now, for a run that a schedule makes while its code stays the stored one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath

from ..domain.inputs import Inputs, Pins, classify_file
from ..domain.jobs import JobKind
from ..domain.snapshots import Command, SnapshotLimits
from ..domain.versions import Manifest
from ..errors import Refused
from ..ports import Blobs
from .dependencies import collect_files, parent_folders
from .modules import ModuleLookup
from .read import Notebook, parse_notebook
from .scripts.read import Script
from .snapshot import store_files
from .source import code_of_command, code_of_script
from .workspace import Workspace


def take_inputs(
    manifest: Manifest,
    *,
    root: str,
    limits: SnapshotLimits,
    pins: Pins,
    published: Collection[str] = (),
    blobs: Blobs,
) -> Inputs:
    """Store the data files that the stored code reads, as they lie below `root` now, and return them.

    Refused when the folder of the source is not there: its data cannot be taken.
    """
    folder = Path(root, manifest.folder)
    if not folder.is_dir():
        raise Refused(
            f"The folder {folder} is not there, so its data cannot be taken. Set the schedule again where the notebook "
            "lies now.",
            code="inputs_unreachable",
            path=str(folder),
        )
    workspace = Workspace(Path(root), Path(root, manifest.source_path))
    file_set = collect_files(
        _code_of(manifest, blobs),
        workspace,
        language=manifest.language,
        parameters=[p.name for p in manifest.parameters.parameters] if manifest.kind is JobKind.NOTEBOOK else [],
        limits=limits,
        find_modules=_modules_of(manifest),
        published=frozenset(published),
    )
    own = {file.path for file in manifest.files} | {manifest.source_path}
    for path, found in list(file_set.files.items()):
        role = classify_file(path, runs=path in file_set.executed, executable=found.executable)
        if path in own or pins.is_pinned(posixpath.relpath(path, manifest.folder or "."), role):
            del file_set.files[path]
    files, _ = store_files(file_set, limits, blobs)
    taken = parent_folders([*(file.path for file in files), *own])
    folders = (folder for folder in file_set.empty_folders() if folder not in manifest.folders and folder not in taken)
    return Inputs(tuple(files), tuple(folders))


def _code_of(manifest: Manifest, blobs: Blobs) -> Notebook:
    if manifest.source_digest is None:
        return code_of_command(Command(manifest.command, manifest.parameters.parameters))
    data = blobs.read(manifest.source_digest)
    if manifest.kind is JobKind.SCRIPT:
        return code_of_script(Script(PurePosixPath(manifest.path).name, data), None)
    return parse_notebook(data)


def _modules_of(manifest: Manifest) -> Callable[[set[str]], ModuleLookup]:
    """Return a search that takes the modules of the version for those that the kernel lacks: they were found so."""
    parts = {part for file in manifest.files for part in PurePosixPath(file.path).with_suffix("").parts}
    return lambda names: ModuleLookup(missing=names & parts)
