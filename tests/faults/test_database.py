"""A database that goes away, comes back, or is held by another program. Nothing is lost and nothing is doubled.

The notebooks are real: a run knows nothing of the database, and a run that ended meanwhile is found.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dataops_lab.domain.runs import AttemptState, RunState, Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.engine import loop as engine_loop
from dataops_lab.errors import StoreBusy
from dataops_lab.executors.process import ProcessExecutor
from dataops_lab.services import Services, runs
from dataops_lab.services.runs import RunView
from dataops_lab.store import open_store, sqlite
from dataops_lab.testing import FakeBackends, person

from .. import written
from ..waiting import TIMEOUT_S, eventually


@pytest.fixture
def on_postgres(own_cluster, real: Services) -> Iterator[Services]:
    url = f"postgresql+psycopg://dataops@/postgres?host={own_cluster.folder}"
    with closing(open_store(url)) as store:
        yield replace(real, store=store)


@contextmanager
def running(ctx: Services) -> Iterator[None]:
    stop = threading.Event()
    backends = FakeBackends(ProcessExecutor(ctx.home / "runs" / "process", ctx.blobs))
    engine = Engine(ctx, backends, Settings(slots=2), inherited=os.environ)
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def seen(ctx: Services, run_id: str, holds: Callable[[RunView], object]) -> RunView:
    def look() -> RunView | None:
        with suppress(StoreBusy):
            view = runs.get(ctx, run_id)
            return view if holds(view) else None
        return None

    return eventually(look)


def begun(view: RunView) -> bool:
    return bool(view.attempts and view.attempts[-1].progress.current is not None)


def ended(view: RunView) -> bool:
    return view.run.state.is_terminal


@pytest.fixture
def waiting_notebook(tmp_path: Path, witness: Path) -> Path:
    """A notebook that waits for a file `go_on` beside `witness`, and then writes into `witness` that it ran."""
    path = tmp_path / "n.ipynb"
    go_on = str(tmp_path / "go_on")
    path.write_text(
        written.notebook(
            f"import os, time\nwhile not os.path.exists({go_on!r}): time.sleep(0.02)",
            f"open({str(witness)!r}, 'a').write('ran\\n')",
        )
    )
    return path


def submit(ctx: Services, path: Path, key: str | None = None) -> str:
    return runs.submit(ctx, Submission(str(path), key=key), by=person("someone")).view.run.id


def has_result(ctx: Services, run_id: str) -> bool:
    return (ctx.home / "runs" / "process" / f"{run_id}-1" / "result.json").exists()


def test_a_restart_of_postgresql_while_a_notebook_runs_costs_nothing(
    own_cluster, on_postgres, waiting_notebook, witness, monkeypatch
):
    monkeypatch.setattr(engine_loop, "RETRY_DELAY_S", 0.05)
    ctx = on_postgres
    with running(ctx):
        run_id = submit(ctx, waiting_notebook)
        seen(ctx, run_id, begun)
        own_cluster.stop()
        with pytest.raises(StoreBusy):
            submit(ctx, waiting_notebook, key="meanwhile")
        (waiting_notebook.parent / "go_on").touch()
        eventually(lambda: has_result(ctx, run_id))
        own_cluster.start()
        first = seen(ctx, run_id, ended)
        second = seen(ctx, submit(ctx, waiting_notebook, key="meanwhile"), ended)
    for view in (first, second):
        assert (view.run.state, view.run.reason) == (RunState.SUCCEEDED, None)
        assert [attempt.state for attempt in view.attempts] == [AttemptState.SUCCEEDED]
        assert view.record is not None
    assert witness.read_text() == "ran\nran\n"


def test_an_engine_whose_database_is_held_by_another_program_waits_and_goes_on(
    real, home, start_engine, until, waiting_notebook, witness, monkeypatch
):
    run_id = submit(real, waiting_notebook)
    start_engine(busy_s=0.05)
    until(run_id, begun)
    with closing(sqlite3.connect(home.database, isolation_level=None, timeout=TIMEOUT_S)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
        with pytest.raises(StoreBusy, match="Try again"):
            submit(real, waiting_notebook)
        (waiting_notebook.parent / "go_on").touch()
        # The run has ended, and the engine has tried to write that, without success.
        eventually(lambda: has_result(real, run_id))
        eventually(lambda: "The database is busy" in (home.folder / "engine.log").read_text())
        assert not ended(runs.get(real, run_id))
        other.execute("ROLLBACK")
    view = until(run_id, ended)
    assert (view.run.state, view.run.reason) == (RunState.SUCCEEDED, None)
    assert [attempt.state for attempt in view.attempts] == [AttemptState.SUCCEEDED]
    assert witness.read_text() == "ran\n"
