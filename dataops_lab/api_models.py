"""What travels on the wire: the models of the REST API, of the typed client and of `--json`.

Instants are RFC 3339 in UTC, durations are seconds, sizes are bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    field_serializer,
    model_validator,
)

from .domain.environments import DockerSettings, Environment, ExecutorKind, Mount, Resources, RunLimits
from .domain.images import BuildRecipe, Deprecation, EarlierPin, Frozen, ImageTask, ImageTaskState, Login
from .domain.parameters import Parameter, ParameterType
from .domain.records import RecordFileKind
from .domain.retention import MOST, RetentionRule
from .domain.retries import Budget, charged, due_at
from .domain.runs import Attempt, AttemptState, Run, RunState
from .domain.secrets import Secret
from .domain.settings import MAX_CONCURRENCY, MAX_PRIORITY, MAX_RETRIES, MAX_TIMEOUT_S
from .domain.snapshots import Inspection, Severity
from .domain.variables import Variable
from .domain.versions import Version
from .services.configuration import Plan
from .services.image_tasks import AddImage
from .services.image_trials import TrialResult, TrialView
from .services.images import ImageChanges, ImageUsers, ImageView
from .services.installation import Overview
from .services.jobs import JobView
from .services.placement import Options
from .services.retention import Preview
from .services.runs import RunView

T = TypeVar("T")


def _rfc3339(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# A path of the contents API. No file system takes NUL.
ContentsPath = Annotated[str, Field(pattern=r"^[^\x00]*$")]
# Strict reading of JSON refuses dates in models that are also made from attributes.
Day = Annotated[dt.date, BeforeValidator(lambda it: dt.date.fromisoformat(it) if isinstance(it, str) else it)]
Instant = Annotated[dt.datetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]


class Model(BaseModel):
    model_config = ConfigDict(from_attributes=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _whole_numbers(cls, given: Any) -> Any:
        """1.0 is an integer in JSON, and no int in Python."""
        if not isinstance(given, dict):
            return given
        whole = {name for name, value in given.items() if isinstance(value, float) and value.is_integer()}
        return {name: int(value) if name in whole & _integers(cls) else value for name, value in given.items()}


@cache
def _integers(model: type[BaseModel]) -> set[str]:
    """The fields that take an integer, and no other number."""
    kinds = {name: set(_kinds(field.annotation)) for name, field in model.model_fields.items()}
    return {name for name, kind in kinds.items() if int in kind and float not in kind}


def _kinds(annotation: Any) -> Iterator[Any]:
    """Of `Annotated[int, …] | None` it is int and None; what lists and mappings hold is not looked at."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        for part in get_args(annotation):
            yield from _kinds(part)
    else:
        yield annotation


class Problem(BaseModel):
    """RFC 9457, sent as application/problem+json. `code` is stable; `detail` is the sentence for people."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    extra: dict[str, Any] = Field(default_factory=dict)


class ParameterModel(Model):
    name: str
    type: ParameterType
    default: Any = None
    required: bool = False
    nullable: bool = False
    description: str = ""
    choices: list[Any] = Field(default_factory=list)
    items: ParameterType | None = None

    @classmethod
    def of(cls, parameter: Parameter) -> ParameterModel:
        return cls.model_validate(parameter)


class FindingModel(Model):
    code: str
    severity: Severity
    message: str
    mend: str = ""
    cell: int | None = None


class KernelModel(Model):
    name: str
    language: str
    display_name: str


class OriginModel(Model):
    remote: str | None = None
    commit: str | None = None
    branch: str | None = None
    dirty: bool | None = None


class TravellingFileModel(Model):
    path: str
    size: int


class InspectionModel(Model):
    """What the form shows before a run. `files` holds the first 200 of `file_count`."""

    name: str
    source: str
    root: str
    notebook_path: str
    declares_parameters: bool
    parameters: list[ParameterModel]
    kernel: KernelModel | None
    kernel_problem: str | None
    kernels: list[str]
    files: list[TravellingFileModel]
    file_count: int
    file_bytes: int
    origin: OriginModel
    findings: list[FindingModel]
    code_cells: int

    @classmethod
    def of(cls, it: Inspection) -> InspectionModel:
        return cls(
            name=it.name,
            source=it.source,
            root=it.root,
            notebook_path=it.notebook_path,
            declares_parameters=it.parameters.declared,
            parameters=[ParameterModel.of(p) for p in it.parameters.parameters],
            kernel=KernelModel.model_validate(it.kernel) if it.kernel else None,
            kernel_problem=it.kernel_problem,
            kernels=list(it.kernels),
            files=[TravellingFileModel(path=f.path, size=f.size) for f in it.files[:200]],
            file_count=len(it.files),
            file_bytes=sum(f.size for f in it.files),
            origin=OriginModel.model_validate(it.origin),
            findings=[FindingModel.model_validate(f) for f in it.findings],
            code_cells=it.code_cells,
        )


class ResourcesModel(Model):
    """Null: as much as there is, or what the environment gives when nothing is asked for."""

    cpus: float | None = Field(default=None, gt=0, le=10_000)
    memory_bytes: int | None = Field(default=None, gt=0, le=1 << 50)
    pids: int | None = Field(default=None, gt=0, le=10_000_000)
    gpus: int | None = Field(default=None, ge=0, le=1_000)

    def to_domain(self) -> Resources:
        return Resources(**self.model_dump())


class InspectRequest(Model):
    """`path` is the notebook's path as Jupyter's contents API names it: below the server's root, POSIX."""

    path: ContentsPath
    kernel: str | None = None
    environment: str = "sandbox"
    """What would run there: with its kernels and variables."""
    image: str | None = Field(default=None, max_length=100)


