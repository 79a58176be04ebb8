"""Waking: events wake the loop. In these tests it would sleep for ever otherwise."""

from __future__ import annotations

import os

import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.engine import Engine, Settings, loop, supervisor
from dataops_lab.services import runs
from dataops_lab.testing import FakeBackends, person

from ..waiting import eventually
from .test_supervisor import running

FOR_EVER_S = 1e6


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch):
    monkeypatch.setattr(loop, "IDLE_POLL_INTERVAL_S", FOR_EVER_S)
    for name in ("POLL_INTERVAL_S", "YOUNG_POLL_INTERVAL_S", "WATCHED_POLL_INTERVAL_S"):
        monkeypatch.setattr(supervisor, name, FOR_EVER_S)


@pytest.fixture
def ends(executor, monkeypatch):
    """The writing end of the descriptor that the backend gives for every attempt."""
    reader, writer = os.pipe()
    monkeypatch.setattr(executor, "end_descriptor", lambda name: reader)
    yield writer
    os.close(reader)
    os.close(writer)


def test_a_submit_and_the_end_of_a_runner_wake_the_engine(ctx, submit, executor, ends):
    engine = Engine(ctx, FakeBackends(executor), Settings(slots=2), inherited={})
    with running(engine):
        eventually(lambda: engine._leadership.lease)
        view = submit()
        [name] = eventually(lambda: executor.alive)
        executor.end(name)
        os.write(ends, b"x")
        eventually(lambda: runs.get(ctx, view.run.id).run.state is RunState.SUCCEEDED)


def test_a_cancel_wakes_the_engine(ctx, submit, executor, ends):
    engine = Engine(ctx, FakeBackends(executor), Settings(slots=2), inherited={})
    view = submit()
    with running(engine):
        [name] = eventually(lambda: executor.alive)
        runs.cancel(ctx, view.run.id, by=person("someone"))
        eventually(lambda: ("stop", name) in executor.calls)


def test_a_descriptor_that_stays_readable_wakes_the_engine_once(ctx, submit, executor, ends, monkeypatch):
    engine = Engine(ctx, FakeBackends(executor), Settings(slots=2), inherited={})
    looks, observe = [], executor.observe
    monkeypatch.setattr(executor, "observe", lambda name: looks.append(name) or observe(name))
    os.write(ends, b"x")
    submit()
    with running(engine):
        eventually(lambda: len(looks) >= 2)
        # After the answers to two commits, the engine has done everything that it does by itself.
        for _ in range(2):
            seen = len(looks)
            submit()
            eventually(lambda seen=seen: len(looks) > seen)
    assert len(looks) < 100
