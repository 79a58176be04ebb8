"""Runs and attempts: their states, and the moves that are legal.

The two tables are the contract of docs/architecture.md, "States"; no other code decides on a state.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import IllegalTransition
from .actors import Actor
from .environments import Backend, Resources
from .images import RunImage
from .jobs import STEP_MARK, JobKind, kind_of_path
from .parameters import Parameter
from .settings import GivenSettings, RunSettings
from .snapshots import Finding, KernelChoice
from .time import Timestamp
from .versions import Origin

if TYPE_CHECKING:
    from .outputs import Output
    from .sweeps import Sweep


class RunState(StrEnum):
    CREATED = "created"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    ACTIVE = "active"
    RETRY_WAIT = "retry_wait"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        return not RUN_TRANSITIONS[self]


class AttemptState(StrEnum):
    CLAIMED = "claimed"
    LAUNCHING = "launching"
    RUNNING = "running"
    FINALIZING = "finalizing"
    CANCELLING = "cancelling"
    TIMING_OUT = "timing_out"
    UNCONFIRMED = "unconfirmed"
    """Cancelled or timed out, but there is no proof that it is dead."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    RELEASED = "released"

    @property
    def is_terminal(self) -> bool:
        return not ATTEMPT_TRANSITIONS[self]


_R, _A = RunState, AttemptState

RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    _R.CREATED: frozenset({_R.QUEUED, _R.AWAITING_APPROVAL, _R.REJECTED}),
    _R.AWAITING_APPROVAL: frozenset({_R.QUEUED, _R.REJECTED, _R.EXPIRED, _R.CANCELLED}),
    _R.QUEUED: frozenset({_R.ACTIVE, _R.SKIPPED, _R.EXPIRED, _R.CANCELLED}),
    _R.ACTIVE: frozenset({_R.SUCCEEDED, _R.FAILED, _R.TIMED_OUT, _R.CANCELLED, _R.LOST, _R.RETRY_WAIT}),
    _R.RETRY_WAIT: frozenset({_R.QUEUED, _R.CANCELLED, _R.EXPIRED}),
    **{s: frozenset() for s in (_R.SUCCEEDED, _R.FAILED, _R.TIMED_OUT, _R.CANCELLED, _R.LOST)},
    **{s: frozenset() for s in (_R.SKIPPED, _R.EXPIRED, _R.REJECTED)},
}

ATTEMPT_TRANSITIONS: dict[AttemptState, frozenset[AttemptState]] = {
    _A.CLAIMED: frozenset({_A.LAUNCHING, _A.RELEASED, _A.CANCELLING}),
    _A.LAUNCHING: frozenset({_A.RUNNING, _A.FAILED, _A.LOST, _A.CANCELLING, _A.TIMING_OUT}),
    _A.RUNNING: frozenset({_A.FINALIZING, _A.FAILED, _A.LOST, _A.CANCELLING, _A.TIMING_OUT}),
    _A.FINALIZING: frozenset({_A.SUCCEEDED, _A.FAILED}),
    _A.CANCELLING: frozenset({_A.CANCELLED, _A.UNCONFIRMED}),
    _A.TIMING_OUT: frozenset({_A.TIMED_OUT, _A.UNCONFIRMED}),
    _A.UNCONFIRMED: frozenset({_A.CANCELLED, _A.TIMED_OUT, _A.LOST}),
    **{s: frozenset() for s in (_A.SUCCEEDED, _A.FAILED, _A.TIMED_OUT, _A.CANCELLED, _A.LOST, _A.RELEASED)},
}


@dataclass(frozen=True)
class Reason:
    """The reason why a run ended as it did, or why it waits.

    `detail` may hold `cell`, `ename`, `evalue`, `traceback`.
    """

    code: str
    message: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """The number of code cells done, and of all; `current` is the index of the running cell in the notebook, from 0."""

    done: int = 0
    total: int = 0
    current: int | None = None


