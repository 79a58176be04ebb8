"""Pipelines: the check of a file, the text of a new one, and the steps of a run."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from ..domain.pipelines import MAX_STEPS, FilesFrom, RunIf, Step, StepKind, StepState, StepStatus
from ..domain.repairs import Fate, RepairWish, StepRepair
from ..domain.reuse import ReuseFate
from ..ports.pipelines import FileProblem, Guess, ImportNote, NoteKind
from ..services.pipeline_files import NewFile, Validation
from ..services.pipeline_imports import ImportedFile
from .base import ActorModel, ContentsPath, Instant, Model
from .runs import ReasonModel

if TYPE_CHECKING:
    from ..domain.fan_outs import ItemCounts
    from ..services.item_tables import ItemTable
    from ..services.pipelines import StepView
    from ..services.repairs import PlannedRepair
    from ..services.reuse import StepReuse

MAX_CONTENT = 1_000_000
MAX_COMMENT = 2_000


class ValidateRequest(Model):
    """A pipeline's file to check. `path` is as in InspectRequest; `content` is checked in place of the file's own."""

    path: ContentsPath
    content: str | None = Field(default=None, max_length=MAX_CONTENT)
    environment: str = "sandbox"
    """The environment where it would run, with its images."""


class PipelineProblemModel(Model):
    """Something wrong with a pipeline's file. Line and column count from 1; `step` is the step that has the problem."""

    message: str
    line: int
    column: int
    step: str | None

    @classmethod
    def from_domain(cls, problem: FileProblem) -> PipelineProblemModel:
        return cls.model_validate(problem)


