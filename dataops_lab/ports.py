"""What services and the engine need from the outside, in domain words.

Implementations: `store/`, `blobs/`, `executors/`, `notebooks/`; fakes for fast tests in `testing.py`.
Every implementation of a port passes the same contract tests (`tests/contracts/`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from .domain.environments import Environment, Mount, Resources
from .domain.events import Event
from .domain.images import BuildRecipe, Frozen, Image, ImageTask, ImageTaskState, ImageTrial, Login, PinnedImage, Probe
from .domain.jobs import Job, Project
from .domain.leases import Lease, ProcessIdentity
from .domain.queue import Patience, Place, Room
from .domain.records import Record
from .domain.retention import RetentionRule, Scope
from .domain.runs import Attempt, Run, RunState
from .domain.secrets import Sealed, Secret
from .domain.snapshots import HERE, Inspection, KernelChoice, Limits, Snapshot, Surroundings
from .domain.variables import Variable
from .domain.versions import Manifest, Origin, Version

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> dt.datetime:
        """Aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only go forward, comparable between processes of one boot (CLOCK_BOOTTIME)."""
        ...


class Host(Protocol):
    """This machine's processes. A process is known by pid, start time and boot, never by pid alone."""

    def identity(self) -> ProcessIdentity:
        """Of the calling process."""
        ...

    def is_dead(self, process: ProcessIdentity) -> bool:
        """Proven: False also when it cannot be known, as for a process of another machine."""
        ...


# --- store --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunFilter:
    """All given conditions hold. `text` is looked for in job name, path and reason."""

    states: tuple[RunState, ...] = ()
    job_id: str | None = None
    environment: str | None = None
    created_by: str | None = None
    text: str | None = None
    created_after: dt.datetime | None = None
    created_before: dt.datetime | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """`next` is an opaque cursor, None on the last page."""

    items: Sequence[T]
    next: str | None


class Projects(Protocol):
    def get(self, name: str) -> Project: ...
    def change(self, project: Project) -> None: ...


class Jobs(Protocol):
    def get(self, job_id: str) -> Job: ...
    def of(self, job_ids: Sequence[str]) -> Mapping[str, Job]: ...
    def by_source(self, project: str, source: str) -> Job | None: ...
    def add(self, job: Job) -> None: ...
    def rename(self, job_id: str, name: str) -> None: ...
    def change(self, job: Job) -> Job:
        """As it is stored, with its new revision; StaleWrite unless `job` has the one that it had."""
        ...

    def page(self, *, limit: int, cursor: str | None = None, text: str | None = None) -> Page[Job]:
        """Newest first."""
        ...


class Versions(Protocol):
    def get(self, job_id: str, digest: str) -> Version: ...
    def find(self, job_id: str, digest: str) -> Version | None: ...
    def of(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Version]:
        """By (job id, digest)."""
        ...

    def add(self, job_id: str, manifest: Manifest, *, at: dt.datetime, by: str, origin: Origin) -> Version:
        """Numbered after the last one of the job."""
        ...

    def of_job(self, job_id: str) -> Sequence[Version]:
        """Newest first."""
        ...

    def remove(self, job_id: str, digest: str) -> bool:
        """Unless a run has it: then False."""
        ...


class Runs(Protocol):
    def get(self, run_id: str) -> Run:
        """NotFound when there is none; a unique prefix of at least six characters is enough."""
        ...

    def by_key(self, project: str, key: str) -> Run | None: ...
    def add(self, run: Run) -> None: ...
    def page(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> Page[Run]:
        """Newest first."""
        ...

    def in_state(self, *states: RunState) -> Sequence[Run]: ...
    def move(self, before: Run, after: Run, **data: Any) -> None:
        """Write `after` if the row is still in `before.state`, with its event; StaleWrite otherwise."""
        ...

    def request_cancel(self, run_id: str, *, at: dt.datetime, by: str) -> None:
        """Note the intent, once; the first one stays."""
        ...

    def counts(self) -> Mapping[RunState, int]:
        """Of those that have not ended."""
        ...

    def on_image(self, name: str, since: dt.datetime) -> Sequence[Run]:
        """Those submitted since then on an image of this name of the catalogue, newest first."""
        ...

    def keep(self, run_id: str, *, at: dt.datetime, by: str) -> None:
        """Nothing deletes it from now on. Safe to repeat; the first one stays."""
        ...

    def unkeep(self, run_id: str, *, at: dt.datetime, by: str) -> None: ...
    def delete(self, run_ids: Sequence[str], *, at: dt.datetime, by: str) -> Sequence[str]:
        """With all that belongs to them; one event each stays. Those that went: ended, and kept by nobody."""
        ...


class Queue(Protocol):
    """Runs by the little that the queue needs of them."""

    def waiting(self) -> Sequence[Place]:
        """All that are queued, sorted."""
        ...

    def active(self) -> Sequence[Place]: ...
    def patience(self) -> Sequence[Patience]:
        """Of all that are queued."""
        ...

    def room(self, slots: int) -> Room: ...
    def last_starts(self) -> Mapping[str, dt.datetime]:
        """By person."""
        ...

    def note_start(self, person: str, *, at: dt.datetime) -> None: ...


class Attempts(Protocol):
    def of_run(self, run_id: str) -> Sequence[Attempt]:
        """By number."""
        ...

    def of_runs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Attempt]]:
        """Every id is a key."""
        ...

    def alive(self) -> Sequence[Attempt]:
        """Those whose state has an exit, oldest first."""
        ...

    def add(self, attempt: Attempt) -> None: ...
    def move(self, before: Attempt, after: Attempt, **data: Any) -> None:
        """As `Runs.move`."""
        ...

    def note_trouble(self, attempt: Attempt) -> None:
        """Its reason alone, while it goes on in its state; nothing when the attempt has moved on."""
        ...

    def note_progress(self, attempt: Attempt) -> None:
        """Progress alone, with its event; nothing when the attempt has moved on."""
        ...