Seconds = Annotated[float, Field(gt=0, le=MAX_TIMEOUT_S)]
Concurrency = Annotated[int, Field(ge=0, le=MAX_CONCURRENCY)]


class GivenSettingsModel(Model):
    """How runs are treated. Null: as the job says, else the default.

    Higher priorities come first. `max_retries` counts errors of the notebook, its own memory limit included,
    and its timeout too with `retry_on_timeout`. The clocks, in seconds: `queue_timeout_s` until the first start,
    `start_timeout_s` and `timeout_s` of each attempt, to start and to run, `total_timeout_s` all in all.
    """

    priority: int | None = Field(default=None, ge=-MAX_PRIORITY, le=MAX_PRIORITY)
    max_retries: int | None = Field(default=None, ge=0, le=MAX_RETRIES)
    retry_on_timeout: bool | None = None
    queue_timeout_s: Seconds | None = None
    start_timeout_s: Seconds | None = None
    timeout_s: Seconds | None = None
    total_timeout_s: Seconds | None = None

    def settings(self) -> dict[str, Any]:
        """By the names of the domain's GivenSettings."""
        return self.model_dump(include=set(GivenSettingsModel.model_fields))


class SubmitRequest(GivenSettingsModel):
    """`path` as in InspectRequest. `parameters` holds JSON values; what is not given keeps its default."""

    path: ContentsPath
    parameters: dict[str, Any] = Field(default_factory=dict)
    name: str | None = Field(default=None, max_length=200)
    environment: str = "sandbox"
    kernel: str | None = None
    image: str | None = Field(default=None, max_length=100)
    resources: ResourcesModel | None = None


class RerunRequest(Model):
    """The same version again; `parameters` replaces all of the earlier run's when given."""

    parameters: dict[str, Any] | None = None


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


class JobReference(Model):
    """`path` is the notebook's path below its workspace root, as the version has it."""

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


_PHASES = {
    AttemptState.CLAIMED: "starting",
    AttemptState.LAUNCHING: "starting",
    AttemptState.RUNNING: "running",
    AttemptState.FINALIZING: "finishing",
    AttemptState.CANCELLING: "cancelling",
    AttemptState.TIMING_OUT: "cancelling",
    AttemptState.UNCONFIRMED: "cancelling",
}


def phase_of(run: Run, attempts: Sequence[Attempt]) -> str:
    if run.state is RunState.ACTIVE and attempts:
        return _PHASES.get(attempts[-1].state, "finishing")
    if run.state is RunState.RETRY_WAIT:
        return "retrying"
    return "queued" if run.state is RunState.CREATED else str(run.state)


class RunImageModel(Model):
    """The image of a run as it was when the run was submitted: `digest` is what runs."""

    name: str
    reference: str
    digest: str


