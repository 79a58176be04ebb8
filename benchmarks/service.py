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
from dataops_lab.engine.loop import LOOK_WHEN_QUIET_EVERY_S

from . import lean, notebooks, scheduler
from .serving import served, until
from .turns import Row, Times

TITLE = "Product: from the request to the stored record"

PROGRAMS = Path(sys.executable).parent
EXAMPLES = Path(__file__).parents[1] / "examples"
REPORT = "examples/reports/monthly_sales.ipynb"


def measure(*, quick: bool) -> Iterator[Row]:
    if missing := lean.missing():
        raise SystemExit(f"These rows are measured where {', '.join(missing)} is installed: make test does that.")
    rounds, burst = (1, 4) if quick else (9, 100)
    for environment in ("lean", "libraries", "ours"):
        lean.program("python", environment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(EXAMPLES, folder / "examples")
        (folder / "in.ipynb").write_text(json.dumps(notebooks.short_cells(2)))
        with server(folder, warm=2) as api:
            with scheduler.scheduler(folder) as others:
                target = "≤ 0.15; ≤ 0.1 of papermill, ≤ 0.2 of lean"
                yield from beside_others(api, folder, "2 cells, warm", "in.ipynb", rounds, target, others)
            target = "≤ 0.25 of papermill with the same libraries"
            yield from beside_others(api, folder, "sales report, warm", REPORT, rounds, target)
            yield from what_prevents_it()
            yield from at_once(api, folder, burst)
            yield idle()
        with server(folder, warm=0) as api:
            yield from beside_others(api, folder, "2 cells, cold", "in.ipynb", rounds)
            target = "≤ 1.0 of papermill with the same libraries"
            yield from beside_others(api, folder, "sales report, cold", REPORT, rounds, target)
            listed = [timed(run, str(PROGRAMS / "jupyter-dataops"), "runs", "list") for _ in range(rounds)]
            yield Row("jupyter dataops runs list", "dataops_lab", tuple(listed), "≤ 0.35")
        with server(folder, warm=2, environment="ours") as api:
            yield from beside_others(
                api, folder, "2 cells, warm, lean environment", "in.ipynb", rounds, "≤ 0.2 of lean"
            )
            yield from what_prevents_it()


def beside_others(
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
        until(lambda: not any(it["state"] == "starting" for it in warm()["interpreters"]))
    times: dict[str, list[Times]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(timed(contender))
    for name, measured in times.items():
        yield Row(f"{case}, POST → record", name, tuple(measured), target if name == "dataops_lab" else "")


def what_prevents_it() -> Iterator[Row]:
    """Yield a row for each problem that prevents the warm start, in the product's own words."""
    for is_well, line in warm_start.lines(warm()):
        if not is_well:
            yield Row("no warm start", line, ())


def warm() -> dict[str, Any]:
    report: dict[str, Any] | None = json.loads(said(str(PROGRAMS / "jupyter-dataops"), "engine", "status", "--json"))[
        "warm"
    ]
    return report or {"interpreters": [], "left_out": [], "size": 0, "library_bytes": 0}


def at_once(api: httpx.Client, folder: Path, burst: int) -> Iterator[Row]:
    case = f"{burst} × 2 cells at once"
    with watched(api) as (answers, loop):
        whole = timed(run_burst, api, burst)
    yield Row(case, "dataops_lab", (whole,), "≤ 0.33 of lean")
    for name, program in {"papermill": PROGRAMS / "papermill", "papermill, lean": lean.program("papermill")}.items():
        yield Row(case, f"{name}, 2 at once", (timed(papermill_burst, program, folder, burst),))
    yield Row("meanwhile", "GET /runs", tuple(answers), "most ≤ 0.1")
    yield Row("meanwhile", "GET /api", tuple(loop))


def idle(seconds: float = 10.0) -> Row:
    """Measure the memory of the engine and its share of a core while there is nothing to do."""
    lease = json.loads(said(str(PROGRAMS / "jupyter-dataops"), "engine", "status", "--json"))
    engine = psutil.Process(lease["pid"])
    threading.Event().wait(LOOK_WHEN_QUIET_EVERY_S + 2.0)
    engine.cpu_percent()
    threading.Event().wait(seconds)
    share, memory = engine.cpu_percent(), engine.memory_info().rss / 1024**2
    return Row("engine, idle", f"{memory:.0f} MiB, {share:.1f} % of a core", (), "≤ 80 MiB, < 1 %")


@contextmanager
def server(
    folder: Path, *, warm: int = 2, extensions: Sequence[str] = (), environment: str | None = None
) -> Iterator[httpx.Client]:
    """Serve the product in this environment, or in an environment of `lean`, and wait until its engine leads."""
    state = folder / f"state{warm}{environment or ''}"
    os.environ |= {"DATAOPS_LAB_HOME": str(state), "DATAOPS_LAB_WARM": str(warm)}
    python = lean.program("python", environment) if environment else sys.executable
    with served(python, folder, ["dataops_lab", *extensions], os.environ) as api:
        until(lambda: api.get("/dataops/api/v1/status").json()["engine"]["leading"])
        yield api


def run_through(api: httpx.Client, path: str = "in.ipynb") -> None:
    ended(api, submit(api, path))


def run_burst(api: httpx.Client, count: int) -> None:
    for run_id in [submit(api) for _ in range(count)]:
        ended(api, run_id)


def submit(api: httpx.Client, path: str = "in.ipynb") -> str:
    return str(api.post("/dataops/api/v1/runs", json={"path": path}).raise_for_status().json()["id"])


def ended(api: httpx.Client, run_id: str) -> None:
    run: dict[str, Any] = {}

    def is_over() -> bool:
        run.update(api.get(f"/dataops/api/v1/runs/{run_id}").json())
        return bool(run["finished_at"])

    until(is_over)
    if run["state"] != "succeeded":
        raise RuntimeError(run["reason"])


@contextmanager
def watched(api: httpx.Client) -> Iterator[tuple[list[Times], list[Times]]]:
    """Measure meanwhile, about ten times a second, how long the API and a plain route of the server take to answer."""
    stop, answers, loop = threading.Event(), [], []

    def watch() -> None:
        with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=120) as own:
            while not stop.wait(0.1):
                answers.append(timed(own.get, "/dataops/api/v1/runs"))
                loop.append(timed(own.get, "/api"))

    thread = threading.Thread(target=watch)
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
    said(*command)


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def timed(call: Any, *arguments: Any) -> Times:
    started = time.perf_counter()
    call(*arguments)
    return Times(time.perf_counter() - started)
