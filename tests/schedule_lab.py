"""Schedules without kernels and without waiting: a test sets the clock, and ends each run as it likes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from dataops_lab.domain.runs import Run, RunState, Submission
from dataops_lab.domain.schedules import Schedule, Settings
from dataops_lab.domain.ticks import Tick
from dataops_lab.domain.timetables import Cron
from dataops_lab.engine import Engine
from dataops_lab.ports import RunFilter, TickFilter
from dataops_lab.services import Services, runs, schedules
from dataops_lab.services.schedules import ScheduleWish
from dataops_lab.testing import FakeClock, FakeExecutor, FakeNotebooks, person

from .pipeline_lab import engine_of

ANN = person("ann")
PATH = "/n/sales.ipynb"
HOURLY = Cron("0 * * * *")


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


class ScheduleLab:
    """One engine. `advance` lets time pass and the engine do all that it can do then."""

    def __init__(self, ctx: Services, executor: FakeExecutor, clock: FakeClock, engine: Engine | None = None) -> None:
        self.ctx, self.executor, self.clock = ctx, executor, clock
        self.engine = engine or engine_of(ctx, executor)

    @property
    def notebooks(self) -> FakeNotebooks:
        assert isinstance(self.ctx.notebooks, FakeNotebooks)
        return self.ctx.notebooks

    def add(
        self, rule: Any = HOURLY, *, path: str = PATH, name: str | None = None, by: Any = ANN, **settings: Any
    ) -> Schedule:
        wanted = Settings(rule, settings.pop("timezone", "UTC"), **settings)
        return schedules.add(self.ctx, ScheduleWish(Submission(path), wanted, name), by=by).schedule

    def settle(self) -> None:
        for _ in range(6):
            self.engine.step()
            self.engine.wait_for_threads()
            self.clock.advance(0.3)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.settle()

    def advance_to(self, text: str) -> None:
        """Let the engine look a moment after this time, and at no time before."""
        self.advance((utc(text) - self.clock.now()).total_seconds() + 0.5)

    def get(self, schedule: Schedule) -> Schedule:
        with self.ctx.store.read() as tx:
            return tx.schedules.get(schedule.id)

    def ticks(self, schedule: Schedule) -> list[Tick]:
        """Return the decision log, by nominal time."""
        with self.ctx.store.read() as tx:
            found = tx.ticks.page(TickFilter(schedule.id), limit=200).items
        return sorted(found, key=lambda tick: (tick.nominal, tick.preset, tick.id))

    def all_ticks(self, schedule: Schedule) -> list[Tick]:
        with self.ctx.store.read() as tx:
            far = dt.timedelta(days=5000)
            return list(
                tx.ticks.list_between(
                    self.clock.now() - far, self.clock.now() + far, schedule_id=schedule.id, limit=100_000
                )
            )

    def log(self, schedule: Schedule) -> list[str]:
        """Return the decision log in short: time, preset, state, code of the reason, count."""
        return [
            " ".join(
                filter(
                    None,
                    [
                        f"{tick.nominal:%d %H:%M}",
                        tick.preset,
                        str(tick.state),
                        tick.reason.code if tick.reason else "",
                        f"×{tick.count}" if tick.count > 1 else "",
                    ],
                )
            )
            for tick in self.ticks(schedule)
        ]

    def runs(self, **where: Any) -> list[Run]:
        """Return all runs, oldest first."""
        with self.ctx.store.read() as tx:
            ids, cursor = [], None
            while True:
                page = tx.runs.page(RunFilter(**where), limit=200, cursor=cursor)
                ids += [summary.id for summary in page.items]
                cursor = page.next
                if cursor is None:
                    return sorted(tx.runs.get_many(ids).values(), key=lambda run: run.id)

    def end(self, run_id: str | None, state: str = "succeeded") -> None:
        """End the attempt of a run, and let all follow."""
        assert run_id is not None
        name = next(name for name in self.executor.alive if name.startswith(run_id))
        failure = {"code": "cell_error", "message": "KeyError: 'x'"} if state == "failed" else None
        self.executor.end(name, state, failure=failure)
        self.settle()

    def state(self, run_id: str) -> RunState:
        return runs.get(self.ctx, run_id).run.state

    def other_engine(self, host: Any) -> ScheduleLab:
        ctx = replace(self.ctx, host=host)
        return ScheduleLab(ctx, self.executor, self.clock, engine_of(ctx, self.executor))

    def messages(self) -> list[str]:
        with self.ctx.store.read() as tx:
            return [str(message.kind) for message in reversed(tx.outbox.list_newest(limit=100))]
