"""The product as people use it: a Jupyter server with its engine, and the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from dataops_lab.cli import warm_start
from dataops_lab.engine.loop import IDLE_POLL_INTERVAL_S

from . import lean, notebooks, scheduler
from .serving import start_server, wait_until
from .turns import Row, Times

TITLE = "Product: from the request to the stored record"

PROGRAMS = Path(sys.executable).parent
EXAMPLES = Path(__file__).parents[1] / "examples"
REPORT = "examples/reports/monthly_sales.ipynb"


def measure(*, quick: bool) -> Iterator[Row]:
    if missing := lean.missing_libraries():
        raise SystemExit(f"These rows are measured where {', '.join(missing)} is installed: make test does that.")
    rounds, burst = (1, 4) if quick else (9, 100)
    for environment in ("lean", "libraries", "ours"):
        lean.program("python", environment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(EXAMPLES, folder / "examples")
        (folder / "in.ipynb").write_text(json.dumps(notebooks.short_cells(2)))
        with start_dataops_server(folder, warm=2) as api:
            with scheduler.start_scheduler(folder) as others:
                target = "≤ 0.15; ≤ 0.1 of papermill, ≤ 0.2 of lean"
                yield from compare_with_others(api, folder, "2 cells, warm", "in.ipynb", rounds, target, others)
            target = "≤ 0.25 of papermill with the same libraries"
            yield from compare_with_others(api, folder, "sales report, warm", REPORT, rounds, target)
            yield from warm_start_problems()
            yield from measure_burst(api, folder, burst)
            yield idle()
        with start_dataops_server(folder, warm=0) as api:
            yield from compare_with_others(api, folder, "2 cells, cold", "in.ipynb", rounds)
            target = "≤ 1.0 of papermill with the same libraries"
            yield from compare_with_others(api, folder, "sales report, cold", REPORT, rounds, target)
            listed = [seconds_of(run, str(PROGRAMS / "jupyter-dataops"), "runs", "list") for _ in range(rounds)]
            yield Row("jupyter dataops runs list", "dataops_lab", tuple(listed), "≤ 0.35")
        with start_dataops_server(folder, warm=2, environment="ours") as api:
            yield from compare_with_others(
                api, folder, "2 cells, warm, lean environment", "in.ipynb", rounds, "≤ 0.2 of lean"
            )
            yield from warm_start_problems()


def compare_with_others(
    api: httpx.Client,
    folder: Path,
    case: str,
    path: str,
    rounds: int,
    target: str = "",
    others: httpx.Client | None = None,
) -> Iterator[Row]:
    """Measure a notebook with this product and others in turns. `others` is a server with jupyter-scheduler."""
    contenders: dict[str, Callable[[], object]] = {
        "dataops_lab": lambda: run_through(api, path),
        "papermill": lambda: papermill(PROGRAMS / "papermill", folder / path),
        "papermill, same libraries": lambda: papermill(lean.program("papermill", "libraries"), folder / path),
    }
    if path != REPORT:
        contenders["papermill, lean"] = lambda: papermill(lean.program("papermill"), folder / path)
    if others is not None:
        contenders["jupyter-scheduler"] = lambda: scheduler.run_through(others, path)
        scheduler.run_through(others, path)
    for _ in range(2):  # The first run opens files and starts workers. The second knows the imports of the first.
        run_through(api, path)
        wait_until(lambda: not any(interpreter["state"] == "starting" for interpreter in warm_report()["interpreters"]))
    times: dict[str, list[Times]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(seconds_of(contender))
    for name, measured in times.items():
        yield Row(f"{case}, POST → record", name, tuple(measured), target if name == "dataops_lab" else "")


def warm_start_problems() -> Iterator[Row]:
    """Yield a row for each problem that prevents the warm start, in the product's own words."""
    for is_well, line in warm_start.describe(warm_report()):
        if not is_well:
            yield Row("no warm start", line, ())


def warm_report() -> dict[str, Any]:
    report: dict[str, Any] | None = json.loads(
        stdout_of(str(PROGRAMS / "jupyter-dataops"), "engine", "status", "--json")
    )["warm"]
    return report or {"interpreters": [], "left_out": [], "size": 0, "library_bytes": 0}


