from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dataops_lab.domain.runs import Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.holidays_reader import LibraryHolidays
from dataops_lab.jupyter_scheduler_reader import JupyterScheduler
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.services import Services, messages, pipelines, publications, runs, ticks
from dataops_lab.services.runs import RunView
from dataops_lab.store import SqlStore, open_sqlite, open_store
from dataops_lab.testing import (
    FakeBackends,
    FakeClock,
    FakeExecutor,
    FakeHost,
    FakeNotebooks,
    FakeOutputFolders,
    FakeVault,
    MemoryBlobs,
    attempt_files_in,
    person,
)

from .ready_home import ready_home

pytest_plugins = ["tests.docker", "tests.kernel_sessions", "tests.postgres", "tests.registry"]


ABOUT_PROGRAMS = {"cli", "client", "executors", "faults", "kernels", "runner"}
"""The folders whose tests start programs: commands, servers, engines, containers, kernels."""
STARTED = {"docker_client", "own_cluster", "postgres", "r_kernel", "running_engine", "server", "start_server"}
"""The fixtures, and values of parameters, that stand for a program."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give a worker folders with short paths: tests make sockets there, and their paths may have 100 characters."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        config.option.basetemp = str(Path(config.option.basetemp).with_name(worker))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test as slow that starts programs, so that nobody has to think of that."""
    for item in items:
        is_requested = [
            *getattr(item, "fixturenames", ()),
            *(item.callspec.params.values() if hasattr(item, "callspec") else ()),
        ]
        if item.path.parent.name in ABOUT_PROGRAMS or any(
            name in STARTED for name in is_requested if isinstance(name, str)
        ):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def nothing_of_this_person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Empty folders for kernels, start-up files and settings, because those of a person could change the tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            monkeypatch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        # With this variable, every program that tests start would compile all its imports each time.
        monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """A process that hears Ctrl-C. A shell makes its background processes, and all that they start, deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def host() -> FakeHost:
    return FakeHost()


@pytest.fixture(scope="session")
def ready_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables and no rows, made once for all tests of a process, for them to copy."""
    path = tmp_path_factory.mktemp("ready") / "dataops.sqlite"
    # The last connection writes everything into the one file when it closes.
    open_sqlite(path).close()
    return path


@pytest.fixture
def sqlite(tmp_path: Path, ready_database: Path) -> str:
    """The URL of a database without rows that has all tables."""
    return f"sqlite:///{ready_home(tmp_path / 'state', ready_database).database}"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, sqlite: str) -> Iterator[str]:
    """The URL of a database without rows, on SQLite and on PostgreSQL, where it has all tables.

    Tests that give it no statement of their own take `sqlite`.
    """
    if request.param == "sqlite":
        yield sqlite
    else:
        with request.getfixturevalue("postgres").database() as url:
            yield url


@pytest.fixture
def store(database: str) -> Iterator[SqlStore]:
    with closing(open_store(database)) as open_stores:
        yield open_stores


@pytest.fixture
def ctx(tmp_path: Path, store: SqlStore, clock: FakeClock, host: FakeHost) -> Services:
    """Services with a real store, and fakes for everything else."""
    blobs = MemoryBlobs()
    return Services(
        store,
        blobs,
        FakeNotebooks(blobs),
        clock,
        host,
        FakeVault(),
        home=tmp_path,
        attempt_files=attempt_files_in(tmp_path / "runs"),
        pipelines=LocalPipelines(),
        holidays=LibraryHolidays(),
        old_schedules=JupyterScheduler(tmp_path / "jupyter"),
        output_folders=FakeOutputFolders(),
        reactions=(publications.react, pipelines.react, ticks.react, messages.react),
    )


@pytest.fixture
def executor(tmp_path: Path) -> FakeExecutor:
    return FakeExecutor(tmp_path / "runs" / "process")


@pytest.fixture
def submit(ctx: Services) -> Callable[..., RunView]:
    def submitted(path: str = "/notebooks/sales.ipynb", **settings: object) -> RunView:
        return runs.submit(ctx, Submission(path=path, **settings), by=person("someone")).view  # type: ignore[arg-type]

    return submitted


@pytest.fixture
def new_engine(ctx: Services, executor: FakeExecutor) -> Callable[..., Engine]:
    def engine(*, slots: int = 2, host: FakeHost | None = None) -> Engine:
        from dataclasses import replace

        own_ctx = replace(ctx, host=host) if host else ctx
        return Engine(
            own_ctx,
            FakeBackends(executor),
            Settings(slots=slots),
            inherited={"PATH": "/bin", "JUPYTER_TOKEN": "canary"},
        )

    return engine


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    return new_engine()
