"""The starts of a span of time, over all schedules: what a calendar shows."""

from __future__ import annotations

import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.domain.timetables import Cron, Interval
from dataops_lab.errors import InvalidRequest
from dataops_lab.services import schedules

from ..schedule_lab import ANN, ScheduleLab, utc

DAY = (utc("2026-01-31T00:00"), utc("2026-01-31T23:59"))


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


def test_a_span_has_decided_ticks_with_the_states_of_their_runs_and_those_to_come(lab):
    made = lab.add()
    daily = lab.add(Cron("30 22 * * *"), name="daily")
    for hour, outcome in (("09", "succeeded"), ("10", "failed")):
        lab.advance_to(f"2026-01-31T{hour}:00")
        lab.end(lab.ticks(made)[-1].run_id, outcome)
    span = schedules.ticks_between(lab.ctx, *DAY)
    assert [tick.nominal.hour for tick in span.decided] == [9, 10]
    states = [span.run_states[tick.run_id] for tick in span.decided]
    assert states == [RunState.SUCCEEDED, RunState.FAILED]
    coming = [(schedule.id, occurrence.at.hour) for schedule, occurrence in span.coming]
    assert coming == [
        *((made.id, hour) for hour in range(11, 23)),
        (daily.id, 22),
        (made.id, 23),
    ]
    assert span.is_complete
    alone = schedules.ticks_between(lab.ctx, *DAY, name="daily")
    assert (len(alone.decided), len(alone.coming)) == (0, 1)


def test_a_paused_schedule_has_nothing_to_come(lab):
    made = lab.add()
    schedules.pause(lab.ctx, made.name, by=ANN)
    assert schedules.ticks_between(lab.ctx, *DAY).coming == []


def test_one_schedule_for_each_second_does_not_hide_the_others_and_the_span_says_that_it_is_cut(lab):
    lab.add(Interval(1.0), name="often")
    lab.add(Cron("30 22 * * *"), name="daily")
    span = schedules.ticks_between(lab.ctx, *DAY)
    assert not span.is_complete
    assert [schedule.name for schedule, _ in span.coming].count("daily") == 1
    assert len(span.coming) <= schedules.MAX_BETWEEN


def test_a_span_without_end_is_refused(lab):
    for first, last in ((DAY[1], DAY[0]), (DAY[0], utc("2027-03-01T00:00"))):
        with pytest.raises(InvalidRequest, match="370 days"):
            schedules.ticks_between(lab.ctx, first, last)


def test_more_schedules_than_fit_a_page_are_all_there(lab, monkeypatch):
    monkeypatch.setattr(schedules, "_PAGE", 2)
    names = [f"daily {number}" for number in range(5)]
    for name in names:
        lab.add(Cron("30 22 * * *"), name=name)
    assert sorted(schedule.name for schedule, _ in schedules.ticks_between(lab.ctx, *DAY).coming) == names