class StepFilesModel(Model):
    """Files that the step `from` leaves, as patterns, and the folder into which they go: null for `inputs/<step>`."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    giver: Annotated[str, Field(alias="from")]
    paths: list[str]
    into: str | None

    @classmethod
    def from_domain(cls, files: FilesFrom) -> StepFilesModel:
        return cls(giver=files.step, paths=list(files.paths), into=files.into)


class ItemCountsModel(Model):
    """The items of a fan-out, counted. `failed` are those that ended in another way than succeeded."""

    total: int
    succeeded: int
    failed: int
    active: int
    waiting: int

    @classmethod
    def from_domain(cls, counts: ItemCounts) -> ItemCountsModel:
        return cls.model_validate(counts)


class ApprovalModel(Model):
    """The question of an approval step. `who` are ids of actors; none: everybody who may run there.

    `may_decide` is about the person who asks, and false when nothing is to be decided.
    """

    ask: str
    who: list[str]
    may_decide: bool
    decided_by: ActorModel | None
    decided_at: Instant | None
    comment: str


class StepModel(Model):
    """A step of a pipeline run. Before a run its state is `waiting`, or `disabled` where it would not run.

    `path` is that of its notebook or script from the folder of the pipeline's file. `run_id` is null for a fan-out,
    whose runs `GET /runs?parent=…&step=…` lists.
    """

    id: str
    title: str
    kind: StepKind
    path: str | None
    command: list[str]
    needs: list[str]
    run_if: RunIf
    condition: str | None
    """The expression after `if`."""
    for_each: bool
    """True for a fan-out."""
    files: list[StepFilesModel]
    disabled: bool
    """True when the file disables the step. One that cannot run because of it has the state `disabled`, not this."""
    state: StepState
    reason: ReasonModel | None
    with_failures: bool
    nothing_to_do: bool
    run_id: str | None
    taken_from: str | None
    """The pipeline run from which a repair took the result of this step, or of some of its items."""
    job_id: str | None
    items: ItemCountsModel | None
    """The counts of a fan-out that has started."""
    started_at: Instant | None
    finished_at: Instant | None
    run_started_at: Instant | None
    """The time at which its run left the queue; null for a fan-out."""
    expected_s: float | None
    """The seconds that the step is expected to take: the median of its last successes on the same image."""
    due_at: Instant | None
    """The time at which an approval expires."""
    approval: ApprovalModel | None

    @classmethod
    def from_domain(cls, view: StepView) -> StepModel:
        return _step(
            view.step,
            view.status,
            run_id=view.run_id,
            job_id=view.job_id,
            counts=view.counts,
            may_decide=view.may_decide,
            run_started_at=view.run_started_at,
            expected_s=view.expected_s,
        )

    @classmethod
    def before_run(cls, step: Step, status: StepStatus | None) -> StepModel:
        return _step(step, status or StepStatus())


def _step(
    step: Step,
    status: StepStatus,
    *,
    run_id: str | None = None,
    job_id: str | None = None,
    counts: ItemCounts | None = None,
    may_decide: bool = False,
    run_started_at: dt.datetime | None = None,
    expected_s: float | None = None,
) -> StepModel:
    approval = None
    if step.approval is not None:
        approval = ApprovalModel(
            ask=step.approval.ask,
            who=list(step.approval.who),
            may_decide=may_decide,
            decided_by=ActorModel.from_domain(status.decided_by) if status.decided_by else None,
            decided_at=status.decided_at,
            comment=status.comment,
        )
    return StepModel(
        id=step.id,
        title=step.title,
        kind=step.kind,
        path=step.path,
        command=list(step.command),
        needs=list(step.needs),
        run_if=step.run_if,
        condition=step.condition,
        for_each=step.for_each is not None,
        files=[StepFilesModel.from_domain(files) for files in step.files],
        disabled=step.disabled,
        state=status.state,
        reason=ReasonModel.model_validate(status.reason) if status.reason else None,
        with_failures=status.with_failures,
        nothing_to_do=status.nothing_to_do,
        run_id=run_id,
        taken_from=status.taken_from,
        job_id=job_id,
        items=ItemCountsModel.from_domain(counts) if counts else None,
        started_at=status.started_at,
        finished_at=status.finished_at,
        run_started_at=run_started_at,
        expected_s=expected_s,
        due_at=status.due_at,
        approval=approval,
    )


class ValidationModel(Model):
    """The result of the check of a pipeline's file. Without `problems` it can run.

    `steps` are in the order of the file. There are none where the file cannot be read as a pipeline.
    """

    title: str
    problems: list[PipelineProblemModel]
    steps: list[StepModel]

    @classmethod
    def from_domain(cls, found: Validation) -> ValidationModel:
        pipeline = found.reading.pipeline
        steps = pipeline.steps if pipeline else ()
        return cls(
            title=pipeline.title if pipeline else "",
            problems=[PipelineProblemModel.from_domain(problem) for problem in found.problems],
            steps=[StepModel.before_run(step, found.statuses.get(step.id)) for step in steps],
        )


class SuggestRequest(Model):
    """Notebooks and scripts for a new pipeline. Paths are as in InspectRequest.

    `folder` is that of the new file; null: the deepest that holds all of `paths`, of which there is one then.
    """

    paths: list[ContentsPath] = Field(max_length=1000)
    folder: ContentsPath | None = None


class GuessModel(Model):
    """A guess: the step `to` reads the path that the step `from` writes. Both are ids of steps."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    giver: Annotated[str, Field(alias="from")]
    taker: Annotated[str, Field(alias="to")]
    path: str

    @classmethod
    def from_domain(cls, guess: Guess) -> GuessModel:
        return cls.model_validate(vars(guess))


class SuggestionModel(Model):
    """A new pipeline's file, which nobody has saved yet: `content`, for `name` in `folder`."""

    folder: str
    name: str
    content: str
    guesses: list[GuessModel]

    @classmethod
    def from_domain(cls, new: NewFile, folder: str) -> SuggestionModel:
        guesses = [GuessModel.from_domain(guess) for guess in new.guesses]
        return cls(folder=folder, name=new.name, content=new.content, guesses=guesses)


class ItemModel(Model):
    """An item of a fan-out, or a point of a sweep. `run_id` is null before it starts.

    `phase` is as in RunSummaryModel, and `waiting` or `skipped` for an item without a run.
    """

    key: str
    run_id: str | None
    phase: str
    parameters: dict[str, Any]
    values: dict[str, Any]
    reason: ReasonModel | None
    started_at: Instant | None
    finished_at: Instant | None


class ItemTableModel(Model):
    """The items in their order. `parameters` and `values` are the names of the columns.

    A parameter that is the same for all items has no column. Long texts are cut; of a list or mapping only the size is
    told.
    """

    parameters: list[str]
    values: list[str]
    items: list[ItemModel]

    @classmethod
    def from_domain(cls, table: ItemTable) -> ItemTableModel:
        rows = [ItemModel.model_validate(row) for row in table.rows]
        return cls(parameters=list(table.parameters), values=list(table.values), items=rows)


