"""Engines and schedules: whatever happens to engines, clocks and runs, each tick has exactly one outcome."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.domain.schedules import Misfire, Overlap, Preset
from dataops_lab.domain.ticks import TickKind, TickState
from dataops_lab.domain.timetables import Cron
from dataops_lab.engine.schedules import LOOK_AFTER_S
from dataops_lab.services import schedules
from dataops_lab.testing import FakeHost

from ..pipeline_lab import PromptStore, engine_of
from ..schedule_lab import ANN, ScheduleLab

EVERY_TEN_MINUTES = Cron("*/10 * * * *")


class Killed(BaseException):
    """A process that ends within a transaction: no handler of the engine sees it."""


class MortalStore(PromptStore):
    """A store that ends its process just before the commit that the test chooses."""

    def __init__(self, store):
        super().__init__(store)
        self.commits_left = None

    @contextmanager
    def begin(self, *, fence=None):
        with self._store.begin(fence=fence) as tx:
            yield tx
            if fence is not None and self.commits_left is not None:
                self.commits_left -= 1
                if self.commits_left <= 0:
                    raise Killed


class Machines:
    """Several engines, one of which leads. A killed one is replaced by a new process."""

    def __init__(self, ctx, executor, number):
        self.ctx, self.executor = ctx, executor
        self._pids = iter(range(1, 10_000))
        self.hosts, self.stores, self.engines = [], [], []
        for _ in range(number):
            self._add()

    def _add(self):
        host, store = FakeHost(next(self._pids)), MortalStore(self.ctx.store)
        self.hosts.append(host)
        self.stores.append(store)
        self.engines.append(engine_of(replace(self.ctx, store=store, host=host), self.executor))

    def step(self, index):
        try:
            self.engines[index]._guarded_step()
            self.engines[index].wait_for_threads()
        except Killed:
            self.kill(index)

    def kill(self, index):
        pid = self.hosts[index].identity().pid
        del self.hosts[index], self.stores[index], self.engines[index]
        self._add()
        for host in self.hosts:
            host.dead.add(pid)


@pytest.mark.parametrize(("seed", "engines"), [(seed, (2, 5)[seed % 2]) for seed in range(6)])
def test_each_tick_has_exactly_one_run_or_one_reason(ctx, executor, clock, seed, engines):
    chance = random.Random(seed * 10 + engines)
    machines = Machines(ctx, executor, engines)
    lab = ScheduleLab(ctx, executor, clock, machines.engines[0])
    schedule = lab.add(
        EVERY_TEN_MINUTES,
        overlap=list(Overlap)[seed % len(Overlap)],
        misfire=list(Misfire)[seed % len(Misfire)],
        catchup_window_s=chance.choice([0.0, 3600.0, 86400.0]),
        presets=(Preset("a"), Preset("b")) if seed % 2 else (),
        jitter_s=chance.choice([0.0, 60.0]),
        pause_on_failure=1000,
    )
    begin = clock.now()
    for _ in range(60):
        match chance.choice("ssssssaaaakkeeepwW"):
            case "s":
                machines.step(chance.randrange(engines))
            case "a":
                clock.advance(chance.choice([1, 30, 600, 1900]))
            case "k":
                if chance.random() < 0.5:
                    chance.choice(machines.stores).commits_left = chance.randrange(1, 4)
                else:
                    machines.kill(chance.randrange(engines))
            case "e":
                for name in chance.sample(sorted(executor.alive), min(1, len(executor.alive))):
                    executor.end(name, chance.choice(["succeeded", "failed"]))
            case "p":
                paused = lab.get(schedule).pause
                (schedules.resume if paused else schedules.pause)(ctx, schedule.id, by=ANN)
            case "w":
                clock.set_wall_clock(clock.now() - dt.timedelta(seconds=chance.choice([60, 4000])))
            case "W":
                clock.set_wall_clock(clock.now() + dt.timedelta(hours=chance.choice([1, 30])))
    schedules.resume(ctx, schedule.id, by=ANN)
    for store in machines.stores:
        store.commits_left = None
    for turn in range(60):
        if turn == 20:
            # Where the clock was set forward and back, the times between were decided already.
            clock.advance(max(0.0, (lab.get(schedule).wake_at - clock.now()).total_seconds()) + 1)
        for index in range(engines):
            machines.step(index)
        for name in executor.alive:
            executor.end(name, "succeeded")
        clock.advance(LOOK_AFTER_S * 2)

    decided = lab.get(schedule).decided_until
    assert decided > begin
    with ctx.store.read() as tx:
        timetable = schedules.ticks.timetable_of(tx, schedule)
    expected = [each.at for each in timetable.between(begin, decided, limit=10_000)]
    rows = [tick for tick in lab.all_ticks(schedule) if tick.kind is TickKind.TIME]
    told = Counter()
    for row in rows:
        covered = [at for at in expected if row.nominal <= at <= (row.until or row.nominal)]
        assert len(covered) == row.count, row
        told.update((at, row.preset) for at in covered)
    assert told == Counter((at, preset) for at in expected for preset in schedule.settings.preset_names)

    runs = lab.runs(job_id=schedule.job_id)
    ran = [row for row in rows if row.state is TickState.RAN]
    assert Counter(run.tick_id for run in runs) == Counter(row.id for row in ran)
    assert {run.id for run in runs} == {row.run_id for row in ran}
    assert all(row.reason for row in rows if row.state is not TickState.RAN)
    assert not [row for row in rows if row.state.is_open]
    assert all(lab.state(run.id).is_terminal for run in runs)
    assert runs and any(lab.state(run.id) is RunState.SUCCEEDED for run in runs)
