"""Real engines as processes, on a real state folder. A test can kill them at a place that it chooses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_lab.domain.runs import Submission
from dataops_lab.services import Services, runs
from dataops_lab.services.runs import RunView
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_services

from .. import written
from ..ready_home import ready_home

EngineProcess = subprocess.Popen[bytes]


@pytest.fixture
def home(tmp_path: Path, ready_database: Path) -> Home:
    return ready_home(tmp_path / "state", ready_database)


@pytest.fixture
def real(home: Home) -> Services:
    return build_services(home)


@pytest.fixture
def start_engine(home: Home) -> Iterator[Callable[..., EngineProcess]]:
    processes: list[EngineProcess] = []

    def start(**fault: object) -> EngineProcess:
        """Start an engine with `kill_at`, `stop_at`, `sleep_at` or `busy_s`, see mortal_engine.py."""
        environment = {**os.environ, **{name.upper(): str(value) for name, value in fault.items()}}
        with (home.folder / "engine.log").open("ab") as log:
            engine = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("mortal_engine.py")), str(home.folder)],
                env=environment,
                stdout=log,
                stderr=log,
            )
        processes.append(engine)
        return engine

    yield start
    for engine in processes:
        engine.send_signal(signal.SIGCONT)
        engine.terminate()
        engine.wait()


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """A file to which a notebook adds a line each time it really runs."""
    return tmp_path / "witness"


@pytest.fixture
def submitted(real: Services, tmp_path: Path) -> Callable[..., RunView]:
    def submit_notebook(source: str, **helpers: str) -> RunView:
        """Submit a notebook with one cell. `helpers` are the sources of modules beside it, by name."""
        folder = tmp_path / "notebooks"
        folder.mkdir(exist_ok=True)
        for name, code in helpers.items():
            (folder / f"{name}.py").write_text(code)
        (folder / "n.ipynb").write_text(written.notebook(source))
        return runs.submit(real, Submission(str(folder / "n.ipynb")), by=person("someone")).view

    return submit_notebook


@pytest.fixture
def until(real: Services, home: Home) -> Callable[..., RunView]:
    def waited(run_id: str, holds: Callable[[RunView], object]) -> RunView:
        tick = threading.Event()
        for _ in range(6000):
            view = runs.get(real, run_id)
            if holds(view):
                return view
            tick.wait(0.02)
        raise AssertionError((view.run, view.attempts, (home.folder / "engine.log").read_text()[-3000:]))

    return waited
