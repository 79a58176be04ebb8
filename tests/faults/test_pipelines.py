"""Engines that die while a pipeline runs: each step and each item runs once, and the pipeline ends right."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from dataops_lab.domain.leases import ENGINE
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.repairs import WHAT_FAILED
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.domain.sweeps import SWEEP_STEP, Sweep
from dataops_lab.ports import Bundle, Transaction
from dataops_lab.services import pipelines, repairs, runs
from dataops_lab.store.sqlite import open_sqlite
from dataops_lab.testing import FakeExecutor, FakeNotebooks, person

from ..pipeline_lab import ANN, PipelineLab, engine_of
from ..waiting import TIMEOUT_S

FAN_OUT = """
version: 1
steps:
  list: {{command: [sh, -c, "echo list >> {witness}"]}}
  each:
    command: [sh, -c, "echo $DATAOPS_PARAM_N >> {witness}"]
    needs: [list]
    for_each: {{inputs: [1, 2, 3, 4], concurrency: 2}}
    with: {{n: {{cel: item}}}}
  report: {{command: [sh, -c, "echo report >> {witness}"], needs: [each]}}
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("commit", ["step ended", "item ended", "step started"])
def test_an_engine_killed_at_a_commit_of_a_fan_out_leaves_one_run_of_each_item(
    real, start_engine, until, witness, tmp_path, commit, moment
):
    path = tmp_path / "chain.pipeline.yaml"
    path.write_text(FAN_OUT.format(witness=witness))
    run_id = runs.submit(real, Submission(str(path)), by=person("someone")).view.run.id
    assert start_engine(kill_at=f"{moment} {commit}").wait(TIMEOUT_S) == -signal.SIGKILL
    start_engine()
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert (ended.run.state, ended.run.reason) == (RunState.SUCCEEDED, None)
    lines = witness.read_text().split()
    assert (lines[0], sorted(lines[1:-1]), lines[-1]) == ("list", ["1", "2", "3", "4"], "report")
    assert all(view.status.state == "succeeded" for view in pipelines.steps(real, run_id, by=ANN))


class EngineDied(BaseException):
    """The engine goes no further."""


def dies_at(number: int, moment: str) -> Callable[[Transaction], None]:
    """Return a function that the store calls before each commit. At the commit of this number that tells of runs, the
    engine dies, before it or after it.
    """
    commits = iter(range(1, 1_000))

    def die() -> None:
        raise EngineDied

    def look(tx) -> None:
        if any(kind.startswith(("run.", "attempt.", "step.")) for kind in tx.events.kinds) and next(commits) == number:
            if moment == "before":
                die()
            tx.on_commit(die)

    return look


