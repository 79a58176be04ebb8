"""The matrix of a pipeline: runs and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..domain.fan_outs import ItemCounts
from ..domain.pipelines import StepKind, StepState
from .base import Instant, Model
from .pipelines import ItemCountsModel
from .runs import ReasonModel, RunSummaryModel

if TYPE_CHECKING:
    from ..ports import StepCell
    from ..services.step_matrix import StepMatrix


class MatrixStepModel(Model):
    """A step. `kind` is null for one that the newest of these runs does not have any more."""

    id: str
    title: str
    kind: StepKind | None


class StepCellModel(Model):
    """A step of one run. `run_id` is its run; it is null for a fan-out, and for a step that did not start."""

    step: str
    state: StepState
    reason: ReasonModel | None
    with_failures: bool
    nothing_to_do: bool
    started_at: Instant | None
    finished_at: Instant | None
    taken_from: str | None
    """The pipeline run in which the result was made."""
    run_id: str | None
    items: ItemCountsModel | None
    """The items of a fan-out that have started."""

    @classmethod
    def from_domain(cls, step_id: str, cell: StepCell) -> StepCellModel:
        parts = cell.parts
        counts = ItemCounts(sum(parts.runs.values()), parts.runs, parts.nothing_to_do) if parts else None
        return cls(
            step=step_id,
            items=ItemCountsModel.from_domain(counts) if counts else None,
            reason=ReasonModel.model_validate(cell.reason) if cell.reason else None,
            **{name: value for name, value in vars(cell).items() if name not in ("reason", "parts")},
        )


class MatrixRunModel(Model):
    """A run with its steps, in the order of its file."""

    run: RunSummaryModel
    cells: list[StepCellModel]


class StepMatrixModel(Model):
    """A page of the runs of a pipeline, newest first.

    `steps` are those of the newest of these runs, in the order of its file, and after them the others.
    """

    steps: list[MatrixStepModel]
    runs: list[MatrixRunModel]
    next: str | None

    @classmethod
    def from_domain(cls, matrix: StepMatrix) -> StepMatrixModel:
        return cls(
            steps=[MatrixStepModel.model_validate(step) for step in matrix.steps],
            runs=[
                MatrixRunModel(
                    run=RunSummaryModel.from_domain(column.run),
                    cells=[StepCellModel.from_domain(step_id, cell) for step_id, cell in column.cells.items()],
                )
                for column in matrix.runs
            ],
            next=matrix.next,
        )
