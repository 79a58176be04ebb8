"""Lateness is foreseen from earlier runs, shown, and told once."""

from __future__ import annotations

import pytest

from dataops_lab.domain.schedules import Due, Overlap, Preset
from dataops_lab.services import lateness, schedules
from dataops_lab.services.lateness import foresee

from ..schedule_lab import ScheduleLab


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


def usually(lab, schedule, *, minutes, times=3):
    """Let the hourly schedule run some times, and each run take so long."""
    for _ in range(times):
        lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
        (run,) = [run for run in lab.runs() if not run.state.is_terminal]
        lab.advance(minutes * 60)
        lab.end(run.id)


def late_min(lab, schedule):
    late_s = schedules.get(lab.ctx, schedule.id).foreseen_late_s
    return None if late_s is None else round(late_s / 60)


def test_a_run_that_may_end_in_time_is_not_foreseen(lab):
    schedule = lab.add(due=Due(within_s=30 * 60.0))
    usually(lab, schedule, minutes=20)
    lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
    assert (late_min(lab, schedule), lab.messages()) == (None, [])


def test_a_run_that_will_be_late_is_shown_and_told_once(lab):
    schedule = lab.add(due=Due(within_s=15 * 60.0))
    usually(lab, schedule, minutes=20)
    assert lab.messages() == ["late"] * 3  # Nobody knew before.
    lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
    lab.advance(31)
    assert late_min(lab, schedule) == 5
    tick = lab.ticks(schedule)[-1]
    assert lab.messages() == ["late"] * 4
    with lab.ctx.store.read() as tx:
        message = tx.outbox.list_newest(limit=1)[0]
    assert (message.payload["foreseen"], message.payload["tick"]) == (True, tick.id)
    assert "late by about 6 min" in message.payload["reason"]["message"]
    lab.advance(20 * 60)  # The due time passes.
    assert lab.messages() == ["late"] * 4
    assert late_min(lab, schedule) is None


def test_nothing_is_foreseen_from_fewer_than_three_successes(lab):
    schedule = lab.add(due=Due(within_s=15 * 60.0))
    usually(lab, schedule, minutes=20, times=2)
    lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
    assert late_min(lab, schedule) is None


def test_a_tick_that_waits_for_the_run_before_is_foreseen_late_too(lab):
    schedule = lab.add(due=Due(within_s=30 * 60.0), overlap=Overlap.BUFFER_ONE)
    usually(lab, schedule, minutes=20)
    lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
    lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])  # The run before has hung for an hour.
    waiting = lab.ticks(schedule)[-1]
    assert waiting.state == "waiting"
    lab.advance(20 * 60)
    assert round(foresee(lab.ctx, [waiting])[waiting.id] / 60) == 10
    assert late_min(lab, schedule) == 10


def test_each_preset_is_foreseen_and_all_are_one_message(lab):
    presets = (Preset("north"), Preset("south"))
    schedule = lab.add(due=Due(within_s=15 * 60.0), presets=presets)
    for _ in range(2):
        lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
        runs = [run for run in lab.runs() if not run.state.is_terminal]
        lab.advance(20 * 60)
        for run in runs:
            lab.end(run.id)
    before = len(lab.messages())
    lab.advance_to(lab.get(schedule).next_at.isoformat()[:16])
    lab.advance(31)
    assert len(foresee(lab.ctx, lab.ticks(schedule))) == 2
    assert len(lab.messages()) == before + 1
    lab.advance(15 * 60)
    assert len(lab.messages()) == before + 1


def test_ended_runs_and_schedules_without_a_due_time_ask_for_nothing(lab, statements):
    schedule = lab.add()
    lab.advance_to("2026-01-31T09:00")
    found = lab.ticks(schedule)
    assert statements(lambda: lateness.foresee(lab.ctx, found)) == 0
