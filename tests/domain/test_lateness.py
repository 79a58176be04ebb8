"""Lateness that is foreseen, before it is there."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.lateness import foresee_lateness, round_up

DUE = dt.datetime(2026, 1, 31, 9, 0, tzinfo=dt.UTC)


def before(minutes):
    return DUE - dt.timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("now", "started", "expected_min", "late_min"),
    [
        # It runs: the end is its start and the expected duration.
        (before(30), before(40), 30, None),
        (before(30), before(40), 40, None),
        (before(30), before(40), 52, 12),
        (before(1), before(40), 52, 12),
        # It waits, and starts now at best.
        (before(60), None, 52, None),
        (before(53), None, 52, None),
        (before(40), None, 52, 12),
        (before(1), None, 52, 51),
        # A run that takes longer than expected ends now at best.
        (before(1), before(100), 30, None),
        # Nobody knows how long it takes.
        (before(1), None, None, None),
        (before(1), before(40), None, None),
        # After the due time it is late, and nothing is foreseen.
        (DUE, before(10), 52, None),
        (before(-5), before(10), 52, None),
        # Less than a minute, or than a tenth of the duration, is not told.
        (before(5), before(5), 5.9, None),
        (before(5), before(5), 6, 1),
        (before(100), before(100), 109, None),
        (before(100), before(100), 112, 12),
        # The clock was set back after it had started.
        (before(50), before(40), 52, 12),
    ],
)
def test_lateness_follows_from_the_expected_duration_and_from_where_the_run_stands(
    now, started, expected_min, late_min
):
    expected_s = None if expected_min is None else expected_min * 60
    late_s = foresee_lateness(DUE, now, expected_s=expected_s, started_at=started)
    assert late_s == (None if late_min is None else pytest.approx(late_min * 60))


@pytest.mark.parametrize(("late_s", "about_s"), [(60, 60), (61, 120), (0.5, 60), (719.9, 720)])
def test_it_is_told_in_whole_minutes(late_s, about_s):
    assert round_up(late_s) == about_s
