"""The attempts that an engine follows, beside a backend that keeps its caller waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import pytest

from dataops_lab.domain.environments import DockerSettings, Environment, ExecutorKind
from dataops_lab.domain.leases import ENGINE
from dataops_lab.domain.runs import RunState
from dataops_lab.engine import Engine, Settings
from dataops_lab.engine.leader_election import RENEW_INTERVAL_S
from dataops_lab.errors import StaleWrite, StoreBusy
from dataops_lab.services import Services, runs
from dataops_lab.store import SqlStore
from dataops_lab.store.sql import SqlTransaction
from dataops_lab.testing import FakeBackends, FakeExecutor, person

from ..waiting import eventually


@pytest.fixture
def database(sqlite: str) -> str:
    """A database of SQLite alone: other tests give both databases all statements that these give."""
    return sqlite


class Hanging(FakeExecutor):
    """An executor whose starts hang until `go_on` is set. `was_waited_for` tells that one has waited for too long."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.asked, self.go_on = threading.Semaphore(0), threading.Event()
        self.was_waited_for = False

    def start(self, bundle):
        self.asked.release()
        self.was_waited_for |= not self.go_on.wait(20)
        super().start(bundle)


class Failing:
    """The store as one engine sees it. When `error` is set, the engine's next write as the leader raises it."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def begin(self, *, fence: int | None = None) -> AbstractContextManager[SqlTransaction]:
        if fence is not None and (error := self.error):
            self.error = None
            raise error
        return self._store.begin(fence=fence)


@contextmanager
def running(engine: Engine) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        engine.wake()
        thread.join()


def put(ctx: Services, environment: Environment) -> None:
    with ctx.store.begin() as tx:
        tx.environments.put(environment, at=ctx.clock.now(), by=person("someone"))


@pytest.mark.parametrize("error", [StoreBusy("The database is busy."), StaleWrite("Somebody was faster.")])
def test_a_backend_that_never_answers_holds_neither_the_runs_of_others_nor_the_lease_when_a_write_fails(
    ctx, submit: Callable, executor, tmp_path, clock, error
):
    store, hanging = Failing(ctx.store), Hanging(tmp_path / "runs" / "docker")
    own = replace(ctx, store=store)
    engine = Engine(own, FakeBackends(executor, **{"docker+tcp://far": hanging}), Settings(slots=2), inherited={})

    def lease():
        with ctx.store.read() as tx:
            return tx.leases.get(ENGINE)

    far = Environment("far", 5)
    put(ctx, far)
    here, there = submit(), submit(environment="far")
    put(ctx, replace(far, executor=ExecutorKind.DOCKER, docker=DockerSettings("tcp://far")))
    with running(engine):
        [name] = eventually(lambda: executor.alive)
        hanging.asked.acquire()
        store.error = error
        executor.end(name)
        eventually(lambda: runs.get(ctx, here.run.id).run.state is RunState.SUCCEEDED)
        assert store.error is None
        token, expires = lease().token, lease().expires
        clock.advance(RENEW_INTERVAL_S)
        eventually(lambda: lease().expires > expires)
        assert lease().token == token
        assert not hanging.was_waited_for
        hanging.go_on.set()
        eventually(lambda: hanging.alive)
    assert runs.get(ctx, there.run.id).run.state is RunState.ACTIVE


def test_what_was_begun_before_everything_was_forgotten_changes_nothing_afterwards(ctx, submit, tmp_path):
    # The thread that hung belongs to the earlier memory of the attempt. The new memory goes its own way.
    hanging = Hanging(tmp_path / "runs" / "process")
    engine = Engine(ctx, FakeBackends(hanging), Settings(slots=1), inherited={})
    view = submit()
    engine.step()
    hanging.asked.acquire()
    for _ in range(3):
        engine.reset()
        engine.step()
    hanging.go_on.set()
    eventually(lambda: engine.step() and hanging.alive)
    engine.wait_for_threads()
    hanging.end(f"{view.run.id}-1")
    eventually(
        lambda: (engine.step() and engine.wait_for_threads()) or runs.get(ctx, view.run.id).run.state.is_terminal
    )
    assert runs.get(ctx, view.run.id).run.state is RunState.SUCCEEDED
    assert len(runs.get(ctx, view.run.id).attempts) == 1
