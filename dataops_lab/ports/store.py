from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..domain.actors import Actor
from ..domain.audit import Entry, Head, NewEntry, Outcome
from ..domain.environments import Environment
from ..domain.events import Event, Subject
from ..domain.images import Image, ImageTask, ImageTaskState, ImageTrial
from ..domain.inputs import Inputs
from ..domain.jobs import Job, JobKind, Project
from ..domain.leases import Lease
from ..domain.pipelines import StepState, StepStatus
from ..domain.plans import Plan
from ..domain.publications import Publication, PublishedFile
from ..domain.queue import ConcurrencyLimits, QueueChanges, QueuedRun, UnfinishedRun
from ..domain.records import Record
from ..domain.retention import RetentionRule, RetentionScope
from ..domain.runs import Attempt, AttemptState, CancelRequest, Reason, Run, RunState, RunSummary
from ..domain.secrets import Secret
from ..domain.sweeps import Sweep
from ..domain.variables import Variable
from ..domain.versions import Manifest, Origin, Version
from ..domain.workspaces import Workspace, WorkspaceRoot
from .notifications import Deliveries, Outbox, Targets
from .pages import Page
from .schedules import Calendars, Schedules, Ticks
from .subscriptions import HeldMessages, People, Subscriptions


@dataclass(frozen=True)
class RunFilter:
    """All given conditions hold. `text` is looked for in job name, path and reason.

    Runs of steps are found only when a job or a parent run is given.
    """

    states: tuple[RunState, ...] = ()
    job_id: str | None = None
    environment: str | None = None
    created_by: str | None = None
    text: str | None = None
    created_after: dt.datetime | None = None
    created_before: dt.datetime | None = None
    parent_id: str | None = None
    step: str | None = None


class Part(NamedTuple):
    """The run of a step, or of one item of its fan-out, as its pipeline sees it."""

    id: str
    item_key: str | None
    state: RunState
    reason: Reason | None
    nothing_to_do: bool
    started_at: dt.datetime | None = None
    """When its first attempt started; a part may wait in the queue before."""


class ItemRun(NamedTuple):
    """The run of one item, with what it was given. `attempt_state` is that of its latest attempt."""

    id: str
    item_key: str
    state: RunState
    attempt_state: AttemptState | None
    parameters: Mapping[str, Any]
    reason: Reason | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


class PartCounts(NamedTuple):
    """The runs of one step, counted by state. `nothing_to_do` are those among them that had nothing to do."""

    runs: Mapping[RunState, int]
    nothing_to_do: int


@dataclass(frozen=True)
class StepCell:
    """A step of one run as a table of many runs shows it.

    `run_id` is its only run; None for a fan-out, whose runs are counted in `parts`.
    """

    state: StepState
    reason: Reason | None
    with_failures: bool
    nothing_to_do: bool
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    taken_from: str | None
    run_id: str | None = None
    parts: PartCounts | None = None


@dataclass(frozen=True)
class PipelineProgress:
    """How far the steps of a pipeline run have come, in the order of its file."""

    statuses: Mapping[str, StepStatus]
    timed_out_at: dt.datetime | None = None
    reuse: bool = False
    """A person asked that unchanged steps take over the results of earlier runs."""
    sweep: Sweep | None = None
    """The values of a sweep; None for a pipeline."""


class Actors(Protocol):
    """The persons, tokens and parts of the system that did something. An event notes the actor that it names."""

    def get(self, actor_id: str) -> Actor:
        """Return the actor; an id that was never noted stands for a person of that name."""
        ...

    def get_many(self, actor_ids: Collection[str]) -> Mapping[str, Actor]: ...


class Projects(Protocol):
    def get(self, name: str) -> Project: ...
    def change(self, project: Project, *, at: dt.datetime, by: Actor) -> Project:
        """Write the project, and return it as it is stored, with its new revision."""
        ...


