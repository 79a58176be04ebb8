"""Garbage collection: the leading engine removes what retention lets go, beside its work."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from dataops_lab.domain.retention import RetentionRule
from dataops_lab.engine import garbage_collector
from dataops_lab.errors import NotFound, StoreBusy
from dataops_lab.services import retention, runs
from dataops_lab.testing import person

from ..waiting import eventually

DAY = 24 * 3600


@pytest.fixture
def database(sqlite: str) -> str:
    """A database of SQLite alone: other tests give both databases all statements that these give."""
    return sqlite


def is_gone(ctx, run_id: str) -> bool:
    try:
        runs.get(ctx, run_id)
    except NotFound:
        return True
    return False


@pytest.fixture
def old(ctx, submit, clock):
    """A run that a rule lets go."""
    run = submit().run
    runs.cancel(ctx, run.id, by=person("someone"))
    clock.advance(2 * DAY)
    retention.set_rules(ctx, [RetentionRule(days=1)], by=person("admin"))
    return run


@pytest.fixture
def running(engine, clock):
    stop = Event()
    thread = Thread(target=engine.run, args=(stop,))
    thread.start()
    yield
    stop.set()
    clock.advance(1)
    thread.join(60)
    assert not thread.is_alive()


def test_the_engine_applies_the_rules_once_it_leads(ctx, old, running, clock):
    assert not is_gone(ctx, old.id)
    clock.advance(garbage_collector.INITIAL_DELAY_S)
    eventually(lambda: is_gone(ctx, old.id))


def test_what_fails_is_tried_again_later(ctx, old, running, clock, monkeypatch):
    def busy(*args, **more):
        tried.set()
        raise StoreBusy("The database is busy.")

    tried = Event()
    with monkeypatch.context() as patched:
        patched.setattr(retention, "run_maintenance", busy)
        clock.advance(garbage_collector.INITIAL_DELAY_S)
        assert tried.wait(60)
    clock.advance(garbage_collector.INTERVAL_S)
    eventually(lambda: is_gone(ctx, old.id))


def test_an_engine_that_ends_does_not_wait_until_all_is_tidy(ctx, clock, monkeypatch):
    begun = Event()

    def endless(ctx, *, fence, stopped):
        begun.set()
        eventually(stopped)
        return retention.RemovalCounts()

    monkeypatch.setattr(retention, "run_maintenance", endless)
    collector = garbage_collector.GarbageCollector(ctx)
    clock.advance(garbage_collector.INITIAL_DELAY_S)
    collector.start_if_due(fence=1)
    assert begun.wait(60)
    collector.stop()
