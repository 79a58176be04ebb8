"""Backfills: the grid of a span, and its runs, a few at a time."""

from __future__ import annotations

import pytest

from dataops_lab.domain.backfills import Backfill, BackfillScope, BackfillState
from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.runs import TriggerKind
from dataops_lab.domain.schedules import AfterJob, Preset
from dataops_lab.domain.timetables import Interval
from dataops_lab.errors import InvalidRequest
from dataops_lab.services import backfills, schedules

from ..schedule_lab import ANN, ScheduleLab, utc

SPAN = (utc("2026-01-31T07:00"), utc("2026-01-31T11:00"))


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


@pytest.fixture
def schedule(lab):
    """A schedule that succeeded at 9, failed at 10, and still runs at 11."""
    made = lab.add(pause_on_failure=100)
    for hour, outcome in (("09", "succeeded"), ("10", "failed"), ("11", None)):
        lab.advance_to(f"2026-01-31T{hour}:00")
        if outcome:
            lab.end(lab.ticks(made)[-1].run_id, outcome)
    return made


def grid(lab, schedule, **wish):
    cells = backfills.preview(lab.ctx, schedule.name, Backfill(*SPAN, **wish))
    return [f"{cell.nominal:%H} {cell.state}{' runs' if cell.runs else ''}" for cell in cells]


@pytest.mark.parametrize(
    ("scope", "cells"),
    [
        (BackfillScope.MISSING, ["07 missing runs", "08 missing runs", "09 done", "10 failed", "11 running"]),
        (
            BackfillScope.MISSING_AND_FAILED,
            ["07 missing runs", "08 missing runs", "09 done", "10 failed runs", "11 running"],
        ),
        (
            BackfillScope.ALL,
            ["07 missing runs", "08 missing runs", "09 done runs", "10 failed runs", "11 running"],
        ),
    ],
)
def test_the_grid_tells_what_would_run_and_starts_nothing(lab, schedule, scope, cells):
    before = len(lab.runs())
    assert grid(lab, schedule, scope=scope) == cells
    assert len(lab.runs()) == before


def test_ticks_run_one_after_the_other_with_their_nominal_times(lab, schedule):
    known = {run.id for run in lab.runs()}
    added = backfills.start(lab.ctx, schedule.name, Backfill(*SPAN, BackfillScope.MISSING_AND_FAILED), by=ANN)
    assert [tick.nominal.hour for tick in added] == [7, 8, 10]
    for hour, outcome in ((7, "succeeded"), (8, "failed"), (10, "succeeded")):
        lab.settle()
        (run,) = [run for run in lab.runs() if run.id not in known and not run.state.is_terminal]
        assert (run.nominal_at.hour, run.trigger.kind) == (hour, TriggerKind.BACKFILL)
        lab.end(run.id, outcome)
    assert grid(lab, schedule) == ["07 done", "08 failed", "09 done", "10 done", "11 running"]
    assert lab.messages() == ["failure"]
    assert lab.get(schedule).failures == 1


def test_again_only_the_failed_ones_newest_first_and_some_at_once(lab, schedule):
    known = {run.id for run in lab.runs()}
    wish = Backfill(*SPAN, BackfillScope.ALL, concurrency=2, newest_first=True)
    backfills.start(lab.ctx, schedule.name, wish, by=ANN)
    lab.settle()
    started = [run for run in lab.runs() if run.id not in known]
    assert sorted(run.nominal_at.hour for run in started) == [9, 10]


def test_a_backfill_is_cancelled_and_what_has_begun_goes_on(lab, schedule):
    backfills.start(lab.ctx, schedule.name, Backfill(*SPAN), by=ANN)
    lab.settle()
    assert backfills.cancel(lab.ctx, schedule.name, by=ANN) == 1
    assert grid(lab, schedule)[:2] == ["07 running", "08 missing runs"]


def test_a_refused_tick_lets_the_next_one_start(lab, schedule, monkeypatch):
    lab.notebooks.inputs["sales.ipynb"] = Inputs()
    monkeypatch.setattr(type(lab.notebooks), "get_kernel", _no_kernel)
    backfills.start(lab.ctx, schedule.name, Backfill(*SPAN), by=ANN)
    lab.settle()
    assert grid(lab, schedule)[:2] == ["07 failed", "08 failed"]