class Jobs(Protocol):
    def get(self, job_id: str) -> Job: ...
    def get_many(self, job_ids: Collection[str]) -> Mapping[str, Job]: ...
    def lock_by_path(self, project: str, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Job]:
        """Return the jobs at these places that there are, by (workspace id, path), and lock them as `lock` does."""
        ...

    def list_below(self, workspace_id: str, folder: str) -> Sequence[Job]:
        """Return the jobs whose path is `folder` or lies below it; all of the workspace for ""."""
        ...

    def lock(self, job_ids: Collection[str]) -> None:
        """Lock these jobs until the end of this transaction: no other transaction makes a run of them."""
        ...

    def add(self, job: Job) -> None:
        """Add the job; its workspace must be there."""
        ...

    def merge(self, job: Job, other: Job) -> Job:
        """Give the runs, the versions and the place of `other` to `job`, and remove `other`.

        A version that both have stays as it is in `job`; the rest get the next numbers.
        """
        ...

    def rename(self, job_id: str, name: str) -> None: ...
    def change(self, job: Job) -> Job:
        """Write the job, and return it as it is stored, with its new revision.

        StaleWrite unless `job` has the revision of the stored one.
        """
        ...

    def page(self, *, limit: int, cursor: str | None = None, text: str | None = None) -> Page[Job]:
        """List them, newest first."""
        ...


class Workspaces(Protocol):
    """The workspaces and their roots, those on this machine unless a method says otherwise."""

    def lock_project(self, project: str) -> None:
        """Lock the project until the end of this transaction: no other one makes a workspace or a job in it."""
        ...

    def get_many(self, ids: Collection[str]) -> Mapping[str, Workspace]: ...
    def find_by_remote(self, project: str, remote: str) -> Sequence[Workspace]:
        """Return the workspaces of this git remote, oldest first."""
        ...

    def find_by_roots(self, project: str, folders: Sequence[str]) -> Sequence[tuple[Workspace, str]]:
        """Return the workspaces that have one of these folders as root, in the order of the folders.

        A root that only other machines have reported counts too: they may share the folder, or be this machine under
        another name.
        """
        ...

    def list_roots(self, ids: Collection[str]) -> Sequence[WorkspaceRoot]:
        """List the roots on every machine: those of this one first, then those seen last first."""
        ...

    def list_local_roots(self, ids: Collection[str]) -> Sequence[WorkspaceRoot]:
        """List the roots on this machine, those seen last first."""
        ...

    def list_roots_below(self, folder: str) -> Sequence[WorkspaceRoot]:
        """Return the roots that are `folder` or lie below it."""
        ...

    def find_split_jobs(self) -> Sequence[tuple[str, str]]:
        """Return pairs of ids of jobs that have one path in two workspaces of one remote; the older job first."""
        ...

    def add(self, workspace: Workspace) -> None: ...
    def change(self, workspace: Workspace) -> Workspace:
        """Write the workspace, and return it as it is stored, with its new revision."""
        ...

    def record_root(self, workspace_id: str, root: str, *, at: dt.datetime) -> None:
        """Note that the workspace lies at `root`, and that it was seen there at this time."""
        ...

    def move_roots(self, folder: str, new_folder: str, *, at: dt.datetime) -> Sequence[str]:
        """Note that `folder` is called `to` now. Return the ids of the workspaces that lie there or below."""
        ...


class Versions(Protocol):
    def newest_by_job(self, job_ids: Collection[str]) -> Mapping[str, Version]:
        """Return the newest version by job id; a job without versions has no entry."""
        ...

    def get(self, job_id: str, digest: str) -> Version: ...
    def find(self, job_id: str, digest: str) -> Version | None: ...
    def get_many(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Version]:
        """Return those that there are, by (job id, digest)."""
        ...

    def add(self, job_id: str, manifest: Manifest, *, at: dt.datetime, by: Actor, origin: Origin) -> Version:
        """Add a version with the number after the last one of the job."""
        ...

    def list_for_job(self, job_id: str) -> Sequence[Version]:
        """Return the versions of the job, newest first."""
        ...

    def remove(self, job_id: str, digest: str) -> bool:
        """Remove it and return True, unless a run has it: then return False."""
        ...


class InputSets(Protocol):
    def get(self, digest: str | None) -> Inputs:
        """Return the set; a digest of None stands for no inputs. NotFound when there is none."""
        ...

    def put(self, inputs: Inputs) -> str | None:
        """Store the set unless it is there, and return its digest.

        It stays at least until the end of this transaction.
        """
        ...

    def list_unused(self) -> Sequence[str]:
        """Return the digests of the sets that no run has."""
        ...

    def remove(self, digest: str) -> bool:
        """Remove it and return True, unless a run has it: then return False."""
        ...


