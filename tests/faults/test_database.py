"""A database that goes away, comes back, or is held by somebody else. Nothing is lost and nothing doubled."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.engine import loop as engine_loop
from dataops_lab.errors import StoreBusy
from dataops_lab.executors.host import SystemClock, SystemHost
from dataops_lab.services import Services, runs
from dataops_lab.services.runs import RunView
from dataops_lab.store import SqlStore, open_store, sqlite
from dataops_lab.testing import FakeBackends, FakeExecutor, FakeNotebooks, FakeVault, MemoryBlobs


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[SqlStore], tuple[Services, FakeExecutor]]:
    monkeypatch.setattr(engine_loop, "TRY_AGAIN_AFTER_S", 0.05)
    blobs = MemoryBlobs()

    def on(store: SqlStore) -> tuple[Services, FakeExecutor]:
        notebooks, folder = FakeNotebooks(blobs), tmp_path / "runs"
        ctx = Services(store, blobs, notebooks, SystemClock(), SystemHost(), FakeVault(), runs_folder=folder)
        return ctx, FakeExecutor(folder / "process")

    return on


@contextmanager
def running(ctx: Services, executor: FakeExecutor) -> Iterator[None]:
    stop = threading.Event()
    engine = Engine(ctx, FakeBackends(executor), Settings(slots=2), inherited={})
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(ctx: Services, run_id: str, holds: Callable[[RunView], object]) -> RunView:
    view = None
    for _ in range(6000):
        with suppress(StoreBusy):
            view = runs.get(ctx, run_id)
            if holds(view):
                return view
        threading.Event().wait(0.01)
    raise AssertionError(view)


def begun(view: RunView) -> bool:
    return bool(view.attempts and view.attempts[-1].started_at)


def ended(view: RunView) -> bool:
    return view.run.state.is_terminal


def submit(ctx: Services, key: str | None = None) -> str:
    return runs.submit(ctx, Submission("/notebooks/sales.ipynb", key=key), by="someone").view.run.id


def test_a_restart_of_postgresql_while_a_notebook_runs_costs_nothing(own_cluster, served):
    url = f"postgresql+psycopg://dataops@/postgres?host={own_cluster.folder}"
    with closing(open_store(url)) as store:
        ctx, executor = served(store)
        with running(ctx, executor):
            run_id = submit(ctx)
            name = until(ctx, run_id, begun).attempts[-1].name
            own_cluster.stop()
            with pytest.raises(StoreBusy):
                submit(ctx, key="meanwhile")
            executor.end(name)
            own_cluster.start()
            assert until(ctx, run_id, ended).run.state is RunState.SUCCEEDED
            second = submit(ctx, key="meanwhile")
            executor.end(until(ctx, second, begun).attempts[-1].name)
            assert until(ctx, second, ended).run.state is RunState.SUCCEEDED
    assert [verb for verb, _ in executor.calls].count("start") == 2


def test_an_engine_whose_database_is_held_by_another_program_waits_and_goes_on(tmp_path, served, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    path = tmp_path / "state" / "dataops.sqlite"
    with closing(open_store(f"sqlite:///{path}")) as store:
        ctx, executor = served(store)
        with running(ctx, executor):
            run_id = submit(ctx)
            name = until(ctx, run_id, begun).attempts[-1].name
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreBusy, match="Try again"):
                    submit(ctx)
                executor.end(name)
                assert not ended(runs.get(ctx, run_id))
                other.execute("ROLLBACK")
            assert until(ctx, run_id, ended).run.state is RunState.SUCCEEDED
    assert [verb for verb, _ in executor.calls].count("start") == 1
