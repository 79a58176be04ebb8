"""Whether a failed attempt gets another one, and when.

Two budgets. What a notebook did wrong it would do wrong again: the user's budget is 0 unless a job says
otherwise. What the machinery did wrong is tried again, later each time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

from .runs import Attempt, AttemptState, Reason, RunState

INFRASTRUCTURE_BUDGET = 3
FIRST_DELAY_S = 2.0
GROWTH = 4.0
JITTER = 0.25

INFRASTRUCTURE = frozenset({"runner_lost", "runner_did_not_start", "launch_failed", "kernel_start_failed"})
"""Codes of reasons that are no fault of the notebook."""

RUN_END = {
    AttemptState.SUCCEEDED: RunState.SUCCEEDED,
    AttemptState.FAILED: RunState.FAILED,
    AttemptState.CANCELLED: RunState.CANCELLED,
    AttemptState.TIMED_OUT: RunState.TIMED_OUT,
    AttemptState.LOST: RunState.LOST,
}


def run_state_after(earlier: Sequence[Attempt], state: AttemptState, reason: Reason | None) -> RunState:
    """Where the run goes when an attempt ends in `state`; `earlier` are the attempts before it."""
    if not _is_infrastructure(reason):
        return RUN_END[state]
    spent = sum(_is_infrastructure(attempt.reason) for attempt in earlier)
    return RunState.RETRY_WAIT if spent < INFRASTRUCTURE_BUDGET else RUN_END[state]


def due_at(last: Attempt) -> dt.datetime:
    """When a waiting run is queued again: a value of its last attempt, the same for every engine."""
    delay_s = FIRST_DELAY_S * GROWTH ** (last.number - 1)
    # Spread, so that what failed together does not come back together; from the name, so that it is no surprise.
    share = int.from_bytes(hashlib.sha256(last.name.encode()).digest()[:4]) / 2**32
    ended = last.finished_at or last.created_at
    return ended + dt.timedelta(seconds=delay_s * (1 + JITTER * share))


def _is_infrastructure(reason: Reason | None) -> bool:
    return reason is not None and reason.code in INFRASTRUCTURE