class EarlierEnd(NamedTuple):
    """The end of an earlier run, with the seconds that it took, None when it never started."""

    state: RunState
    seconds: float | None


class Runs(Protocol):
    def get(self, run_id: str) -> Run:
        """Return the run of that id, or of a unique prefix of at least six characters. NotFound when there is none."""
        ...

    def get_many(self, run_ids: Collection[str]) -> Mapping[str, Run]:
        """Return those that there are, by id."""
        ...

    def find_by_key(self, project: str, key: str) -> Run | None: ...
    def find_part(self, parent_id: str, parent_key: str) -> Run | None:
        """Return the run that is this part of the parent run; None when there is none.

        In a transaction that writes, no other transaction adds it meanwhile.
        """
        ...

    def add(self, *runs: Run) -> None: ...
    def page(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> Page[RunSummary]:
        """List them, newest first."""
        ...

    def summaries(self, run_ids: Collection[str]) -> Sequence[RunSummary]:
        """Return those that there are, in no order."""
        ...

    def newest_summaries(self, job_ids: Collection[str]) -> Sequence[RunSummary]:
        """Return the newest run of each of these jobs, in no order. Copies that a repair took over do not count."""
        ...

    def newest_per_job(self, job_ids: Collection[str], *states: RunState) -> Sequence[Run]:
        """Return the newest run of each of these jobs, in no order; with `states` the newest in one of these states."""
        ...

    def list_in_states(self, *states: RunState) -> Sequence[Run]: ...
    def list_earlier_ends(self, run: Run, *, limit: int) -> Sequence[EarlierEnd]:
        """Return the newest ends of the earlier runs of its job in its environment, newest first.

        Runs of steps, copies and trials do not count.
        """
        ...

    def list_last_ends(self, job_id: str, environment: str, *, limit: int) -> Sequence[EarlierEnd]:
        """Return the newest ends of the runs of a job in an environment, as `list_earlier_ends` does."""
        ...

    def transition(self, before: Run, after: Run) -> None:
        """Write the columns of `after` that change with the state, and an event, if the row is still in `before.state`.

        StaleWrite otherwise.
        """
        ...

    def transition_all(self, moves: Sequence[tuple[Run, Run]]) -> None:
        """Move each as `transition` does: all of them or none."""
        ...

    def request_cancel(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        """Note the wish to cancel, once; the first one stays."""
        ...

    def cancel_requests(self, run_ids: Collection[str]) -> Mapping[str, CancelRequest]:
        """Return the requests by run id, for those of the runs that somebody wants to cancel."""
        ...

    def count_by_state(self, *, without: Collection[JobKind] = ()) -> Mapping[RunState, int]:
        """Count the runs that have not ended, by state; those `without` one kind."""
        ...

    def list_on_image(self, name: str, since: dt.datetime) -> Sequence[Run]:
        """Return the runs submitted since then on an image of this name of the catalogue, newest first."""
        ...

    def keep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        """Mark the run as kept: nothing deletes it from now on. Safe to repeat; the first mark stays."""
        ...

    def unkeep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None: ...
    def delete(self, run_ids: Sequence[str], *, at: dt.datetime, by: Actor) -> Sequence[str]:
        """Delete the runs that have ended and that nobody keeps, with all that belongs to them. Return their ids.

        The runs of their steps go with them. One event for each of them stays.
        """
        ...


class PipelineRuns(Protocol):
    """The steps of pipeline runs. The pipeline runs themselves, and the runs of their steps, are Runs."""

    def add(
        self,
        run_id: str,
        plan: Plan,
        statuses: Mapping[str, StepStatus],
        *,
        sweep: Sweep | None = None,
        reuse: bool = False,
    ) -> None:
        """Add the steps of a run that was just added. `statuses` has all of them, in the order of the file."""
        ...

    def get_progress(self, run_id: str) -> PipelineProgress:
        """Return the statuses. NotFound when the run has no steps."""
        ...

    def get_plan(self, run_id: str, step_ids: Collection[str] | None = None) -> Plan:
        """Return the plan of these steps, or of all."""
        ...

    def transition(
        self,
        run_id: str,
        before: Mapping[str, StepStatus],
        after: Mapping[str, StepStatus],
        *,
        at: dt.datetime,
        by: Actor | None = None,
    ) -> None:
        """Write the statuses `after`, with an event for each, if all those steps are still in the states of `before`.

        StaleWrite otherwise.
        """
        ...

    def record_part_progress(self, run_id: str, *, at: dt.datetime) -> None:
        """Add an event that runs of its steps have moved, while the steps themselves have not."""
        ...

    def record_timeout(self, run_id: str, *, at: dt.datetime) -> None:
        """Note that the run has taken too long, once; the first time stays."""
        ...

    def list_parts(self, run_id: str, step_ids: Collection[str]) -> Mapping[str, Sequence[Part]]:
        """Return the runs of these steps, oldest first. A step that has none has no entry."""
        ...

    def list_item_runs(self, run_id: str, step_id: str) -> Sequence[ItemRun]:
        """Return the runs of the items of a fan-out, oldest first."""
        ...

    def count_parts(self, run_id: str) -> Mapping[str, PartCounts]:
        """Count the runs of each step that has any."""
        ...

    def count_ended_parts(self, run_id: str) -> int:
        """Count the runs of all steps that have ended."""
        ...

    def list_unfinished_parts(self, run_id: str, step_ids: Collection[str]) -> Sequence[str]:
        """Return the ids of the runs of these steps that have not ended."""
        ...

    def list_part_ids(self, run_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return the ids of all runs of steps by the run that they belong to; every given id is a key."""
        ...

    def lock_parents(self, part_ids: Collection[str]) -> None:
        """Let no other transaction go on with the pipelines to which these runs belong before this one ends.

        Call it before the runs themselves are looked up or written: a pipeline's run is locked before those of its
        steps.
        """
        ...

    def list_unfinished(self) -> Sequence[str]:
        """Return the ids of the pipeline runs that have not ended."""
        ...

    def list_unfinished_for_job(self, job_id: str) -> Mapping[RunState, Sequence[str]]:
        """Return the ids of the runs of this pipeline that have not ended, by state, oldest first."""
        ...

    def list_repairs(self, run: Run) -> Sequence[str]:
        """Return the ids of the runs that repair this one, oldest first."""
        ...

    def find_results(self, fingerprints: Collection[str]) -> Mapping[str, str]:
        """Return the newest run of a step that succeeded, by fingerprint: one that really ran before any copy."""
        ...

    def find_last_success(self, job_id: str, step_id: str) -> str | None:
        """Return the newest run of such a step that succeeded and has a fingerprint; no item of a fan-out."""
        ...

    def list_durations(self, run_id: str, *, last: int) -> Mapping[str, Sequence[float]]:
        """Return how many seconds the steps of this run took before: in the `last` successes, newest first.

        Those on other images are left out. The time in the queue does not count, except between items of a fan-out.
        """
        ...

    def list_cells(self, run_ids: Collection[str]) -> Mapping[str, Mapping[str, StepCell]]:
        """Return the steps of these runs, by run and step in the order of the file; every given id is a key."""
        ...

    def list_approvals(self, run_ids: Collection[str]) -> Mapping[str, Mapping[str, StepStatus]]:
        """Return the approvals that have started, by run and step."""
        ...


class Queue(Protocol):
    """The runs as the queue sees them, with the few columns that it needs. Pipelines take no part in it."""

    def list_queued(self) -> Sequence[QueuedRun]:
        """Return all runs that are queued, sorted."""
        ...

    def list_active(self) -> Sequence[QueuedRun]: ...
    def list_unfinished(self, run_ids: Collection[str] | None = None) -> Sequence[UnfinishedRun]:
        """Return all runs that are queued, active, or wait for their next attempt.

        With `run_ids` return only those among them.
        """
        ...

    def changes_since(self, seq: int) -> QueueChanges:
        """Return the changes of which the events after `seq` tell."""
        ...

    def concurrency_limits(self, slots: int) -> ConcurrencyLimits: ...
    def last_starts(self) -> Mapping[str, dt.datetime]:
        """Return the time of the last start, by person."""
        ...

    def record_starts(self, people: Collection[str], *, at: dt.datetime) -> None: ...


class Attempts(Protocol):
    def list_for_run(self, run_id: str) -> Sequence[Attempt]:
        """Return the attempts of the run, by number."""
        ...

    def list_for_runs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Attempt]]:
        """Return the attempts by run id; every given id is a key."""
        ...

    def list_unfinished(self) -> Sequence[Attempt]:
        """Return the attempts whose state is not an end, oldest first."""
        ...

    def add(self, *steps: Attempt) -> None:
        """Add one attempt that goes through several states at once: write the last one, and an event for each."""
        ...

    def add_all(self, step_lists: Sequence[Sequence[Attempt]]) -> None:
        """Add each list of steps as `add` does."""
        ...

    def transition(self, before: Attempt, *steps: Attempt) -> None:
        """Write the steps as `add` does, if the row is still in `before.state`; StaleWrite otherwise."""
        ...

    def transition_all(self, moves: Sequence[tuple[Attempt, Sequence[Attempt]]]) -> None:
        """Move each as `transition` does: all of them or none."""
        ...

    def record_trouble(self, attempt: Attempt) -> None:
        """Write its reason alone, while it goes on in its state; do nothing when the attempt has moved on."""
        ...

    def record_progress(self, attempt: Attempt) -> None:
        """Write its progress alone, with an event; do nothing when the attempt has moved on."""
        ...


class Records(Protocol):
    def add(self, *records: Record) -> None: ...
    def find_for_run(self, run_id: str) -> Record | None:
        """Return the record of the last attempt that left one."""
        ...

    def find_for_runs(self, run_ids: Sequence[str]) -> Mapping[str, Record]: ...
    def find_values_for_runs(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the values of the record of each run that has one."""
        ...

    def find_report(self, run_id: str, variant: str) -> str | None:
        """Return the digest of the rendered report; None when nobody has asked for one yet."""
        ...

    def store_report(self, run_id: str, variant: str, digest: str) -> None: ...
    def record_damage(self, run_id: str, attempt: int, damage: Mapping[str, str]) -> None:
        """Replace the noted damage of the record; an empty `damage` means that it is whole again."""
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
        """Add an event in this transaction. `revision` is None for a run: the run counts as changed."""
        ...

    def list_after(
        self, seq: int, *, limit: int = 1000, subject: Subject | None = None, kinds: Collection[str] = ()
    ) -> Sequence[Event]:
        """List the events after `seq`, oldest first; those of all kinds where `kinds` is empty."""
        ...

    def last_seq(self) -> int: ...
    def first_seq(self) -> int:
        """Return the number of the oldest event. A reader that has seen less has missed some."""
        ...

    def delete_old(self, *, before: dt.datetime) -> int:
        """Remove the oldest events, some thousands at a time, but never the last one. Return how many."""
        ...


@dataclass(frozen=True)
class AuditFilter:
    """The entries that meet all given conditions. `since` counts, `until` does not."""

    actor: str | None = None
    verb: str | None = None
    object_kind: str | None = None
    object_id: str | None = None
    project: str | None = None
    environment: str | None = None
    outcome: Outcome | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None


class Audit(Protocol):
    """The audit trail. A transaction adds the entries of its changes by itself, from its events: see `domain.audit`.

    Nothing changes or removes an entry.
    """

    def add(self, entry: NewEntry) -> None:
        """Add an entry that belongs to no event, such as a refused change."""
        ...

    def head(self) -> Head:
        """Return the last entry that is written; `NO_HEAD` when there is none."""
        ...

    def page(self, where: AuditFilter, *, limit: int, cursor: str | None = None) -> Page[Entry]:
        """Return one page, newest first. InvalidRequest for a cursor that no page gave."""
        ...

    def iterate(self, where: AuditFilter, *, until: int | None = None) -> Iterator[Entry]:
        """Yield the entries oldest first, up to the number `until`, without holding all of them."""
        ...

    def is_guarded(self) -> bool:
        """Tell whether the database still refuses to change and delete entries."""
        ...


class Publications(Protocol):
    """The publications of runs, and the newest run of each published path."""

    def add(self, publications: Sequence[Publication], *, at: dt.datetime, by: Actor | None = None) -> None:
        """Add them, in the place of those that the same runs have for the same paths."""
        ...

    def list_for_run(self, run_id: str) -> Sequence[Publication]:
        """Return them sorted by path."""
        ...

    def list_for_runs(self, run_ids: Collection[str]) -> Mapping[str, Sequence[Publication]]:
        """Return them by run, each run's sorted by path; every given id is a key."""
        ...

    def list_pending(self) -> Sequence[Publication]:
        """Return all that are pending, those of older runs first."""
        ...

    def change(self, publications: Sequence[Publication], *, at: dt.datetime) -> None:
        """Write them, with an event. StaleWrite when one of them is not pending any more."""
        ...

    def lock_place(self, folder: str, path: str) -> PublishedFile | None:
        """Return the newest run that published to this place, or None.

        No other transaction decides about the place until the end of this one.
        """
        ...

    def put_file(self, file: PublishedFile) -> None:
        """Write the newest run of a place."""
        ...

    def knows(self, folder: str, path: str, digest: str) -> bool:
        """Tell whether a run published these bytes to this place, or began to."""
        ...

    def list_files(self, folders: Collection[str]) -> Sequence[PublishedFile]:
        """Return what was published to these folders, sorted by folder and path."""
        ...


class Retention(Protocol):
    def rules(self) -> Sequence[RetentionRule]: ...
    def put(self, rules: Sequence[RetentionRule], *, at: dt.datetime, by: Actor) -> None:
        """Replace all rules by these."""
        ...

    def list_due(self, scope: RetentionScope, *, now: dt.datetime) -> Iterator[str]:
        """Yield the ids of the runs that may go, oldest first; none that is kept, and none of a step."""
        ...

    def unused_versions(self) -> Sequence[tuple[str, str]]:
        """Return job id and digest of the versions that no run has, without the newest of each job."""
        ...

    def task_done_at(self, task: str) -> dt.datetime | None: ...
    def record_task_done(self, task: str, *, at: dt.datetime) -> None: ...


class Leases(Protocol):
    def now(self) -> dt.datetime | None:
        """Return the time of the database, which all hosts share that use it; None where it has no clock of its own."""
        ...

    def get(self, name: str) -> Lease | None: ...
    def acquire(self, lease: Lease, *, instead_of: Lease | None) -> bool:
        """Become the holder if the row is still `instead_of`. Return False when it is not."""
        ...

    def renew(self, lease: Lease) -> bool:
        """Renew the lease. Return False when its token is no longer that of the row."""
        ...

    def release(self, lease: Lease) -> None: ...


class Environments(Protocol):
    def get(self, name: str) -> Environment:
        """Return the environment.

        UnknownEnvironment, which names the existing ones, when there is none of that name.
        """
        ...

    def all(self) -> Sequence[Environment]:
        """Return all environments in promotion order."""
        ...

    def put(self, environment: Environment, *, at: dt.datetime, by: Actor) -> Environment:
        """Add it, or replace the one of that name. Return it as it is stored, with its new revision."""
        ...

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Variables(Protocol):
    def list_for_environment(self, environment: str) -> Sequence[Variable]:
        """Return the variables of the environment, sorted by name."""
        ...

    def put(self, variable: Variable) -> None:
        """Add it, or replace the one of that name."""
        ...

    def remove(self, environment: str, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Secrets(Protocol):
    """The secrets, always sealed."""

    def list_in_scope(self, scope: str) -> Sequence[Secret]:
        """Return the secrets of the scope, sorted by name."""
        ...

    def find(self, scope: str, name: str) -> Secret | None:
        """Return the secret; None when there is none.

        In a transaction that writes, no other one touches secrets until its end.
        """
        ...

    def all(self) -> Sequence[Secret]:
        """Return the secrets of every scope.

        As for `find`, no other transaction that writes touches secrets until the end.
        """
        ...

    def put(self, secret: Secret) -> None:
        """Add it, or replace the one of that name."""
        ...

    def rewrap(self, secret: Secret) -> None:
        """Store the secret under another key, without an event."""
        ...

    def remove(self, scope: str, name: str, *, at: dt.datetime, by: Actor) -> None: ...


class Images(Protocol):
    """The catalogue, the work on its images, and trial runs."""

    def get(self, name: str) -> Image:
        """Return the image. UnknownImage, which names the existing ones, when there is none of that name."""
        ...

    def find(self, name: str) -> Image | None: ...
    def all(self) -> Sequence[Image]:
        """Return all images, sorted by name."""
        ...

    def put(self, image: Image, *, at: dt.datetime, by: Actor) -> Image:
        """Add it, or replace the one of that name. Return it as it is stored, with its new revision."""
        ...

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None: ...

    def add_task(self, task: ImageTask) -> None: ...
    def get_task(self, task_id: str) -> ImageTask: ...
    def list_tasks(self, *, limit: int, image: str | None = None) -> Sequence[ImageTask]:
        """List them, newest first."""
        ...

    def read_log(self, task_id: str) -> str: ...
    def append_log(self, task_id: str, text: str) -> None:
        """Append the text to the log of the task."""
        ...

    def finish_task(
        self, task_id: str, state: ImageTaskState, *, at: dt.datetime, error: dict[str, Any] | None = None
    ) -> None: ...

    def add_trial(self, trial: ImageTrial) -> None: ...
    def get_trial(self, trial_id: str) -> ImageTrial: ...
    def list_trials(self, limit: int) -> Sequence[ImageTrial]:
        """List them, newest first."""
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
    def inputs(self) -> InputSets: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def pipelines(self) -> PipelineRuns: ...
    @property
    def publications(self) -> Publications: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def attempts(self) -> Attempts: ...
    @property
    def records(self) -> Records: ...
    @property
    def events(self) -> Events: ...
    @property
    def audit(self) -> Audit: ...
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
    @property
    def calendars(self) -> Calendars: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def ticks(self) -> Ticks: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def subscriptions(self) -> Subscriptions: ...
    @property
    def people(self) -> People: ...
    @property
    def held(self) -> HeldMessages: ...
    def savepoint(self) -> AbstractContextManager[None]:
        """Undo the writes of the block, and no others, when it raises."""
        ...

    def on_commit(self, call: Callable[[], None]) -> None:
        """Run `call` once this transaction is committed; never when it is rolled back."""
        ...

    def blob_digests(self, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
        """Yield the digests of all blobs of versions, sets of inputs, records and reports. Some come several times.

        With `without`, yield those that remain when these runs are gone, with the versions and inputs that only they
        have.
        """
        ...


class ChangeSignal(Protocol):
    """A descriptor that can be read from once somebody committed, in this process or another one of this machine.

    It may fire without a reason. Where the store is a file, commits of other machines do not fire it: a caller that
    waits for it must also look from time to time.
    """

    def fileno(self) -> int: ...
    def wait(self, timeout_s: float) -> None:
        """Return as soon as it is readable, or after this time."""
        ...

    def clear(self) -> None:
        """Clear it until the next commit. Call this before you look."""
        ...

    def close(self) -> None: ...


class Store(Protocol):
    """The database of an installation. Every method may raise StoreBusy, when trying again later may help."""

    def begin(self, *, fence: int | None = None) -> AbstractContextManager[Transaction]:
        """Open a short write transaction: the end of the block commits it, any exception rolls it back.

        Rows that it looks up by id, key or source stay as they are until then: no other transaction can change or add
        them.

        With `fence`, the token of an engine's lease: StaleWrite unless this engine is still the leader. It then stays
        the leader until the commit.
        """
        ...

    def read(self) -> AbstractContextManager[Transaction]:
        """Open a consistent view; writes in it are an error."""
        ...

    def change_counter(self) -> int:
        """Return a number that differs after any other connection committed.

        Cheap: callers ask fifty times a second.
        """
        ...

    def change_signal(self) -> ChangeSignal:
        """Make a new signal; the caller closes it."""
        ...

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy as a new SQLite file, also while others write.

        Refused where the database has tools for that.
        """
        ...

    def close(self) -> None:
        """Close the store. No method works afterwards."""
        ...