def _no_kernel(self, name):
    from dataops_lab.errors import KernelUnavailable

    raise KernelUnavailable(f"There is no kernel {name}.")


def test_presets_are_cells_of_their_own(lab):
    made = lab.add(presets=(Preset("n"), Preset("s")))
    lab.advance_to("2026-01-31T09:00")
    lab.end(lab.ticks(made)[0].run_id)
    cells = backfills.preview(lab.ctx, made.name, Backfill(*SPAN))
    assert [(cell.nominal.hour, cell.preset, cell.state) for cell in cells[-2:]] == [
        (9, "n", BackfillState.DONE),
        (9, "s", BackfillState.RUNNING),
    ]


def test_too_many_ticks_are_refused_and_nothing_is_started(lab):
    made = lab.add(Interval(1.0))
    for wish in (Backfill(utc("2026-01-01T00:00"), utc("2026-01-30T00:00")), Backfill(SPAN[1], SPAN[0])):
        with pytest.raises(InvalidRequest):
            backfills.start(lab.ctx, made.name, wish, by=ANN)
    assert lab.runs() == []


def test_only_a_schedule_that_follows_the_clock_has_a_past(lab, submit):
    made = lab.add(AfterJob(submit("/n/other.ipynb").run.job_id))
    with pytest.raises(InvalidRequest, match="follows the clock"):
        backfills.preview(lab.ctx, made.name, Backfill(*SPAN))
    schedules.remove(lab.ctx, made.name, by=ANN)


def test_again_only_the_failed_ones_leaves_missing_ones_alone(lab, schedule):
    assert grid(lab, schedule, scope=BackfillScope.FAILED) == [
        "07 missing",
        "08 missing",
        "09 done",
        "10 failed runs",
        "11 running",
    ]


def test_a_backfill_tells_how_far_it_is(lab, schedule):
    assert backfills.list_newest(lab.ctx, schedule.name) == []
    wish = Backfill(*SPAN, BackfillScope.MISSING_AND_FAILED, concurrency=2, tells=True)
    backfills.start(lab.ctx, schedule.name, wish, by=ANN)
    lab.settle()
    (found,) = backfills.list_newest(lab.ctx, schedule.name)
    assert (found.first.hour, found.last.hour, found.concurrency, found.tells) == (7, 10, 2, True)
    assert (found.waiting, found.running, found.done, found.failed, found.skipped) == (1, 2, 0, 0, 0)
    running = [tick.run_id for tick in lab.ticks(schedule) if tick.cause and tick.run_id]
    lab.end(running[0], "succeeded")
    lab.end(running[1], "failed")
    backfills.cancel(lab.ctx, schedule.name, by=ANN)
    (found,) = backfills.list_newest(lab.ctx, schedule.name)
    assert (found.done, found.failed) == (1, 1)
    assert found.waiting + found.running + found.skipped == 1


def test_the_newest_backfills_come_first(lab, schedule):
    for hours in ((7, 7), (8, 8)):
        span = [utc(f"2026-01-31T{hour:02}:00") for hour in hours]
        backfills.start(lab.ctx, schedule.name, Backfill(*span), by=ANN)
        lab.advance(1)
    assert [found.first.hour for found in backfills.list_newest(lab.ctx, schedule.name)] == [8, 7]


@pytest.mark.parametrize(("tells", "messages"), [(False, ["failure"]), (True, ["failure", "failure"])])
def test_people_hear_of_failures_of_a_backfill_only_when_it_says_so(lab, schedule, tells, messages):
    known = {run.id for run in lab.runs()}
    backfills.start(lab.ctx, schedule.name, Backfill(SPAN[0], SPAN[0], tells=tells), by=ANN)
    lab.settle()
    (run,) = [run for run in lab.runs() if run.id not in known]
    lab.end(run.id, "failed")
    assert lab.messages() == messages
    assert lab.get(schedule).failures == 1


def test_a_backfill_of_a_hundred_thousand_runs_is_refused_with_the_number(lab):
    made = lab.add(Interval(60.0), presets=tuple(Preset(str(number)) for number in range(100)))
    with pytest.raises(InvalidRequest, match=r"100,100 ticks; 1,000 are allowed"):
        backfills.start(lab.ctx, made.name, Backfill(utc("2026-01-30T00:00"), utc("2026-01-30T16:40")), by=ANN)
    assert lab.runs() == []