@dataclass(frozen=True)
class Usage:
    """The usage of an attempt: the largest resident set of its largest process, and CPU time, kernel included."""

    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class Attempt:
    run_id: str
    number: int
    state: AttemptState
    token: int
    """The fencing token of the lease under which it was claimed; writes under an older token change nothing."""
    created_at: dt.datetime
    backend: Backend = Backend()
    """The backend that got it, and that is asked about it as long as it lives."""
    started_at: dt.datetime | None = None
    started_boot: str | None = None
    started_tick: float | None = None
    """See Moment."""
    finished_at: dt.datetime | None = None
    reason: Reason | None = None
    progress: Progress = Progress()
    usage: Usage = Usage()

    @property
    def started(self) -> Timestamp | None:
        return Timestamp(self.started_at, self.started_boot, self.started_tick) if self.started_at else None

    @property
    def name(self) -> str:
        """The name for backends, made of run and number, so that the attempt is found again after a lost answer."""
        return f"{self.run_id}-{self.number}"

    def transition_to(self, state: AttemptState, **changes: Any) -> Attempt:
        if state not in ATTEMPT_TRANSITIONS[self.state]:
            raise IllegalTransition(f"An attempt cannot go from {self.state} to {state}.", id=self.name)
        return replace(self, state=state, **changes)


@dataclass(frozen=True)
class Submission(GivenSettings):
    """The wishes of a person for a run. `path` and `root` are local file-system paths; `root` None means: find it."""

    path: str
    root: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    texts: tuple[tuple[str, str], ...] = ()
    """Parameters as typed on a command line. They are read by the declared types, and override `parameters`."""
    name: str | None = None
    environment: str = "sandbox"
    kernel: str | None = None
    image: str | None = None
    """A name of the catalogue; None: the environment's default."""
    resources: Resources = Resources()
    key: str | None = None
    pinned: tuple[str, ...] | None = None
    """The pins that the job has from now on, see Pins; None: they stay as they are."""
    command: tuple[str, ...] = ()
    """The argv of a command. `path` is then `FILE#STEP`: it runs in the folder of the file."""
    include: tuple[str, ...] = ()
    """Files that travel with a command though none of its words names them: see `Command`."""
    declared: tuple[Parameter, ...] = ()
    """The parameters of a command, which has no file that could declare them."""
    reuse: bool = False
    """Steps of a pipeline that have not changed take over the results of earlier runs."""
    sweep: Sweep | None = None
    """The values of the parameters that differ from point to point, see Sweep; None for one run."""
    outputs: tuple[Output, ...] | None = None
    """The declared outputs; None: those that the source declares."""
    publish: bool | None = None
    """Whether the run publishes its outputs; None: as `outputs.publishes` says."""

    @property
    def kind(self) -> JobKind:
        return JobKind.COMMAND if self.command else kind_of_path(self.path)

    @property
    def source_path(self) -> str:
        """The path of the file that `path` names."""
        return self.path.rpartition(STEP_MARK)[0] if self.command else self.path


@dataclass(frozen=True)
class ParameterRow:
    """The parameters of one of many runs; they override those of the submission. `texts` is as in Submission."""

    parameters: dict[str, Any] = field(default_factory=dict)
    texts: tuple[tuple[str, str], ...] = ()


class TriggerKind(StrEnum):
    """The cause of a run. A docstring below a kind says what `Trigger.ref` names."""

    MANUAL = "manual"
    RERUN = "rerun"
    """The run that is run again."""
    TRIAL = "trial"
    """The run that is tried on another image."""
    SCHEDULE = "schedule"
    """The tick. The same holds for the next three kinds, which say what made the tick."""
    WEBHOOK = "webhook"
    FILES = "files"
    JOB = "job"
    STEP = "step"
    REPAIR = "repair"
    """The pipeline run of which this one repairs a part."""
    TAKEN_OVER = "taken_over"
    """The run that really ran: this one is a copy of its result, for the repair of its pipeline."""
    REPLAY = "replay"
    BACKFILL = "backfill"
    """The tick."""
    VERIFICATION = "verification"


@dataclass(frozen=True)
class Trigger:
    kind: TriggerKind
    ref: str | None = None


MANUAL = Trigger(TriggerKind.MANUAL)


class CancelRequest(NamedTuple):
    at: dt.datetime
    by: Actor