SCENARIO = """
version: 1
steps:
  list: {notebook: list.ipynb}
  each: {notebook: each.ipynb, needs: [list], for_each: {inputs: [1, 2, 3], concurrency: 2}}
  report: {notebook: report.ipynb, needs: [each]}
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_engine_that_dies_at_any_commit_at_all_loses_nothing_and_repeats_nothing(
    ctx, executor, sqlite, store, moment
):
    path = sqlite.removeprefix("sqlite:///")
    for number in range(1, 100):
        lab = PipelineLab(ctx, engine_of(ctx, executor), executor)
        run_id = lab.submit(SCENARIO)
        executor.calls.clear()
        with closing(open_sqlite(type(ctx.home)(path), before_commit=dies_at(number, moment))) as mortal:
            lab.engine = engine_of(replace(ctx, store=mortal), executor)
            died = False
            try:
                run_to_its_end(lab, run_id)
            except EngineDied:
                died = True
        release_lease(lab)
        lab.engine = engine_of(ctx, executor)
        run_to_its_end(lab, run_id)
        assert lab.state(run_id) is RunState.SUCCEEDED, number
        begun = Counter(name for verb, name in executor.calls if verb == "start")
        # A backend may be asked a second time to start what it has started. It keeps to the name.
        assert sorted(name.rpartition("-")[2] for name in begun) == ["1"] * 5, number
        with ctx.store.read() as tx:
            assert len(tx.pipelines.list_part_ids([run_id])[run_id]) == 5
        release_lease(lab)
        if not died:
            assert number > 8
            return
    raise AssertionError("the engine never came to the end")


def release_lease(lab: PipelineLab) -> None:
    """Let the next engine lead at once, as if the one before were proven dead."""
    with lab.ctx.store.begin() as tx:
        if lease := tx.leases.get(ENGINE):
            tx.leases.release(lease)


def run_to_its_end(lab: PipelineLab, run_id: str) -> None:
    for _ in range(40):
        lab.engine.step()
        lab.engine.wait_for_threads()
        if lab.state(run_id).is_terminal:
            return
        for key in sorted(lab.alive(run_id))[:1]:
            lab.end_soon(run_id, key)


@pytest.fixture
def database(sqlite) -> str:
    return sqlite


class PoisonedExecutor(FakeExecutor):
    """An executor whose attempts end at once. All of them succeed, but for the run `poisoned`."""

    poisoned: str | None = None

    def start(self, bundle: Bundle) -> None:
        super().start(bundle)
        is_poisoned = bundle.name.startswith(self.poisoned or " ")
        failure = {"code": "cell_error", "message": "poison"} if is_poisoned else None
        self.end(bundle.name, "failed" if is_poisoned else "succeeded", failure=failure)


def test_of_a_thousand_points_the_repair_runs_only_the_poisoned_one(ctx, tmp_path):
    executor = PoisonedExecutor(tmp_path / "process")
    engine = engine_of(ctx, executor, slots=100)
    assert isinstance(ctx.notebooks, FakeNotebooks)
    ctx.notebooks.schema = ParameterSchema(tuple(Parameter(name, ParameterType.INTEGER) for name in "xy"))
    sweep = Sweep({"x": tuple(range(40)), "y": tuple(range(25))})
    old = runs.submit(ctx, Submission("/n/train.ipynb", sweep=sweep), by=ANN).view.run.id
    with ctx.store.read() as tx:
        point = tx.runs.find_part(old, f"{SWEEP_STEP}/x=17, y=4")
    assert point is not None
    executor.poisoned = point.id
    end_all(ctx, engine, old)
    view = runs.get(ctx, old).run
    assert (view.state, view.reason.message) == (RunState.FAILED, "1 of 1,000 points did not succeed.")
    executor.calls.clear()
    new = repairs.repair(ctx, old, WHAT_FAILED, by=ANN).view.run.id
    end_all(ctx, engine, new)
    assert runs.get(ctx, new).run.state is RunState.SUCCEEDED
    started = {name.rpartition("-")[0] for verb, name in executor.calls if verb == "start"}
    with ctx.store.read() as tx:
        again = tx.runs.find_part(new, f"{SWEEP_STEP}/x=17, y=4")
        assert len(tx.pipelines.list_part_ids([new])[new]) == 1_000
    assert again is not None
    assert started == {again.id}


def end_all(ctx, engine, run_id: str) -> None:
    for _ in range(300):
        if runs.get(ctx, run_id).run.state.is_terminal:
            return
        engine.step()
        engine.wait_for_threads()
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_repair_runs_only_the_poisoned_item_whatever_commit_the_engine_dies_at(ctx, executor, sqlite, store, moment):
    path = sqlite.removeprefix("sqlite:///")
    lab = PipelineLab(ctx, engine_of(ctx, executor), executor)
    old = lab.start(SCENARIO)
    lab.end(old, "list")
    for key in "132":
        lab.end(old, f"each/{key}", "failed" if key == "2" else "succeeded")
    assert lab.state(old) is RunState.FAILED
    for number in range(1, 100):
        new = repairs.repair(ctx, old, WHAT_FAILED, by=ANN).view.run.id
        executor.calls.clear()
        release_lease(lab)
        with closing(open_sqlite(type(ctx.home)(path), before_commit=dies_at(number, moment))) as mortal:
            lab.engine = engine_of(replace(ctx, store=mortal), executor)
            died = False
            try:
                run_to_its_end(lab, new)
            except EngineDied:
                died = True
        release_lease(lab)
        lab.engine = engine_of(ctx, executor)
        run_to_its_end(lab, new)
        assert lab.state(new) is RunState.SUCCEEDED, number
        begun = {name.rpartition("-")[0] for verb, name in executor.calls if verb == "start"}
        assert begun == {lab.part(new, "each/2").id, lab.part(new, "report").id}, number
        if not died:
            assert number > 4
            return
    raise AssertionError("the engine never came to the end")
