"""The port `Notebooks` in worker processes, so that parsing and rendering never block a server's event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from ..domain.images import FrozenPackages
from ..domain.inputs import Inputs, Pins
from ..domain.parameters import ParameterSchema
from ..domain.snapshots import LOCAL_RUNTIME, Command, Inspection, KernelChoice, Snapshot, SnapshotLimits, TargetRuntime
from ..domain.used_paths import UsedPaths
from ..domain.versions import Manifest
from ..domain.workspaces import Location
from ..errors import ReportUnavailable, Unavailable
from ..ports import Notebooks
from ..ports.notebooks import NO_PICTURES, NO_PINS
from .pool import Pool, WorkerDied, WorkerTooSlow

_WORKERS = 2

# This is longer than storing the largest snapshot on a slow disk. A longer call will not end.
_TIMEOUT_S = 600.0

# People do not wait longer for a tab that is empty.
_REPORT_TIMEOUT_S = 60.0

# A call holds one of the server's few threads while it waits.
_REPORTS_AT_ONCE = 3


class WorkerNotebooks:
    """The notebooks of worker processes. Calls may come from several threads, and each blocks its own thread only.

    Workers start with the first call. `factory` makes the notebooks of a worker, in the worker: it must be
    picklable. When a worker dies, its call is tried once more. A call that takes longer than `timeout_s`
    raises Unavailable, and its worker is ended.

    Reports have a worker of their own: the author of a notebook decides how long one takes, and nothing else
    waits for it. At most three reports are made or waited for at once; more raise ReportUnavailable.
    """

    def __init__(
        self,
        factory: Callable[[], Notebooks],
        *,
        workers: int = _WORKERS,
        timeout_s: float = _TIMEOUT_S,
        report_timeout_s: float = _REPORT_TIMEOUT_S,
    ) -> None:
        self._pool = Pool(factory, workers=workers)
        self._timeout_s = timeout_s
        self._reports = Pool(factory, workers=1)
        self._report_timeout_s = report_timeout_s
        self._reports_at_once = threading.Semaphore(_REPORTS_AT_ONCE)

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
        return cast(
            Inspection,
            self._call(
                "inspect",
                path,
                root=root,
                kernel=kernel,
                limits=limits,
                where=where,
                pins=pins,
                published=tuple(published),
            ),
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
        keywords = {
            "root": root,
            "kernel": kernel,
            "limits": limits,
            "where": where,
            "pins": pins,
            "published": tuple(published),
            "command": command,
        }
        return cast(Snapshot, self._call("snapshot", path, **keywords))

    def take_inputs(
        self, manifest: Manifest, *, root: str, limits: SnapshotLimits, pins: Pins, published: Collection[str] = ()
    ) -> Inputs:
        return cast(
            Inputs, self._call("take_inputs", manifest, root=root, limits=limits, pins=pins, published=tuple(published))
        )

    def read_kernel_name(self, path: str, *, root: str | None, limits: SnapshotLimits) -> str | None:
        return cast("str | None", self._call("read_kernel_name", path, root=root, limits=limits))

    def locate(self, path: str) -> Location:
        return cast(Location, self._call("locate", path))

    def find_missing(self, paths: Sequence[str]) -> frozenset[str]:
        return cast("frozenset[str]", self._call("find_missing", paths))

    def read_cell_ids(self, notebook: bytes) -> tuple[str, ...]:
        return cast("tuple[str, ...]", self._call("read_cell_ids", notebook))

    def find_used_paths(self, path: str, *, root: str | None, limits: SnapshotLimits) -> UsedPaths:
        return cast(UsedPaths, self._call("find_used_paths", path, root=root, limits=limits))

    def read_parameters(self, path: str, *, root: str | None, limits: SnapshotLimits) -> ParameterSchema:
        return cast(ParameterSchema, self._call("read_parameters", path, root=root, limits=limits))

    def check_kernel(
        self, path: str, *, kernel: str | None, root: str | None, limits: SnapshotLimits, where: TargetRuntime
    ) -> None:
        self._call("check_kernel", path, kernel=kernel, root=root, limits=limits, where=where)

    def read_pipeline_file(self, path: str, *, root: str | None) -> bytes:
        return cast(bytes, self._call("read_pipeline_file", path, root=root))

    def include_file(self, path: str, file: str, *, root: str | None) -> str | None:
        return cast("str | None", self._call("include_file", path, file, root=root))

    def get_kernel(self, name: str) -> KernelChoice:
        return cast(KernelChoice, self._call("get_kernel", name))

    def get_interpreter(self, name: str, language: str) -> KernelChoice:
        return cast(KernelChoice, self._call("get_interpreter", name, language))

    def freeze_packages(self, kernel: str) -> FrozenPackages:
        return cast(FrozenPackages, self._call("freeze_packages", kernel))

    def inject_parameters(
        self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]
    ) -> bytes:
        return cast(bytes, self._call("inject_parameters", notebook, language, dict(values), dict(types)))

    def render_report(
        self,
        notebook: bytes,
        *,
        title: str,
        code: bool,
        pictures: Mapping[str, str] = NO_PICTURES,
        wanted: Callable[[], bool] = lambda: True,
    ) -> bytes:
        if not self._reports_at_once.acquire(blocking=False):
            raise ReportUnavailable("Other reports are being made. Try again in a minute.", code="reports_busy")
        keywords = {"title": title, "code": code, "pictures": dict(pictures)}
        try:
            return cast(
                bytes, self._reports.call(self._report_timeout_s, "render_report", (notebook,), keywords, wanted=wanted)
            )
        except (WorkerTooSlow, WorkerDied):
            raise ReportUnavailable(
                f"The report was not made within {self._report_timeout_s:g} s. Download the executed notebook instead."
            ) from None
        finally:
            self._reports_at_once.release()

    def close(self) -> None:
        """End the workers, also in the middle of a call. A later call starts new ones."""
        self._pool.close()
        self._reports.close()

    def _call(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        try:
            return self._call_pool(method, arguments, keywords)
        except WorkerDied:
            return self._call_pool(method, arguments, keywords)

    def _call_pool(self, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        try:
            return self._pool.call(self._timeout_s, method, arguments, keywords)
        except WorkerTooSlow:
            raise Unavailable(
                f"The notebook was not read within {self._timeout_s:g} s. Make it smaller, or try again.",
                code="notebook_too_slow",
            ) from None