class Records(Protocol):
    def add(self, record: Record) -> None: ...
    def of_run(self, run_id: str) -> Record | None:
        """Of its last attempt that left one."""
        ...

    def of_runs(self, run_ids: Sequence[str]) -> Mapping[str, Record]: ...
    def report(self, run_id: str, variant: str) -> str | None:
        """Digest of the rendered report, once it was asked for."""
        ...

    def keep_report(self, run_id: str, variant: str, digest: str) -> None: ...
    def note_damage(self, run_id: str, attempt: int, damage: Mapping[str, str]) -> None:
        """Instead of what was noted before; nothing when it is whole again."""
        ...


class Events(Protocol):
    def after(self, seq: int, *, limit: int = 1000, run_id: str | None = None) -> Sequence[Event]: ...
    def last_seq(self) -> int: ...
    def first_seq(self) -> int:
        """Whoever has seen less has missed some."""
        ...

    def trim(self, *, before: dt.datetime) -> int:
        """Remove the oldest ones, some thousands at a time, but never the last one; how many."""
        ...


class Retention(Protocol):
    def rules(self) -> Sequence[RetentionRule]: ...
    def put(self, rules: Sequence[RetentionRule], *, at: dt.datetime, by: str) -> None:
        """Instead of all there were."""
        ...

    def due(self, scope: Scope, *, now: dt.datetime) -> Iterator[str]:
        """Ids of the runs that may go, oldest first; none that is kept."""
        ...

    def unused_versions(self) -> Sequence[tuple[str, str]]:
        """Job and digest of those that no run has, without the newest of each job."""
        ...

    def done_at(self, chore: str) -> dt.datetime | None: ...
    def note_done(self, chore: str, *, at: dt.datetime) -> None: ...


class Leases(Protocol):
    def get(self, name: str) -> Lease | None: ...
    def take(self, lease: Lease, *, instead_of: Lease | None) -> bool:
        """Become the holder if the row is still `instead_of`."""
        ...

    def renew(self, lease: Lease) -> bool:
        """False when the token is no longer the row's."""
        ...

    def release(self, lease: Lease) -> None: ...


class Environments(Protocol):
    def get(self, name: str) -> Environment:
        """UnknownEnvironment, which names those there are."""
        ...

    def all(self) -> Sequence[Environment]:
        """In promotion order."""
        ...

    def put(self, environment: Environment, *, at: dt.datetime, by: str) -> Environment:
        """Add it, or replace the one of that name; as it is stored, with its new revision."""
        ...

    def remove(self, name: str) -> None: ...


class Variables(Protocol):
    def of(self, environment: str) -> Sequence[Variable]:
        """By name."""
        ...

    def put(self, variable: Variable) -> None:
        """Add it, or replace the one of that name."""
        ...

    def remove(self, environment: str, name: str) -> None: ...


class Secrets(Protocol):
    """Sealed, always."""

    def of(self, scope: str) -> Sequence[Secret]:
        """By name."""
        ...

    def find(self, scope: str, name: str) -> Secret | None:
        """In a transaction that writes, whoever asks is alone with all secrets until its end."""
        ...

    def all(self) -> Sequence[Secret]:
        """Of every scope; as `find`."""
        ...

    def put(self, secret: Secret) -> None:
        """Add it, or replace the one of that name."""
        ...

    def remove(self, scope: str, name: str) -> None: ...


