"""Jupyter servers for measurements, and a function that waits."""

from __future__ import annotations

import secrets
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx


@contextmanager
def start_server(
    python: Path | str, root: Path, extensions: Sequence[str], environment: Mapping[str, str]
) -> Iterator[httpx.Client]:
    """Start a server in that interpreter's environment, wait until it answers, and stop it at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    command = [str(python), "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.jpserver_extensions={name}=True" for name in extensions]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    headers = {"Authorization": f"token {token}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as api:
            wait_until(lambda: _answers(api) or process.poll() is not None)
            if process.poll() is not None:
                raise RuntimeError(f"The server ended at its start: {' '.join(command)}")
            yield api
    finally:
        process.terminate()
        process.wait()


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/api").is_success
    except httpx.TransportError:
        return False


def wait_until(condition: Callable[[], object], every_s: float = 0.01) -> None:
    tick = threading.Event()
    while not condition():
        tick.wait(every_s)
