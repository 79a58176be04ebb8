from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.retries import due_at, run_state_after
from dataops_lab.domain.runs import Attempt, AttemptState, Reason, RunState

NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
LOST = Reason("runner_lost", "…")


def an_attempt(number: int, reason: Reason | None = None) -> Attempt:
    return Attempt("R", number, AttemptState.LOST, 1, NOW, finished_at=NOW, reason=reason)


@pytest.mark.parametrize(
    ("earlier", "state", "reason", "after"),
    [
        ([], AttemptState.SUCCEEDED, None, RunState.SUCCEEDED),
        ([], AttemptState.FAILED, Reason("cell_error", "…"), RunState.FAILED),
        ([], AttemptState.FAILED, Reason("kernel_died", "…"), RunState.FAILED),
        ([], AttemptState.CANCELLED, Reason("cancelled", "…"), RunState.CANCELLED),
        ([], AttemptState.TIMED_OUT, Reason("timeout", "…"), RunState.TIMED_OUT),
        ([], AttemptState.LOST, LOST, RunState.RETRY_WAIT),
        ([LOST, LOST], AttemptState.LOST, LOST, RunState.RETRY_WAIT),
        ([LOST, LOST, LOST], AttemptState.LOST, LOST, RunState.LOST),
        ([LOST, LOST, LOST], AttemptState.SUCCEEDED, None, RunState.SUCCEEDED),
        ([LOST], AttemptState.FAILED, Reason("cell_error", "…"), RunState.FAILED),
    ],
)
def test_only_what_the_notebook_is_not_to_blame_for_is_tried_again_and_not_for_ever(earlier, state, reason, after):
    attempts = [an_attempt(n, r) for n, r in enumerate(earlier, 1)]
    assert run_state_after(attempts, state, reason) is after


def test_each_wait_is_longer_than_the_one_before_and_the_same_whoever_asks():
    waits = [due_at(an_attempt(n)) - NOW for n in (1, 2, 3)]
    assert waits == sorted(waits)
    assert waits[0] >= dt.timedelta(seconds=2)
    assert waits == [due_at(an_attempt(n)) - NOW for n in (1, 2, 3)]
