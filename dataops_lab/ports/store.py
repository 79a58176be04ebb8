from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from ..domain.actors import Actor
from ..domain.environments import Environment
from ..domain.events import Event, Subject
from ..domain.images import Image, ImageTask, ImageTaskState, ImageTrial
from ..domain.inputs import Inputs
from ..domain.jobs import Job, Project
from ..domain.leases import Lease
from ..domain.queue import Changes, Place, Room, Standing
from ..domain.records import Record
from ..domain.retention import RetentionRule, Scope
from ..domain.runs import Attempt, CancelRequest, Run, RunState, RunSummary
from ..domain.secrets import Secret
from ..domain.variables import Variable
from ..domain.versions import Manifest, Origin, Version
from ..domain.workspaces import Workspace, WorkspaceRoot

T = TypeVar("T")


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


class Actors(Protocol):
    """Those who did something. Whoever is named by an event is noted with it."""

    def get(self, actor_id: str) -> Actor:
        """Somebody who was never noted is a person of that name."""
        ...

    def of(self, actor_ids: Collection[str]) -> Mapping[str, Actor]: ...


class Projects(Protocol):
    def get(self, name: str) -> Project: ...
    def change(self, project: Project, *, at: dt.datetime, by: Actor) -> Project:
        """As it is stored, with its new revision."""
        ...


class Jobs(Protocol):
    def get(self, job_id: str) -> Job: ...
    def of(self, job_ids: Collection[str]) -> Mapping[str, Job]: ...
    def at(self, project: str, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Job]:
        """By (workspace id, path); those that there are, held as by `hold`."""
        ...

    def under(self, workspace_id: str, folder: str) -> Sequence[Job]:
        """Those whose path is `folder` or lies below it; all of the workspace for ""."""
        ...

    def hold(self, job_ids: Collection[str]) -> None:
        """Nobody else makes a run of them before this transaction ends."""
        ...

    def add(self, job: Job) -> None:
        """In a workspace that is there."""
        ...

    def absorb(self, job: Job, other: Job) -> Job:
        """Give the runs, the versions and the place of `other` to `job`, and remove `other`.

        A version that both have stays as it is in `job`; the rest are numbered on.
        """
        ...

    def rename(self, job_id: str, name: str) -> None: ...
    def change(self, job: Job) -> Job:
        """As it is stored, with its new revision; StaleWrite unless `job` has the one that it had."""
        ...

    def page(self, *, limit: int, cursor: str | None = None, text: str | None = None) -> Page[Job]:
        """Newest first."""
        ...


class Workspaces(Protocol):
    """Where workspaces lie, on this machine unless said otherwise."""

    def hold(self, project: str) -> None:
        """Nobody else makes a workspace or a job of the project before this transaction ends."""
        ...

    def of(self, ids: Collection[str]) -> Mapping[str, Workspace]: ...
    def by_remote(self, project: str, remote: str) -> Sequence[Workspace]:
        """Oldest first."""
        ...

    def holding(self, project: str, folders: Sequence[str]) -> Sequence[tuple[Workspace, str]]:
        """Those that have one of these folders as root, in the order of the folders.

        A root that only other machines told of counts too: they may share the folder, or be this one by another name.
        """
        ...

    def roots(self, ids: Collection[str]) -> Sequence[WorkspaceRoot]:
        """Of every machine: those of this one first, and the newest of each."""
        ...

    def under(self, folder: str) -> Sequence[WorkspaceRoot]:
        """Those that are `folder` or lie below it."""
        ...

    def parted(self) -> Sequence[tuple[str, str]]:
        """Pairs of ids of jobs that have one path in two workspaces of one remote; the older job first."""
        ...

    def add(self, workspace: Workspace) -> None: ...
    def change(self, workspace: Workspace) -> Workspace:
        """As it is stored, with its new revision."""
        ...

    def see(self, workspace_id: str, root: str, *, at: dt.datetime) -> None:
        """Note that the workspace lies at `root`, and that this was seen last."""
        ...

    def move_roots(self, folder: str, to: str, *, at: dt.datetime) -> Sequence[str]:
        """Note that `folder` is called `to` now. The ids of the workspaces that lie there or below."""
        ...


