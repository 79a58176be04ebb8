"""A pipeline run while everything happens to it: steps end in any order and any way, people act, engines are killed.

Each step runs at most once, and after those that it needs. The run ends with the outcome of its steps. The order in
which things happen changes neither.
"""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dataops_lab.domain.outcomes import Ending, advance
from dataops_lab.domain.pipelines import StepState
from dataops_lab.domain.runs import RunState
from dataops_lab.errors import Conflict
from dataops_lab.services import pipelines, runs
from dataops_lab.services.pipeline_progress import pipeline_of

from ..pipeline_lab import ANN, PipelineLab, engine_of

PIPELINE = """
version: 1
timeout: 10h
steps:
  list: {notebook: list.ipynb}
  each: {notebook: each.ipynb, needs: [list], for_each: {inputs: [1, 2, 3], concurrency: 2, max_failures: 1}}
  other: {notebook: other.ipynb, needs: [list]}
  ask: {approve: {ask: "Good?", within: 2h}, needs: [each, other], run_if: none_failed}
  fix: {notebook: fix.ipynb, needs: [each], run_if: at_least_one_failed}
  last: {notebook: last.ipynb, needs: [ask, fix], run_if: at_least_one_success}
  clean: {notebook: clean.ipynb, needs: [last], run_if: always}
"""


class PipelineModel(RuleBasedStateMachine):
    def __init__(self, lab: PipelineLab) -> None:
        super().__init__()
        self.lab = lab
        self.started: set[str] = set()

    @initialize()
    def begin(self) -> None:
        self.run_id = self.lab.submit(PIPELINE)

    @property
    def alive(self) -> list[str]:
        return sorted(self.lab.alive(self.run_id))

    @property
    def awaits(self) -> bool:
        return self.lab.states(self.run_id)["ask"] == "awaiting_approval"

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), state=st.sampled_from(["succeeded", "failed", None]))
    def a_runner_ends(self, data: st.DataObject, state: str | None) -> None:
        self.lab.end_soon(self.run_id, data.draw(st.sampled_from(self.alive)), state)

    @rule()
    def the_engine_looks(self) -> None:
        self.lab.engine.step()
        self.lab.engine.wait_for_threads()

    @rule()
    def the_engine_is_killed(self) -> None:
        """Let another engine lead, which knows only what the store holds."""
        self.lab.engine._leadership.release()
        self.lab.engine = engine_of(self.lab.ctx, self.lab.executor, slots=2)

    @rule(minutes=st.sampled_from([1, 100]))
    def time_goes_by(self, minutes: int) -> None:
        self.lab.ctx.clock.advance(60 * minutes)

    @rule(approved=st.booleans())
    def somebody_decides(self, approved: bool) -> None:
        try:
            pipelines.decide(self.lab.ctx, self.run_id, "ask", approved=approved, by=ANN)
        except Conflict as error:
            assert error.precise_code in ("not_awaiting", "approval_expired")

    @precondition(lambda self: self.lab.state(self.run_id) is RunState.ACTIVE)
    @rule()
    def somebody_cancels(self) -> None:
        runs.cancel(self.lab.ctx, self.run_id, by=ANN)

    @invariant()
    def steps_run_in_their_turn(self) -> None:
        statuses = {step_id: view.status for step_id, view in self.lab.steps(self.run_id).items()}
        pipeline = self.pipeline()
        with self.lab.ctx.store.read() as tx:
            parts = tx.pipelines.list_parts(self.run_id, list(statuses))
        for step in pipeline.steps:
            ended = [statuses[need].state.has_ended for need in step.needs]
            assert all(ended) or statuses[step.id].state in (StepState.WAITING, StepState.SKIPPED), step.id
            keys = [part.item_key for part in parts.get(step.id, ())]
            assert len(keys) == len(set(keys))
            assert bool(keys) == (step.kind != "approval" and statuses[step.id].started_at is not None), step.id
            if step.for_each is None and keys and statuses[step.id].state.has_ended:
                assert parts[step.id][0].state.is_terminal
        assert sum(not part.state.is_terminal for part in parts.get("each", ())) <= 2

    def teardown(self) -> None:
        """Let everything come to its end: it does, and in the way that the steps say."""
        for _ in range(60):
            self.lab.settle()
            if self.lab.state(self.run_id).is_terminal:
                break
            for key in self.alive:
                self.lab.end_soon(self.run_id, key)
            if self.awaits:
                self.somebody_decides(approved=True)
            self.lab.ctx.clock.advance(60)
        run = self.lab.run(self.run_id)
        statuses = {step_id: view.status for step_id, view in self.lab.steps(self.run_id).items()}
        endings = {RunState.TIMED_OUT: Ending.TIMED_OUT, RunState.CANCELLED: Ending.CANCELLED}
        ending = endings.get(run.state) if run.cancel_requested_at or run.state is RunState.TIMED_OUT else None
        then = advance(self.pipeline(), statuses, ending=ending, holds=lambda _: True)
        assert then.outcome is not None, statuses
        assert (run.state, run.with_failures) == (then.outcome.state, then.outcome.with_failures)
        assert self.alive == []

    def pipeline(self):
        with self.lab.ctx.store.read() as tx:
            run = tx.runs.get(self.run_id)
            pipeline = pipeline_of(self.lab.ctx, tx.versions.get(run.job_id, run.version_digest).manifest)
        assert pipeline is not None
        return pipeline


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_whatever_happens_each_step_runs_once_in_its_turn_and_the_run_ends_as_its_steps_say(ctx, executor):
    lab = PipelineLab(ctx, engine_of(ctx, executor, slots=2), executor)
    run_state_machine_as_test(
        lambda: PipelineModel(lab),
        settings=settings(
            max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
