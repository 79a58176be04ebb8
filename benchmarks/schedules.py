"""Schedules: the lag of a thousand active ones, and the time that they cost while none is due. No kernel runs."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

from dataops_lab.domain.runs import Submission
from dataops_lab.domain.schedules import Overlap, Settings
from dataops_lab.domain.ticks import TickState
from dataops_lab.domain.timetables import Cron, Interval, TimeRule
from dataops_lab.engine import Engine
from dataops_lab.engine import Settings as EngineSettings
from dataops_lab.ports import TickFilter
from dataops_lab.services import Services, pipelines, schedules, ticks
from dataops_lab.services.schedules import ScheduleWish
from dataops_lab.testing import FakeBackends, person

from .engine import InstantExecutor, services
from .records import postgres, sqlite
from .turns import Row, Times

TITLE = "Schedules: lag, and cost while idle"


def measure(*, quick: bool) -> Iterator[Row]:
    count, period_s, watched_s = (20, 5.0, 5.0) if quick else (1000, 60.0, 60.0)
    for name, open_database in (("SQLite", sqlite), ("PostgreSQL", postgres)):
        with open_database() as store, tempfile.TemporaryDirectory() as folder:
            ctx = replace(services(store, Path(folder)), reactions=(pipelines.react, ticks.react))
            _add(ctx, count, lambda _: Cron("0 8 1 1 *"))
            with _engine(ctx, Path(folder)):
                time.sleep(2)  # The engine has started, and has looked at everything once.
                before = time.process_time()
                time.sleep(watched_s)
                idle_s = time.process_time() - before
        per_minute = idle_s * 60 / watched_s
        yield Row(f"CPU time of a minute, {count} idle, {name}", "dataops_lab", (Times(per_minute),), "≤ 1.8")
        with open_database() as store, tempfile.TemporaryDirectory() as folder:
            ctx = replace(services(store, Path(folder)), reactions=(pipelines.react, ticks.react))
            _add(ctx, count, lambda number: Interval(period_s, number * period_s / count))
            with _engine(ctx, Path(folder)):
                time.sleep(2)
                begun = dt.datetime.now(dt.UTC)
                time.sleep(watched_s)
            lags = sorted(_lags(ctx, begun))
        lag = Times(lags[len(lags) * 99 // 100])
        yield Row(f"lag, 99th of 100, {count} each minute, {name}", "dataops_lab", (lag,), "≤ 1")


def _add(ctx: Services, count: int, rule_of: Callable[[int], TimeRule]) -> None:
    for number in range(count):
        settings = Settings(rule_of(number), "UTC", overlap=Overlap.ALLOW_ALL)
        wish = ScheduleWish(Submission("/notebooks/sales.ipynb"), settings, f"schedule {number}")
        schedules.add(ctx, wish, by=person("someone"))


@contextmanager
def _engine(ctx: Services, folder: Path) -> Iterator[None]:
    executor = InstantExecutor(folder / "process")
    engine = Engine(ctx, FakeBackends(executor), EngineSettings(slots=8), inherited=os.environ)
    stop = Event()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(engine.run, stop)
        try:
            yield
        finally:
            stop.set()
            engine.wake()


def _lags(ctx: Services, begun: dt.datetime) -> Iterator[float]:
    """Yield the seconds from the nominal time of each tick to its decision, of those from `begun` on."""
    cursor = None
    while True:
        with ctx.store.read() as tx:
            page = tx.ticks.page(TickFilter(states=(TickState.RAN,)), limit=500, cursor=cursor)
        yield from ((tick.decided_at - tick.nominal).total_seconds() for tick in page.items if tick.nominal > begun)
        cursor = page.next
        if cursor is None:
            return