class Images(Protocol):
    """The catalogue, what is being done to its images, and trial runs."""

    def get(self, name: str) -> Image:
        """UnknownImage, which names those there are."""
        ...

    def find(self, name: str) -> Image | None: ...
    def all(self) -> Sequence[Image]:
        """By name."""
        ...

    def put(self, image: Image, *, at: dt.datetime, by: str) -> Image:
        """Add it, or replace the one of that name; as it is stored, with its new revision."""
        ...

    def remove(self, name: str) -> None: ...

    def add_task(self, task: ImageTask) -> None: ...
    def task(self, task_id: str) -> ImageTask: ...
    def tasks(self, *, limit: int, image: str | None = None) -> Sequence[ImageTask]:
        """Newest first."""
        ...

    def log(self, task_id: str) -> str: ...
    def write_log(self, task_id: str, text: str) -> None:
        """Behind what is there."""
        ...

    def end_task(
        self, task_id: str, state: ImageTaskState, *, at: dt.datetime, error: dict[str, Any] | None = None
    ) -> None: ...

    def add_trial(self, trial: ImageTrial) -> None: ...
    def trial(self, trial_id: str) -> ImageTrial: ...
    def trials(self, limit: int) -> Sequence[ImageTrial]:
        """Newest first."""
        ...


