"""The runner beside papermill's command line and nbclient alone, each as a process of its own."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import notebooks
from .turns import Case, Contender, Row, Times, run_in_turns

TITLE = "Runner: one notebook, cold start"


def measure(*, quick: bool) -> Iterator[Row]:
    for case in _cases(quick):
        yield from run_in_turns(case, CONTENDERS)


def _cases(quick: bool) -> Iterator[Case]:
    if quick:
        yield Case("2 cells", notebooks.short_cells(2), rounds=1)
        yield Case("20 cells", notebooks.short_cells(20), rounds=1)
        yield Case("5 cells × 200 kB of output", notebooks.large_outputs(5, 200), rounds=1)
        return
    slow_contenders = frozenset({"papermill"})
    yield Case("2 cells", notebooks.short_cells(2), rounds=7)
    yield Case("200 cells", notebooks.short_cells(200), rounds=5, slow=slow_contenders)
    target = "≤ 1.15 of nbclient, ready → last reply"
    yield Case("1,000 cells", notebooks.short_cells(1_000), rounds=5, slow=slow_contenders, target=target)
    yield Case(
        "200 cells × 200 kB of output", notebooks.large_outputs(200, 200), rounds=5, slow=slow_contenders, target=target
    )


def ours(notebook: dict[str, Any], folder: Path) -> Times:
    spec = {
        "format": 1,
        "attempt": folder.name,
        "kernel": {
            "name": "python3",
            "language": "python",
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "env": {},
            "interrupt_mode": "signal",
        },
        "folder": "",
        "files": [],
        "output_limits": {"cell_bytes": 10_000_000, "run_bytes": 1_000_000_000},
        "startup_timeout_s": 60,
        "interrupt_grace_s": 5,
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    (folder / "input.ipynb").write_text(json.dumps(notebook))
    whole, _ = _run_timed(sys.executable, "-m", "dataops_lab.runner", str(folder))
    result = json.loads((folder / "result.json").read_text())
    if result["state"] != "succeeded":
        raise RuntimeError(result["failure"])
    events = [json.loads(line) for line in (folder / "journal.jsonl").open()]
    start = next(event["t"] for event in events if event["kind"] == "start")
    return Times(whole, next(event["t"] for event in reversed(events) if event["kind"] == "cell_finished") - start)


def papermill(notebook: dict[str, Any], folder: Path) -> Times:
    (folder / "in.ipynb").write_text(json.dumps(notebook))
    program = Path(sys.executable).with_name("papermill")
    output = folder / "out.ipynb"
    seconds, _ = _run_timed(str(program), "--no-progress-bar", str(folder / "in.ipynb"), str(output))
    cells = [cell["metadata"]["papermill"] for cell in json.loads(output.read_text())["cells"]]
    first, last = (dt.datetime.fromisoformat(moment) for moment in (cells[0]["start_time"], cells[-1]["end_time"]))
    return Times(seconds, (last - first).total_seconds())


def nbclient(notebook: dict[str, Any], folder: Path) -> Times:
    path = folder / "in.ipynb"
    path.write_text(json.dumps(notebook))
    seconds, output = _run_timed(sys.executable, str(Path(__file__).with_name("nbclient_alone.py")), str(path))
    return Times(seconds, json.loads(output)["cells"])


CONTENDERS: dict[str, Contender] = {"dataops_lab": ours, "papermill": papermill, "nbclient": nbclient}


def _run_timed(*command: str) -> tuple[float, bytes]:
    started = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started, done.stdout
