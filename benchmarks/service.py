"""The product as people meet it: a Jupyter server with its engine, and the command line."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from . import notebooks
from .turns import Row, Times

TITLE = "Product: from the request to the stored record"

PROGRAMS = Path(sys.executable).parent


def measure(*, quick: bool) -> Iterator[Row]:
    rounds, burst = (1, 4) if quick else (7, 20)
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as api:
        (Path(folder) / "in.ipynb").write_text(json.dumps(notebooks.short_cells(2)))
        run_through(api)  # The first one opens files and starts workers.
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(timed(run_through, api))
            theirs.append(timed(papermill, Path(folder)))
        yield Row("2 cells, POST → record", "dataops_lab", tuple(ours))
        yield Row("2 cells, POST → record", "papermill", tuple(theirs))

        case = f"{burst} × 2 cells at once"
        with watched(api) as (answers, loop):
            whole = timed(run_burst, api, burst)
        yield Row(case, "dataops_lab", (whole,))
        yield Row(case, "papermill, 2 at once", (timed(papermill_burst, Path(folder), burst),))
        yield Row("meanwhile", "GET /runs", tuple(answers))
        yield Row("meanwhile", "GET /api", tuple(loop))

        listed = [timed(run, str(PROGRAMS / "jupyter-dataops"), "runs", "list") for _ in range(rounds)]
        yield Row("jupyter dataops runs list", "dataops_lab", tuple(listed))


@contextmanager
def server(folder: Path) -> Iterator[httpx.Client]:
    os.environ["DATAOPS_LAB_HOME"] = str(folder / "state")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--ServerApp.root_dir={folder}", "--ServerApp.jpserver_extensions=dataops_lab=True"]
    process = subprocess.Popen(
        [*command, f"--IdentityProvider.token={token}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        headers = {"Authorization": f"token {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as api:
            until(lambda: leads(api))
            yield api
    finally:
        process.terminate()
        process.wait()


def leads(api: httpx.Client) -> bool:
    try:
        return bool(api.get("/dataops/api/v1/status").json()["engine"]["leading"])
    except httpx.TransportError:
        return False


def run_through(api: httpx.Client) -> None:
    ended(api, submit(api))


def run_burst(api: httpx.Client, count: int) -> None:
    for run_id in [submit(api) for _ in range(count)]:
        ended(api, run_id)


def submit(api: httpx.Client) -> str:
    return str(api.post("/dataops/api/v1/runs", json={"path": "in.ipynb"}).raise_for_status().json()["id"])


def ended(api: httpx.Client, run_id: str) -> None:
    run: dict[str, Any] = {}

    def is_over() -> bool:
        run.update(api.get(f"/dataops/api/v1/runs/{run_id}").json())
        return bool(run["finished_at"])

    until(is_over)
    if run["state"] != "succeeded":
        raise RuntimeError(run["reason"])


def until(condition: Any) -> None:
    tick = threading.Event()
    while not condition():
        tick.wait(0.01)


@contextmanager
def watched(api: httpx.Client) -> Iterator[tuple[list[Times], list[Times]]]:
    """How long the API and a plain route of the server take to answer, asked ten times a second."""
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


def papermill(folder: Path) -> None:
    run(str(PROGRAMS / "papermill"), "--no-progress-bar", str(folder / "in.ipynb"), str(folder / "out.ipynb"))


def papermill_burst(folder: Path, count: int) -> None:
    source, program = folder / "in.ipynb", PROGRAMS / "papermill"
    each = f"seq {count} | xargs -P2 -I N {program} --no-progress-bar {source} {folder}/out-N.ipynb"
    run("sh", "-c", each)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def timed(call: Any, *arguments: Any) -> Times:
    started = time.perf_counter()
    call(*arguments)
    return Times(time.perf_counter() - started)
