from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from dataops_lab.domain.retries import MAX_DELAY_S, Budget, charged_budget, is_retry_due, retry_at, run_state_after
from dataops_lab.domain.runs import Attempt, AttemptState, Reason, Run, RunState
from dataops_lab.domain.settings import RunSettings
from dataops_lab.domain.snapshots import KernelChoice
from dataops_lab.testing import person

NOW = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
KERNEL = KernelChoice("python3", "python", "Python", ("python",))
LOST = (AttemptState.LOST, "runner_lost")
WRONG = (AttemptState.FAILED, "cell_error")
TOO_MUCH = (AttemptState.FAILED, "out_of_memory")
TOO_LONG = (AttemptState.TIMED_OUT, "timeout")
OVER = (AttemptState.TIMED_OUT, "total_timeout")
RIGHT = (AttemptState.SUCCEEDED, None)
STOPPED = (AttemptState.CANCELLED, "cancelled")


def a_run(**settings) -> Run:
    state = RunState.ACTIVE
    return Run("R", "p", "J", "V", "sandbox", state, {}, KERNEL, NOW, person("x"), settings=RunSettings(**settings))


def an_attempt(number: int, state=AttemptState.LOST, code="runner_lost") -> Attempt:
    reason = Reason(code, "…") if code else None
    return Attempt("R", number, state, 1, NOW, finished_at=NOW, reason=reason)


def after(run: Run, *ends) -> RunState:
    *earlier, (state, code) = ends
    attempts = [an_attempt(number, *end) for number, end in enumerate(earlier, 1)]
    return run_state_after(run, attempts, state, Reason(code, "…") if code else None)


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ([RIGHT], RunState.SUCCEEDED),
        ([WRONG], RunState.FAILED),
        ([(AttemptState.FAILED, "kernel_died")], RunState.FAILED),
        ([TOO_MUCH], RunState.FAILED),
        ([STOPPED], RunState.CANCELLED),
        ([TOO_LONG], RunState.TIMED_OUT),
        ([LOST], RunState.RETRY_WAIT),
        ([(AttemptState.FAILED, "machine_out_of_memory")], RunState.RETRY_WAIT),
        ([(AttemptState.TIMED_OUT, "start_timeout")], RunState.RETRY_WAIT),
        ([LOST, LOST, LOST], RunState.RETRY_WAIT),
        ([LOST, LOST, LOST, LOST], RunState.LOST),
        ([LOST, LOST, LOST, RIGHT], RunState.SUCCEEDED),
        ([LOST, WRONG], RunState.FAILED),
    ],
)
def test_without_a_budget_only_what_the_notebook_is_not_to_blame_for_is_tried_again(ends, state):
    assert after(a_run(), *ends) is state


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ([WRONG, WRONG], RunState.RETRY_WAIT),
        ([WRONG, TOO_MUCH], RunState.RETRY_WAIT),
        ([WRONG, TOO_MUCH, WRONG], RunState.FAILED),
        ([LOST, LOST, LOST, WRONG, WRONG], RunState.RETRY_WAIT),
        ([WRONG, WRONG, LOST, LOST, LOST], RunState.RETRY_WAIT),
        ([WRONG, WRONG, LOST, LOST, LOST, LOST], RunState.LOST),
        ([TOO_LONG], RunState.TIMED_OUT),
        ([STOPPED], RunState.CANCELLED),
    ],
)
def test_neither_budget_pays_for_the_other(ends, state):
    assert after(a_run(max_retries=2), *ends) is state


def test_a_timeout_is_tried_again_where_a_job_says_so_but_never_when_it_took_too_long_in_all():
    run = a_run(max_retries=1, retry_on_timeout=True)
    assert after(run, TOO_LONG) is RunState.RETRY_WAIT
    assert after(run, WRONG, TOO_LONG) is RunState.TIMED_OUT
    assert after(run, OVER) is RunState.TIMED_OUT


def test_what_somebody_wants_cancelled_gets_no_other_attempt():
    wanted = replace(a_run(max_retries=1), cancel_requested_at=NOW)
    assert after(wanted, LOST) is RunState.CANCELLED
    assert after(wanted, WRONG) is RunState.CANCELLED
    assert after(replace(wanted, settings=RunSettings()), WRONG) is RunState.FAILED
    assert after(wanted, RIGHT) is RunState.SUCCEEDED


def test_what_did_not_go_wrong_is_charged_to_nobody():
    budgets = [
        charged_budget(state, Reason(code, "…") if code else None)
        for state, code in (RIGHT, STOPPED, OVER, LOST, WRONG)
    ]
    assert budgets == [None, None, None, Budget.INFRASTRUCTURE, Budget.USER]


def test_each_wait_is_longer_than_the_one_before_up_to_a_bound_and_the_same_whoever_asks():
    waits = [retry_at(an_attempt(n)) - NOW for n in range(1, 6)]
    assert waits == sorted(waits)
    assert waits[0] >= dt.timedelta(seconds=2)
    assert waits == [retry_at(an_attempt(n)) - NOW for n in range(1, 6)]
    assert retry_at(an_attempt(13)) - NOW <= dt.timedelta(seconds=MAX_DELAY_S * 1.25)


def test_what_failed_together_does_not_come_back_together():
    assert len({retry_at(replace(an_attempt(1), run_id=f"R{n}")) for n in range(20)}) == 20


def test_a_wall_clock_that_was_set_back_keeps_nothing_waiting():
    last = an_attempt(1)
    assert not is_retry_due(last, NOW)
    assert is_retry_due(last, NOW - dt.timedelta(hours=1))
    assert is_retry_due(last, NOW + dt.timedelta(hours=1))
