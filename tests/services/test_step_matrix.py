"""The matrix of a pipeline: runs beside one another."""

from __future__ import annotations

import pytest

from dataops_lab.domain.pipelines import StepKind
from dataops_lab.domain.repairs import RepairWish
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.errors import InvalidRequest
from dataops_lab.services import repairs, runs, step_matrix

from ..pipeline_lab import ANN, PipelineLab, engine_of

CHAIN = """
version: 1
steps:
  extract: {notebook: extract.ipynb}
  each: {notebook: each.ipynb, needs: [extract], for_each: {inputs: [a, b]}}
  ok: {approve: {ask: Publish?}, needs: [each]}
"""
OTHER_CHAIN = CHAIN.replace("extract:", "fetch:").replace("[extract]", "[fetch]")


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def matrix_of(lab: PipelineLab, run_id: str, **page) -> step_matrix.StepMatrix:
    return step_matrix.step_matrix(lab.ctx, lab.run(run_id).job_id, **page)


def test_a_column_has_the_state_of_each_step_the_newest_run_first(lab):
    old = lab.start(CHAIN)
    lab.end(old, "extract", "failed")
    new = lab.start(CHAIN)
    lab.end(new, "extract")
    lab.end(new, "each/a")
    lab.end(new, "each/b", "failed")

    matrix = matrix_of(lab, new)

    assert [column.run.id for column in matrix.runs] == [new, old]
    assert [(step.id, step.kind) for step in matrix.steps] == [
        ("extract", StepKind.NOTEBOOK),
        ("each", StepKind.NOTEBOOK),
        ("ok", StepKind.APPROVAL),
    ]
    newest, oldest = (column.cells for column in matrix.runs)
    assert {step_id: str(cell.state) for step_id, cell in newest.items()} == lab.states(new)
    assert {step_id: str(cell.state) for step_id, cell in oldest.items()} == lab.states(old)
    assert newest["extract"].run_id == lab.part(new, "extract").id
    assert newest["extract"].parts is None
    assert newest["each"].run_id is None
    assert newest["each"].parts is not None
    assert newest["each"].parts.runs == {RunState.SUCCEEDED: 1, RunState.FAILED: 1}
    assert (oldest["each"].run_id, oldest["each"].parts) == (None, None)


def test_steps_that_the_newest_version_has_no_more_come_last(lab):
    lab.start(CHAIN)
    new = lab.start(OTHER_CHAIN)
    assert [(step.id, step.kind is None) for step in matrix_of(lab, new).steps] == [
        ("fetch", False),
        ("each", False),
        ("ok", False),
        ("extract", True),
    ]


def test_older_runs_are_on_the_next_page(lab):
    ids = [lab.start(CHAIN) for _ in range(3)]
    first = matrix_of(lab, ids[0], limit=2)
    second = matrix_of(lab, ids[0], limit=2, cursor=first.next)
    assert [column.run.id for column in (*first.runs, *second.runs)] == ids[::-1]
    assert second.next is None


def test_a_repair_names_the_run_that_it_repairs_and_what_it_took_over(lab):
    old = lab.start(CHAIN)
    lab.end(old, "extract")
    lab.end(old, "each/a")
    lab.end(old, "each/b", "failed")
    new = repairs.repair(lab.ctx, old, RepairWish(), by=ANN).view.run.id
    column = matrix_of(lab, new).runs[0]
    assert (column.run.id, column.run.trigger.ref) == (new, old)
    assert column.cells["extract"].taken_from == old


def test_the_number_of_queries_does_not_grow_with_the_runs(lab, monkeypatch):
    run_id = lab.start(CHAIN)
    few = _count_queries(lab, run_id, monkeypatch)
    for _ in range(5):
        lab.start(CHAIN)
    assert _count_queries(lab, run_id, monkeypatch) == few


def _count_queries(lab: PipelineLab, run_id: str, monkeypatch: pytest.MonkeyPatch) -> int:
    from sqlalchemy import Connection

    asked = []
    execute = Connection.execute
    job_id = lab.run(run_id).job_id
    with monkeypatch.context() as patched:
        patched.setattr(Connection, "execute", lambda *args, **given: (asked.append(args), execute(*args, **given))[1])
        step_matrix.step_matrix(lab.ctx, job_id)
    assert asked
    return len(asked)


def test_a_job_that_is_no_pipeline_has_no_matrix(lab):
    run = runs.submit(lab.ctx, Submission("/n/a.ipynb"), by=ANN).view.run
    with pytest.raises(InvalidRequest, match="not a pipeline"):
        step_matrix.step_matrix(lab.ctx, run.job_id)