class Transaction(Protocol):
    @property
    def projects(self) -> Projects: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def records(self) -> Records: ...
    @property
    def events(self) -> Events: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def environments(self) -> Environments: ...
    @property
    def retention(self) -> Retention: ...
    @property
    def variables(self) -> Variables: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def images(self) -> Images: ...
    def digests(self, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
        """Of every blob that a version, a record or a report refers to; some come several times.

        With `without`, as it will be when these runs and the versions that only they have are gone.
        """
        ...


class Store(Protocol):
    """StoreBusy from any method, when trying again later may help."""

    def begin(self, *, fence: int | None = None) -> AbstractContextManager[Transaction]:
        """A short write transaction: committed at the end of the block, rolled back by any exception.

        What it looks up by id, key or source stays so until then: nobody else can change or add it.

        With `fence`, the token of an engine's lease: StaleWrite unless it is still the leader's, which
        it then stays until the commit.
        """
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """A consistent view; writes in it are an error."""
        ...

    def changes(self) -> int:
        """A number that differs after any other connection committed. Cheap: asked fifty times a second."""
        ...

    def copy_to(self, path: Path) -> None:
        """A consistent copy as a new SQLite file, also while others write. Refused where the database has its own."""
        ...

    def close(self) -> None:
        """Nothing works afterwards."""
        ...


# --- blobs --------------------------------------------------------------------------------------


class Blobs(Protocol):
    """Content-addressed, immutable. A digest is `sha256:` and 64 hex digits. Putting twice stores once."""

    def put(self, data: bytes) -> str: ...
    def put_file(self, path: Path) -> tuple[str, int]:
        """Digest and size in bytes. The file is copied, never moved."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """Seekable. NotFound when absent."""
        ...

    def read(self, digest: str) -> bytes:
        """Checked against the digest: Damaged when the bytes changed."""
        ...

    def copy_to(self, digest: str, path: Path) -> None:
        """Checked like `read`; `path` must not exist and its folder must."""
        ...

    def has(self, digest: str) -> bool: ...
    def check(self, digest: str) -> None:
        """NotFound when absent, Damaged when the bytes changed."""
        ...

    def put_before(self, moment: dt.datetime) -> Iterator[tuple[str, int]]:
        """Digest and size of all whose last put was before `moment`."""
        ...

    def remove(self, digest: str, *, put_before: dt.datetime) -> bool:
        """Unless it was put again since, also by another process in this moment; then it stays, and False."""
        ...


# --- secrets ------------------------------------------------------------------------------------


class Vault(Protocol):
    """Encrypts what must not lie in clear anywhere. A sealed value opens only under what it was `bound_to`."""

    def seal(self, value: str, *, bound_to: str) -> Sealed: ...
    def open(self, sealed: Sealed, *, bound_to: str) -> str:
        """SecretsLocked when its key is not there; Damaged when it was changed, or bound to something else."""
        ...

    def rewrap(self, sealed: Sealed, *, bound_to: str) -> Sealed:
        """The same value under the newest key."""
        ...

    def renew_key(self) -> str:
        """Make a new key the newest one; its id. Where keys are given from outside, the first of them."""
        ...

    def forget_older_keys(self, key_id: str) -> None:
        """What is still sealed with one of them is lost: call it when everything was rewrapped and committed."""
        ...


# --- notebooks ----------------------------------------------------------------------------------


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
    ) -> Inspection: ...
    def snapshot(
        self,
        path: str,
        *,
        root: str | None,
        kernel: str | None,
        limits: Limits,
        where: Surroundings = HERE,
    ) -> Snapshot:
        """Everything that travels is in the blobs when this returns. Refused with nothing stored that matters.

        `where` it will run may have other kernels and variables than there are here.
        """
        ...

    def kernel_name(self, path: str, *, root: str | None, limits: Limits) -> str | None:
        """What the notebook calls the kernel that it was written on."""
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

    def report(self, notebook: bytes, *, title: str, code: bool) -> bytes:
        """One HTML page that loads nothing from elsewhere; `code` False hides sources."""
        ...


# --- executors ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BundleFile:
    path: str
    digest: str
    executable: bool = False


@dataclass(frozen=True)
class Container:
    """What a backend with containers makes for an attempt. `image` is a digest, never a tag.

    `warm`: how many of its kind shall stand ready for the next ones.
    """

    image: str
    user: str
    resources: Resources = Resources()
    network: bool = False
    mounts: Sequence[Mount] = ()
    warm: int = 0


@dataclass(frozen=True)
class Bundle:
    """What an attempt needs, before it lies anywhere. `spec` is the runner's `spec.json`."""

    name: str
    """Of the attempt, unique for good."""
    spec: Mapping[str, Any]
    notebook: bytes
    files: Sequence[BundleFile]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the runner and its kernel. All of them: nothing else is inherited."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Variables for the kernel alone, handed to the runner over stdin: they lie in no file and no argv."""
    container: Container | None = None


@dataclass(frozen=True)
class Look:
    """What the backend knows now.

    `started`: a runner took the attempt over. `ended`: that runner is no more, and its files are as they
    will stay. `gone`: proven that nothing of the attempt is alive, its kernel's children included.
    """

    started: bool
    ended: bool
    gone: bool
    detail: Mapping[str, Any] = field(default_factory=dict)
    """For people: pid, exit code, signal."""


class Executor(Protocol):
    """Where attempts run. Verbs may be called from several threads, for different attempts.

    Unavailable from `start`, `look`, `stop` and `names` when the backend cannot be asked now: nothing is
    concluded from it, and the verb is tried again later.
    """

    def start(self, bundle: Bundle) -> None:
        """Make it run. Starting twice, also from two processes, starts once."""
        ...

    def look(self, name: str) -> Look:
        """Never raises for what is unknown or gone; what is unknown has not started. Asked many times a second."""
        ...

    def stop(self, name: str, *, force: bool) -> None:
        """Ask it to end and leave what it has; with `force` kill everything of it. Safe to repeat."""
        ...

    def directory(self, name: str) -> Path:
        """Where the runner's files of this attempt arrive (see runner/protocol.py), complete once it `ended`."""
        ...

    def forget(self, name: str) -> None:
        """Remove what is left of it, after its record is stored. Safe to repeat."""
        ...

    def names(self) -> Iterator[str]:
        """Of every attempt of which something is left here, alive or not."""
        ...


class Backends(Protocol):
    """The executors, by what `Environment.backend` calls them."""

    def get(self, backend: str) -> Executor:
        """The same one each time, reachable or not. Unavailable when this installation has none of the kind."""
        ...


# --- images -------------------------------------------------------------------------------------

Say = Callable[[str], None]
"""Takes a line of progress, for people."""


class ImageBackend(Protocol):
    """The images of one container daemon. Unavailable from every verb when it cannot be asked."""

    def check(self) -> None:
        """Nothing, or what is wrong with the daemon, with its mend."""
        ...

    def find(self, reference: str) -> PinnedImage | None:
        """What the daemon has under it, without asking any registry. Refused for another architecture."""
        ...

    def pull(self, reference: str, login: Login | None, say: Say) -> PinnedImage:
        """From its registry, also when there is one here. Refused when that has none, or wants another login."""
        ...

    def in_registry(self, reference: str, login: Login | None) -> str | None:
        """`repository@sha256:…` as the registry has it now; None when it has none, or is not there."""
        ...

    def keep(self, image: PinnedImage, tag: str) -> None:
        """So that no clean-up removes it."""
        ...

    def drop(self, tag: str) -> None:
        """The daemon may remove the image when nothing else keeps it. Safe to repeat."""
        ...

    def probe(self, image: PinnedImage, *, user: str, at: dt.datetime) -> Probe:
        """What a container of it tells about itself, as hardened as a run."""
        ...

    def build(self, base: PinnedImage, probe: Probe, recipe: BuildRecipe, say: Say) -> PinnedImage:
        """A new image; Refused when it cannot be made, and then nothing is left."""
        ...


class ImageBackends(Protocol):
    """The daemons, by `DockerSettings.host`."""

    def get(self, host: str | None) -> ImageBackend: ...
