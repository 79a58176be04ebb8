"""A pipeline run while everything happens to it: steps end in any order and any way, people act, engines are killed.

Each step runs at most once, and after those that it needs. The run ends with the outcome of its steps. The order in
which things happen changes neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

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
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.pipelines import Pipeline, RunIf, StepState, Tolerance
from dataops_lab.domain.repairs import WHAT_FAILED
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.domain.sweeps import Sweep
from dataops_lab.errors import Conflict, Refused
from dataops_lab.services import pipelines, repairs, runs
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


@dataclass(frozen=True)
class Scenario:
    """A pipeline's file, or the values of a sweep."""

    text: str = PIPELINE
    sweep: Sweep | None = None


_AFTER_OTHERS = [str(each) for each in RunIf]
_FIRST = ["all_success", "all_done", "always"]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a graph of steps, fan-outs and approvals with any rules, or a sweep."""
    concurrency, failures = draw(st.sampled_from([None, 1, 2])), draw(st.sampled_from([None, 0, 1, "50%"]))
    if draw(st.integers(0, 3)) == 0:
        sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))
        values = {f"p{place}": tuple(range(size)) for place, size in enumerate(sizes)}
        tolerance = Tolerance() if failures is None else Tolerance.parse(failures)
        return Scenario(sweep=Sweep(values, concurrency=concurrency, max_failures=tolerance))
    steps: dict[str, dict[str, Any]] = {"s0": {"notebook": "s0.ipynb"}}
    for place in range(1, draw(st.integers(2, 6))):
        needs = draw(st.lists(st.sampled_from(sorted(steps)), unique=True, max_size=3))
        step: dict[str, Any] = {"needs": needs, "run_if": draw(st.sampled_from(_AFTER_OTHERS if needs else _FIRST))}
        kinds = ["notebook", "notebook", "fan-out"]
        if any("notebook" in steps[need] for need in needs):
            kinds.append("approval")  # It asks about the record of a step before it.
        kind = draw(st.sampled_from(kinds))
        if kind == "approval":
            step["approve"] = {"ask": "Good?", "within": draw(st.sampled_from(["2h", "9h"]))}
            step["run_if"] = "all_done" if step["run_if"] == "always" else step["run_if"]
        else:
            step["notebook"] = f"s{place}.ipynb"
        if kind == "fan-out":
            step["for_each"] = {"inputs": list(range(draw(st.integers(0, 3))))}
            step["for_each"] |= {} if concurrency is None else {"concurrency": concurrency}
            step["for_each"] |= {} if failures is None else {"max_failures": failures}
        if needs and draw(st.integers(0, 3)) == 0:
            step["if"] = f"steps.{needs[0]}.state == '{draw(st.sampled_from(['succeeded', 'failed']))}'"
        if draw(st.integers(0, 7)) == 0:
            step["disabled"] = True
        steps[f"s{place}"] = step
    # JSON is YAML.
    return Scenario(json.dumps({"version": 1, "timeout": "10h", "steps": steps}))


class PipelineModel(RuleBasedStateMachine):
    def __init__(self, lab: PipelineLab, drawn: st.SearchStrategy[Scenario]) -> None:
        super().__init__()
        self.lab, self.drawn = lab, drawn
        self.ends: dict[str, dict[str, StepState]] = {}
        """The steps that have ended, by run: they stay as they are, also when a repair follows."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        scenario = data.draw(self.drawn)
        if scenario.sweep is None:
            self.run_id = self.lab.submit(scenario.text)
            return
        names = scenario.sweep.values
        self.lab.notebooks.schema = ParameterSchema(tuple(Parameter(name, ParameterType.INTEGER) for name in names))
        self.run_id = runs.submit(self.lab.ctx, Submission("/n/s0.ipynb", sweep=scenario.sweep), by=ANN).view.run.id
        self.lab.notebooks.schema = ParameterSchema()

    @property
    def alive(self) -> list[str]:
        return sorted(self.lab.alive(self.run_id))

    @property
    def asking(self) -> list[str]:
        return [step_id for step_id, state in self.lab.states(self.run_id).items() if state == "awaiting_approval"]

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

    @precondition(lambda self: self.asking)
    @rule(data=st.data(), approved=st.booleans())
    def somebody_decides(self, data: st.DataObject, approved: bool) -> None:
        self.decide(data.draw(st.sampled_from(self.asking)), approved)

    def decide(self, step_id: str, approved: bool) -> None:
        try:
            pipelines.decide(self.lab.ctx, self.run_id, step_id, approved=approved, by=ANN)
        except Conflict as error:
            assert error.precise_code in ("not_awaiting", "approval_expired")

    @precondition(lambda self: self.lab.state(self.run_id) is RunState.ACTIVE)
    @rule()
    def somebody_cancels(self) -> None:
        runs.cancel(self.lab.ctx, self.run_id, by=ANN)

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def somebody_cancels_one_part(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.alive))
        runs.cancel(self.lab.ctx, self.lab.part(self.run_id, key).id, by=ANN)

    @precondition(lambda self: self.lab.state(self.run_id).is_terminal)
    @rule()
    def somebody_repairs(self) -> None:
        try:
            self.run_id = repairs.repair(self.lab.ctx, self.run_id, WHAT_FAILED, by=ANN).view.run.id
        except Refused as error:
            assert error.precise_code == "nothing_to_repair"

    @invariant()
    def what_has_ended_stays_as_it_is(self) -> None:
        for run_id, known in {self.run_id: {}, **self.ends}.items():
            with self.lab.ctx.store.read() as tx:
                statuses = tx.pipelines.get_progress(run_id).statuses
            ended = {step_id: status.state for step_id, status in statuses.items() if status.state.has_ended}
            assert known.items() <= ended.items()
            self.ends[run_id] = ended

    @invariant()
    def steps_run_in_their_turn(self) -> None:
        statuses = {step_id: view.status for step_id, view in self.lab.steps(self.run_id).items()}
        with self.lab.ctx.store.read() as tx:
            parts = tx.pipelines.list_parts(self.run_id, list(statuses))
        for step in self.pipeline().steps:
            status, of_step = statuses[step.id], parts.get(step.id, ())
            ended = [statuses[need].state.has_ended for need in step.needs]
            assert all(ended) or status.state in (StepState.WAITING, StepState.SKIPPED, StepState.DISABLED), step.id
            keys = [part.item_key for part in of_step]
            assert len(keys) == len(set(keys))
            if status.taken_from is None:
                assert bool(keys) == (step.kind != "approval" and status.started_at is not None), step.id
            if step.for_each is None and keys and status.state.has_ended:
                assert of_step[0].state.is_terminal
            if step.for_each is not None and step.for_each.concurrency is not None:
                assert sum(not part.state.is_terminal for part in of_step) <= step.for_each.concurrency

    def teardown(self) -> None:
        """Let everything come to its end: it does, and in the way that the steps say."""
        if not hasattr(self, "run_id"):
            return
        for _ in range(60):
            self.lab.settle()
            if self.lab.state(self.run_id).is_terminal:
                break
            for key in self.alive:
                self.lab.end_soon(self.run_id, key)
            for step_id in self.asking:
                self.decide(step_id, approved=True)
            self.lab.ctx.clock.advance(60)
        run = self.lab.run(self.run_id)
        statuses = {step_id: view.status for step_id, view in self.lab.steps(self.run_id).items()}
        endings = {RunState.TIMED_OUT: Ending.TIMED_OUT, RunState.CANCELLED: Ending.CANCELLED}
        with self.lab.ctx.store.read() as tx:
            timed_out = tx.pipelines.get_progress(self.run_id).timed_out_at
            parts = tx.runs.get_many(tx.pipelines.list_part_ids([self.run_id])[self.run_id]).values()
        ending = endings.get(run.state) if run.cancel_requested_at or timed_out else None
        then = advance(self.pipeline(), statuses, ending=ending, holds=lambda _: True)
        assert then.outcome is not None, statuses
        assert (run.state, run.with_failures) == (then.outcome.state, then.outcome.with_failures)
        assert self.alive == []
        assert all(part.state.is_terminal for part in parts)

    def pipeline(self) -> Pipeline:
        with self.lab.ctx.store.read() as tx:
            run, progress = tx.runs.get(self.run_id), tx.pipelines.get_progress(self.run_id)
            manifest = tx.versions.get(run.job_id, run.version_digest).manifest
            pipeline = pipeline_of(self.lab.ctx, manifest, progress.sweep)
        assert pipeline is not None
        return pipeline


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
@pytest.mark.parametrize("drawn", [st.just(Scenario()), scenarios()], ids=["the pipeline of the guide", "any"])
def test_whatever_happens_each_step_runs_once_in_its_turn_and_the_run_ends_as_its_steps_say(ctx, executor, drawn):
    lab = PipelineLab(ctx, engine_of(ctx, executor, slots=2), executor)
    run_state_machine_as_test(
        lambda: PipelineModel(lab, drawn),
        settings=settings(
            max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
