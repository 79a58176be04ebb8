"""The promises of every client about schedules, on real engines; the same tests for each implementation."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.api_models import (
    CalendarRequest,
    CronRule,
    GivenDays,
    IntervalRule,
    ScheduleChange,
    SchedulePreviewRequest,
    ScheduleRequest,
)
from dataops_lab.domain.ticks import TickState
from dataops_lab.errors import Conflict, NotFound, Refused

from ..waiting import eventually


def weekly(expression="0 8 * * 1"):
    return CronRule(kind="cron", expression=expression)


def test_a_schedule_is_added_looked_at_changed_and_removed(installation):
    path = installation.notebook("weekly/sales.ipynb", "print(region)", parameters="region = 'none'")
    schedules = installation.client.schedules
    request = ScheduleRequest(
        path=path, name="weekly", rule=weekly(), timezone="Europe/Paris", parameters={"region": "n"}
    )
    added = schedules.add(request)
    assert (added.name, added.version_number, added.pause_on_failure, added.environment) == ("weekly", 1, 5, "sandbox")
    assert added.next_at is not None and added.next_at.weekday() == 0
    with pytest.raises(Conflict, match="already"):
        schedules.add(request)
    assert [each.name for each in schedules.list().items if each.name == "weekly"] == ["weekly"]

    paused = schedules.pause("weekly", why="holidays")
    assert paused.pause is not None and (paused.pause.why, paused.next_at) == ("holidays", None)
    assert schedules.resume("weekly").next_at == added.next_at

    change = ScheduleChange(rule=weekly("0 9 * * 1"), timezone="Europe/Paris", revision=added.revision)
    with pytest.raises(Conflict):
        schedules.change("weekly", change)
    change.revision = schedules.get("weekly").revision
    assert schedules.change("weekly", change).rule == weekly("0 9 * * 1")

    installation.notebook("weekly/sales.ipynb", "print(region, 2)", parameters="region = 'none'")
    drift = schedules.get("weekly").drift
    assert drift is not None and drift.moved_on and drift.changes == ["The notebook itself has changed."]
    assert schedules.update_version("weekly").version_number == 2
    assert not schedules.get("weekly").drift.moved_on

    assert schedules.set(request).id == added.id
    assert schedules.remove("weekly").name == "weekly"
    with pytest.raises(NotFound):
        schedules.get("weekly")


def test_a_schedule_runs_its_version_on_the_data_of_now(installation):
    path = installation.notebook("often/often.ipynb", "print(open('data.csv').read())")
    data = installation.workspace / "often" / "data.csv"
    data.write_text("first")
    schedules = installation.client.schedules
    rule = IntervalRule(kind="interval", every_s=1.0)
    schedules.add(ScheduleRequest(path=path, name="often", rule=rule, timezone="UTC"))

    def succeeded():
        ran = [tick.run_id for tick in schedules.ticks(schedule="often", states=[TickState.RAN]).items]
        runs = [installation.client.run(run_id) for run_id in reversed(ran)]
        return [run for run in runs if run.state == "succeeded"]

    first = eventually(succeeded)[0]
    data.write_text("second")
    installation.notebook("often/often.ipynb", "raise ValueError('half finished')")
    known = {run.id for run in succeeded()}
    later = eventually(lambda: [run for run in succeeded() if run.id not in known][1:])[0]
    schedules.pause("often")
    assert later.version.number == first.version.number == 1
    assert first.digests.inputs != later.digests.inputs
    (tick,) = schedules.run_now("often")
    ended = eventually(lambda: run if (run := installation.client.run(tick.run_id)).finished_at else None)
    assert (ended.state, ended.trigger.kind, ended.trigger.ref) == ("succeeded", "schedule", tick.id)


def test_a_preview_tells_the_next_times_with_their_offsets_or_why_there_are_none(installation):
    schedules = installation.client.schedules
    spring = SchedulePreviewRequest(
        rule=weekly("30 2 * * *"), timezone="Europe/Paris", starts_at=dt.datetime(2027, 3, 27, tzinfo=dt.UTC), count=3
    )
    found = schedules.preview(spring)
    assert [each.local for each in found.items] == [
        "2027-03-27T02:30:00+01:00",
        "2027-03-28T03:00:00+02:00",
        "2027-03-29T02:30:00+02:00",
    ]
    assert found.warnings == ["The clocks are set between these times."]
    over = spring.model_copy(update={"ends_at": dt.datetime(2027, 3, 27, 0, 30, tzinfo=dt.UTC)})
    assert "ends before" in (schedules.preview(over).never or "")
    with pytest.raises(Refused, match="character 1"):
        schedules.preview(SchedulePreviewRequest(rule=weekly("99 2 * * *"), timezone="UTC"))


def test_calendars_are_stored_used_and_kept_while_they_are_used(installation):
    schedules = installation.client.schedules
    days = GivenDays(kind="days", days=[{"date": "2027-01-04", "name": "Closed"}])
    assert schedules.put_calendar("mine", CalendarRequest(source=days)).last_day == dt.date(2027, 1, 4)
    start = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    asked = SchedulePreviewRequest(
        rule=weekly(), timezone="UTC", calendar="mine", on_holiday="skip", starts_at=start, count=1
    )
    (first,) = schedules.preview(asked).items
    assert (first.skipped, first.holiday) == (True, "Closed")
    path = installation.notebook("closed/closed.ipynb", "1")
    schedules.add(ScheduleRequest(path=path, rule=weekly(), timezone="UTC", calendar="mine", on_holiday="skip"))
    with pytest.raises(Conflict, match="closed"):
        schedules.remove_calendar("mine")
    schedules.remove("closed")
    assert schedules.remove_calendar("mine").name == "mine"
    assert "mine" not in [each.name for each in schedules.calendars()]