class ImportRequest(Model):
    """A pipeline of Elyra to import: its `.pipeline` file. Paths are as in InspectRequest.

    `folder` is that of the new file; null: the one of `path`. `environment` says which images and variables are there.
    """

    path: ContentsPath
    folder: ContentsPath | None = None
    environment: str = "sandbox"


class ImportNoteModel(Model):
    """One line of the report of an import. `node` is the label in Elyra; it and `step` are null for the whole."""

    kind: NoteKind
    message: str
    node: str | None
    step: str | None

    @classmethod
    def from_domain(cls, note: ImportNote) -> ImportNoteModel:
        return cls.model_validate(note)


class ImportedModel(Model):
    """A pipeline's file that was made of one of Elyra's and that nobody has saved yet, with the report."""

    folder: str
    name: str
    content: str
    notes: list[ImportNoteModel]

    @classmethod
    def from_domain(cls, imported: ImportedFile, folder: str) -> ImportedModel:
        notes = [ImportNoteModel.from_domain(note) for note in imported.notes]
        return cls(folder=folder, name=imported.name, content=imported.content, notes=notes)


class StepReuseModel(Model):
    """A step in a run with reuse, before it starts, with a sentence about its fate.

    `taken_from` is the run in which its result, or that of some of its items, was made.
    """

    id: str
    title: str
    fate: ReuseFate
    why: str
    taken_from: str | None

    @classmethod
    def from_domain(cls, found: StepReuse) -> StepReuseModel:
        return cls(
            id=found.step.id,
            title=found.step.title,
            fate=found.fate,
            why=found.why,
            taken_from=found.taken_from,
        )


class DecisionRequest(Model):
    """A decision on a step that awaits one. The comment stays with the step."""

    approved: bool
    comment: str = Field(default="", max_length=MAX_COMMENT)


class RepairRequest(Model):
    """A repair of a pipeline run. Steps that succeeded keep their results as long as nothing before them runs again.

    `newer`: take the files as they are now, instead of the version of the run. `parameters`, when given, replaces all
    of the earlier run's. The steps of `start_from` run again in any case; nothing runs that comes after `until`, or
    nothing but `only`.
    """

    newer: bool = False
    start_from: list[str] = Field(default_factory=list, max_length=MAX_STEPS)
    until: str | None = None
    only: str | None = None
    parameters: dict[str, Any] | None = None

    def to_domain(self) -> RepairWish:
        return RepairWish(self.newer, tuple(self.start_from), self.until, self.only, self.parameters)


class StepRepairModel(Model):
    """The fate of a step in a repair, and why it does not keep its result; `why` is empty when it does.

    `taken_from` is the run in which the result was made. `items_taken` of the `items_total` items of a fan-out keep
    their results; both are null for other steps, and for fan-outs whose items are not known yet.
    """

    id: str
    title: str
    fate: Fate
    why: str
    taken_from: str | None
    items_taken: int | None
    items_total: int | None


class RepairPreviewModel(Model):
    """A repair before it starts, with its steps in the order of the file."""

    run_id: str
    newer: bool
    steps: list[StepRepairModel]

    @classmethod
    def from_domain(cls, planned: PlannedRepair, *, newer: bool) -> RepairPreviewModel:
        return cls(
            run_id=planned.old.id,
            newer=newer,
            steps=[_step_repair(planned, step_id, step) for step_id, step in planned.steps.items()],
        )


def _step_repair(planned: PlannedRepair, step_id: str, step: StepRepair) -> StepRepairModel:
    items = planned.earlier[step_id].status.items if step_id in planned.earlier else None
    is_known = items is not None and (step.fate is Fate.TAKEN_OVER or bool(step.items))
    total = len(items) if is_known and items is not None else None
    return StepRepairModel(
        id=step_id,
        title=planned.pipeline.by_id[step_id].title,
        fate=step.fate,
        why=step.why,
        taken_from=planned.origin(step_id),
        items_taken=total if step.fate is Fate.TAKEN_OVER else len(step.items) if total else None,
        items_total=total,
    )
