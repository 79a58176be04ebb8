"""Kernels for the tests, beside the Python that runs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel

from .required import missing

WHERE_TO_GET_R = "R and its kernel are not installed. On Debian and Ubuntu: sudo apt-get install r-cran-irkernel"


class Session:
    """One kernel. A call runs a cell in it and returns the printed text."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, source: str) -> str:
        printed: list[str] = []

        def collect(message: dict[str, Any]) -> None:
            if message["msg_type"] in ("stream", "error", "display_data", "execute_result"):
                printed.append(str(message["content"].get("text") or message["content"]))

        reply = self._client.execute_interactive(source, output_hook=collect, timeout=60)
        assert reply["content"]["status"] == "ok", (source, reply["content"], printed)
        return "".join(printed)


@contextmanager
def session(kernel: str, folder: Path, **env: str) -> Iterator[Session]:
    manager, client = start_new_kernel(kernel_name=kernel, cwd=str(folder), env={**os.environ, **env})
    try:
        yield Session(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture(scope="session")
def r_kernel() -> str:
    if "ir" not in KernelSpecManager().find_kernel_specs():
        missing(WHERE_TO_GET_R)
    return "ir"