class Versions(Protocol):
    def newest_of(self, job_ids: Collection[str]) -> Mapping[str, Version]:
        """By job id; of those that have one."""
        ...

    def get(self, job_id: str, digest: str) -> Version: ...
    def find(self, job_id: str, digest: str) -> Version | None: ...
    def of(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Version]:
        """By (job id, digest)."""
        ...

    def add(self, job_id: str, manifest: Manifest, *, at: dt.datetime, by: Actor, origin: Origin) -> Version:
        """Numbered after the last one of the job."""
        ...

    def of_job(self, job_id: str) -> Sequence[Version]:
        """Newest first."""
        ...

    def remove(self, job_id: str, digest: str) -> bool:
        """Unless a run has it: then False."""
        ...


class SetsOfInputs(Protocol):
    def get(self, digest: str | None) -> Inputs:
        """None stands for no inputs. NotFound."""
        ...

    def put(self, inputs: Inputs) -> str | None:
        """Store the set unless it is there; its digest. It stays at least until the end of this transaction."""
        ...

    def unused(self) -> Sequence[str]:
        """Digests of those that no run has."""
        ...

    def remove(self, digest: str) -> bool:
        """Unless a run has it: then False."""
        ...


class Runs(Protocol):
    def get(self, run_id: str) -> Run:
        """NotFound when there is none; a unique prefix of at least six characters is enough."""
        ...

    def of(self, run_ids: Collection[str]) -> Mapping[str, Run]:
        """By id; those that there are."""
        ...

    def by_key(self, project: str, key: str) -> Run | None: ...
    def part(self, parent_id: str, parent_key: str) -> Run | None:
        """The run that is this part of that one. In a transaction that writes, nobody else adds it meanwhile."""
        ...

    def add(self, *runs: Run) -> None: ...
    def page(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> Page[RunSummary]:
        """Newest first."""
        ...

    def summaries(self, run_ids: Collection[str]) -> Sequence[RunSummary]:
        """Return those that there are, in no order."""
        ...

    def last_of_jobs(self, job_ids: Collection[str]) -> Sequence[RunSummary]:
        """Return the newest run of each of these jobs, in no order."""
        ...

    def newest_of(self, job_ids: Collection[str], *states: RunState) -> Sequence[Run]:
        """The newest of each of these jobs, in no order; among those in these `states`, if any are given."""
        ...

    def in_state(self, *states: RunState) -> Sequence[Run]: ...
    def move(self, before: Run, after: Run) -> None:
        """Write `after`, as far as it changes with the state, if the row is still in `before.state`, with its event;
        StaleWrite otherwise.
        """
        ...

    def move_all(self, moves: Sequence[tuple[Run, Run]]) -> None:
        """As `move` of each, and all of them or none."""
        ...

    def request_cancel(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        """Note the intent, once; the first one stays."""
        ...

    def cancels(self, run_ids: Collection[str]) -> Mapping[str, CancelRequest]:
        """Of those that are to be cancelled."""
        ...

    def counts(self) -> Mapping[RunState, int]:
        """Of those that have not ended."""
        ...

    def on_image(self, name: str, since: dt.datetime) -> Sequence[Run]:
        """Those submitted since then on an image of this name of the catalogue, newest first."""
        ...

    def keep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        """Nothing deletes it from now on. Safe to repeat; the first one stays."""
        ...

    def unkeep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None: ...
    def delete(self, run_ids: Sequence[str], *, at: dt.datetime, by: Actor) -> Sequence[str]:
        """With all that belongs to them; one event each stays. Those that went: ended, and kept by nobody."""
        ...


class Queue(Protocol):
    """Runs by the little that the queue needs of them."""

    def waiting(self) -> Sequence[Place]:
        """All that are queued, sorted."""
        ...

    def active(self) -> Sequence[Place]: ...
    def alive(self, run_ids: Collection[str] | None = None) -> Sequence[Standing]:
        """All that are queued, active, or wait for their next attempt; or those among `run_ids`."""
        ...

    def changes_since(self, seq: int) -> Changes:
        """What the events after `seq` tell of."""
        ...

    def room(self, slots: int) -> Room: ...
    def last_starts(self) -> Mapping[str, dt.datetime]:
        """By person."""
        ...

    def note_starts(self, people: Collection[str], *, at: dt.datetime) -> None: ...


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

    def add(self, *steps: Attempt) -> None:
        """One attempt that goes through several states at once: the last one is written, each has its event."""
        ...

    def add_all(self, ways: Sequence[Sequence[Attempt]]) -> None:
        """As `add` of the steps of each."""
        ...

    def move(self, before: Attempt, *steps: Attempt) -> None:
        """As `add`, if the row is still in `before.state`; StaleWrite otherwise."""
        ...

    def move_all(self, moves: Sequence[tuple[Attempt, Sequence[Attempt]]]) -> None:
        """As `move` of each, and all of them or none."""
        ...

    def note_trouble(self, attempt: Attempt) -> None:
        """Its reason alone, while it goes on in its state; nothing when the attempt has moved on."""
        ...

    def note_progress(self, attempt: Attempt) -> None:
        """Progress alone, with its event; nothing when the attempt has moved on."""
        ...


class Records(Protocol):
    def add(self, *records: Record) -> None: ...
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
    def add(
        self,
        subject: Subject,
        kind: str,
        *,
        at: dt.datetime,
        actor: Actor | None = None,
        revision: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """With this transaction. `revision` None for a run: it counts as changed."""
        ...

    def after(
        self, seq: int, *, limit: int = 1000, subject: Subject | None = None, kinds: Collection[str] = ()
    ) -> Sequence[Event]:
        """Oldest first; of all kinds where none are given."""
        ...

    def last_seq(self) -> int: ...
    def first_seq(self) -> int:
        """Whoever has seen less has missed some."""
        ...

    def trim(self, *, before: dt.datetime) -> int:
        """Remove the oldest ones, some thousands at a time, but never the last one; how many."""
        ...


class Retention(Protocol):
    def rules(self) -> Sequence[RetentionRule]: ...
    def put(self, rules: Sequence[RetentionRule], *, at: dt.datetime, by: Actor) -> None:
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
    def now(self) -> dt.datetime | None:
        """The time of the database, which all hosts share that use it; None where it has no clock of its own."""
        ...

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

    def put(self, environment: Environment, *, at: dt.datetime, by: Actor) -> Environment:
        """Add it, or replace the one of that name; as it is stored, with its new revision."""
        ...

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Variables(Protocol):
    def of(self, environment: str) -> Sequence[Variable]:
        """By name."""
        ...

    def put(self, variable: Variable) -> None:
        """Add it, or replace the one of that name."""
        ...

    def remove(self, environment: str, name: str, *, at: dt.datetime, by: Actor) -> None: ...


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

    def rewrap(self, secret: Secret) -> None:
        """Put it under another key, without an event of its own."""
        ...

    def remove(self, scope: str, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Images(Protocol):
    """The catalogue, what is being done to its images, and trial runs."""

    def get(self, name: str) -> Image:
        """UnknownImage, which names those there are."""
        ...

    def find(self, name: str) -> Image | None: ...
    def all(self) -> Sequence[Image]:
        """By name."""
        ...

    def put(self, image: Image, *, at: dt.datetime, by: Actor) -> Image:
        """Add it, or replace the one of that name; as it is stored, with its new revision."""
        ...

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None: ...

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
    def actors(self) -> Actors: ...
    @property
    def projects(self) -> Projects: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def versions(self) -> Versions: ...
    @property
    def inputs(self) -> SetsOfInputs: ...
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
    def savepoint(self) -> AbstractContextManager[None]:
        """Take back what is done in the block, and nothing else, when it raises."""
        ...

    def once_committed(self, call: Callable[[], None]) -> None:
        """Call it when this is written; never when it is taken back."""
        ...

    def digests(self, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
        """Of every blob that a version, a set of inputs, a record or a report refers to; some come several times.

        With `without`, as it will be when these runs, and the versions and inputs that only they have, are gone.
        """
        ...


class Bell(Protocol):
    """A descriptor that can be read from once somebody committed, in this process or another one of this machine.

    It may ring without a reason, and it is not heard from other machines where the store is a file: who sleeps on it
    looks once in a while all the same.
    """

    def fileno(self) -> int: ...
    def wait(self, timeout_s: float) -> None:
        """Return as soon as it rings, or after this time."""
        ...

    def silence(self) -> None:
        """Until the next commit. To be called before looking."""
        ...

    def close(self) -> None: ...


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

    def bell(self) -> Bell:
        """A new one, which is to be closed."""
        ...

    def copy_to(self, path: Path) -> None:
        """A consistent copy as a new SQLite file, also while others write. Refused where the database has its own."""
        ...

    def close(self) -> None:
        """Nothing works afterwards."""
        ...
