"""The decision whether an attempt that has ended gets another one, and when.

There are two budgets. An error of the notebook would happen again: the user's budget is 0 unless a job or a
submission says otherwise; a run's own memory limit counts here. An error of the machinery gets another attempt in any
case, up to a fixed number. An attempt that somebody cancelled gets none.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from enum import StrEnum

from .runs import Attempt, AttemptState, Reason, Run, RunState

MAX_INFRASTRUCTURE_RETRIES = 3
FIRST_DELAY_S = 2.0
DELAY_FACTOR = 4.0
MAX_DELAY_S = 900.0
JITTER = 0.25

INFRASTRUCTURE_CODES = frozenset(
    [
        "runner_lost",
        "runner_did_not_start",
        "launch_failed",
        "kernel_start_failed",
        "start_timeout",
        "machine_out_of_memory",
    ]
)
"""Codes of reasons that are not the fault of the notebook."""

RUN_STATE_BY_ATTEMPT_STATE = {
    AttemptState.SUCCEEDED: RunState.SUCCEEDED,
    AttemptState.FAILED: RunState.FAILED,
    AttemptState.CANCELLED: RunState.CANCELLED,
    AttemptState.TIMED_OUT: RunState.TIMED_OUT,
    AttemptState.LOST: RunState.LOST,
}


class Budget(StrEnum):
    USER = "user"
    INFRASTRUCTURE = "infrastructure"


def charged_budget(state: AttemptState, reason: Reason | None) -> Budget | None:
    """Return the budget that pays for another attempt after this end; None when there is none for it."""
    if state not in (AttemptState.FAILED, AttemptState.LOST, AttemptState.TIMED_OUT) or reason is None:
        return None
    if reason.code in INFRASTRUCTURE_CODES:
        return Budget.INFRASTRUCTURE
    # No second attempt starts while the first may still be alive.
    return None if reason.code in ("total_timeout", "unconfirmed") else Budget.USER


def run_state_after(run: Run, earlier: Sequence[Attempt], state: AttemptState, reason: Reason | None) -> RunState:
    """Return the state to which `run` goes when an attempt of it ends in `state`.

    `earlier` are the attempts before it.
    """
    budget = charged_budget(state, reason)
    spent = sum(charged_budget(attempt.state, attempt.reason) is budget for attempt in earlier)
    if budget is None or spent >= _max_retries(run, budget, state):
        return RUN_STATE_BY_ATTEMPT_STATE[state]
    return RunState.RETRY_WAIT if run.cancel_requested_at is None else RunState.CANCELLED


def retry_at(last: Attempt) -> dt.datetime:
    """Return when a waiting run is queued again.

    It depends on its last attempt alone, so every engine gets the same time.
    """
    delay_s = min(FIRST_DELAY_S * DELAY_FACTOR ** (last.number - 1), MAX_DELAY_S)
    # Spread the times, so that attempts that failed together do not come back together. The share comes from the name:
    # it is the same each time.
    share = int.from_bytes(hashlib.sha256(last.name.encode()).digest()[:4]) / 2**32
    return _end_time(last) + dt.timedelta(seconds=delay_s * (1 + JITTER * share))


def is_retry_due(last: Attempt, now: dt.datetime) -> bool:
    """Tell whether it is time to queue the run again.

    It is also when `now` lies before the end of the attempt: somebody set the clock back, and the wait could be long.
    """
    return now >= retry_at(last) or now < _end_time(last)


def _max_retries(run: Run, budget: Budget, state: AttemptState) -> int:
    if budget is Budget.INFRASTRUCTURE:
        return MAX_INFRASTRUCTURE_RETRIES
    if state is AttemptState.TIMED_OUT and not run.settings.retry_on_timeout:
        return 0
    return run.settings.max_retries


def _end_time(attempt: Attempt) -> dt.datetime:
    return attempt.finished_at or attempt.created_at
