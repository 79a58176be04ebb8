from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from ..domain.images import FrozenPackages
from ..domain.inputs import Inputs, Pins
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import LOCAL_RUNTIME, Command, Inspection, KernelChoice, Snapshot, SnapshotLimits, TargetRuntime
from ..domain.used_paths import UsedPaths
from ..domain.versions import Manifest
from ..domain.workspaces import Location

NO_PINS = Pins()
NO_PICTURES: Mapping[str, str] = MappingProxyType({})


class Notebooks(Protocol):
    """A reader of notebooks and scripts, which also cleans, fills in and renders notebooks.

    It never writes to a source. A method that speaks of a notebook takes a script, too, unless it says otherwise.
    """

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
    ) -> Inspection: ...
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
        """Take a snapshot. Everything that travels is stored as blobs before this returns.

        When it raises Refused, it has stored nothing that matters. `where` describes the place where the notebook will
        run; it may have other kernels and variables than this machine. `pins` say which data belong to the version.
        `published` are absolute paths of files that runs published: they travel only when the code reads them.

        A `command` runs in the folder of the file that `path` names as `FILE#STEP`, with the files that it names or
        includes and that these need.
        """
        ...

    def take_inputs(
        self, manifest: Manifest, *, root: str, limits: SnapshotLimits, pins: Pins, published: Collection[str] = ()
    ) -> Inputs:
        """Store the data files that the code of a version reads, as they lie below `root` now, and return them.

        Refused when the folder of its source is not there.
        """
        ...

    def read_kernel_name(self, path: str, *, root: str | None, limits: SnapshotLimits) -> str | None:
        """Return the kernel name that the notebook has: on which it was written; None for a script."""
        ...

    def locate(self, path: str) -> Location:
        """Tell where the notebook at the local `path` lies, or lay: the file may be gone."""
        ...

    def find_missing(self, paths: Sequence[str]) -> frozenset[str]:
        """Return those of the local `paths` at which there is no file."""
        ...

    def read_cell_ids(self, notebook: bytes) -> tuple[str, ...]:
        """Return the ids of the cells, none for bytes that are not a notebook."""
        ...

    def find_used_paths(self, path: str, *, root: str | None, limits: SnapshotLimits) -> UsedPaths:
        """Return the paths that the notebook or script at `path` reads and writes, as far as its code tells."""
        ...

    def read_parameters(self, path: str, *, root: str | None, limits: SnapshotLimits) -> ParameterSchema:
        """Return the parameters that the notebook or script at `path` declares. It reads that file alone."""
        ...

    def check_kernel(
        self, path: str, *, kernel: str | None, root: str | None, limits: SnapshotLimits, where: TargetRuntime
    ) -> None:
        """Raise KernelUnavailable when nothing there can run the notebook or script. `kernel` is the chosen one."""
        ...

    def read_pipeline_file(self, path: str, *, root: str | None) -> bytes:
        """Return the bytes of the pipeline's file at `path`. Refused when it is not there, not a file, or too large."""
        ...

    def include_file(self, path: str, file: str, *, root: str | None) -> str | None:
        """Make `file`, a path from the notebook's folder, travel with the notebooks there from now on.

        Return the line that this adds to the `.dataopsignore` of the folder; None where the file travels already.
        """
        ...

    def get_kernel(self, name: str) -> KernelChoice:
        """Return the kernel of that name. KernelUnavailable when it is not installed here."""
        ...

    def get_interpreter(self, name: str, language: str) -> KernelChoice:
        """Return the interpreter of scripts that this name means here, without options. KernelUnavailable for none."""
        ...

    def freeze_packages(self, kernel: str) -> FrozenPackages:
        """Return the packages of the interpreter that the kernel uses. KernelUnavailable when that is not Python."""
        ...

    def inject_parameters(
        self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]
    ) -> bytes:
        """Insert a cell tagged `injected-parameters` behind the `parameters` cell; without one, at the top.

        `types` maps a name to its declared ParameterType. InvalidParameters when a value cannot be
        written safely in the language. Return `notebook` unchanged when `values` is empty.
        """
        ...

    def render_report(
        self,
        notebook: bytes,
        *,
        title: str,
        code: bool,
        pictures: Mapping[str, str] = NO_PICTURES,
        wanted: Callable[[], bool] = lambda: True,
    ) -> bytes:
        """Render one HTML page that loads nothing from elsewhere. With `code` False it hides sources.

        `pictures` maps the paths of pictures beside the notebook, from its folder, to their digests. Unavailable when
        it takes too long, or is not `wanted` any more.
        """
        ...
