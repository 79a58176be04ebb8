"""A Jupyter server with the extension, on real notebooks, store and blobs; an engine where a test asks for one."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# As a plugin it would apply to all tests, and would build and end a server around each of them.
from pytest_jupyter.jupyter_server import *  # noqa: F403
from tornado.httpclient import HTTPClientError, HTTPResponse

from dataops_lab.engine import Engine
from dataops_lab.wiring import Home, build_engine

from ..ready_home import ready_home

PREFIX = "dataops/api/v1"


@pytest.fixture
def home(tmp_path: Path, ready_database: Path) -> Home:
    return ready_home(tmp_path / "state", ready_database)


@pytest.fixture
def jp_server_config(home: Home, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The configuration of the server. A test may give more settings of DataOpsApp as this fixture's parameter."""
    options = getattr(request, "param", {})
    return {
        "ServerApp": {"jpserver_extensions": {"dataops_lab": True}, "allow_unauthenticated_access": False},
        # Each test that needs an engine has its own one in this process.
        "DataOpsApp": {"home": str(home.folder), "start_engine": False, **options},
    }


class Api:
    """Requests below the API's prefix; errors come back as answers, not as exceptions."""

    def __init__(self, fetch: Callable[..., Awaitable[HTTPResponse]]) -> None:
        self._fetch = fetch

    async def __call__(self, verb: str, path: str, body: Any = None, **more: Any) -> HTTPResponse:
        if verb in ("POST", "PUT", "PATCH"):
            more["body"] = body if isinstance(body, (str, bytes)) else json.dumps(body or {})
        parts = (PREFIX, *path.strip("/").split("/"))
        try:
            return await self._fetch(*parts, method=verb, allow_nonstandard_methods=True, request_timeout=60, **more)
        except HTTPClientError as error:
            assert error.response is not None
            return error.response

    async def json(self, verb: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = await self(verb, path, body, **more)
        assert answer.code < 300, answer.body
        return json.loads(answer.body)


@pytest.fixture
def api(jp_fetch: Callable[..., Awaitable[HTTPResponse]]) -> Api:
    return Api(jp_fetch)


@pytest.fixture
def notebook(jp_root_dir: Path) -> Callable[..., str]:
    """A function that writes a notebook below the server's root, and returns its path in the contents API."""

    def written(*sources: str, parameters: str | None = None, path: str = "work/sales.ipynb") -> str:
        cells = [
            {
                "id": f"c{index}",
                "cell_type": "code",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": source,
            }
            for index, source in enumerate(sources)
        ]
        if parameters is not None:
            metadata = {"tags": ["parameters"]}
            cells.insert(0, {**cells[0], "id": "p", "source": parameters, "metadata": metadata})
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        target = jp_root_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        content = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
        target.write_text(json.dumps(content))
        return path

    return written


@pytest.fixture
def running_engine(home: Home) -> Iterator[Engine]:
    engine = build_engine(home, slots=2)
    stop = threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    yield engine
    stop.set()
    thread.join()


@pytest.fixture
def server_sent() -> Callable[[bytes], list[tuple[str, str, Any]]]:
    """A function that returns (id, event, data) of each frame of an event stream."""

    def frames(stream: bytes) -> list[tuple[str, str, Any]]:
        received = []
        for block in stream.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":") and line)
            if "event" in fields:
                received.append((fields["id"], fields["event"], json.loads(fields["data"])))
        return received

    return frames
