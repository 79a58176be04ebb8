"""The port `Notebooks`, in this very process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..domain.images import Frozen
from ..domain.inputs import Pins
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import HERE, Inspection, KernelChoice, Limits, Snapshot, Surroundings
from ..domain.used_paths import UsedPaths
from ..domain.workspaces import Location
from ..errors import InvalidNotebook
from ..ports import Blobs
from ..ports.notebooks import NO_PINS, NONE_BESIDE


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
        limits: Limits,
        where: Surroundings = HERE,
        pins: Pins = NO_PINS,
    ) -> Inspection:
        from . import snapshot

        return snapshot.inspect(path, root=root, kernel=kernel, limits=limits, where=where, pins=pins)

    def snapshot(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: Limits,
        where: Surroundings = HERE,
        pins: Pins = NO_PINS,
    ) -> Snapshot:
        from . import snapshot

        return snapshot.snapshot(
            path, root=root, kernel=kernel, limits=limits, blobs=self._blobs, where=where, pins=pins
        )

    def kernel_name(self, path: str, *, root: str | None, limits: Limits) -> str | None:
        from .read import read_notebook
        from .workspace import workspace_of

        return read_notebook(workspace_of(path, root).notebook, max_bytes=limits.file_bytes).kernel_name

    def locate(self, path: str) -> Location:
        from .origin import remote_of
        from .workspace import location_of, real_path

        notebook = real_path(path)
        return location_of(notebook, remote_of(notebook.parent))

    def missing(self, paths: Sequence[str]) -> frozenset[str]:
        return frozenset(path for path in paths if not os.path.isfile(path))  # noqa: PTH113 — names too long

    def cell_ids(self, notebook: bytes) -> tuple[str, ...]:
        from .read import parse_notebook

        try:
            return parse_notebook(notebook).cell_ids
        except InvalidNotebook:
            return ()

    def used_paths(self, path: str, *, root: str | None, limits: Limits) -> UsedPaths:
        from . import used_paths

        return used_paths.used_paths(path, root=root, limits=limits)

    def declared(self, path: str, *, root: str | None, limits: Limits) -> ParameterSchema:
        from . import pipeline_parts

        return pipeline_parts.declared(path, root=root, limits=limits)

    def pipeline_file(self, path: str, *, root: str | None) -> bytes:
        from . import pipeline_parts

        return pipeline_parts.pipeline_file(path, root=root)

    def take_along(self, path: str, file: str, *, root: str | None) -> str | None:
        from . import along

        return along.take_along(path, file, root=root)

    def kernel(self, name: str) -> KernelChoice:
        from . import kernels

        return kernels.kernel(name)

    def frozen(self, kernel: str) -> Frozen:
        from . import freeze

        return freeze.frozen(kernel)

    def filled_in(self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]) -> bytes:
        from . import inject

        return inject.filled_in(notebook, language, values, types)

    def report(
        self,
        notebook: bytes,
        *,
        title: str,
        code: bool,
        pictures: Mapping[str, str] = NONE_BESIDE,
        wanted: Callable[[], bool] = lambda: True,  # noqa: ARG002 — there is nobody who could ask meanwhile
    ) -> bytes:
        from . import report

        return report.report(notebook, title=title, code=code, pictures=pictures, read=self._blobs.read)
