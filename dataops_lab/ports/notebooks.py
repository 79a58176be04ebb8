from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from ..domain.images import Frozen
from ..domain.inputs import Pins
from ..domain.snapshots import HERE, Inspection, KernelChoice, Limits, Snapshot, Surroundings
from ..domain.workspaces import Location

NO_PINS = Pins()
NONE_BESIDE: Mapping[str, str] = MappingProxyType({})


class Notebooks(Protocol):
    """Reading, cleaning, filling in and rendering notebooks. Never writes to a source."""

    def inspect(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: Limits,
        where: Surroundings = HERE,
        pins: Pins = NO_PINS,
    ) -> Inspection: ...
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
        """Everything that travels is in the blobs when this returns. Refused with nothing stored that matters.

        `where` it will run may have other kernels and variables than there are here. `pins` say which data belong to
        the version.
        """
        ...

    def kernel_name(self, path: str, *, root: str | None, limits: Limits) -> str | None:
        """What the notebook calls the kernel that it was written on."""
        ...

    def locate(self, path: str) -> Location:
        """Tell where the notebook at the local `path` lies, or lay: it need not be there."""
        ...

    def missing(self, paths: Sequence[str]) -> frozenset[str]:
        """Return those of the local `paths` at which no file is."""
        ...

    def cell_ids(self, notebook: bytes) -> tuple[str, ...]:
        """Return the ids of the cells, none for what is not a notebook."""
        ...

    def take_along(self, path: str, file: str, *, root: str | None) -> str | None:
        """Have `file`, a path from the notebook's folder, travel with the notebooks there from now on.

        The line that this adds to the `.dataopsignore` of the folder; None where it travels already.
        """
        ...

    def kernel(self, name: str) -> KernelChoice:
        """KernelUnavailable when it is not installed here."""
        ...

    def frozen(self, kernel: str) -> Frozen:
        """What is installed where the kernel comes from. KernelUnavailable when that is not Python."""
        ...

    def filled_in(self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]) -> bytes:
        """`notebook` with a cell tagged `injected-parameters` behind the `parameters` cell, or first without one.

        `types` names the declared ParameterType per name. InvalidParameters when a value cannot be
        written safely in the language. Unchanged when `values` is empty.
        """
        ...

    def report(
        self,
        notebook: bytes,
        *,
        title: str,
        code: bool,
        pictures: Mapping[str, str] = NONE_BESIDE,
        wanted: Callable[[], bool] = lambda: True,
    ) -> bytes:
        """One HTML page that loads nothing from elsewhere; `code` False hides sources.

        `pictures` has the digests of those beside the notebook, by their path from its folder. Unavailable when it
        takes too long, or is not `wanted` any more.
        """
        ...
