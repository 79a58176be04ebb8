"""Fakes of the ports, for fast tests of what is built on them. Each keeps its port's contract."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from .domain.actors import Actor
from .domain.environments import Backend
from .domain.images import BuildRecipe, FrozenPackages, Login, PinnedImage, Probe
from .domain.inputs import Inputs, Pins
from .domain.jobs import JobKind, kind_of_path
from .domain.leases import ProcessIdentity
from .domain.notifications import Content, Destination
from .domain.outputs import Output
from .domain.parameters import ParameterSchema
from .domain.runs import Attempt
from .domain.secrets import Sealed
from .domain.snapshots import (
    LOCAL_RUNTIME,
    Command,
    Finding,
    Inspection,
    KernelChoice,
    Snapshot,
    SnapshotLimits,
    TargetRuntime,
)
from .domain.used_paths import UsedPaths
from .domain.versions import Manifest, Origin, digest_of
from .domain.workspaces import Location, parent_folders
from .errors import (
    Damaged,
    DeliveryFailed,
    InvalidPipeline,
    InvalidRequest,
    KernelUnavailable,
    NotFound,
    Refused,
    SecretsLocked,
)
from .ports import AttemptFiles, AttemptStatus, Bundle, Executor, Observation, ProgressCallback
from .ports.notebooks import NO_PICTURES, NO_PINS
from .rundir import protocol
from .rundir.reading import RunFolder, open_plain


def person(name: str) -> Actor:
    return Actor(name, name)


class FakeClock:
    """A clock that stands still until a test tells it to go on."""

    def __init__(self, start: dt.datetime = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> dt.datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += dt.timedelta(seconds=seconds)
        self._monotonic += seconds

    def set_wall_clock(self, now: dt.datetime) -> None:
        """Set the wall clock, as an administrator does. The monotonic clock goes on as before."""
        self._now = now


class FakeHost:
    """A machine and one process on it. The other processes live until a test adds their ids to `dead`."""

    def __init__(self, pid: int = 1, boot: str = "boot", name: str = "here") -> None:
        self._identity = ProcessIdentity(pid, 1.0, boot)
        self._name = name
        self.dead: set[int] = set()

    def name(self) -> str:
        return self._name

    def identity(self) -> ProcessIdentity:
        return self._identity

    def is_dead(self, process: ProcessIdentity) -> bool:
        return process.pid in self.dead

    def command_of(self, process: ProcessIdentity) -> Sequence[str]:
        return ()


class MemoryBlobs:
    def __init__(self) -> None:
        self._stored: dict[str, bytes] = {}
        self._put_at: dict[str, dt.datetime] = {}

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        self._stored[digest], self._put_at[digest] = data, dt.datetime.now(dt.UTC)
        return digest

    def put_file(self, path: Path) -> tuple[str, int]:
        with open_plain(path) as source:
            data = source.read()
        return self.put(data), len(data)

    def put_files(self, paths: Sequence[Path]) -> Mapping[Path, tuple[str, int] | OSError]:
        put: dict[Path, tuple[str, int] | OSError] = {}
        for path in paths:
            try:
                put[path] = self.put_file(path)
            except OSError as error:
                put[path] = error
        return put

    def open(self, digest: str) -> BinaryIO:
        return io.BytesIO(self.read(digest))

    def open_verified(self, digest: str) -> BinaryIO:
        return self.open(digest)

    def read(self, digest: str) -> bytes:
        if digest not in self._stored:
            raise NotFound(f"Nothing is stored under {digest}.", digest=digest)
        return self._stored[digest]

    def copy_to(self, digest: str, path: Path) -> None:
        data = self.read(digest)
        with path.open("xb") as target:
            target.write(data)

    def exists(self, digest: str) -> bool:
        return digest in self._stored

    def verify(self, digest: str) -> None:
        self.read(digest)

    def list_put_before(self, moment: dt.datetime) -> Iterator[tuple[str, int]]:
        yield from [(digest, len(self._stored[digest])) for digest, at in self._put_at.items() if at < moment]

    def remove(self, digest: str, *, put_before: dt.datetime) -> bool:
        if digest not in self._stored or self._put_at[digest] >= put_before:
            return False
        del self._stored[digest], self._put_at[digest]
        return True


class FakeVault:
    """A vault that hides nothing."""

    def __init__(self) -> None:
        self.keys = ["key-1"]
        """The ids of the keys, newest first."""

    def seal(self, value: str, *, bound_to: str) -> Sealed:
        return Sealed(self.keys[0], bound_to.encode(), value.encode())

    def open(self, sealed: Sealed, *, bound_to: str) -> str:
        if sealed.key_id not in self.keys:
            raise SecretsLocked("The key is not there.")
        if sealed.wrapped != bound_to.encode():
            raise Damaged("It is bound to something else.")
        return sealed.data.decode()

    def rewrap(self, sealed: Sealed, *, bound_to: str) -> Sealed:
        return self.seal(self.open(sealed, bound_to=bound_to), bound_to=bound_to)

    def renew_key(self) -> str:
        self.keys.insert(0, f"key-{len(self.keys) + 1}")
        return self.keys[0]

    def forget_older_keys(self, key_id: str) -> None:
        del self.keys[self.keys.index(key_id) + 1 :]


class FakeNotebooks:
    """Notebooks, of which each path is one, with one code cell and the given parameters."""

    def __init__(self, blobs: MemoryBlobs, schema: ParameterSchema | None = None) -> None:
        self._blobs = blobs
        self.schema = schema or ParameterSchema()
        self.written_kernel: str | None = "python3"
        self.missing_paths: set[str] = set()
        """The paths of notebooks that were deleted or moved away."""
        self.used: dict[str, UsedPaths] = {}
        """The paths that notebooks and scripts use, by the path of those."""
        self.schemas: dict[str, ParameterSchema] = {}
        """The parameters of notebooks and scripts that have other ones than `schema`, by path."""
        self.pipeline_files: dict[str, bytes] = {}
        self.without_kernel: set[str] = set()
        """The bytes of pipelines' files, by path."""
        self.repositories: dict[str, str | None] = {}
        """The remotes of git work trees, by their root."""
        self.cells: dict[str, tuple[str, ...]] = {}
        """The ids of cells, by the path of their notebook."""
        self.findings: tuple[Finding, ...] = ()
        """The findings of each snapshot."""
        self.outputs: tuple[Output, ...] = ()
        """The outputs that each notebook and script declares."""
        self.inputs: dict[str, Inputs] = {}
        """The data that are there now, by the path in the manifest."""
        self.unreachable: set[str] = set()
        """The paths in manifests whose folder is gone."""

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
        snapshot = self.snapshot(path, root=root, kernel=kernel, limits=limits, where=where, pins=pins)
        return Inspection(
            name=snapshot.name,
            location=snapshot.location,
            root=snapshot.root,
            notebook_path=snapshot.manifest.path,
            parameters=snapshot.manifest.parameters,
            kernel=snapshot.kernel,
            kernel_problem=None,
            kernels=("python3",),
            files=(),
            origin=Origin(),
            findings=(),
            code_cells=1,
            cell_ids=snapshot.cell_ids,
            kind=snapshot.manifest.kind,
            outputs=snapshot.manifest.outputs,
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
        cells = self.cells.get(path, ())
        notebook = {"cells": [{"id": name} for name in cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        digest = self._blobs.put(json.dumps(notebook).encode())
        kind = JobKind.COMMAND if command else kind_of_path(path)
        choice = where.kernels[0] if where.kernels else self.get_kernel(kernel or "python3")
        if command:
            choice = KernelChoice("", "", " ".join(command.argv), command.argv)
        elif kind is JobKind.SCRIPT:
            choice = self.get_interpreter("python3", "python")
        return Snapshot(
            name=Path(path).stem,
            location=self.locate(path),
            root=root or str(Path(path).parent),
            manifest=Manifest(
                path=Path(path).name,
                source_digest=None if command else digest,
                files=(),
                parameters=ParameterSchema(command.parameters) if command else self.schemas.get(path, self.schema),
                kernel_name=choice.name,
                language=choice.language,
                kind=kind,
                command=command.argv if command else (),
                outputs=() if command else self.outputs,
            ),
            kernel=choice,
            origin=Origin(),
            findings=self.findings,
            code_cells=1,
            cell_ids=cells,
        )

    def locate(self, path: str) -> Location:
        root = next((folder for folder in parent_folders(path) if folder in self.repositories), None)
        if root is None:
            return Location(str(Path(path).parent), Path(path).name)
        return Location(root, str(Path(path).relative_to(root)), self.repositories[root])

    def find_missing(self, paths: Sequence[str]) -> frozenset[str]:
        return frozenset(self.missing_paths.intersection(paths))

    def read_cell_ids(self, notebook: bytes) -> tuple[str, ...]:
        return tuple(cell["id"] for cell in json.loads(notebook)["cells"] if "id" in cell)

    def take_inputs(
        self, manifest: Manifest, *, root: str, limits: SnapshotLimits, pins: Pins, published: Collection[str] = ()
    ) -> Inputs:
        if manifest.path in self.unreachable:
            raise Refused(f"The folder of {manifest.path} is not there.", code="inputs_unreachable")
        return self.inputs.get(manifest.path, Inputs())

    def read_kernel_name(self, path: str, *, root: str | None, limits: SnapshotLimits) -> str | None:
        return self.written_kernel

    def find_used_paths(self, path: str, *, root: str | None, limits: SnapshotLimits) -> UsedPaths:
        return self.used.get(path, UsedPaths())

    def read_parameters(self, path: str, *, root: str | None, limits: SnapshotLimits) -> ParameterSchema:
        return self.schemas.get(path, self.schema)

    def check_kernel(
        self, path: str, *, kernel: str | None, root: str | None, limits: SnapshotLimits, where: TargetRuntime
    ) -> None:
        if path in self.without_kernel:
            raise KernelUnavailable(f"No kernel can run {path} here.")

    def read_pipeline_file(self, path: str, *, root: str | None) -> bytes:
        if path not in self.pipeline_files:
            raise InvalidPipeline(f"There is no pipeline at {path}. Check the path.", code="pipeline_not_found")
        return self.pipeline_files[path]

    def include_file(self, path: str, file: str, *, root: str | None) -> str | None:
        return f"!/{file}"

    def get_kernel(self, name: str) -> KernelChoice:
        return KernelChoice(name, "python", "Python", ("python", "-m", "ipykernel_launcher", "-f", "{connection_file}"))

    def get_interpreter(self, name: str, language: str) -> KernelChoice:
        return KernelChoice(name, language, name, (f"/usr/bin/{name}",))

    def freeze_packages(self, kernel: str) -> FrozenPackages:
        return FrozenPackages(kernel, "3.11.2", ("pandas==2.2.0",), (("mine", "it is installed from a folder"),))

    def inject_parameters(
        self, notebook: bytes, language: str, values: Mapping[str, Any], types: Mapping[str, str]
    ) -> bytes:
        return notebook

    def render_report(
        self,
        notebook: bytes,
        *,
        title: str,
        code: bool,
        pictures: Mapping[str, str] = NO_PICTURES,
        wanted: Callable[[], bool] = lambda: True,
    ) -> bytes:
        return f"<title>{title}</title>{'code' if code else ''}".encode()


def attempt_files_in(runs: Path) -> Callable[[Attempt], AttemptFiles]:
    """Return the `attempt_files` of an installation that keeps its run directories in the folder `runs`."""
    return lambda attempt: RunFolder(runs / attempt.backend.kind / attempt.name)


class FakeBackends:
    """Backends with one executor for all of them, except for those that `others` names by the backend's text."""

    def __init__(self, executor: Executor, **others: Executor) -> None:
        self._executor, self._others = executor, others

    def get(self, backend: Backend) -> Executor:
        return self._others.get(str(backend), self._executor)


class FakeExecutor:
    """An executor whose attempts run until the test ends them. It survives engines, as a real backend does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, Observation] = {}
        self._forgotten: set[str] = set()
        self.bundles: dict[str, Bundle] = {}
        """The bundle that was given last to each attempt, by its name."""
        self._starting = Lock()
        self.calls: list[tuple[str, str]] = []
        """The calls so far, as (verb, attempt)."""
        self.ignores_stop = False
        """True when the attempts ignore `stop`, even with force."""
        self.fails_to_start: Exception | None = None

    def start(self, bundle: Bundle) -> None:
        self.calls.append(("start", bundle.name))
        self.bundles[bundle.name] = bundle
        if self.fails_to_start:
            raise self.fails_to_start
        with self._starting:
            if bundle.name not in self._seen and bundle.name not in self._forgotten:
                self.directory(bundle.name).mkdir(parents=True)
                self._seen[bundle.name] = Observation(AttemptStatus.RUNNING, ran=True)

    def observe(self, name: str) -> Observation:
        return self._seen.get(name, Observation(AttemptStatus.NOT_FOUND))

    def stop(self, name: str, *, force: bool) -> None:
        self.calls.append(("kill" if force else "stop", name))
        if force and not self.ignores_stop:
            self._seen[name] = Observation(AttemptStatus.CONFIRMED_DEAD, ran=name in self._seen)

    def files(self, name: str) -> AttemptFiles:
        return RunFolder(self.directory(name))

    def end_descriptor(self, name: str) -> int | None:
        return None

    def directory(self, name: str) -> Path:
        return self._folder / name

    def forget(self, name: str) -> None:
        self.calls.append(("forget", name))
        self._forgotten.add(name)
        self._seen.pop(name, None)

    def list_names(self) -> Iterator[str]:
        yield from sorted(self._seen)

    def lose(self, name: str) -> None:
        """Forget an attempt, as if somebody had removed its directory and all traces of it."""
        del self._seen[name]

    @property
    def alive(self) -> list[str]:
        return [name for name, seen in self._seen.items() if not seen.is_dead]

    def end(self, name: str, state: str | None = "succeeded", **result: Any) -> None:
        """End the runner of an attempt with its `result.json`. With `state` None it dies before it writes one."""
        if state is not None:
            whole: dict[str, Any] = {
                "format": 1,
                "state": state,
                "nothing_to_do": False,
                "failure": None,
                "started_at": 0.0,
                "finished_at": 1.0,
                "done": 1,
                "total": 1,
                "peak_memory_bytes": 1024,
                "cpu_seconds": 0.5,
                "artifacts": [],
            }
            (self.directory(name) / protocol.RESULT).write_text(json.dumps(whole | result))
        self._seen[name] = Observation(AttemptStatus.CONFIRMED_DEAD, ran=True)


class FakeOutputFolders:
    """Target folders in memory, by path. A test makes them fail, and acts in the moment before a file is replaced."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self.fails: dict[str, OSError] = {}
        """The error of each folder that has one."""
        self.refused: set[str] = set()
        """The folders to which nothing may be published."""
        self.before_replacing: Callable[[str], None] = lambda _: None
        self.puts: list[str] = []
        """The paths that were replaced, in their order."""

    def open(self, folder: str, *, is_workspace: bool) -> FakeOutputFolder:
        if not is_workspace:
            self.check(folder)
        return FakeOutputFolder(self, folder)

    def check(self, folder: str) -> None:
        if folder in self.refused:
            raise Refused(f"Nothing is published to {folder}. Choose another folder.", code="output_folder_refused")


class FakeOutputFolder:
    def __init__(self, folders: FakeOutputFolders, folder: str) -> None:
        self._folders, self._folder = folders, folder

    @property
    def _files(self) -> dict[str, bytes]:
        if error := self._folders.fails.get(self._folder):
            raise error
        return self._folders.files.setdefault(self._folder, {})

    @contextmanager
    def lock(self) -> Iterator[None]:
        yield

    def digest_of(self, path: str) -> str | None:
        data = self._files.get(path)
        return None if data is None else digest_of(data)

    def put(self, path: str, content: BinaryIO, *, wanted: Callable[[], bool] = lambda: True) -> bool:
        data, files = content.read(), self._files
        self._folders.before_replacing(path)
        if not wanted():
            return False
        files[path] = data
        self._folders.puts.append(path)
        return True


class FakeImages:
    """The images of one daemon, and those of a registry, which are in `registry`."""

    def __init__(self) -> None:
        self.local_images: dict[str, PinnedImage] = {}
        """The images of the daemon, by reference, by id and by digest."""
        self.registry: dict[str, PinnedImage] = {}
        self.kept: dict[str, str] = {}
        """The ids of the kept images, by tag."""
        self.problems: tuple[str, ...] = ()
        self.daemon_error: Exception | None = None
        self.builds: list[BuildRecipe] = []

    def get(self, _host: str | None) -> FakeImages:
        return self

    def image(self, reference: str, letter: str, *, local: bool = True) -> PinnedImage:
        """Make `reference` stand for an image whose digest repeats `letter`."""
        repository = reference.partition(":")[0]
        pinned = PinnedImage(f"sha256:{letter * 64}", f"{repository}@sha256:{letter * 64}", "linux/amd64", "1000", 1000)
        self.registry[reference] = pinned
        if local:
            self.local_images |= {reference: pinned, pinned.id: pinned, pinned.digest: pinned}
        return pinned

    def check(self) -> None:
        if self.daemon_error:
            raise self.daemon_error

    def find(self, reference: str) -> PinnedImage | None:
        self.check()
        return self.local_images.get(reference)

    def pull(self, reference: str, login: Login | None, on_progress: ProgressCallback) -> PinnedImage:
        self.check()
        if reference not in self.registry:
            raise Refused(f"No registry has {reference}.", code="image_not_found")
        pinned = self.registry[reference]
        on_progress(f"Downloaded {reference}")
        self.local_images |= {reference: pinned, pinned.id: pinned, pinned.digest: pinned}
        return pinned

    def resolve_in_registry(self, reference: str, login: Login | None) -> str | None:
        self.check()
        return self.registry[reference].repo_digest if reference in self.registry else None

    def add_tag(self, image: PinnedImage, tag: str) -> None:
        self.check()
        self.kept[tag] = image.id

    def remove_tag(self, tag: str) -> None:
        self.kept.pop(tag, None)

    def probe(self, image: PinnedImage, *, user: str, at: dt.datetime) -> Probe:
        self.check()
        kernel = KernelChoice("python3", "python", "Python 3", ("/bin/python3", "-m", "ipykernel_launcher"))
        packages = {"pip": "24.0", "papermill": "2.6.0"}
        return Probe(at, "3.11.2", "/bin/python3", "2.6.0", (kernel,), packages, user, self.problems)

    def build(self, base: PinnedImage, probe: Probe, recipe: BuildRecipe, on_progress: ProgressCallback) -> PinnedImage:
        self.check()
        self.builds.append(recipe)
        on_progress(f"Built on {base.digest}")
        letter = "0123456789abcdef"[len(self.builds)]
        built = PinnedImage(f"sha256:{letter * 64}", None, "linux/amd64", base.user, base.size_bytes + 1)
        self.local_images[built.id] = built
        return built


class FakeSender:
    """A sender that remembers what it sent. A test makes it fail, and holds it up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Content]] = []
        """The messages that were taken: id, address and content."""
        self.fails: dict[str, DeliveryFailed] = {}
        """The error of each address that has one."""
        self.before_taking: Callable[[str], None] = lambda _: None
        """It is called with the address, in the thread of the try."""

    def check(self, address: str) -> None:
        if " " in address:
            raise InvalidRequest("It is not an address.")

    def send(self, content: Content, to: Destination, *, id: str) -> None:
        self.before_taking(to.address)
        if error := self.fails.get(to.address):
            raise error
        self.sent.append((id, to.address, content))