def measure_burst(api: httpx.Client, folder: Path, burst: int) -> Iterator[Row]:
    case = f"{burst} × 2 cells at once"
    with watch_answers(api) as (answers, loop):
        whole = seconds_of(run_burst, api, burst)
    yield Row(case, "dataops_lab", (whole,), "≤ 0.33 of lean")
    for name, program in {"papermill": PROGRAMS / "papermill", "papermill, lean": lean.program("papermill")}.items():
        yield Row(case, f"{name}, 2 at once", (seconds_of(papermill_burst, program, folder, burst),))
    yield Row("meanwhile", "GET /runs", tuple(answers), "most ≤ 0.1")
    yield Row("meanwhile", "GET /api", tuple(loop))


def idle(seconds: float = 10.0) -> Row:
    """Measure the memory of the engine and its share of a core while there is nothing to do."""
    lease = json.loads(stdout_of(str(PROGRAMS / "jupyter-dataops"), "engine", "status", "--json"))
    engine = psutil.Process(lease["pid"])
    threading.Event().wait(IDLE_POLL_INTERVAL_S + 2.0)
    engine.cpu_percent()
    threading.Event().wait(seconds)
    share, memory = engine.cpu_percent(), engine.memory_info().rss / 1024**2
    return Row("engine, idle", f"{memory:.0f} MiB, {share:.1f} % of a core", (), "≤ 80 MiB, < 1 %")


@contextmanager
def start_dataops_server(
    folder: Path, *, warm: int = 2, extensions: Sequence[str] = (), environment: str | None = None
) -> Iterator[httpx.Client]:
    """Serve the product in this environment, or in an environment of `lean`, and wait until its engine leads."""
    state = folder / f"state{warm}{environment or ''}"
    os.environ |= {"DATAOPS_LAB_HOME": str(state), "DATAOPS_LAB_WARM": str(warm)}
    python = lean.program("python", environment) if environment else sys.executable
    with start_server(python, folder, ["dataops_lab", *extensions], os.environ) as api:
        wait_until(lambda: api.get("/dataops/api/v1/status").json()["engine"]["leading"])
        yield api


def run_through(api: httpx.Client, path: str = "in.ipynb") -> None:
    wait_for_end(api, submit(api, path))


def run_burst(api: httpx.Client, count: int) -> None:
    for run_id in [submit(api) for _ in range(count)]:
        wait_for_end(api, run_id)


def submit(api: httpx.Client, path: str = "in.ipynb") -> str:
    return str(api.post("/dataops/api/v1/runs", json={"path": path}).raise_for_status().json()["id"])


def wait_for_end(api: httpx.Client, run_id: str) -> None:
    run: dict[str, Any] = {}

    def is_over() -> bool:
        run.update(api.get(f"/dataops/api/v1/runs/{run_id}").json())
        return bool(run["finished_at"])

    wait_until(is_over)
    if run["state"] != "succeeded":
        raise RuntimeError(run["reason"])


@contextmanager
def watch_answers(api: httpx.Client) -> Iterator[tuple[list[Times], list[Times]]]:
    """Measure meanwhile, about ten times a second, how long the API and a plain route of the server take to answer."""
    stop, answers, loop = threading.Event(), [], []

    def poll() -> None:
        with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=120) as client:
            while not stop.wait(0.1):
                answers.append(seconds_of(client.get, "/dataops/api/v1/runs"))
                loop.append(seconds_of(client.get, "/api"))

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield answers, loop
    finally:
        stop.set()
        thread.join()


def papermill(program: Path, source: Path) -> None:
    # papermill runs as the product does: in the notebook's folder, with the kernel of that environment.
    command = [str(program), "--no-progress-bar", "-k", "python3", source.name, os.devnull]
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    subprocess.run(command, cwd=source.parent, env=environment, check=True, capture_output=True)


def papermill_burst(program: Path, folder: Path, count: int) -> None:
    each = f"seq {count} | xargs -P2 -I N {program} --no-progress-bar -k python3 in.ipynb out-N.ipynb"
    subprocess.run(["sh", "-c", each], cwd=folder, check=True, capture_output=True)


def run(*command: str) -> None:
    stdout_of(*command)


def stdout_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def seconds_of(call: Any, *arguments: Any) -> Times:
    started = time.perf_counter()
    call(*arguments)
    return Times(time.perf_counter() - started)