class RunModel(Model):
    """A run with everything a screen needs. `phase` is derived for people from run and attempt:
    queued, starting, running, finishing, cancelling, retrying or the run's terminal state."""

    id: str
    project: str
    job: JobReference
    version: VersionReference
    environment: str
    image: RunImageModel | None
    """Null where the environment has no images."""
    resources: ResourcesModel
    unpromoted: bool
    """It ran in a guarded environment without having been promoted there."""
    state: RunState
    phase: str
    reason: ReasonModel | None
    nothing_to_do: bool
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    created_by: str
    trigger: str
    cancel_requested_at: Instant | None
    cancel_requested_by: str | None
    rerun_of: str | None
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
    progress: ProgressModel
    attempts: list[AttemptModel]
    artifacts: list[ArtifactModel]
    digests: Digests
    origin: OriginModel
    findings: list[FindingModel]
    log_bytes: int | None
    """Size of the stored log; None before the record is stored."""
    kept_at: Instant | None
    kept_by: str | None
    """Who marked it as kept; nothing deletes it then."""
    damage: dict[str, str]
    """What was found to be no longer as it was stored, by path."""

    @property
    def is_terminal(self) -> bool:
        return self.state.is_terminal

    @classmethod
    def of(cls, view: RunView) -> RunModel:
        run, version, record, attempts = view.run, view.version, view.record, view.attempts
        last = attempts[-1] if attempts else None
        reason = run.reason or view.waits_because or (last.reason if last and run.state is RunState.ACTIVE else None)
        log = record.file(RecordFileKind.LOG) if record else None
        output = record.file(RecordFileKind.NOTEBOOK) if record else None
        return cls(
            id=run.id,
            project=run.project,
            job=JobReference(
                id=view.job.id, name=view.job.name, source=view.job.source, path=version.manifest.notebook_path
            ),
            version=VersionReference(digest=version.digest, number=version.number),
            environment=run.environment,
            image=RunImageModel(name=run.image.name, reference=run.image.reference, digest=run.image.digest)
            if run.image
            else None,
            resources=ResourcesModel.model_validate(run.resources),
            unpromoted=run.unpromoted,
            state=run.state,
            phase=phase_of(run, attempts),
            reason=ReasonModel.model_validate(reason) if reason else None,
            nothing_to_do=run.nothing_to_do,
            created_at=run.created_at,
            started_at=run.started_at,
            finished_at=run.finished_at,
            created_by=run.created_by,
            trigger=run.trigger,
            cancel_requested_at=run.cancel_requested_at,
            cancel_requested_by=run.cancel_requested_by,
            rerun_of=run.rerun_of,
            waits_because=ReasonModel.model_validate(view.waits_because) if view.waits_because else None,
            next_attempt_at=due_at(last) if last and run.state is RunState.RETRY_WAIT else None,
            **vars(run.settings),
            key=run.key,
            kernel=KernelModel.model_validate(run.kernel),
            parameters=run.parameters,
            parameter_schema=[ParameterModel.of(p) for p in version.manifest.parameters.parameters],
            values=record.values if record else {},
            progress=ProgressModel.model_validate(last.progress) if last else ProgressModel(),
            attempts=[AttemptModel.of(a) for a in attempts],
            artifacts=[ArtifactModel(path=f.path, size=f.size, digest=f.digest) for f in record.artifacts]
            if record
            else [],
            digests=Digests(
                version=version.digest,
                notebook=version.manifest.notebook_digest,
                output=output.digest if output else None,
                record=record.digest if record else None,
            ),
            origin=OriginModel.model_validate(run.origin),
            findings=[FindingModel.model_validate(f) for f in run.findings],
            log_bytes=log.size if log else None,
            kept_at=run.kept_at,
            kept_by=run.kept_by,
            damage=dict(record.damage) if record else {},
        )


class JobModel(GivenSettingsModel):
    """The settings are those of its runs for which a submission gives none. `concurrency`: how many of its runs may be
    active at once; null: as many as there are slots. `revision` counts the changes."""

    id: str
    name: str
    source: str
    concurrency: int | None
    revision: int
    created_at: Instant
    created_by: str
    last_run: RunModel | None = None

    @classmethod
    def of(cls, view: JobView) -> JobModel:
        job, last = view.job, view.last_run
        return cls(
            id=job.id,
            name=job.name,
            source=job.source,
            concurrency=job.concurrency,
            revision=job.revision,
            **vars(job.settings),
            created_at=job.created_at,
            created_by=job.created_by,
            last_run=RunModel.of(last) if last else None,
        )


