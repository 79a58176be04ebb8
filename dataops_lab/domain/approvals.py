"""Approvals: the time for which a pipeline run waited for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from .pipelines import StepStatus


def waited_s(approvals: Iterable[StepStatus]) -> float:
    """Return the seconds in which one approval or more waited for a decision. All of them have been decided."""
    times = [
        (status.started_at, status.finished_at) for status in approvals if status.started_at and status.finished_at
    ]
    waited, last = dt.timedelta(0), dt.datetime.min.replace(tzinfo=dt.UTC)
    for began, ended in sorted(times):
        waited += max(ended - max(began, last), dt.timedelta(0))
        last = max(last, ended)
    return waited.total_seconds()
