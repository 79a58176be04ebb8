"""Expected durations: how long a step will take, from how long it took before."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

LAST = 10
"""The number of earlier successes that count."""
WARNING_NEEDS = 3
"""The least number of earlier successes after which a duration is worth a warning."""
WARNING_FACTOR = 2.0
WARNING_LEAST_EXCESS_S = 60.0


def expected_duration(newest_first: Sequence[float]) -> float | None:
    """Return the median of the last durations in seconds; None when there is none.

    A median, since one run that hung for hours says nothing about the next one.
    """
    return median(newest_first[:LAST]) if newest_first else None


def warning_after(newest_first: Sequence[float]) -> float | None:
    """Return the seconds after which a run takes unusually long; None when too little is known.

    That is twice the expected duration, and at least a minute more than it.
    """
    expected = expected_duration(newest_first)
    if expected is None or len(newest_first) < WARNING_NEEDS:
        return None
    return max(expected * WARNING_FACTOR, expected + WARNING_LEAST_EXCESS_S)
