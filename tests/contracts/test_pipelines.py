"""Pipeline runs under many hands at once, on both databases: nothing runs twice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from dataops_lab.domain.repairs import WHAT_FAILED
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.errors import Conflict
from dataops_lab.services import pipelines, repairs, runs
from dataops_lab.testing import FakeNotebooks

from ..pipeline_lab import ANN, PATH, PipelineLab, engine_of

JOIN = """
version: 1
steps:
  a: {notebook: a.ipynb}
  b: {notebook: b.ipynb}
  c: {notebook: c.ipynb, needs: [a, b], run_if: all_done}
  ask: {approve: {ask: "Good?"}, needs: [a], run_if: all_done}
"""
ROUNDS = 8


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do the works in threads that begin at once. Return their answers or exceptions, in order."""
    barrier = Barrier(len(works))

    def begun(work: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return work()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(begun, works))


def test_two_steps_that_end_at_once_start_the_step_after_them_once(lab):
    for _ in range(ROUNDS):
        run_id = lab.submit(JOIN)
        ids = [lab.part(run_id, key).id for key in "ab"]
        ended = at_once(*(lambda part_id=part_id: runs.cancel(lab.ctx, part_id, by=ANN) for part_id in ids))
        assert [view.run.state for view in ended] == [RunState.CANCELLED] * 2
        assert lab.states(run_id)["c"] == "running"
        assert lab.part(run_id, "c").state is RunState.QUEUED


def test_a_cancel_of_the_whole_at_the_end_of_a_step_leaves_nothing_behind(lab):
    for _ in range(ROUNDS):
        run_id = lab.submit(JOIN)
        part = lab.part(run_id, "a")
        answers = at_once(
            lambda part=part: runs.cancel(lab.ctx, part.id, by=ANN),
            lambda run_id=run_id: runs.cancel(lab.ctx, run_id, by=ANN),
        )
        assert not [answer for answer in answers if isinstance(answer, Exception)]
        assert lab.state(run_id) is RunState.CANCELLED
        assert set(lab.states(run_id).values()) <= {"cancelled", "skipped"}
        with lab.ctx.store.read() as tx:
            inside = tx.runs.get_many(tx.pipelines.list_part_ids([run_id])[run_id]).values()
            assert all(run.state.is_terminal for run in inside)


def test_a_repair_that_races_a_cancel_comes_after_the_end_or_not_at_all(lab):
    for _ in range(ROUNDS):
        run_id = lab.submit(JOIN)
        repaired, cancelled = at_once(
            lambda run_id=run_id: repairs.repair(lab.ctx, run_id, WHAT_FAILED, by=ANN),
            lambda run_id=run_id: runs.cancel(lab.ctx, run_id, by=ANN),
        )
        assert not isinstance(cancelled, Exception)
        assert lab.state(run_id) is RunState.CANCELLED
        if isinstance(repaired, Exception):
            assert isinstance(repaired, Conflict), repaired
            assert repaired.precise_code == "not_finished"
            continue
        new = repaired.view.run.id
        assert lab.state(new) is RunState.ACTIVE
        assert lab.states(new) == {"a": "running", "b": "running", "c": "waiting", "ask": "waiting"}
        runs.cancel(lab.ctx, new, by=ANN)


def test_two_repairs_and_a_cancel_of_one_at_once_leave_the_other_alone(lab):
    for _ in range(ROUNDS):
        old = lab.submit(JOIN)
        runs.cancel(lab.ctx, old, by=ANN)
        first = repairs.repair(lab.ctx, old, WHAT_FAILED, by=ANN).view.run.id
        second, cancelled = at_once(
            lambda old=old: repairs.repair(lab.ctx, old, WHAT_FAILED, by=ANN),
            lambda first=first: runs.cancel(lab.ctx, first, by=ANN),
        )
        assert not isinstance(cancelled, Exception)
        assert lab.state(first) is RunState.CANCELLED
        assert lab.states(second.view.run.id)["a"] == "running"
        runs.cancel(lab.ctx, second.view.run.id, by=ANN)


def test_two_who_decide_otherwise_at_once_get_one_decision(lab):
    for _ in range(ROUNDS):
        run_id = lab.submit(JOIN)
        runs.cancel(lab.ctx, lab.part(run_id, "a").id, by=ANN)
        answers = at_once(
            *(
                lambda approved=approved, run_id=run_id: pipelines.decide(
                    lab.ctx, run_id, "ask", approved=approved, by=ANN
                )
                for approved in (True, False)
            )
        )
        assert sum(isinstance(answer, Conflict) for answer in answers) == 1, answers


def test_submits_at_once_keep_to_the_limit_of_the_pipeline(lab):
    assert isinstance(lab.ctx.notebooks, FakeNotebooks)
    lab.notebooks.pipeline_files[PATH] = JOIN.replace("version: 1", "version: 1\nconcurrency: 2").encode()
    views = at_once(*(lambda: runs.submit(lab.ctx, Submission(PATH), by=ANN).view for _ in range(6)))
    ids = [view.run.id for view in views]
    assert sorted(str(lab.state(run_id)) for run_id in ids) == ["active"] * 2 + ["queued"] * 4
    # Two end at once, and two others start in their place.
    active = [run_id for run_id in ids if lab.state(run_id) is RunState.ACTIVE]
    at_once(*(lambda run_id=run_id: runs.cancel(lab.ctx, run_id, by=ANN) for run_id in active))
    assert sorted(str(lab.state(run_id)) for run_id in ids) == ["active"] * 2 + ["cancelled"] * 2 + ["queued"] * 2
