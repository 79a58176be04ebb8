"""The port `Notebooks`, in this very process."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..domain.images import FrozenPackages
from ..domain.inputs import Inputs, Pins
from ..domain.jobs import JobKind, kind_of_path
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import LOCAL_RUNTIME, Command, Inspection, KernelChoice, Snapshot, SnapshotLimits, TargetRuntime
from ..domain.used_paths import UsedPaths
from ..domain.versions import Manifest
from ..domain.workspaces import Location
from ..errors import InvalidNotebook
from ..ports import Blobs
from ..ports.notebooks import NO_PICTURES, NO_PINS


class LocalNotebooks:
    """The notebooks of this process.

    Each method imports what it needs at its first call: a report costs seconds of imports, an inspection none.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def inspect(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: SnapshotLimits,
        where: TargetRuntime = LOCAL_RUNTIME,
        pins: Pins = NO_PINS,
        published: Collection[str] = (),
    ) -> Inspection:
        from . import snapshot

        return snapshot.inspect(
            path, root=root, kernel=kernel, limits=limits, where=where, pins=pins, published=published
        )

    def snapshot(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: SnapshotLimits,
        where: TargetRuntime = LOCAL_RUNTIME,
        pins: Pins = NO_PINS,
        published: Collection[str] = (),
        command: Command | None = None,
    ) -> Snapshot:
        from . import snapshot

        return snapshot.snapshot(
            path,
            root=root,
            kernel=kernel,
            limits=limits,
            blobs=self._blobs,
            where=where,
            pins=pins,
            published=published,
            command=command,
        )

    def take_inputs(
        self, manifest: Manifest, *, root: str, limits: SnapshotLimits, pins: Pins, published: Collection[str] = ()
    ) -> Inputs:
        from . import inputs

        return inputs.take_inputs(manifest, root=root, limits=limits, pins=pins, published=published, blobs=self._blobs)

    def read_kernel_name(self, path: str, *, root: str | None, limits: SnapshotLimits) -> str | None:
        from .read import read_notebook
        from .workspace import workspace_of

        if kind_of_path(path) is not JobKind.NOTEBOOK:
            return None
        return read_notebook(workspace_of(path, root).notebook, max_bytes=limits.file_bytes).kernel_name

    def locate(self, path: str) -> Location:
        from .origin import read_remote
        from .workspace import find_location, real_path

        notebook = real_path(path)
        return find_location(notebook, read_remote(notebook.parent))

    def find_missing(self, paths: Sequence[str]) -> frozenset[str]:
        return frozenset(path for path in paths if not os.path.isfile(path))  # noqa: PTH113 — names too long

    def read_cell_ids(self, notebook: bytes) -> tuple[str, ...]:
        from .read import parse_notebook

        try:
            return parse_notebook(notebook).cell_ids
        except InvalidNotebook:
            return ()

    def find_used_paths(self, path: str, *, root: str | None, limits: SnapshotLimits) -> UsedPaths:
        from . import used_paths

        return used_paths.find_used_paths(path, root=root, limits=limits)

    def read_parameters(self, path: str, *, root: str | None, limits: SnapshotLimits) -> ParameterSchema:
        from . import pipeline_parts

        return pipeline_parts.read_parameters(path, root=root, limits=limits)

    def check_kernel(
        self, path: str, *, kernel: str | None, root: str | None, limits: SnapshotLimits, where: TargetRuntime
    ) -> None:
        from . import pipeline_parts

        pipeline_parts.check_kernel(path, kernel=kernel, root=root, limits=limits, where=where)

    def read_pipeline_file(self, path: str, *, root: str | None) -> bytes:
        from . import pipeline_parts

        return pipeline_parts.read_pipeline_file(path, root=root)

    def include_file(self, path: str, file: str, *, root: str | None) -> str | None:
        from . import include_file

        return include_file.include_file(path, file, root=root)

    def get_kernel(self, name: str) -> KernelChoice:
        from . import kernels

        return kernels.resolve_kernel(name)

    def get_interpreter(self, name: str, language: str) -> KernelChoice:
        from .scripts import interpreters

        return interpreters.resolve_interpreter(name, language)

    def freeze_packages(self, kernel: str) -> FrozenPackages:
        from . import freeze

        return freeze.list_requirements(kernel)

    def inject_parameters(
        self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]
    ) -> bytes:
        from . import inject

        return inject.inject_parameters(notebook, language, values, types)

    def render_report(
        self,
        notebook: bytes,
        *,
        title: str,
        code: bool,
        pictures: Mapping[str, str] = NO_PICTURES,
        wanted: Callable[[], bool] = lambda: True,  # noqa: ARG002 — there is nobody who could ask meanwhile
    ) -> bytes:
        from . import report

        return report.report(notebook, title=title, code=code, pictures=pictures, read=self._blobs.read)
