"""jupyter-scheduler: a server of its own, and requests for jobs to its API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from . import lean
from .serving import start_server, wait_until


@contextmanager
def start_scheduler(folder: Path) -> Iterator[httpx.Client]:
    """Serve jupyter-scheduler for the notebooks below `folder`. It keeps its jobs in a folder of their own there."""
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(folder / "scheduler")}
    with start_server(lean.program("python", "scheduler"), folder, ["jupyter_scheduler"], environment) as api:
        yield api


def run_through(api: httpx.Client, path: str) -> None:
    """Run a notebook, from the request until the API says that the job is completed."""
    wait_for_end(api, submit(api, path))


def submit(api: httpx.Client, path: str) -> str:
    kernels = api.get("/scheduler/runtime_environments").raise_for_status().json()
    job = {"name": "bench", "input_uri": path, "runtime_environment_name": kernels[0]["name"]}
    return str(api.post("/scheduler/jobs", json=job).raise_for_status().json()["job_id"])


def wait_for_end(api: httpx.Client, job_id: str) -> None:
    job: dict[str, Any] = {}

    def is_over() -> bool:
        job.update(api.get(f"/scheduler/jobs/{job_id}").raise_for_status().json())
        return job["status"] in ("COMPLETED", "FAILED")  # A new job is STOPPED.

    wait_until(is_over)
    if job["status"] != "COMPLETED":
        raise RuntimeError(job.get("status_message") or job["status"])
