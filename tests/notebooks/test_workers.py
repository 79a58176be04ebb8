from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

import dataops_lab
from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.snapshots import SnapshotLimits
from dataops_lab.errors import InvalidNotebook, KernelUnavailable, ReportUnavailable, Unavailable
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.notebooks.workers import WorkerNotebooks


def local(folder: Path) -> LocalNotebooks:
    return LocalNotebooks(FolderBlobs(folder))


@pytest.fixture(scope="module", autouse=True)
def _workers_find_this_module() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        yield


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blobs")


@pytest.fixture(scope="module")
def workers(blobs: Path) -> Iterator[WorkerNotebooks]:
    started = WorkerNotebooks(partial(local, blobs))
    yield started
    started.close()


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if _is_worker(child)]


def _is_worker(child: psutil.Process) -> bool:
    try:
        return "dataops_lab.notebooks.worker" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # it has ended meanwhile, or is a zombie
        return False


def test_every_verb_answers_as_it_does_here(
    workers: WorkerNotebooks, blobs: Path, project: Any, make: Callable[..., bytes], code: Callable[..., Any]
) -> None:
    project.file("analysis/a.csv")
    project.notebook("n = 1")
    here, options = local(blobs), {"root": str(project.root), "kernel": None, "limits": SnapshotLimits()}
    data = make(code("n = 1", "parameters"))
    assert workers.inspect(str(project.path), **options) == here.inspect(str(project.path), **options)
    assert workers.snapshot(str(project.path), **options) == here.snapshot(str(project.path), **options)
    path, limited = str(project.path), {"root": str(project.root), "limits": SnapshotLimits()}
    assert workers.find_used_paths(path, **limited) == here.find_used_paths(path, **limited)
    assert workers.read_parameters(path, **limited) == here.read_parameters(path, **limited)
    assert workers.get_kernel("python3") == here.get_kernel("python3")
    assert workers.inject_parameters(data, "python", {"n": 2}, {}) == here.inject_parameters(
        data, "python", {"n": 2}, {}
    )
    assert workers.render_report(data, title="R", code=True) == here.render_report(data, title="R", code=True)


def test_the_work_is_done_in_another_process(workers: WorkerNotebooks) -> None:
    workers.get_kernel("python3")
    assert children()


def test_errors_arrive_whole(workers: WorkerNotebooks) -> None:
    with pytest.raises(InvalidNotebook) as refused:
        workers.inspect("/no/such.ipynb", root=None, kernel=None, limits=SnapshotLimits())
    assert refused.value.precise_code == "notebook_not_found"
    assert "/no/such.ipynb" in refused.value.message
    with pytest.raises(KernelUnavailable) as unavailable:
        workers.get_kernel("absent")
    assert "python3" in unavailable.value.detail["installed"]


def test_a_worker_that_dies_does_not_cost_the_next_call(workers: WorkerNotebooks) -> None:
    workers.get_kernel("python3")
    for child in children():
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
    assert workers.get_kernel("python3").name == "python3"


def test_calls_may_come_from_several_threads(workers: WorkerNotebooks) -> None:
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda _: workers.get_kernel("python3").name, range(32)))
    assert names == ["python3"] * 32
    assert len(children()) <= 2


def test_after_close_a_call_starts_workers_again(blobs: Path) -> None:
    workers = WorkerNotebooks(partial(local, blobs))
    workers.close()
    workers.get_kernel("python3")
    workers.close()
    assert workers.get_kernel("python3").name == "python3"
    workers.close()


def test_ctrl_c_is_for_the_server_alone(blobs: Path) -> None:
    others = {child.pid for child in children()}
    workers = WorkerNotebooks(partial(local, blobs), workers=1)
    workers.get_kernel("python3")
    (worker,) = {child.pid for child in children()} - others
    os.kill(worker, signal.SIGINT)
    workers.get_kernel("python3")
    assert {child.pid for child in children()} - others == {worker}
    workers.close()


class Hanging:
    def get_kernel(self, name: str) -> None:
        threading.Event().wait()

    def freeze_packages(self, kernel: str) -> int:
        return os.getpid()

    def render_report(self, notebook: bytes, **options: Any) -> None:
        if not notebook:
            threading.Event().wait()


def test_a_call_that_hangs_is_given_up_and_its_worker_with_it() -> None:
    others = {child.pid for child in children()}
    workers = WorkerNotebooks(Hanging, workers=1, timeout_s=0.5)  # type: ignore[arg-type]
    with pytest.raises(Unavailable) as given_up:
        workers.get_kernel("python3")
    assert given_up.value.precise_code == "notebook_too_slow"
    assert {child.pid for child in children()} <= others


