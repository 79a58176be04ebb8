"""The two tables of moves, written a second time by hand."""

from __future__ import annotations

import datetime as dt
from itertools import product

import pytest

from dataops_lab.domain.runs import Attempt, AttemptState, Run, RunState
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.errors import IllegalTransition
from dataops_lab.testing import person

RUNS = {
    "created": "queued awaiting_approval rejected",
    "awaiting_approval": "queued rejected expired cancelled",
    "queued": "active skipped expired cancelled",
    "active": "succeeded failed timed_out cancelled lost retry_wait",
    "retry_wait": "queued cancelled expired",
}
ATTEMPTS = {
    "claimed": "launching released cancelling",
    "launching": "running failed lost cancelling timing_out",
    "running": "finalizing failed lost cancelling timing_out",
    "finalizing": "succeeded failed",
    "cancelling": "cancelled unconfirmed",
    "timing_out": "timed_out unconfirmed",
    "unconfirmed": "cancelled timed_out lost",
}
NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)


def a_run(state: RunState) -> Run:
    kernel = KernelChoice("python3", "python", "Python", ("python",))
    return Run("R", "default", "J", "V", "sandbox", state, {}, kernel, NOW, person("someone"))


def moves(thing, state) -> bool:
    try:
        return thing.transition_to(state).state is state
    except IllegalTransition:
        return False


@pytest.mark.parametrize(("before", "after"), list(product(RunState, RunState)))
def test_a_run_moves_as_the_table_says_and_never_otherwise(before, after):
    assert moves(a_run(before), after) is (after in RUNS.get(before, "").split())


@pytest.mark.parametrize(("before", "after"), list(product(AttemptState, AttemptState)))
def test_an_attempt_moves_as_the_table_says_and_never_otherwise(before, after):
    assert moves(Attempt("R", 1, before, 1, NOW), after) is (after in ATTEMPTS.get(before, "").split())


def test_the_states_without_exit_are_the_ends():
    assert {state for state in RunState if state.is_terminal} == set(RunState) - set(RUNS)
    assert {state for state in AttemptState if state.is_terminal} == set(AttemptState) - set(ATTEMPTS)
