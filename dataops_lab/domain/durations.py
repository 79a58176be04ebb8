"""Expected durations: how long a step will take, from how long it took before."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

LAST = 10
"""The number of earlier successes that count."""


def expected_duration(newest_first: Sequence[float]) -> float | None:
    """Return the median of the last durations in seconds; None when there is none.

    A median, since one run that hung for hours says nothing about the next one.
    """
    return median(newest_first[:LAST]) if newest_first else None