class JobChanges(GivenSettingsModel):
    """What is not given stays as it is; null takes a setting back. With `revision` it is refused (409) when somebody
    else has changed the job since."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    concurrency: Concurrency | None = None
    revision: int | None = None


class ProjectModel(Model):
    """`concurrency`: how many of its runs may be active at once; null: as many as there are slots."""

    name: str
    concurrency: int | None


class ProjectChanges(Model):
    """As JobChanges."""

    concurrency: Concurrency | None = None


class VersionModel(Model):
    digest: str
    number: int
    created_at: Instant
    created_by: str
    notebook_path: str
    file_count: int
    origin: OriginModel

    @classmethod
    def of(cls, it: Version) -> VersionModel:
        return cls(
            digest=it.digest,
            number=it.number,
            created_at=it.created_at,
            created_by=it.created_by,
            notebook_path=it.manifest.notebook_path,
            file_count=len(it.manifest.files),
            origin=OriginModel.model_validate(it.origin),
        )


class PageModel(Model, Generic[T]):
    """`next` goes into `cursor` for the following page; null on the last one."""

    items: list[T]
    next: str | None = None


class VerificationModel(Model):
    """`damage` names what is not as it was stored, by path: files of the record, and inputs below `input/`."""

    run: str
    damage: dict[str, str]


class RetentionRuleModel(Model):
    """Keeps the runs of the last `days` days, and of each job the newest `last` ones; the others go.

    Null limits keep nothing by themselves; a rule without any limit keeps all. Null for `environment` or `state` is
    for those that have no rule of their own.
    """

    environment: str | None = Field(default=None, min_length=1, max_length=100)
    state: RunState | None = None
    days: int | None = Field(default=None, ge=0, le=MOST)
    last: int | None = Field(default=None, ge=0, le=MOST)

    def to_domain(self) -> RetentionRule:
        return RetentionRule(self.environment, self.state, days=self.days, last=self.last)


class RetentionModel(Model):
    """All rules."""

    rules: list[RetentionRuleModel] = Field(max_length=1000)

    @classmethod
    def of(cls, rules: Sequence[RetentionRule]) -> RetentionModel:
        return cls(rules=[RetentionRuleModel.model_validate(rule) for rule in rules])

    def to_domain(self) -> list[RetentionRule]:
        return [rule.to_domain() for rule in self.rules]


class PreviewRequest(Model):
    """Null for the rules there are."""

    rules: list[RetentionRuleModel] | None = Field(default=None, max_length=1000)


class DueRunModel(Model):
    id: str
    job: str
    environment: str
    state: RunState
    finished_at: Instant | None


class PreviewModel(Model):
    """What would go: `count` runs, of which `oldest` names the first hundred; `bytes` are those that only they need."""

    count: int
    oldest: list[DueRunModel]
    bytes: int

    @classmethod
    def of(cls, it: Preview) -> PreviewModel:
        oldest = [
            DueRunModel(
                id=run.id, job=job.name, environment=run.environment, state=run.state, finished_at=run.finished_at
            )
            for run, job in it.oldest
        ]
        return cls(count=it.count, oldest=oldest, bytes=it.bytes)


class RemovedModel(Model):
    """What went. `bytes` are those of the blobs."""

    runs: int
    versions: int
    blobs: int
    bytes: int


class EngineStatus(Model):
    """`pid` and `since` are null while no engine leads."""

    pid: int | None
    leading: bool
    since: Instant | None


class Status(Model):
    version: str
    user: str
    home: str
    engine: EngineStatus
    queued: int
    running: int
    may_administer: bool
    """Whether this person may change environments, variables, secrets and images."""

    @classmethod
    def of(cls, seen: Overview, *, user: str, home: str, may_administer: bool) -> Status:
        leader = seen.leader
        return cls(
            version=version("dataops-lab"),
            user=user,
            home=home,
            engine=EngineStatus(
                pid=leader.process.pid if leader else None,
                leading=leader is not None,
                since=leader.since if leader else None,
            ),
            queued=seen.queued,
            running=seen.running,
            may_administer=may_administer,
        )


class JournalPage(Model):
    """Journal events (see runner/protocol.py) after a sequence number; `last_seq` is the last one of this page.

    `attempt` is the run's latest (0 before the first); each attempt counts its events from 1.
    """

    attempt: int
    events: list[dict[str, Any]]
    last_seq: int
    complete: bool
    """The run has ended and nothing follows."""


# --- environments -------------------------------------------------------------------------------


class LimitsModel(Model):
    """`resources` are both the most that a run may ask for and what it gets when it asks for nothing.

    `concurrency`: attempts that may be alive at once.
    """

    resources: ResourcesModel = ResourcesModel()
    timeout_s: float | None = Field(default=None, gt=0, le=72 * 3600)
    concurrency: int | None = Field(default=None, gt=0, le=100_000)


class MountModel(Model):
    """A folder of the executor's host, seen in containers at `target`."""

    source: str = Field(max_length=4000)
    target: str = Field(max_length=4000)
    read_only: bool = True


