"""Ticks: each has exactly one run or one written reason, whatever happens to clocks, runs and engines."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import RunState, TriggerKind
from dataops_lab.domain.schedules import AfterJob, Due, JobEnd, Misfire, Overlap, Preset
from dataops_lab.domain.timetables import Cron, Interval, Once
from dataops_lab.services import runs, schedules, ticks

from ..schedule_lab import ANN, ScheduleLab, utc


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


def test_a_tick_starts_a_run_of_the_stored_version_with_its_nominal_time(lab):
    schedule = lab.add()
    assert schedule.next_at == utc("2026-01-31T09:00")
    lab.advance_to("2026-01-31T09:00")
    (run,) = lab.runs()
    (tick,) = lab.ticks(schedule)
    assert (run.trigger.kind, run.trigger.ref) == (TriggerKind.SCHEDULE, tick.id)
    assert (run.tick_id, run.nominal_at, run.created_by) == (tick.id, utc("2026-01-31T09:00"), ANN)
    assert run.version_digest == schedule.version_digest
    assert (tick.state, tick.run_id, tick.reason) == ("ran", run.id, None)
    assert lab.get(schedule).next_at == utc("2026-01-31T10:00")


def test_a_rerun_keeps_the_tick_and_its_nominal_time(lab):
    lab.add()
    lab.advance_to("2026-01-31T09:00")
    (run,) = lab.runs()
    lab.end(run.id, "failed")
    again = runs.rerun(lab.ctx, run.id, parameters=None, by=ANN).view.run
    assert (again.tick_id, again.nominal_at) == (run.tick_id, run.nominal_at)


@pytest.mark.parametrize(
    ("overlap", "log"),
    [
        (Overlap.SKIP, ["31 09:00 ran", "31 10:00 skipped overlap", "31 11:00 skipped overlap"]),
        (Overlap.ALLOW_ALL, ["31 09:00 ran", "31 10:00 ran", "31 11:00 ran"]),
        (Overlap.BUFFER_ONE, ["31 09:00 ran", "31 10:00 waiting buffered", "31 11:00 skipped buffer_full"]),
        (Overlap.BUFFER_ALL, ["31 09:00 ran", "31 10:00 waiting buffered", "31 11:00 waiting buffered"]),
    ],
)
def test_overlap_decides_on_a_tick_while_the_run_before_goes_on(lab, overlap, log):
    schedule = lab.add(overlap=overlap)
    for hour in ("09", "10", "11"):
        lab.advance_to(f"2026-01-31T{hour}:00")
    assert lab.log(schedule) == log
    first = lab.ticks(schedule)[0].run_id
    assert all(tick.other_run_id == first for tick in lab.ticks(schedule) if tick.state != "ran")


def test_waiting_ticks_start_one_after_the_other_when_the_run_ends(lab):
    schedule = lab.add(overlap=Overlap.BUFFER_ALL)
    for hour in ("09", "10", "11"):
        lab.advance_to(f"2026-01-31T{hour}:00")
    lab.end(lab.ticks(schedule)[0].run_id)
    assert [tick.state for tick in lab.ticks(schedule)] == ["ran", "ran", "waiting"]
    lab.end(lab.ticks(schedule)[1].run_id)
    assert [tick.state for tick in lab.ticks(schedule)] == ["ran", "ran", "ran"]
    assert [run.nominal_at.hour for run in lab.runs()] == [9, 10, 11]


def test_cancel_other_cancels_the_run_and_starts_when_it_has_ended(lab):
    schedule = lab.add(overlap=Overlap.CANCEL_OTHER)
    lab.advance_to("2026-01-31T09:00")
    first = lab.ticks(schedule)[0].run_id
    lab.advance_to("2026-01-31T10:00")
    lab.advance(60)
    assert lab.state(first) is RunState.CANCELLED
    assert "its schedule" in runs.get(lab.ctx, first).run.reason.message
    assert lab.log(schedule) == ["31 09:00 ran", "31 10:00 ran cancelled_other"]


@pytest.mark.parametrize(
    ("misfire", "log"),
    [
        (Misfire.SKIP, ["31 09:00 missed misfire ×3"]),
        (Misfire.LATEST, ["31 09:00 missed misfire ×2", "31 11:00 ran late_start"]),
        (Misfire.ALL, ["31 09:00 ran late_start", "31 10:00 ran late_start", "31 11:00 ran late_start"]),
    ],
)
def test_misfire_decides_on_ticks_whose_time_passed_without_an_engine(lab, misfire, log):
    schedule = lab.add(misfire=misfire, overlap=Overlap.ALLOW_ALL)
    lab.advance_to("2026-01-31T11:20")
    assert lab.log(schedule) == log
    assert sum(tick.count for tick in lab.ticks(schedule)) == 3


def test_a_sleep_of_three_days_is_made_up_for_within_the_catch_up_window(lab):
    schedule = lab.add()
    lab.advance_to("2026-02-03T08:30")
    assert lab.log(schedule) == [
        "31 09:00 missed beyond_window ×48",
        "02 09:00 missed misfire ×23",
        "03 08:00 ran late_start",
    ]
    assert lab.messages() == ["missed", "missed"]


def test_a_clock_that_is_set_back_starts_nothing_twice(lab, clock):
    schedule = lab.add()
    lab.advance_to("2026-01-31T09:00")
    clock.set_wall_clock(utc("2026-01-31T08:30"))
    lab.advance(3600)
    assert lab.log(schedule) == ["31 09:00 ran"]


def test_a_clock_that_is_set_forward_makes_up_for_the_last_tick(lab, clock):
    schedule = lab.add()
    clock.set_wall_clock(utc("2026-01-31T12:10"))
    lab.advance(31)
    assert lab.log(schedule) == ["31 09:00 missed misfire ×3", "31 12:00 ran late_start"]


def test_presets_have_a_run_each_and_do_not_hold_up_one_another(lab):
    lab.notebooks.schema = ParameterSchema((Parameter("region", ParameterType.STRING, required=True),))
    presets = (Preset("north", {"region": "n"}), Preset("south", {"region": "s"}))
    schedule = lab.add(presets=presets)
    lab.advance_to("2026-01-31T09:00")
    assert [run.parameters for run in lab.runs()] in (
        [{"region": "n"}, {"region": "s"}],
        [{"region": "s"}, {"region": "n"}],
    )
    lab.end(lab.ticks(schedule)[0].run_id)
    lab.advance_to("2026-01-31T10:00")
    assert lab.log(schedule) == [
        "31 09:00 north ran",
        "31 09:00 south ran",
        "31 10:00 north ran",
        "31 10:00 south skipped overlap",
    ]


def test_dates_are_counted_from_the_nominal_time_in_the_zone_of_the_schedule(lab):
    lab.notebooks.schema = ParameterSchema(
        (Parameter("day", ParameterType.DATE), Parameter("since", ParameterType.DATETIME))
    )
    schedule = lab.add(
        Cron("30 0 * * *"),
        timezone="Europe/Paris",
        dates={"day": ticks_dates("yesterday"), "since": ticks_dates("previous_run")},
    )
    lab.advance_to("2026-01-31T23:30")
    (first,) = lab.runs()
    assert first.parameters == {"day": "2026-01-31", "since": "2026-02-01T00:30:00+01:00"}
    lab.end(first.id)
    lab.advance_to("2026-02-01T23:30")
    assert lab.runs()[1].parameters == {"day": "2026-02-01", "since": "2026-02-01T00:30:00+01:00"}
    assert len(lab.ticks(schedule)) == 2


def ticks_dates(name):
    from dataops_lab.domain.dates import DateFunction

    return DateFunction(name)


def test_a_schedule_that_runs_once_runs_once(lab):
    schedule = lab.add(Once(utc("2026-01-31T22:00")))
    lab.advance_to("2026-01-31T22:00")
    lab.advance(86400)
    assert lab.log(schedule) == ["31 22:00 ran"]
    assert not lab.get(schedule).is_active


def test_a_job_starts_after_another_one_has_ended_as_asked(lab, submit):
    upstream = submit("/n/extract.ipynb").run
    after_success = lab.add(AfterJob(upstream.job_id), name="ok")
    after_failure = lab.add(AfterJob(upstream.job_id, JobEnd.FAILURE), path="/n/alarm.ipynb", name="bad")
    lab.settle()
    lab.end(upstream.id)
    (tick,) = lab.ticks(after_success)
    assert (tick.kind, tick.cause, tick.state) == ("job", upstream.id, "ran")
    assert lab.ticks(after_failure) == []
    second = submit("/n/extract.ipynb").run
    lab.settle()
    lab.end(second.id, "failed")
    assert [tick.cause for tick in lab.ticks(after_failure)] == [second.id]
    run = runs.get(lab.ctx, lab.ticks(after_failure)[0].run_id).run
    assert run.trigger.kind is TriggerKind.JOB


def test_a_run_that_is_refused_is_a_tick_with_the_reason_and_a_message(lab):
    schedule = lab.add(overlap=Overlap.ALLOW_ALL)
    lab.notebooks.unreachable.add("sales.ipynb")
    with lab.ctx.store.begin() as tx:
        from dataops_lab.domain.inputs import Inputs
        from dataops_lab.domain.versions import IncludedFile

        digest = tx.inputs.put(Inputs((IncludedFile("a.csv", "sha256:" + "0" * 64, 1),)))
        plan = tx.schedules.get_plan(schedule.id)
        from dataclasses import replace

        tx.schedules.change(
            tx.schedules.get(schedule.id),
            "schedule.changed",
            at=lab.clock.now(),
            by=ANN,
            plan={"": replace(plan[""], inputs_digest=digest)},
        )
    lab.advance_to("2026-01-31T09:00")
    assert lab.log(schedule) == ["31 09:00 refused inputs_unreachable"]
    assert lab.messages() == ["refused"]
    assert "not there" in lab.get(schedule).refusal
    lab.notebooks.unreachable.clear()
    lab.advance_to("2026-01-31T10:00")
    assert lab.get(schedule).refusal is None


def test_failures_pause_the_schedule_and_one_success_starts_the_count_again(lab):
    schedule = lab.add(pause_on_failure=2)
    outcomes = ["failed", "succeeded", "failed", "failed"]
    for hour, outcome in enumerate(outcomes, 9):
        lab.advance_to(f"2026-01-31T{hour:02}:00")
        lab.end(lab.ticks(schedule)[-1].run_id, outcome)
    paused = lab.get(schedule)
    assert paused.pause is not None and "2 failures in a row" in paused.pause.why
    assert paused.next_at is None
    lab.advance_to("2026-01-31T15:00")
    assert len(lab.ticks(schedule)) == 4
    assert lab.messages() == ["failure", "recovery", "failure", "failure", "paused"]


def test_a_paused_schedule_starts_nothing_and_the_log_says_so_when_it_goes_on(lab):
    schedule = lab.add()
    schedules.pause(lab.ctx, schedule.name, why="month end", by=ANN)
    lab.advance_to("2026-01-31T12:00")
    assert lab.ticks(schedule) == []
    schedules.resume(lab.ctx, schedule.name, by=ANN)
    lab.advance_to("2026-01-31T13:00")
    assert lab.log(schedule) == ["31 09:00 skipped paused ×4", "31 13:00 ran"]
    assert lab.ticks(schedule)[0].reason.message == "ann had paused the schedule: month end"


# --- due times ------------------------------------------------------------------------------------


def test_a_run_that_has_not_succeeded_at_its_due_time_is_told_once(lab):
    schedule = lab.add(due=Due(within_s=1800))
    lab.advance_to("2026-01-31T09:00")
    lab.advance_to("2026-01-31T09:30")
    assert lab.messages() == ["late"]
    lab.advance_to("2026-01-31T09:45")
    assert lab.messages() == ["late"]
    lab.end(lab.ticks(schedule)[0].run_id)
    assert lab.messages() == ["late"]


def test_a_run_that_succeeded_in_time_is_not_late(lab):
    schedule = lab.add(due=Due(at=dt.time(9, 30)), timezone="UTC")
    lab.advance_to("2026-01-31T09:00")
    lab.end(lab.ticks(schedule)[0].run_id)
    lab.advance_to("2026-01-31T09:45")
    assert lab.messages() == []


def test_a_failure_is_told_at_once_and_not_again_at_the_due_time(lab):
    schedule = lab.add(due=Due(within_s=1800))
    lab.advance_to("2026-01-31T09:00")
    lab.end(lab.ticks(schedule)[0].run_id, "failed")
    lab.advance_to("2026-01-31T09:45")
    assert lab.messages() == ["failure"]


def test_a_tick_that_was_skipped_is_late_too(lab):
    schedule = lab.add(due=Due(within_s=1800))
    lab.advance_to("2026-01-31T09:00")
    lab.end(lab.ticks(schedule)[0].run_id)
    lab.advance_to("2026-01-31T10:00")
    lab.advance_to("2026-01-31T11:00")
    assert lab.log(schedule)[-1] == "31 11:00 skipped overlap"
    lab.advance_to("2026-01-31T11:30")
    assert lab.messages() == ["late", "late"]


# --- by hand --------------------------------------------------------------------------------------


def test_run_now_runs_whatever_is_in_the_way(lab):
    schedule = lab.add()
    lab.advance_to("2026-01-31T09:00")
    schedules.pause(lab.ctx, schedule.name, by=ANN)
    (tick,) = schedules.run_now(lab.ctx, schedule.name, by=ANN)
    assert (tick.kind, tick.state) == ("manual", "ran")
    assert runs.get(lab.ctx, tick.run_id).run.state is RunState.QUEUED


# --- engines --------------------------------------------------------------------------------------


def test_an_engine_stays_while_a_schedule_may_start_something(lab):
    schedule = lab.add()
    lab.settle()
    assert not lab.engine._retire()
    schedules.pause(lab.ctx, schedule.name, by=ANN)
    assert lab.engine._retire()


def test_an_engine_sleeps_until_the_next_tick(lab):
    lab.add(Interval(20.0))
    lab.settle()
    lab.clock.advance(1)
    lab.engine.step()
    assert 0 < lab.engine._schedules.next_due_s() <= 20


def test_two_engines_that_look_at_the_same_tick_start_one_run(lab, ctx):
    schedule = lab.add()
    lab.clock.advance(3600.5)
    prepared = ticks.prepare_start(ctx, schedule.id)
    lab.engine.step()
    fence = lab.engine._leadership.fence
    ticks.start(ctx, [prepared], fence=fence)
    ticks.start(ctx, [prepared], fence=fence)
    assert len(lab.runs()) == len(lab.ticks(schedule)) == 1
