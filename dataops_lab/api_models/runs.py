from __future__ import annotations

from typing import Any

from pydantic import Field

from ..domain.environments import Resources
from ..domain.inputs import RunFiles
from ..domain.jobs import JobKind
from ..domain.records import RecordFileKind
from ..domain.retries import Budget, charged, due_at
from ..domain.runs import SUMMARY_TEXT, Attempt, AttemptState, RunState, RunSummary, TriggerKind
from ..services.placement import Elsewhere
from ..services.runs import MAX_ROWS, RunView, summary_of
from .base import ActorModel, ContentsPath, Instant, Model
from .environments import ResourcesModel
from .notebooks import FindingModel, KernelModel, OriginModel, ParameterModel
from .settings import GivenSettingsModel


class SubmitRequest(GivenSettingsModel):
    """`path` as in InspectRequest. `parameters` holds JSON values; what is not given keeps its default."""

    path: ContentsPath
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: str | None = Field(default=None, max_length=200)
    environment: str = "sandbox"
    kernel: str | None = None
    image: str | None = Field(default=None, max_length=100)
    resources: ResourcesModel | None = None
    pinned: list[str] | None = None
    """From now on the job's patterns of pinned files, see JobModel; null: those that it has."""


class BatchRequest(SubmitRequest):
    """A submission with many rows of parameters, a run for each. What a row gives overrides `parameters`."""

    rows: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_ROWS)


class RerunRequest(Model):
    """The same version again; `parameters` replaces all of the earlier run's when given.

    In the same environment, and in the same image by its digest, where no other one is given.
    """

    parameters: dict[str, Any] | None = None
    environment: str | None = None
    image: str | None = Field(default=None, max_length=100)
    resources: ResourcesModel | None = None

    def elsewhere(self) -> Elsewhere:
        resources = self.resources.to_domain() if self.resources else Resources()
        return Elsewhere(self.environment, self.image, resources)


class ReasonModel(Model):
    """Why a run ended so, or why it waits. For a failing cell `detail` holds cell, ename, evalue, traceback."""

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
    """From which another attempt after this one is taken, if there is any left; null when it did not go wrong."""
    progress: ProgressModel
    peak_memory_bytes: int | None
    cpu_seconds: float | None

    @classmethod
    def of(cls, it: Attempt) -> AttemptModel:
        return cls(
            number=it.number,
            state=it.state,
            created_at=it.created_at,
            started_at=it.started_at,
            finished_at=it.finished_at,
            reason=ReasonModel.model_validate(it.reason) if it.reason else None,
            budget=charged(it.state, it.reason),
            progress=ProgressModel.model_validate(it.progress),
            peak_memory_bytes=it.usage.peak_memory_bytes,
            cpu_seconds=it.usage.cpu_seconds,
        )


class ArtifactModel(Model):
    path: str
    size: int
    digest: str


class InputModel(Model):
    """A file that a run finds. `fresh`: taken when the run was made; otherwise it belongs to the version."""

    path: str
    size: int
    digest: str
    fresh: bool


class InputsModel(Model):
    """What a run finds beside its notebook, by path below the root. `digest` names all that is fresh, null for none."""

    digest: str | None
    files: list[InputModel]

    @classmethod
    def of(cls, it: RunFiles) -> InputsModel:
        found = [(file, False) for file in it.files] + [(file, True) for file in it.inputs.files]
        return cls(
            digest=it.inputs.digest,
            files=[
                InputModel(path=file.path, size=file.size, digest=file.digest, fresh=fresh)
                for file, fresh in sorted(found, key=lambda pair: pair[0].path)
            ],
        )


class JobReference(Model):
    """`path` is the path of the notebook below the root of its workspace, `source` where this machine saw it last."""

    id: str
    name: str
    source: str
    path: str


class VersionReference(Model):
    digest: str
    number: int


class Digests(Model):
    version: str
    notebook: str
    output: str | None = None
    record: str | None = None
    inputs: str | None = None
    """Of all that the run took fresh; null where that is nothing."""


class RunImageModel(Model):
    """The image of a run as it was when the run was submitted: `digest` is what runs."""

    name: str
    reference: str
    digest: str


class TriggerModel(Model):
    """Why there is the run. `ref` names what it follows from: of a rerun and a trial the earlier run."""

    kind: TriggerKind
    ref: str | None


class ParentModel(Model):
    """The id of a run, and the key that one of its parts has there."""

    id: str
    key: str


class RunBase(Model):
    """Name what a summary of a run and the whole run have in common."""

    id: str
    project: str
    job: JobReference
    version: VersionReference
    environment: str
    kind: JobKind
    image: RunImageModel | None
    """Null where the environment has no images."""
    state: RunState
    phase: str
    attempt: int
    """Number of the latest attempt; 0 before the first."""
    progress: ProgressModel
    reason: ReasonModel | None
    nothing_to_do: bool
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
    """Counts the changes: of two answers the one with the higher revision is newer."""

    @property
    def job_name(self) -> str:
        return self.job.name

    @property
    def is_terminal(self) -> bool:
        return self.state.is_terminal

    def summary(self) -> RunSummaryModel:
        reason = ReasonModel(code=self.reason.code, message=self.reason.message[:SUMMARY_TEXT]) if self.reason else None
        return RunSummaryModel(**{name: getattr(self, name) for name in RunBase.model_fields} | {"reason": reason})


