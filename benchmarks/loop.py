"""The lateness of the server's event loop while a burst runs. People's kernels depend on that loop, too."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from . import notebooks, service, websocket
from .turns import Row, Times

TITLE = "Event loop: how late it is, in seconds, while a burst runs"

API = "/dataops/api/v1"
QUIET_S = 5.0


def measure(*, quick: bool) -> Iterator[Row]:
    burst = 4 if quick else 100
    with (
        tempfile.TemporaryDirectory() as folder,
        service.start_dataops_server(Path(folder), extensions=["benchmarks.loop_probe"]) as api,
    ):
        (Path(folder) / "in.ipynb").write_text(json.dumps(notebooks.short_cells(2)))
        service.run_burst(api, 4)  # The first runs open files and start workers.
        with websocket.start_kernel(api) as kernel_id:
            with websocket.measure_answers(api, kernel_id) as quiet_answers:
                threading.Event().wait(QUIET_S)
            api.get("/loop-probe")
            with (
                measure_idle_loop() as idle_loop,
                websocket.measure_answers(api, kernel_id) as busy_answers,
                keep_busy(api),
            ):
                service.run_burst(api, burst)
                measurements = api.get("/loop-probe").json()
    yield Row("kernel's answer by websocket", "while nothing runs", tuple(map(Times, quiet_answers)))
    yield Row("kernel's answer by websocket", "during the burst", tuple(map(Times, busy_answers)))
    case = f"{burst} runs at once"
    for name, late, target in (
        ("server", [late for late, _, _ in measurements], ""),
        ("server, as far as its process computed", [process for _, process, _ in measurements], "≤ 0.02"),
        ("server, as far as its loop computed", [loop_itself for _, _, loop_itself in measurements], "≤ 0.02"),
        ("a loop beside it that does nothing", [late for late, _, _ in idle_loop], ""),
    ):
        sorted_late = sorted(late)
        yield Row(f"{case}, 99 of 100 times", name, (Times(sorted_late[len(sorted_late) * 99 // 100]),))
        yield Row(f"{case}, worst", name, (Times(sorted_late[-1]),), target)


@contextmanager
def measure_idle_loop() -> Iterator[list[tuple[float, ...]]]:
    """Measure how late an idle loop is, which only suffers from the machine. The list is filled at the end."""
    late: list[tuple[float, ...]] = []
    command = [sys.executable, "-m", "benchmarks.loop_probe"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    yield late
    late += json.loads(process.communicate()[0])


@contextmanager
def keep_busy(api: httpx.Client) -> Iterator[None]:
    """Ask the server meanwhile as JupyterLab does: for the event stream, long lists, inspections, reports and logs."""
    stop = threading.Event()

    def send_requests() -> None:
        with httpx.Client(base_url=api.base_url, headers=api.headers, timeout=120) as client:
            while not stop.wait(0.05):
                recent_runs: list[dict[str, Any]] = client.get(f"{API}/runs", params={"limit": 500}).json()["items"]
                client.post(f"{API}/inspect", json={"path": "in.ipynb"})
                for run in [run for run in recent_runs if run["state"] == "succeeded"][:1]:
                    for resource in ("report", "log", "journal", "notebook"):
                        client.get(f"{API}/runs/{run['id']}/{resource}")

    def listen() -> None:
        with (
            httpx.Client(base_url=api.base_url, headers=api.headers, timeout=120) as client,
            client.stream("GET", f"{API}/events") as stream,
        ):
            for _ in stream.iter_bytes():
                if stop.is_set():
                    return

    threads = [threading.Thread(target=send_requests), threading.Thread(target=listen, daemon=True)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        threads[0].join()