class DockerModel(Model):
    """`host` null: this machine's daemon. `user`: numbers, never root. `warm`: containers that stand ready."""

    host: str | None = Field(default=None, max_length=400)
    user: str = "1000:1000"
    warm: int = Field(default=0, ge=0, le=20)


class EnvironmentSettings(Model):
    """What is left out is as it is by default. `position` in promotion order, from 0; null: last, or as it is.

    `images` names those of the catalogue that are allowed. `locked` names settings of a run that nobody may
    choose: image, kernel, resources, timeout_s. `guarded`: until something was promoted, only administrators run here.
    """

    position: int | None = Field(default=None, ge=0, le=1_000)
    executor: ExecutorKind = ExecutorKind.PROCESS
    description: str = Field(default="", max_length=2000)
    docker: DockerModel = DockerModel()
    limits: LimitsModel = LimitsModel()
    images: list[str] = Field(default_factory=list, max_length=500)
    default_image: str | None = None
    network: bool = True
    mounts: list[MountModel] = Field(default_factory=list, max_length=100)
    locked: list[str] = Field(default_factory=list, max_length=20)
    guarded: bool = False

    def to_domain(self, name: str, *, position: int) -> Environment:
        """`position` is for when none is given."""
        return Environment(
            name=name,
            position=position if self.position is None else self.position,
            executor=self.executor,
            description=self.description,
            docker=DockerSettings(**self.docker.model_dump()),
            limits=RunLimits(
                resources=self.limits.resources.to_domain(),
                timeout_s=self.limits.timeout_s,
                concurrency=self.limits.concurrency,
            ),
            images=tuple(self.images),
            default_image=self.default_image,
            network=self.network,
            mounts=tuple(Mount(**mount.model_dump()) for mount in self.mounts),
            locked=tuple(self.locked),
            guarded=self.guarded,
        )


