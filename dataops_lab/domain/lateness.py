"""Lateness foreseen: before the due time, from how long a run usually takes and where it stands."""

from __future__ import annotations

import datetime as dt

LEAST_S = 60.0
"""The lateness below which nothing is foreseen: an expected duration tells no more."""
SHARE = 0.1
"""The share of the expected duration by which a run must be too late at least."""


def foresee_lateness(
    due_at: dt.datetime, now: dt.datetime, *, expected_s: float | None, started_at: dt.datetime | None
) -> float | None:
    """Return the seconds by which a success will come after `due_at`; None when it may come in time.

    `started_at` is None while the run waits: then it starts now at best. After the due time nothing is foreseen: it is
    late. A run that has taken longer than expected ends now at best, so nothing more is known about it.
    """
    if expected_s is None or now >= due_at:
        return None
    end = max((started_at or now) + dt.timedelta(seconds=expected_s), now)
    late_s = (end - due_at).total_seconds()
    return late_s if late_s >= max(LEAST_S, SHARE * expected_s) else None


def round_up(late_s: float) -> float:
    """Return about as many seconds: whole minutes, since nothing is foreseen to the second."""
    return -(-late_s // 60) * 60
