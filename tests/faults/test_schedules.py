"""Real engines that are killed while a schedule is due all the time: ticks = runs + reasons."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from dataops_lab.domain.leases import ENGINE
from dataops_lab.domain.runs import Submission
from dataops_lab.domain.schedules import Misfire, Overlap, Settings
from dataops_lab.domain.ticks import TickState
from dataops_lab.domain.timetables import Interval
from dataops_lab.ports import RunFilter, TickFilter
from dataops_lab.services import schedules
from dataops_lab.services.schedules import ScheduleWish
from dataops_lab.testing import person

from ..waiting import eventually

ANN = person("ann")


def leader_of(services):
    with services.store.read() as tx:
        lease = tx.leases.get(ENGINE)
    return lease.process.pid if lease and lease.holder else None


@pytest.mark.parametrize("engines", [2, 5])
def test_engines_that_are_killed_leave_one_run_or_one_reason_for_each_tick(start_engine, real, tmp_path, engines):
    script = tmp_path / "work" / "tick.sh"
    script.parent.mkdir()
    script.write_text("echo done\n")
    settings = Settings(Interval(1.0), "UTC", overlap=Overlap.ALLOW_ALL, misfire=Misfire.ALL)
    schedule = schedules.add(real, ScheduleWish(Submission(str(script)), settings, "tick"), by=ANN).schedule
    alive = [start_engine() for _ in range(engines)]

    def rows():
        with real.store.read() as tx:
            return tx.ticks.page(TickFilter(schedule.id), limit=500).items

    for kill in range(4):
        eventually(lambda kill=kill: len(rows()) >= 3 * (kill + 1) and leader_of(real) in [e.pid for e in alive])
        leader = leader_of(real)
        os.kill(leader, signal.SIGKILL)
        dead = next(engine for engine in alive if engine.pid == leader)
        dead.wait()
        alive.remove(dead)
        alive.append(start_engine())
    eventually(lambda: len(rows()) >= 16)
    schedules.pause(real, schedule.id, by=ANN)

    def ended():
        with real.store.read() as tx:
            found = tx.runs.page(RunFilter(job_id=schedule.job_id), limit=500).items
        return found if all(run.state.is_terminal for run in found) else None

    runs = eventually(ended)
    decided = {tick.id: tick for tick in rows()}
    with real.store.read() as tx:
        until = tx.schedules.get(schedule.id).decided_until
        timetable = schedules.ticks.timetable_of(tx, schedule)
        tick_ids = [run.tick_id for run in tx.runs.get_many([run.id for run in runs]).values()]
    expected = [each.at for each in timetable.between(schedule.created_at, until, limit=1000)]
    assert sorted(tick.nominal for tick in decided.values()) == expected
    assert Counter(tick_ids) == Counter(tick.id for tick in decided.values() if tick.state is TickState.RAN)
    assert {run.state for run in runs} == {"succeeded"}
