"""The tables of docs/guide/pipelines.md, "Which steps run", written a second time by hand."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.outcomes import (
    Advance,
    Ending,
    advance,
    first_statuses,
    goes_on,
    step_state_of,
)
from dataops_lab.domain.pipelines import Pipeline, RunIf, Step, StepKind, StepState, StepStatus
from dataops_lab.domain.runs import Reason, RunState

GUIDE = Path(__file__).parents[2] / "docs/guide/pipelines.md"

ENDED = [state for state in StepState if state.has_ended]
WRONG = ["failed", "timed_out", "lost", "cancelled", "rejected", "expired"]


def step(id, *needs, run_if="all_success", **more):
    return Step(id, more.pop("kind", StepKind.NOTEBOOK), needs=needs, run_if=RunIf(run_if), **more)


def pipeline(*steps):
    return Pipeline(steps)


def statuses(**states):
    return {
        step_id: state if isinstance(state, StepStatus) else StepStatus(StepState(state))
        for step_id, state in states.items()
    }


def next_of(graph, states, *, ending=None, holds=lambda step: True) -> Advance:
    return advance(graph, {**first_statuses(graph), **statuses(**states)}, ending=ending, holds=holds)


def outcome_of(graph, ending=None, **states):
    return next_of(graph, states, ending=ending).outcome


# The rows and columns of the long table. S, F, K, D: a needed step succeeded, failed, was skipped, is disabled.
RULES = [
    "all_success",
    "at_least_one_success",
    "none_failed",
    "all_done",
    "at_least_one_failed",
    "all_failed",
    "always",
]
CASES = {
    "S": "runs runs runs runs skip skip runs",
    "F": "skip skip skip runs runs runs runs",
    "K": "skip skip skip runs skip skip runs",
    "D": "disa disa disa runs disa disa runs",
    "SF": "skip runs skip runs runs skip runs",
    "SK": "skip runs runs runs skip skip runs",
    "SD": "disa runs runs runs skip disa runs",
    "FK": "skip skip skip runs runs skip runs",
    "FD": "disa skip skip runs runs disa runs",
    "KD": "disa skip skip runs skip disa runs",
    "SFK": "skip runs skip runs runs skip runs",
    "SFD": "disa runs skip runs runs disa runs",
    "SKD": "disa runs runs runs skip disa runs",
    "FKD": "disa skip skip runs runs disa runs",
    "SFKD": "disa runs skip runs runs disa runs",
}
CELLS = [(kinds, rule, cell) for kinds, row in CASES.items() for rule, cell in zip(RULES, row.split(), strict=True)]
STATE_OF_KIND = {"S": "succeeded", "F": "failed", "K": "skipped", "D": "disabled"}


def case(needs, rule):
    """Return what becomes of a step that needs one step in each of these states."""
    ids = [f"need_{place}" for place in range(len(needs))]
    graph = pipeline(
        *(step(id, disabled=state == "disabled") for id, state in zip(ids, needs, strict=True)),
        step("looked_at", *ids, run_if=rule),
    )
    if first_statuses(graph)["looked_at"].state is StepState.DISABLED:
        return "disa"
    found = next_of(graph, dict(zip(ids, needs, strict=True)))
    assert found.outcome is None
    assert (found.starts == ("looked_at",)) != (list(found.skips) == ["looked_at"])
    return "runs" if found.starts else "skip"


@pytest.mark.parametrize(("kinds", "rule", "cell"), CELLS)
def test_a_step_runs_as_the_table_says(kinds, rule, cell):
    needs = [STATE_OF_KIND[kind] for kind in kinds]
    assert case(needs, rule) == cell
    assert case([*reversed(needs), *needs], rule) == cell, "the order and the number of a kind do not matter"


@pytest.mark.parametrize("state", WRONG)
@pytest.mark.parametrize("rule", RULES)
def test_whatever_went_wrong_with_a_needed_step_counts_as_failed(state, rule):
    assert case([state], rule) == case(["failed"], rule)


def test_the_guide_has_the_same_table():
    kind_of_word = {"succeeded": "S", "failed": "F", "skipped": "K", "disabled": "D"}
    cell_of_word = {"runs": "runs", "·": "skip", "disabled": "disa"}
    table = GUIDE.read_text(encoding="utf-8").partition("| the needed steps |")[2].partition("\n\n")[0]
    head, _, *rows = table.splitlines()
    assert re.findall(r"`(\w+)`", head) == RULES
    read = {}
    for row in rows:
        kinds, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        read["".join(kind_of_word[word] for word in kinds.split(", "))] = " ".join(cell_of_word[cell] for cell in cells)
    assert read == CASES


@pytest.mark.parametrize("unended", ["waiting", "running", "awaiting_approval"])
@pytest.mark.parametrize("rule", RULES)
def test_a_step_waits_until_every_needed_step_has_ended(unended, rule):
    graph = pipeline(step("a"), step("b"), step("c", "a", "b", run_if=rule))
    for ended in ("succeeded", "failed", "skipped"):
        found = next_of(graph, {"a": ended, "b": unended})
        assert "c" not in (*found.starts, *found.skips, *found.failures)
        assert found.outcome is None


@pytest.mark.parametrize("rule", ["all_success", "all_done", "always"])
def test_a_step_without_needs_starts_at_once(rule):
    assert next_of(pipeline(step("a", run_if=rule), step("b")), {}).starts == ("a", "b")


def test_steps_that_run_or_have_ended_are_left_alone():
    graph = pipeline(*(step(state.value) for state in StepState if state is not StepState.WAITING))
    found = next_of(graph, {each.id: each.id for each in graph.steps})
    assert found == Advance()


def test_a_failure_reaches_the_steps_at_the_end_of_a_chain():
    graph = pipeline(
        step("extract"),
        step("clean", "extract"),
        step("train", "clean"),
        step("tell", "train", run_if="at_least_one_failed"),
    )
    found = next_of(graph, {"extract": "timed_out"})
    assert found.skips == {"clean": Reason("need_failed", "`extract` timed out.", {"steps": ["extract"]})}
    found = next_of(graph, {"extract": "timed_out", "clean": "skipped"})
    assert found.skips == {"train": Reason("need_failed", "`clean` was skipped.", {"steps": ["extract"]})}
    assert next_of(graph, {"extract": "timed_out", "clean": "skipped", "train": "skipped"}).starts == ("tell",)


def test_two_branches_join_when_one_of_them_was_skipped_by_its_condition():
    graph = pipeline(
        step("a"),
        step("left", "a", condition="no"),
        step("after_left", "left"),
        step("right", "a"),
        step("join", "after_left", "right", run_if="none_failed"),
    )
    found = next_of(graph, {"a": "succeeded", "left": "skipped", "after_left": "skipped", "right": "succeeded"})
    assert found.starts == ("join",)


class TestCondition:
    graph = pipeline(step("a"), step("b", "a", condition="params.wanted"))

    def test_is_asked_when_the_rule_is_met(self):
        assert next_of(self.graph, {"a": "succeeded"}, holds=lambda step: step.id == "b").starts == ("b",)

    def test_that_is_false_skips_the_step(self):
        found = next_of(self.graph, {"a": "succeeded"}, holds=lambda step: False)
        assert found.skips == {"b": Reason("condition_not_met", "Its condition does not hold.")}

    def test_that_cannot_be_evaluated_fails_the_step(self):
        reason = Reason("condition_failed", "`a` left no value `rows`.")
        found = next_of(self.graph, {"a": "succeeded"}, holds=lambda step: reason)
        assert found.failures == {"b": reason}
        assert not found.starts
        assert not found.skips

    @pytest.mark.parametrize("states", [{}, {"a": "running"}, {"a": "failed"}])
    def test_is_not_asked_before_or_when_the_rule_is_not_met(self, states):
        assert "b" not in next_of(self.graph, states, holds=pytest.fail).starts

    def test_is_not_asked_of_steps_that_have_none(self):
        assert next_of(pipeline(step("a")), {}, holds=pytest.fail).starts == ("a",)

    def test_is_asked_of_steps_that_clean_up_after_a_cancel(self):
        graph = pipeline(step("a"), step("tidy", "a", run_if="always", condition="x"))
        found = next_of(graph, {"a": "cancelled"}, ending=Ending.CANCELLED, holds=lambda step: False)
        assert list(found.skips) == ["tidy"]


class TestDisabled:
    def test_steps_that_can_no_longer_meet_their_rule_are_disabled_before_the_start(self):
        graph = pipeline(
            step("a"),
            step("b", "a", disabled=True),
            step("c", "b"),
            step("d", "c", "a", run_if="at_least_one_success"),
            step("e", "c", run_if="none_failed"),
            step("tidy", "c", run_if="always"),
        )
        found = first_statuses(graph)
        assert {id: status.state.value for id, status in found.items()} == {
            "a": "waiting", "b": "disabled", "c": "disabled", "d": "waiting", "e": "disabled", "tidy": "waiting",
        }  # fmt: skip
        assert found["b"].reason == Reason("step_disabled", "The pipeline's file disables it.")
        assert found["c"].reason == Reason("needs_disabled", "`b` is disabled.")

    def test_a_disabled_step_is_disabled_whatever_its_rule(self):
        for rule in RULES:
            graph = pipeline(step("a"), step("b", "a", run_if=rule, disabled=True))
            assert first_statuses(graph)["b"].state is StepState.DISABLED

    def test_statuses_are_in_the_order_of_the_file(self):
        assert list(first_statuses(pipeline(step("b", "a"), step("a")))) == ["b", "a"]


class TestEnding:
    @pytest.mark.parametrize(
        ("ending", "code", "message"),
        [
            (Ending.CANCELLED, "pipeline_cancelled", "The pipeline was cancelled before it started."),
            (Ending.TIMED_OUT, "pipeline_timed_out", "The pipeline took longer than its timeout before it started."),
        ],
    )
    def test_what_has_not_started_is_skipped_and_what_runs_is_stopped(self, ending, code, message):
        reason = Reason(code, message)
        graph = pipeline(
            step("done"),
            step("runs", "done"),
            step("asks", "done", kind=StepKind.APPROVAL),
            step("waits", "runs"),
            step("all_done", "runs", run_if="all_done"),
            step("tidy", "runs", "asks", run_if="always"),
        )
        states = {"done": "succeeded", "runs": "running", "asks": "awaiting_approval"}
        found = next_of(graph, states, ending=ending)
        assert found == Advance(stops=("runs", "asks"), skips={"waits": reason, "all_done": reason})
        states |= {"waits": "skipped", "all_done": "skipped"}
        assert next_of(graph, states, ending=ending) == Advance(stops=("runs", "asks"))
        states |= {"runs": "cancelled", "asks": "cancelled"}
        assert next_of(graph, states, ending=ending) == Advance(starts=("tidy",))
        assert next_of(graph, states | {"tidy": "running"}, ending=ending) == Advance(), "cleaning up goes on"
        assert next_of(graph, states | {"tidy": "failed"}, ending=ending).outcome.state == RunState(ending)

    def test_only_steps_that_clean_up_go_on(self):
        for rule in RULES:
            assert goes_on(step("a", run_if=rule), None)
            assert goes_on(step("a", run_if=rule), Ending.CANCELLED) == (rule == "always")

    @pytest.mark.parametrize("ending", Ending)
    @pytest.mark.parametrize("state", ENDED)
    def test_it_decides_the_outcome_whatever_the_steps_did(self, ending, state):
        found = outcome_of(pipeline(step("a")), ending=ending, a=state)
        assert (found.state, found.reason, found.with_failures) == (RunState(ending), None, False)


class TestOutcome:
    def test_comes_when_all_steps_have_ended(self):
        graph = pipeline(step("a"), step("b"))
        assert outcome_of(graph, a="succeeded", b="running") is None
        assert outcome_of(graph, a="succeeded", b="succeeded").state is RunState.SUCCEEDED
        assert next_of(graph, {"a": "succeeded", "b": "succeeded"}).is_over

    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            ("succeeded", RunState.SUCCEEDED),
            ("skipped", RunState.SUCCEEDED),
            ("disabled", RunState.SUCCEEDED),
            ("failed", RunState.FAILED),
            ("rejected", RunState.FAILED),
            ("expired", RunState.FAILED),
            ("timed_out", RunState.TIMED_OUT),
            ("lost", RunState.LOST),
            ("cancelled", RunState.CANCELLED),
        ],
    )
    def test_is_that_of_the_only_step(self, state, outcome):
        assert outcome_of(pipeline(step("a")), a=state).state is outcome

    @pytest.mark.parametrize("worse", range(4))
    def test_is_the_worst_of_several(self, worse):
        order = ["cancelled", "timed_out", "lost", "failed"]
        graph = pipeline(*(step(id) for id in "abcd"))
        for states in itertools.permutations(order[worse:] + ["succeeded"] * worse):
            assert outcome_of(graph, **dict(zip("abcd", states, strict=True))).state == RunState(order[worse])

    def test_names_the_steps_that_failed_and_not_those_behind_them(self):
        graph = pipeline(step("a"), step("b", "a"), step("c", "b"), step("d"))
        found = outcome_of(graph, a="lost", b="skipped", c="skipped", d="rejected")
        assert found.state is RunState.LOST
        assert found.reason == Reason("step_failed", "`a` was lost and `d` was rejected.", {"steps": ["a", "d"]})

    def test_names_three_steps_and_counts_the_others(self):
        graph = pipeline(*(step(id) for id in "abcde"))
        found = outcome_of(graph, **dict.fromkeys("abcde", "failed"))
        assert found.reason.message == "`a` failed, `b` failed, `c` failed and 2 more."

    @pytest.mark.parametrize("rule", ["at_least_one_success", "all_done", "at_least_one_failed", "all_failed"])
    @pytest.mark.parametrize("state", WRONG)
    def test_is_a_success_with_failures_when_a_step_handled_them(self, rule, state):
        graph = pipeline(step("a"), step("handles", "a", run_if=rule), step("after", "handles"))
        found = outcome_of(graph, a=state, handles="succeeded", after="succeeded")
        assert (found.state, found.with_failures, found.reason) == (RunState.SUCCEEDED, True, None)

    @pytest.mark.parametrize("handler", ["failed", "skipped", "disabled"])
    def test_is_a_failure_when_the_step_that_handles_did_not_succeed(self, handler):
        graph = pipeline(step("a"), step("handles", "a", run_if="all_done", condition="x"))
        assert outcome_of(graph, a="failed", handles=handler).state is RunState.FAILED

    def test_is_a_failure_when_only_one_of_two_ways_handles_it(self):
        graph = pipeline(step("a"), step("handles", "a", run_if="all_failed"), step("other", "a"))
        assert outcome_of(graph, a="failed", handles="succeeded", other="skipped").state is RunState.FAILED

    def test_is_a_failure_when_cleaning_up_is_all_that_followed(self):
        graph = pipeline(step("a"), step("tidy", "a", run_if="always"), step("after", "tidy"))
        assert outcome_of(graph, a="failed", tidy="succeeded", after="succeeded").state is RunState.FAILED

    def test_is_a_failure_when_cleaning_up_failed(self):
        graph = pipeline(step("a"), step("tidy", "a", run_if="always"))
        assert outcome_of(graph, a="succeeded", tidy="failed").state is RunState.FAILED

    def test_is_a_failure_when_the_step_behind_it_is_disabled(self):
        graph = pipeline(step("a"), step("b", "a", disabled=True))
        assert outcome_of(graph, a="failed").state is RunState.FAILED
        assert outcome_of(graph, a="succeeded").state is RunState.SUCCEEDED

    def test_is_a_success_when_a_step_for_failures_had_none(self):
        graph = pipeline(step("a"), step("tell", "a", run_if="at_least_one_failed"))
        found = next_of(graph, {"a": "succeeded"})
        assert found.skips == {"tell": Reason("no_failure", "`a` succeeded.")}
        assert outcome_of(graph, a="succeeded", tell="skipped").state is RunState.SUCCEEDED

    def test_is_a_failure_when_a_step_for_many_failures_had_too_few(self):
        graph = pipeline(step("a"), step("b"), step("tell", "a", "b", run_if="all_failed"))
        assert outcome_of(graph, a="succeeded", b="failed", tell="skipped").state is RunState.FAILED

    def test_an_approval_that_expired_has_a_branch_of_its_own(self):
        graph = pipeline(
            step("a"),
            step("ok", "a", kind=StepKind.APPROVAL),
            step("publish", "ok"),
            step("remind", "ok", run_if="at_least_one_failed"),
            step("end", "publish", "remind", run_if="at_least_one_success"),
        )
        assert next_of(graph, {"a": "succeeded", "ok": "expired"}).starts == ("remind",)
        ended = {"a": "succeeded", "ok": "expired", "publish": "skipped", "remind": "succeeded"}
        assert next_of(graph, ended).starts == ("end",)
        assert outcome_of(graph, **ended, end="succeeded").state is RunState.SUCCEEDED

    def test_tells_of_failures_that_a_fan_out_tolerated(self):
        tolerated = StepStatus(StepState.SUCCEEDED, with_failures=True)
        found = outcome_of(pipeline(step("a"), step("b", "a")), a=tolerated, b="succeeded")
        assert (found.state, found.with_failures) == (RunState.SUCCEEDED, True)

    def test_has_nothing_to_do_when_no_step_had(self):
        nothing = StepStatus(StepState.SUCCEEDED, nothing_to_do=True)
        graph = pipeline(step("a"), step("b", "a", condition="x"), step("tidy", "b", run_if="always"))
        assert outcome_of(graph, a=nothing, b="skipped", tidy="succeeded").nothing_to_do
        assert not outcome_of(graph, a=nothing, b="succeeded", tidy="succeeded").nothing_to_do
        assert not outcome_of(graph, a="succeeded", b="skipped", tidy="succeeded").nothing_to_do
        assert not outcome_of(graph, a=nothing, b="failed", tidy="succeeded").nothing_to_do


def test_the_state_of_a_step_follows_from_that_of_its_only_run():
    ended = {state for state in RunState if state.is_terminal}
    assert {step_state_of(state) for state in set(RunState) - ended} == {StepState.RUNNING}
    assert {state: step_state_of(state).value for state in ended} == {state: state.value for state in ended}


# Any graph, any results, any order.
@st.composite
def graphs(draw):
    ids = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    steps = [
        step(
            id,
            *draw(st.sets(st.sampled_from(ids[:place]), max_size=4) if place else st.just(())),
            run_if=draw(st.sampled_from(RULES)),
            kind=draw(st.sampled_from([StepKind.NOTEBOOK, StepKind.NOTEBOOK, StepKind.APPROVAL])),
            condition=draw(st.sampled_from([None, None, "x"])),
            disabled=draw(st.integers(0, 5)) == 0,
        )
        for place, id in enumerate(ids)
    ]
    return pipeline(*draw(st.permutations(steps)))


class Course:
    """A run of `graph`, in which a script decides how each step ends, and `choose` which step ends next."""

    def __init__(self, graph, ends, conditions):
        self.graph, self.ends, self.conditions = graph, ends, conditions
        self.statuses = first_statuses(graph)
        self.disabled = {id for id, status in self.statuses.items() if status.state is StepState.DISABLED}
        self.started: list[str] = []
        self.ending = None

    def run(self, choose, ending=None, ending_after=0):
        for move in range(4 * len(self.graph.steps) + 1):
            if move == ending_after:
                self.ending = ending
            found = advance(self.graph, self.statuses, ending=self.ending, holds=self.holds)
            changed = found.starts or found.skips or found.failures
            if found.is_over:
                assert not changed
                assert not found.stops
                return found.outcome
            self.follow(found)
            under_way = [
                id for id, status in self.statuses.items() if not status.state.has_ended and id in self.started
            ]
            assert changed or under_way, "nothing moves, and it is not over"
            if under_way and (not changed or choose(2)):
                id = under_way[choose(len(under_way))]
                self.move(id, StepState.CANCELLED if id in found.stops else self.ends[id])
        raise AssertionError("it goes on for ever")

    def holds(self, step):
        assert step.condition is not None
        return self.conditions[step.id]

    def follow(self, found):
        for id in found.starts:
            step = self.graph.by_id[id]
            assert id not in self.started, "a step started twice"
            assert all(self.statuses[need].state.has_ended for need in step.needs), "a step did not wait"
            self.started.append(id)
            asks = step.kind is StepKind.APPROVAL
            self.move(id, StepState.AWAITING_APPROVAL if asks else StepState.RUNNING)
        for id, reason in found.skips.items():
            self.move(id, StepState.SKIPPED, reason)
        for id, reason in found.failures.items():
            self.move(id, StepState.FAILED, reason)

    def move(self, id, state, reason=None):
        assert not self.statuses[id].state.has_ended, "a step that has ended moves no more"
        self.statuses[id] = StepStatus(state, reason)

    def check(self):
        assert not self.disabled & set(self.started), "a disabled step ran"
        for each in self.graph.steps:
            if each.run_if is RunIf.ALWAYS and not each.disabled and each.condition is None:
                assert each.id in self.started, "a step that cleans up did not run"

    def failed(self):
        return {id for id, status in self.statuses.items() if status.state in WRONG}

    def is_handled(self, id):
        """Tell whether every way from the step to a last one leads over a step that handles failures."""
        after = [each for each in self.graph.steps if id in each.needs]
        return bool(after) and all(self.handles(each) or self.is_handled(each.id) for each in after)

    def handles(self, step):
        allows = step.run_if in ("at_least_one_success", "all_done", "at_least_one_failed", "all_failed")
        return allows and self.statuses[step.id].state is StepState.SUCCEEDED


ENDS = st.sampled_from([StepState.SUCCEEDED, StepState.SUCCEEDED, *map(StepState, WRONG)])
CONDITIONS = st.sampled_from([True, True, False, Reason("condition_failed", "No such value.")])


@st.composite
def courses(draw, number):
    graph = draw(graphs())
    ends = {each.id: draw(ENDS) for each in graph.steps}
    conditions = {each.id: draw(CONDITIONS) for each in graph.steps}
    return [Course(graph, ends, conditions) for _ in range(number)]


@given(courses(2), st.data())
def test_every_course_ends_and_in_the_same_way_in_whatever_order_its_steps_end(courses, data):
    one, other = courses
    outcome = one.run(lambda count: 0)
    assert other.run(lambda count: data.draw(st.integers(0, count - 1))) == outcome
    assert one.statuses == other.statuses
    one.check()
    other.check()
    unhandled = {id for id in one.failed() if not one.is_handled(id)}
    assert (outcome.state is RunState.SUCCEEDED) == (not unhandled)
    assert outcome.with_failures == (bool(one.failed()) and not unhandled)
    assert set(outcome.reason.detail["steps"] if outcome.reason else ()) == unhandled


@given(courses(1), st.sampled_from(Ending), st.integers(0, 12), st.data())
def test_every_course_ends_after_a_cancel_or_a_timeout_at_any_moment(courses, ending, ending_after, data):
    (course,) = courses
    outcome = course.run(lambda count: data.draw(st.integers(0, count - 1)), ending, ending_after)
    course.check()
    assert course.ending is None or outcome.state == RunState(ending)