class EnvironmentRequest(EnvironmentSettings):
    """A new environment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")


class EnvironmentChange(EnvironmentSettings):
    """All of its settings anew. With `revision`, 409 when somebody has changed it since."""

    revision: int | None = None


class EnvironmentModel(EnvironmentSettings):
    """`not_enforced` names the limits that its executor cannot hold a run to, whatever they are set to:
    cpus, memory_bytes, pids, gpus, network."""

    name: str
    position: int
    revision: int
    changed_at: Instant | None
    changed_by: str | None
    not_enforced: list[str]

    @classmethod
    def of(cls, it: Environment) -> EnvironmentModel:
        return cls.model_validate(it)


class VariableValue(Model):
    """At most 64,000 bytes as UTF-8."""

    value: str


class VariableModel(Model):
    environment: str
    name: str
    value: str
    changed_at: Instant
    changed_by: str

    @classmethod
    def of(cls, it: Variable) -> VariableModel:
        return cls.model_validate(it)


class SecretValue(Model):
    """Of text; at most 64,000 bytes as UTF-8."""

    value: SecretStr

    @field_serializer("value", when_used="json")
    def _in_clear(self, value: SecretStr) -> str:
        # On its way to the server, and nowhere else: what the API answers has no value.
        return value.get_secret_value()


class SecretModel(Model):
    """Never with its value. `version` counts how often it was set; `is_set` false: it is expected here, and
    runs are refused until it is set."""

    environment: str
    name: str
    version: int
    is_set: bool
    changed_at: Instant
    changed_by: str

    @classmethod
    def of(cls, it: Secret, environment: str) -> SecretModel:
        return cls(
            environment=environment,
            name=it.name,
            version=it.version,
            is_set=it.is_set,
            changed_at=it.changed_at,
            changed_by=it.changed_by,
        )


class ImageOption(Model):
    """`problems` say why it cannot be chosen here; empty when it can."""

    name: str
    description: str
    reference: str
    digest: str
    is_default: bool
    problems: list[str]
    warnings: list[str]
    python: str | None
    kernels: list[KernelModel]


class PlacementModel(Model):
    """What this person may choose in an environment, for the form. `problem` says why they cannot run there."""

    environment: str
    description: str
    executor: ExecutorKind
    guarded: bool
    problem: str | None
    unpromoted: bool
    """A run there would be marked so."""
    images: list[ImageOption]
    default_image: str | None
    limits: LimitsModel
    locked: list[str]
    network: bool
    not_enforced: list[str]

    @classmethod
    def of(cls, it: Options) -> PlacementModel:
        environment = it.environment
        return cls(
            environment=environment.name,
            description=environment.description,
            executor=environment.executor,
            guarded=environment.guarded,
            problem=it.problem,
            unpromoted=environment.guarded,
            images=[
                ImageOption(
                    name=option.image.name,
                    description=option.image.description,
                    reference=option.image.reference,
                    digest=option.image.digest,
                    is_default=option.image.name == it.default_image,
                    problems=list(option.problems),
                    warnings=list(option.warnings),
                    python=option.image.probe.python if option.image.probe else None,
                    kernels=[KernelModel.model_validate(k) for k in option.image.probe.kernels]
                    if option.image.probe
                    else [],
                )
                for option in it.images
            ],
            default_image=it.default_image,
            limits=LimitsModel.model_validate(environment.limits),
            locked=list(environment.locked),
            network=environment.network,
            not_enforced=list(environment.not_enforced),
        )


# --- images -------------------------------------------------------------------------------------


class DeprecationModel(Model):
    """From the day `on` new runs are refused; before it they are warned. `successor` is a name of the catalogue."""

    on: Day
    successor: str | None = None
    message: str = Field(default="", max_length=500)


class ImageProbeModel(Model):
    """What was found in a container of it. A run is refused while there are `problems`; each names its mend."""

    probed_at: Instant
    python: str | None
    papermill: str | None
    kernels: list[KernelModel]
    packages: dict[str, str]
    user: str
    cuda: str | None
    problems: list[str]


class EarlierPinModel(Model):
    digest: str
    reference: str
    until: Instant
    by: str

    @classmethod
    def of(cls, it: EarlierPin) -> EarlierPinModel:
        return cls(digest=it.pinned.digest, reference=it.reference, until=it.until, by=it.by)


class ImageModel(Model):
    """An image of the catalogue. `reference` is what was asked for, `digest` what runs. `user` is as the image
    says, empty for root; containers run as another one unless `root_allowed`. `environments` allow it. `base` is what
    it was built from here."""

    name: str
    reference: str
    base: str | None
    digest: str
    id: str
    platform: str
    size_bytes: int
    user: str
    host: str | None
    added_at: Instant
    added_by: str
    description: str
    tags: list[str]
    is_default: bool
    root_allowed: bool
    deprecated: DeprecationModel | None
    probe: ImageProbeModel | None
    environments: list[str]
    earlier: list[EarlierPinModel]
    revision: int

    @classmethod
    def of(cls, view: ImageView) -> ImageModel:
        it = view.image
        return cls(
            name=it.name,
            reference=it.reference,
            base=it.base,
            digest=it.digest,
            id=it.pinned.id,
            platform=it.pinned.platform,
            size_bytes=it.pinned.size_bytes,
            user=it.pinned.user,
            host=it.host,
            added_at=it.added_at,
            added_by=it.added_by,
            description=it.description,
            tags=list(it.tags),
            is_default=it.is_default,
            root_allowed=it.root_allowed,
            deprecated=DeprecationModel.model_validate(it.deprecated) if it.deprecated else None,
            probe=ImageProbeModel.model_validate(it.probe) if it.probe else None,
            environments=list(view.environments),
            earlier=[EarlierPinModel.of(pin) for pin in it.earlier],
            revision=it.revision,
        )


class AddImageRequest(Model):
    """The name of an image that is there gives it a new pin, and keeps what is not given here. `environment`: its
    daemon gets the image, and it is allowed there. `pull`: ask the registry also when the daemon has the reference."""

    name: str = Field(max_length=100)
    reference: str = Field(max_length=500)
    environment: str | None = None
    description: str | None = None
    tags: list[str] | None = None
    root_allowed: bool | None = None
    pull: bool = False

    def to_domain(self) -> AddImage:
        return AddImage(**self.model_dump(exclude={"tags"}), tags=_tuple(self.tags))


class ChangeImageRequest(Model):
    """What is left out stays; `deprecated` null takes the deprecation back."""

    description: str | None = None
    tags: list[str] | None = None
    is_default: bool | None = None
    root_allowed: bool | None = None
    deprecated: DeprecationModel | None = None

    def to_domain(self) -> ImageChanges:
        taken_back = "deprecated" in self.model_fields_set and self.deprecated is None
        deprecated = Deprecation(**self.deprecated.model_dump()) if self.deprecated else None
        return ImageChanges(
            description=self.description,
            tags=_tuple(self.tags),
            is_default=self.is_default,
            root_allowed=self.root_allowed,
            deprecated=False if taken_back else deprecated,
        )


class BuildImageRequest(Model):
    """A new image `name` from `base`, a name of the catalogue or a reference, with what one of `requirements` and
    `environment_yml` (the texts of such files) or the packages of a `kernel` of this machine says.

    `variables` are for the installer alone, as PIP_INDEX_URL, and are not in the image."""

    name: str = Field(max_length=100)
    base: str = Field(max_length=500)
    requirements: str = ""
    environment_yml: str = ""
    kernel: str | None = None
    variables: dict[str, str] = Field(default_factory=dict)
    network: str | None = Field(default=None, max_length=100)
    environment: str | None = None
    description: str | None = None
    tags: list[str] | None = None

    def to_domain(self) -> tuple[AddImage, BuildRecipe]:
        asked = AddImage(self.name, "", self.environment, self.description, _tuple(self.tags))
        recipe = BuildRecipe(self.base, self.requirements, self.environment_yml, self.kernel)
        return asked, replace(recipe, variables=self.variables, network=self.network)


def _tuple(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


class ImageTaskError(Model):
    code: str
    message: str
    detail: dict[str, Any] = Field(default_factory=dict)


class ImageTaskModel(Model):
    """Adding, probing or building, `kind`. `log` is what it said behind the first `after` characters, `log_size`
    counts all: it goes into `after` the next time. Empty in lists."""

    id: str
    kind: str
    image: str
    state: ImageTaskState
    created_at: Instant
    created_by: str
    finished_at: Instant | None
    error: ImageTaskError | None
    log: str = ""
    log_size: int = 0

    @property
    def is_terminal(self) -> bool:
        return self.state is not ImageTaskState.RUNNING

    @classmethod
    def of(cls, it: ImageTask, log: str = "", log_size: int = 0) -> ImageTaskModel:
        return cls(
            id=it.id,
            kind=it.kind,
            image=it.image,
            state=it.state,
            created_at=it.created_at,
            created_by=it.created_by,
            finished_at=it.finished_at,
            error=ImageTaskError.model_validate(it.error) if it.error else None,
            log=log,
            log_size=log_size,
        )


class ImageCheckModel(Model):
    """`present`: the daemon has it. `moved_to`: what its reference stands for now, when that is something else."""

    present: bool
    moved_to: str | None
    problem: str | None


class ImageJobModel(Model):
    """A job that ran on the image, how often, and its newest run there."""

    id: str
    name: str
    source: str
    runs: int
    last_run: str
    last_state: RunState
    last_at: Instant


class ImageUsersModel(Model):
    """Who uses an image: environments that allow it, jobs that ran on it in the last `days`, unfinished runs."""

    days: int
    environments: list[str]
    jobs: list[ImageJobModel]
    unfinished: int

    @classmethod
    def of(cls, it: ImageUsers) -> ImageUsersModel:
        return cls(
            days=it.days,
            environments=list(it.environments),
            unfinished=it.unfinished,
            jobs=[
                ImageJobModel(
                    id=on.job.id,
                    name=on.job.name,
                    source=on.job.source,
                    runs=on.runs,
                    last_run=on.last.id,
                    last_state=on.last.state,
                    last_at=on.last.created_at,
                )
                for on in it.jobs
            ],
        )


class LoginRequest(Model):
    """To a registry of images. The password may be a token; it is sealed, and never shown again."""

    username: str = Field(min_length=1, max_length=10_000)
    password: str = Field(min_length=1, max_length=10_000)

    def to_domain(self) -> Login:
        return Login(self.username, self.password)


class RegistryModel(Model):
    """A registry to which there is a login."""

    registry: str
    changed_at: Instant
    changed_by: str

    @classmethod
    def of(cls, it: Secret) -> RegistryModel:
        return cls(registry=it.name, changed_at=it.changed_at, changed_by=it.changed_by)


class FrozenModel(Model):
    """The packages of a kernel of this machine as pip requirements. `left_out` names those that no other machine
    can install, with why not."""

    kernel: str
    python: str
    requirements: list[str]
    left_out: dict[str, str]

    @classmethod
    def of(cls, it: Frozen) -> FrozenModel:
        return cls(kernel=it.kernel, python=it.python, requirements=list(it.requirements), left_out=dict(it.left_out))


class TrialRequest(Model):
    """Try `image` with the given `jobs` (ids), or with those that ran on the image `instead_of` in the last `days`."""

    image: str
    instead_of: str | None = None
    jobs: list[str] = Field(default_factory=list, max_length=200)
    days: int = Field(default=30, ge=1, le=3650)
    environment: str = "sandbox"

    def choice(self) -> dict[str, Any]:
        return self.model_dump(exclude={"image"})


class TrialRunModel(Model):
    id: str
    state: RunState
    image: str | None
    duration_s: float | None
    reason: ReasonModel | None

    @classmethod
    def of(cls, view: RunView) -> TrialRunModel:
        run = view.run
        took = run.finished_at - run.started_at if run.finished_at and run.started_at else None
        return cls(
            id=run.id,
            state=run.state,
            image=run.image.name if run.image else None,
            duration_s=took.total_seconds() if took is not None else None,
            reason=ReasonModel.model_validate(run.reason) if run.reason else None,
        )


class ValueChangeModel(Model):
    name: str
    before: Any = None
    after: Any = None


class TrialResultModel(Model):
    """`after` is null where the job could not be tried; `refused` says why."""

    job_id: str
    job_name: str
    before: TrialRunModel
    after: TrialRunModel | None
    changes: list[ValueChangeModel]
    refused: str | None

    @classmethod
    def of(cls, it: TrialResult) -> TrialResultModel:
        return cls(
            job_id=it.before.job.id,
            job_name=it.before.job.name,
            before=TrialRunModel.of(it.before),
            after=TrialRunModel.of(it.after) if it.after else None,
            changes=[ValueChangeModel.model_validate(change) for change in it.changes],
            refused=it.refused,
        )


class ImageTrialModel(Model):
    """`complete`: every run has ended."""

    id: str
    image: str
    digest: str
    created_at: Instant
    created_by: str
    complete: bool
    results: list[TrialResultModel]

    @classmethod
    def of(cls, view: TrialView) -> ImageTrialModel:
        return cls(
            id=view.trial.id,
            image=view.trial.image.name,
            digest=view.trial.image.digest,
            created_at=view.trial.created_at,
            created_by=view.trial.created_by,
            complete=view.complete,
            results=[TrialResultModel.of(it) for it in view.results],
        )


# --- configuration ------------------------------------------------------------------------------


class ConfigurationRequest(Model):
    """`text` is a `dataops.yaml`. With `state`, that of a dry run, 409 when something was changed since."""

    text: str = Field(max_length=1_000_000)
    dry_run: bool = False
    state: str | None = None


class ConfigurationChange(Model):
    """`field` is as in the file, with dots; empty for a whole environment. Null: it is not there."""

    environment: str
    field: str
    before: Any
    after: Any


class ConfigurationPlan(Model):
    """What changes, or has changed. `remaining` are commands for what no file brings along: values of secrets,
    images that the catalogue does not have."""

    changes: list[ConfigurationChange]
    state: str
    remaining: list[str]
    applied: bool

    @classmethod
    def of(cls, it: Plan) -> ConfigurationPlan:
        return cls(
            changes=[ConfigurationChange.model_validate(change) for change in it.changes],
            state=it.state,
            remaining=list(it.remaining),
            applied=it.applied,
        )
