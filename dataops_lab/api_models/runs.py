from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StrictInt

from ..domain.environments import Resources
from ..domain.inputs import RunFiles
from ..domain.jobs import JobKind
from ..domain.pipelines import Tolerance, split_parent_key
from ..domain.records import RecordFileKind
from ..domain.retries import Budget, charged_budget, retry_at
from ..domain.runs import MAX_SUMMARY_MESSAGE, Attempt, AttemptState, RunState, RunSummary, TriggerKind
from ..domain.settings import MAX_CONCURRENCY
from ..domain.sweeps import SWEEP_STEP, Sweep
from ..errors import InvalidRequest
from ..services.placement import PlacementOverride
from ..services.runs import MAX_ROWS, RunView, summary_of
from .base import ActorModel, ContentsPath, Instant, Model
from .environments import ResourcesModel
from .notebooks import FindingModel, KernelModel, OriginModel, ParameterModel
from .outputs import OutputDeclaration
from .settings import GivenSettingsModel

MaxFailures = StrictInt | Annotated[str, Field(max_length=20)]


class SubmitRequest(GivenSettingsModel):
    """A notebook to run. `path` is as in InspectRequest.

    `parameters` holds JSON values; parameters that are not given keep their defaults.
    """

    path: ContentsPath
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: str | None = Field(default=None, max_length=200)
    environment: str = "sandbox"
    kernel: str | None = None
    image: str | None = Field(default=None, max_length=100)
    resources: ResourcesModel | None = None
    pinned: list[str] | None = None
    """New patterns of pinned files for the job, see JobModel; null leaves those that it has."""
    outputs: list[OutputDeclaration] | None = Field(default=None, max_length=100)
    """The declared outputs; null: those that the notebook or script declares itself."""
    publish: bool | None = None
    """Whether it publishes them; null: as runs of this kind do by themselves."""
    sweep: dict[str, list[Any]] | None = None
    """Several values for each of some parameters: one run, with a point for each combination; null for a single run."""
    concurrency: int | None = Field(default=None, ge=1, le=MAX_CONCURRENCY)
    """How many points of a sweep may be active at once; null for all."""
    max_failures: MaxFailures | None = None
    """How many points of a sweep may fail: a number such as 3, or a share such as "5%". Null: none, and all run."""
    reuse: bool = False
    """Steps of a pipeline that have not changed take over the results of earlier runs."""

    def to_sweep(self) -> Sweep | None:
        if self.sweep is None:
            if self.concurrency is not None or self.max_failures is not None:
                raise InvalidRequest("`concurrency` and `max_failures` are for a sweep. Give `sweep`, or none of them.")
            return None
        values = {name: tuple(values) for name, values in self.sweep.items()}
        try:
            tolerance = Tolerance() if self.max_failures is None else Tolerance.parse(self.max_failures)
        except ValueError as error:
            raise InvalidRequest(f"`max_failures`: {error}.", code="invalid_sweep") from None
        return Sweep(values, concurrency=self.concurrency, max_failures=tolerance)