def test_after_a_call_that_hung_the_next_one_is_answered() -> None:
    workers = WorkerNotebooks(Hanging, workers=1, timeout_s=60)  # type: ignore[arg-type]
    first = workers.freeze_packages("python3")
    workers._timeout_s = 0.1
    with pytest.raises(Unavailable):
        workers.get_kernel("python3")
    workers._timeout_s = 60
    assert workers.freeze_packages("python3") != first
    workers.close()


@pytest.fixture
def hanging() -> Iterator[WorkerNotebooks]:
    workers = WorkerNotebooks(Hanging, workers=1)  # type: ignore[arg-type]
    yield workers
    workers.close()


def test_reports_that_take_long_hold_up_no_other_call(hanging: WorkerNotebooks) -> None:
    waiting = threading.Barrier(4)
    give_up = threading.Event()

    def report() -> None:
        first = iter([True])

        def wanted() -> bool:
            if next(first, False):
                waiting.wait()
            return not give_up.is_set()

        hanging.render_report(b"", title="", code=True, wanted=wanted)

    with ThreadPoolExecutor(3) as threads:
        reports = [threads.submit(report) for _ in range(3)]
        waiting.wait()
        assert hanging.freeze_packages("python3")
        with pytest.raises(ReportUnavailable) as refused:
            hanging.render_report(b"x", title="", code=True)
        give_up.set()
    assert refused.value.precise_code == "reports_busy"
    assert all(isinstance(given_up.exception(), ReportUnavailable) for given_up in reports)


def test_a_report_that_takes_too_long_is_given_up(hanging: WorkerNotebooks) -> None:
    hanging._report_timeout_s = 0.5
    with pytest.raises(ReportUnavailable, match="Download the executed notebook") as given_up:
        hanging.render_report(b"", title="", code=True)
    assert given_up.value.precise_code == "report_too_slow"


def test_a_report_that_nobody_waits_for_is_given_up(hanging: WorkerNotebooks) -> None:
    others = {child.pid for child in children()}
    asked = iter([True, True, False])
    with pytest.raises(ReportUnavailable):
        hanging.render_report(b"", title="", code=True, wanted=lambda: next(asked))
    assert {child.pid for child in children()} <= others
    hanging.render_report(b"x", title="", code=True)


class Failing:
    def get_kernel(self, name: str) -> None:
        raise TimeoutError("its own")

    def freeze_packages(self, kernel: str) -> object:
        return threading.Lock()


def test_an_unforeseen_error_arrives_as_it_is_with_where_it_arose() -> None:
    workers = WorkerNotebooks(Failing, workers=1)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError, match="its own") as failed:
        workers.get_kernel("python3")
    assert "in get_kernel" in failed.value.__notes__[0]
    with pytest.raises(RuntimeError, match="cannot be sent"):
        workers.freeze_packages("python3")
    workers.close()


def test_a_workspace_executes_nothing_in_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others = ("dataops_lab", "nbformat", "yaml", "sqlalchemy", "multiprocessing", "tornado")
    for module in {*sys.stdlib_module_names, *others}:
        (tmp_path / f"{module}.py").write_text("import os\nopen(os.path.join(os.path.dirname(__file__), 'RAN'), 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f":.:{os.environ['PYTHONPATH']}")
    workers = WorkerNotebooks(partial(local, tmp_path / "blobs"), workers=1)
    assert workers.get_kernel("python3").name == "python3"
    assert children()
    workers.close()
    assert not (tmp_path / "RAN").exists()


def test_workers_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = """
import sys, psutil
from functools import partial
from pathlib import Path
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.notebooks.workers import WorkerNotebooks

if __name__ == "__main__":
    workers = WorkerNotebooks(partial(LocalNotebooks, None), workers=1)
    workers.get_kernel("python3")
    print(*(child.pid for child in psutil.Process().children()), flush=True)
    sys.stdin.read()
"""
    (tmp_path / "server.py").write_text(server)
    environment = {**os.environ, "PYTHONPATH": str(Path(dataops_lab.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "server.py"], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as started:
        assert started.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in started.stdout.readline().split()]
        started.kill()
    assert workers
    assert psutil.wait_procs(workers, timeout=30)[1] == []


def test_an_error_of_any_kind_keeps_code_and_detail_through_pickle() -> None:
    error = pickle.loads(pickle.dumps(InvalidNotebook("Broken.", code="broken_json", line=2)))
    assert (type(error), error.message, error.precise_code, error.detail) == (
        InvalidNotebook,
        "Broken.",
        "broken_json",
        {"line": 2},
    )
    assert str(error) == "Broken."