class RunSummaryModel(RunBase):
    """A run as lists and the event stream have it: of bounded size, whatever its notebook wrote.

    `phase` is derived for people from run and attempt: queued, starting, running, finishing, cancelling, retrying or
    the run's terminal state. The message of `reason` is cut, and its `detail` is empty.
    """

    @classmethod
    def of(cls, run: RunSummary) -> RunSummaryModel:
        return cls(**_common(run))


def _common(run: RunSummary) -> dict[str, Any]:
    image = run.image
    return {
        **{name: value for name, value in vars(run).items() if name in RunBase.model_fields},
        "job": JobReference(id=run.job_id, name=run.job_name, source=run.source, path=run.path),
        "version": VersionReference(digest=run.version_digest, number=run.version_number),
        "image": RunImageModel(name=image.name, reference=image.reference, digest=image.digest) if image else None,
        "phase": run.phase,
        "created_by": ActorModel.of(run.created_by),
        "trigger": TriggerModel.model_validate(run.trigger),
        "parent": ParentModel(id=run.parent_id, key=run.parent_key or "") if run.parent_id else None,
        "progress": ProgressModel.model_validate(run.progress),
        "reason": ReasonModel.model_validate(run.reason) if run.reason else None,
    }


class RunModel(RunBase):
    """A run with everything that a screen needs: a summary with more, and with all of its `reason`."""

    resources: ResourcesModel
    unpromoted: bool
    """It ran in a guarded environment without having been promoted there."""
    cancel_requested_by: ActorModel | None
    waits_because: ReasonModel | None
    """While it is queued."""
    next_attempt_at: Instant | None
    """While it waits for its next attempt: when it is queued again."""
    priority: int
    max_retries: int
    retry_on_timeout: bool
    queue_timeout_s: float
    start_timeout_s: float
    timeout_s: float
    total_timeout_s: float
    key: str | None
    kernel: KernelModel
    parameters: dict[str, Any]
    """Those given; the others keep their defaults, see `parameter_schema`."""
    parameter_schema: list[ParameterModel]
    values: dict[str, Any]
    attempts: list[AttemptModel]
    artifacts: list[ArtifactModel]
    digests: Digests
    origin: OriginModel
    findings: list[FindingModel]
    log_bytes: int | None
    """Size of the stored log; None before the record is stored."""
    kept_by: ActorModel | None
    """Who marked it as kept; nothing deletes it then."""
    damage: dict[str, str]
    """What was found to be no longer as it was stored, by path."""

    @classmethod
    def of(cls, view: RunView) -> RunModel:
        run, version, record, attempts = view.run, view.version, view.record, view.attempts
        last = attempts[-1] if attempts else None
        reason = run.reason or view.waits_because or (last.reason if last and run.state is RunState.ACTIVE else None)
        log = record.file(RecordFileKind.LOG) if record else None
        output = record.file(RecordFileKind.NOTEBOOK) if record else None
        summary = _common(summary_of(view)) | {
            "reason": ReasonModel.model_validate(reason) if reason else None,
        }
        return cls(
            **summary,
            resources=ResourcesModel.model_validate(run.resources),
            unpromoted=run.unpromoted,
            cancel_requested_by=ActorModel.of(run.cancel_requested_by) if run.cancel_requested_by else None,
            waits_because=ReasonModel.model_validate(view.waits_because) if view.waits_because else None,
            next_attempt_at=due_at(last) if last and run.state is RunState.RETRY_WAIT else None,
            **vars(run.settings),
            key=run.key,
            kernel=KernelModel.model_validate(run.kernel),
            parameters=run.parameters,
            parameter_schema=[ParameterModel.of(p) for p in version.manifest.parameters.parameters],
            values=record.values if record else {},
            attempts=[AttemptModel.of(a) for a in attempts],
            artifacts=[ArtifactModel(path=f.path, size=f.size, digest=f.digest) for f in record.artifacts]
            if record
            else [],
            digests=Digests(
                version=version.digest,
                notebook=version.manifest.notebook_digest,
                output=output.digest if output else None,
                record=record.digest if record else None,
                inputs=run.inputs_digest,
            ),
            origin=OriginModel.model_validate(run.origin),
            findings=[FindingModel.model_validate(f) for f in run.findings],
            log_bytes=log.size if log else None,
            kept_by=ActorModel.of(run.kept_by) if run.kept_by else None,
            damage=dict(record.damage) if record else {},
        )


class BatchModel(Model):
    """The runs of a batch, in the order of its rows."""

    runs: list[RunSummaryModel]
    created: int
    """How many of them are new; the others were there already, under their keys."""


class VerificationModel(Model):
    """`damage` names what is not as it was stored, by path: files of the record, and inputs below `input/`."""

    run: str
    damage: dict[str, str]


class JournalPage(Model):
    """Journal events (see runner/protocol.py) after a sequence number; `last_seq` is the last one of this page.

    `attempt` is the run's latest (0 before the first); each attempt counts its events from 1.
    """

    attempt: int
    events: list[dict[str, Any]]
    last_seq: int
    complete: bool
    """The run has ended and nothing follows."""