class BatchRequest(SubmitRequest):
    """A submission with many rows of parameters, a run for each. The values of a row override `parameters`."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_ROWS)


class RerunRequest(Model):
    """A request to run the same version again. `parameters`, when given, replaces all of the earlier run's.

    It runs in the same environment, and in the same image by its digest, unless another one is given.
    """

    parameters: dict[str, Any] | None = None
    environment: str | None = None
    image: str | None = Field(default=None, max_length=100)
    resources: ResourcesModel | None = None
    publish: bool = False
    """Whether it publishes its outputs."""

    def placement_override(self) -> PlacementOverride:
        resources = self.resources.to_domain() if self.resources else Resources()
        return PlacementOverride(self.environment, self.image, resources)


class ReasonModel(Model):
    """The reason why a run ended so, or why it waits.

    For a failing cell `detail` holds cell, ename, evalue and traceback.
    """

    code: str
    message: str
    detail: dict[str, Any] = Field(default_factory=dict)


class ProgressModel(Model):
    done: int = 0
    total: int = 0
    current: int | None = None


class AttemptModel(Model):
    number: int
    state: AttemptState
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    reason: ReasonModel | None
    budget: Budget | None
    """The budget from which another attempt is taken, if any is left; null when this one did not go wrong."""
    progress: ProgressModel
    peak_memory_bytes: int | None
    cpu_seconds: float | None

    @classmethod
    def from_domain(cls, attempt: Attempt) -> AttemptModel:
        return cls(
            number=attempt.number,
            state=attempt.state,
            created_at=attempt.created_at,
            started_at=attempt.started_at,
            finished_at=attempt.finished_at,
            reason=ReasonModel.model_validate(attempt.reason) if attempt.reason else None,
            budget=charged_budget(attempt.state, attempt.reason),
            progress=ProgressModel.model_validate(attempt.progress),
            peak_memory_bytes=attempt.usage.peak_memory_bytes,
            cpu_seconds=attempt.usage.cpu_seconds,
        )


class ArtifactModel(Model):
    path: str
    size: int
    digest: str


class InputModel(Model):
    """A file that a run finds. `fresh`: it was taken when the run was made; otherwise it belongs to the version."""

    path: str
    size: int
    digest: str
    fresh: bool


class InputsModel(Model):
    """The files that a run finds beside its notebook, by path below the root.

    `digest` is that of all fresh files together; null when there are none.
    """

    digest: str | None
    files: list[InputModel]

    @classmethod
    def from_domain(cls, run_files: RunFiles) -> InputsModel:
        found = [(file, False) for file in run_files.files] + [(file, True) for file in run_files.inputs.files]
        return cls(
            digest=run_files.inputs.digest,
            files=[
                InputModel(path=file.path, size=file.size, digest=file.digest, fresh=fresh)
                for file, fresh in sorted(found, key=lambda pair: pair[0].path)
            ],
        )


class JobReference(Model):
    """The job of a run. `path` is the path of the notebook below the root of its workspace.

    `source` is the place where this machine saw the notebook last.
    """

    id: str
    name: str
    source: str
    path: str


class VersionReference(Model):
    digest: str
    number: int


class Digests(Model):
    version: str
    source: str | None
    """The digest of the script, or of the notebook without outputs; null for a command."""
    output: str | None = None
    record: str | None = None
    inputs: str | None = None
    """The digest of all files that the run took fresh; null when there are none."""


class RunImageModel(Model):
    """The image of a run as it was when the run was submitted. The run uses the image with this `digest`."""

    name: str
    reference: str
    digest: str


class TriggerModel(Model):
    """The cause of a run. `ref` names what the run follows from: the earlier run for a rerun, a repair or a trial."""

    kind: TriggerKind
    ref: str | None


class ParentModel(Model):
    """A run that has parts: its id and kind, and the key that this part has in it: a step, an item, or a point."""

    id: str
    key: str
    kind: JobKind

    @classmethod
    def from_domain(cls, parent_id: str, parent_key: str) -> ParentModel:
        step_id, item = split_parent_key(parent_key)
        if step_id == SWEEP_STEP:
            return cls(id=parent_id, key=item or "", kind=JobKind.SWEEP)
        return cls(id=parent_id, key=parent_key, kind=JobKind.PIPELINE)


class RunBase(Model):
    """The fields that a summary of a run and the whole run have in common."""

    id: str
    project: str
    job: JobReference
    version: VersionReference
    environment: str
    kind: JobKind
    image: RunImageModel | None
    """The image; null where the environment has no images."""
    state: RunState
    phase: str
    attempt: int
    """The number of the latest attempt; 0 before the first."""
    progress: ProgressModel
    reason: ReasonModel | None
    nothing_to_do: bool
    with_failures: bool
    """True for a pipeline or a sweep that succeeded although a step, an item or a point failed."""
    created_at: Instant
    created_by: ActorModel
    started_at: Instant | None
    finished_at: Instant | None
    cancel_requested_at: Instant | None
    kept_at: Instant | None
    trigger: TriggerModel
    parent: ParentModel | None
    """The run that this one is a part of."""
    revision: int
    """The number of changes: an answer with a higher revision is newer."""

    @property
    def job_name(self) -> str:
        return self.job.name

    @property
    def is_terminal(self) -> bool:
        return self.state.is_terminal

    def summary(self) -> RunSummaryModel:
        reason = (
            ReasonModel(code=self.reason.code, message=self.reason.message[:MAX_SUMMARY_MESSAGE])
            if self.reason
            else None
        )
        return RunSummaryModel(**{name: getattr(self, name) for name in RunBase.model_fields} | {"reason": reason})


class RunSummaryModel(RunBase):
    """A run as lists and the event stream have it. Its size is bounded, however much its notebook wrote.

    `phase` is derived for people from run and attempt. It is queued, starting, running, finishing, cancelling, retrying
    or the run's terminal state. The message of `reason` is cut, and its `detail` is empty.
    """

    @classmethod
    def from_domain(cls, run: RunSummary) -> RunSummaryModel:
        return cls(**_summary_fields(run))


def _summary_fields(run: RunSummary) -> dict[str, Any]:
    image = run.image
    return {
        **{name: value for name, value in vars(run).items() if name in RunBase.model_fields},
        "job": JobReference(id=run.job_id, name=run.job_name, source=run.source, path=run.path),
        "version": VersionReference(digest=run.version_digest, number=run.version_number),
        "image": RunImageModel(name=image.name, reference=image.reference, digest=image.digest) if image else None,
        "phase": run.phase,
        "created_by": ActorModel.from_domain(run.created_by),
        "trigger": TriggerModel.model_validate(run.trigger),
        "parent": ParentModel.from_domain(run.parent_id, run.parent_key or "") if run.parent_id else None,
        "progress": ProgressModel.model_validate(run.progress),
        "reason": ReasonModel.model_validate(run.reason) if run.reason else None,
    }


class RunModel(RunBase):
    """A run with everything that a screen needs: more fields than a summary, and the whole `reason`."""

    resources: ResourcesModel
    bypassed_promotion: bool
    """True when it ran in a guarded environment without having been promoted there."""
    cancel_requested_by: ActorModel | None
    waiting_reason: ReasonModel | None
    """The reason why it waits, while it is queued."""
    next_attempt_at: Instant | None
    """The time at which it is queued again, while it waits for its next attempt."""
    priority: int
    max_retries: int
    retry_on_timeout: bool
    queue_timeout_s: float
    start_timeout_s: float
    timeout_s: float
    total_timeout_s: float
    key: str | None
    kernel: KernelModel | None
    """The kernel, or the interpreter of a script; null for a pipeline or a sweep."""
    command: list[str]
    """The command with its arguments; empty for other kinds."""
    parameters: dict[str, Any]
    """The parameters that were given; the others keep their defaults, see `parameter_schema`."""
    sweep: dict[str, list[Any]] | None
    """The values of the parameters that differ from point to point; null for other runs."""
    concurrency: int | None
    """How many points of a sweep may be active at once."""
    max_failures: int | str | None
    """How many points of a sweep may fail."""
    parameter_schema: list[ParameterModel]
    values: dict[str, Any]
    attempts: list[AttemptModel]
    artifacts: list[ArtifactModel]
    digests: Digests
    origin: OriginModel
    findings: list[FindingModel]
    log_bytes: int | None
    """The size of the stored log; None before the record is stored."""
    repairs: list[str]
    """The ids of the runs that repair it, oldest first; `trigger.ref` of each names this run."""
    publish: bool
    """Whether it publishes its declared outputs when it succeeds, see `GET /runs/{id}/outputs`."""
    has_outputs: bool
    """Whether it declares any."""
    kept_by: ActorModel | None
    """The person who marked it as kept; nothing deletes a kept run."""
    integrity_errors: dict[str, str]
    """The errors that a check found in the stored files, by path."""

    @classmethod
    def from_domain(cls, view: RunView) -> RunModel:
        run, version, record, attempts = view.run, view.version, view.record, view.attempts
        last = attempts[-1] if attempts else None
        sweep = view.progress.sweep if view.progress else None
        reason = run.reason or view.waiting_reason or (last.reason if last and run.state is RunState.ACTIVE else None)
        log = record.find_file(RecordFileKind.LOG) if record else None
        output = record.find_file(RecordFileKind.NOTEBOOK) if record else None
        summary = _summary_fields(summary_of(view)) | {
            "reason": ReasonModel.model_validate(reason) if reason else None,
        }
        return cls(
            **summary,
            resources=ResourcesModel.model_validate(run.resources),
            bypassed_promotion=run.bypassed_promotion,
            cancel_requested_by=ActorModel.from_domain(run.cancel_requested_by) if run.cancel_requested_by else None,
            waiting_reason=ReasonModel.model_validate(view.waiting_reason) if view.waiting_reason else None,
            next_attempt_at=retry_at(last) if last and run.state is RunState.RETRY_WAIT else None,
            **vars(run.settings),
            key=run.key,
            kernel=KernelModel.model_validate(run.kernel) if run.kernel else None,
            command=list(version.manifest.command),
            parameters=run.parameters,
            sweep={name: list(values) for name, values in sweep.values.items()} if sweep else None,
            concurrency=sweep.concurrency if sweep else None,
            max_failures=sweep.max_failures.written if sweep else None,
            parameter_schema=[ParameterModel.from_domain(p) for p in version.manifest.parameters.parameters],
            values=record.values if record else {},
            attempts=[AttemptModel.from_domain(a) for a in attempts],
            artifacts=[ArtifactModel(path=f.path, size=f.size, digest=f.digest) for f in record.artifacts]
            if record
            else [],
            digests=Digests(
                version=version.digest,
                source=version.manifest.source_digest,
                output=output.digest if output else None,
                record=record.digest if record else None,
                inputs=run.inputs_digest,
            ),
            origin=OriginModel.model_validate(run.origin),
            findings=[FindingModel.model_validate(f) for f in run.findings],
            repairs=list(view.repairs),
            log_bytes=log.size if log else None,
            publish=run.publish,
            has_outputs=view.has_outputs,
            kept_by=ActorModel.from_domain(run.kept_by) if run.kept_by else None,
            integrity_errors=dict(record.integrity_errors) if record else {},
        )


class BatchModel(Model):
    """The runs of a batch, in the order of its rows."""

    runs: list[RunSummaryModel]
    created: int
    """The number of new runs; the others were there already, under their keys."""


class VerificationModel(Model):
    """The result of reading every byte. `integrity_errors` names, by path, files that differ from what was stored.

    These are files of the record, and inputs below `input/`.
    """

    run: str
    integrity_errors: dict[str, str]


class JournalPage(Model):
    """Journal events (see rundir/protocol.py) after a sequence number; `last_seq` is the last one of this page.

    `attempt` is the run's latest attempt (0 before the first); each attempt counts its events from 1.
    """

    attempt: int
    events: list[dict[str, Any]]
    last_seq: int
    complete: bool
    """True when the run has ended and no events follow."""
