"""Runs in containers, beside `docker run` with papermill in the same image. They need a Docker daemon."""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.docker import DockerImages

from . import notebooks
from .service import PROGRAMS, run_burst, run_through, seconds_of, start_dataops_server
from .turns import Row

TITLE = "Docker: from the request to the stored record"

IMAGE = "lean"
READY_S = 120.0


def measure(*, quick: bool) -> Iterator[Row]:
    import docker

    client = docker.from_env(timeout=600)
    image = DockerImages(client)[IMAGE]
    rounds, burst = (1, 2) if quick else (7, 10)
    with tempfile.TemporaryDirectory() as name, start_dataops_server(Path(name)) as api:
        folder = Path(name)
        folder.chmod(0o755)  # for the user of the containers
        (folder / "in.ipynb").write_text(json.dumps(notebooks.short_cells(2)))
        configure_sandbox(image)
        run_through(api)  # The first one opens files and reads the image.
        bare_run(image, folder)
        cold_times, bare_times = [], []
        for _ in range(rounds):
            cold_times.append(seconds_of(run_through, api))
            bare_times.append(seconds_of(bare_run, image, folder))
        yield Row("2 cells, cold container", "dataops_lab", tuple(cold_times), "≤ 1.1 of docker run")
        yield Row("2 cells, cold container", "docker run papermill", tuple(bare_times))

        dataops("environments", "set", "sandbox", "--warm", "2")
        run_through(api)
        warm_times, bare_times = [], []
        for _ in range(rounds):
            wait_until_ready(client, 2)
            warm_times.append(seconds_of(run_through, api))
            bare_times.append(seconds_of(bare_run, image, folder))
        yield Row("2 cells, warm container", "dataops_lab", tuple(warm_times), "≤ 0.5")
        yield Row("2 cells, warm container", "docker run papermill", tuple(bare_times))
        wait_until_ready(client, 2)
        yield Row(f"pool of 2, {memory_of(client) / 2**20:.0f} MiB in all", "dataops_lab", ())
        yield Row(f"{burst} × 2 cells at once", "dataops_lab", (seconds_of(run_burst, api, burst),))


def configure_sandbox(image: str) -> None:
    """Let the sandbox run containers of the image."""
    dataops("environments", "set", "sandbox", "--executor", "docker", "--no-network")
    dataops("image", "add", IMAGE, image)
    dataops("image", "allow", IMAGE, "sandbox")


def dataops(*arguments: str) -> None:
    subprocess.run([str(PROGRAMS / "jupyter-dataops"), *arguments], check=True, capture_output=True)


def bare_run(image: str, folder: Path) -> None:
    command = ["docker", "run", "--rm", "--network=none", "--env=HOME=/tmp", f"--volume={folder}:/in:ro", image]
    command += ["papermill", "--no-progress-bar", "-k", "python3", "/in/in.ipynb", "/tmp/out.ipynb"]
    subprocess.run(command, check=True, capture_output=True)


def pool(client: Any) -> list[Any]:
    containers = client.containers.list(ignore_removed=True, filters={"label": "dataops-lab.pool"})
    return [container for container in containers if "-pool-" in container.name]


def wait_until_ready(client: Any, count: int) -> None:
    """Wait until `count` containers stand ready and have been idle for a moment: then their imports are done."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        containers = pool(client)
        if len(containers) >= count and all(
            used_cpu(container) == used_cpu(container, after_s=0.3) for container in containers
        ):
            return
    raise TimeoutError("the pool was never filled")


def used_cpu(container: Any, *, after_s: float = 0.0) -> int:
    threading.Event().wait(after_s)
    return int(container.stats(stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"] // 10**7)


def memory_of(client: Any) -> int:
    return sum(container.stats(stream=False, one_shot=True)["memory_stats"]["usage"] for container in pool(client))