@dataclass(frozen=True)
class Run:
    id: str
    project: str
    job_id: str
    version_digest: str
    environment: str
    state: RunState
    parameters: dict[str, Any]
    kernel: KernelChoice | None
    """The kernel or the interpreter; that of a command has the argv of the command. None for pipelines and sweeps."""
    created_at: dt.datetime
    created_by: Actor
    created_boot: str | None = None
    created_tick: float | None = None
    """See Moment."""
    trigger: Trigger = MANUAL
    tick_id: str | None = None
    """The tick of a schedule that asked for it. Its reruns keep the tick and its nominal time."""
    nominal_at: dt.datetime | None = None
    kind: JobKind = JobKind.NOTEBOOK
    parent_id: str | None = None
    """The run of which this one is a part, under `parent_key`. No other part of it has this key."""
    parent_key: str | None = None
    inputs_digest: str | None = None
    """The digest of the `Inputs` that it took when it was made; None for none. A repeated run takes the same."""
    settings: RunSettings = RunSettings()
    key: str | None = None
    request_digest: str | None = None
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    cancel_requested_at: dt.datetime | None = None
    cancel_requested_by: Actor | None = None
    reason: Reason | None = None
    nothing_to_do: bool = False
    with_failures: bool = False
    """A pipeline or sweep that succeeded, although a part of it failed: the failure was handled, or tolerated."""
    origin: Origin = Origin()
    findings: tuple[Finding, ...] = ()
    image: RunImage | None = None
    """None where the executor has no images."""
    resources: Resources = Resources()
    variables: dict[str, str] = field(default_factory=dict)
    """Its own environment variables, which count more than those of its environment."""
    fingerprint: str | None = None
    """The digest of all that decides the result of a step's run, see `reuse`; None for other runs."""
    bypassed_promotion: bool = False
    """The run was in a guarded environment without a promotion to it."""
    publish: bool = False
    """The run publishes its declared outputs when it succeeds."""
    kept_at: dt.datetime | None = None
    kept_by: Actor | None = None
    """The person who marked it as kept: as long as it is, neither retention nor a person deletes it."""
    revision: int = field(default=1, compare=False)
    """A number that counts the changes of the run and of its attempts."""

    @property
    def created(self) -> Timestamp:
        return Timestamp(self.created_at, self.created_boot, self.created_tick)

    def with_cancel_request(self, request: CancelRequest | None) -> Run:
        if request is None:
            return self
        return replace(self, cancel_requested_at=request.at, cancel_requested_by=request.by)

    def transition_to(self, state: RunState, **changes: Any) -> Run:
        if state not in RUN_TRANSITIONS[self.state]:
            raise IllegalTransition(f"A run cannot go from {self.state} to {state}.", id=self.id)
        return replace(self, state=state, **changes)


_PHASES = {
    AttemptState.CLAIMED: "starting",
    AttemptState.LAUNCHING: "starting",
    AttemptState.RUNNING: "running",
    AttemptState.FINALIZING: "finishing",
    AttemptState.CANCELLING: "cancelling",
    AttemptState.TIMING_OUT: "cancelling",
    AttemptState.UNCONFIRMED: "cancelling",
}


def run_phase(state: RunState, attempt: AttemptState | None) -> str:
    """Return for people what a run does, from its state and that of its latest attempt."""
    if state is RunState.ACTIVE and attempt is not None:
        return _PHASES.get(attempt, "finishing")
    if state is RunState.RETRY_WAIT:
        return "retrying"
    return "queued" if state is RunState.CREATED else str(state)


MAX_SUMMARY_MESSAGE = 500
"""The largest number of characters that a summary keeps of a reason's message."""


@dataclass(frozen=True)
class RunSummary:
    """A run as lists show it: of bounded size, however much its notebook wrote. `reason` has no detail here."""

    id: str
    project: str
    job_id: str
    job_name: str
    source: str
    path: str
    version_digest: str
    version_number: int
    environment: str
    image: RunImage | None
    state: RunState
    attempt: int
    """The number of the latest attempt; 0 before the first."""
    attempt_state: AttemptState | None
    progress: Progress
    """The cells of its notebook, the steps of its pipeline, or the points of its sweep."""
    reason: Reason | None
    """The reason why it ended so or why it waits, or the trouble of its latest attempt."""
    nothing_to_do: bool
    created_at: dt.datetime
    created_by: Actor
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    cancel_requested_at: dt.datetime | None
    kept_at: dt.datetime | None
    kind: JobKind
    trigger: Trigger
    parent_id: str | None
    parent_key: str | None
    revision: int
    """As `Run.revision`: of two summaries the one with the higher revision is newer."""
    with_failures: bool = False
    awaits_approval: bool = False
    """The run is a pipeline that goes on only when people have decided."""

    @property
    def phase(self) -> str:
        if self.kind.has_steps and self.state is RunState.ACTIVE:
            if self.cancel_requested_at is not None:
                return "cancelling"
            return str(RunState.AWAITING_APPROVAL) if self.awaits_approval else "running"
        return run_phase(self.state, self.attempt_state)
