"""The matrix of a pipeline: its runs beside one another, and how each step ended in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..domain.jobs import JobKind
from ..domain.pipelines import StepKind
from ..domain.runs import RunSummary
from ..errors import InvalidRequest
from ..ports import RunFilter, StepCell
from . import runs
from .context import Services
from .pipeline_progress import pipeline_of


@dataclass(frozen=True)
class MatrixStep:
    """A row. `kind` is None for a step that the newest of these runs does not have any more."""

    id: str
    title: str = ""
    kind: StepKind | None = None


@dataclass(frozen=True)
class MatrixRun:
    """A column: a run with its steps by id."""

    run: RunSummary
    cells: Mapping[str, StepCell]


@dataclass(frozen=True)
class StepMatrix:
    """The runs are the newest first. The steps are those of the newest run as its file has them, then all others."""

    steps: Sequence[MatrixStep]
    runs: Sequence[MatrixRun]
    next: str | None


def step_matrix(ctx: Services, job_id: str, *, limit: int = 50, cursor: str | None = None) -> StepMatrix:
    """Return a page of the matrix. The number of queries does not depend on the number of runs or steps."""
    with ctx.store.read() as tx:
        job = tx.jobs.get(job_id)
    if job.kind is not JobKind.PIPELINE:
        raise InvalidRequest(f"{job.name} is not a pipeline: its runs have no steps.", code="not_a_pipeline")
    page = runs.page(ctx, RunFilter(job_id=job_id), limit=limit, cursor=cursor)
    with ctx.store.read() as tx:
        cells = tx.pipelines.list_cells([run.id for run in page.items])
        newest = next(iter(page.items), None)
        pipeline = None
        if newest is not None:
            pipeline = pipeline_of(ctx, tx.versions.get(job_id, newest.version_digest).manifest)
    steps = {step.id: MatrixStep(step.id, step.title, step.kind) for step in pipeline.steps} if pipeline else {}
    for run in page.items:
        for step_id in cells[run.id]:
            steps.setdefault(step_id, MatrixStep(step_id))
    return StepMatrix(tuple(steps.values()), [MatrixRun(run, cells[run.id]) for run in page.items], page.next)
