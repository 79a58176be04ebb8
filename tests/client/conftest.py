"""Both clients on real installations: a state folder with its engine, and a Jupyter server with everything."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dataops_lab.client import Client, HttpClient, LocalClient
from dataops_lab.engine.process import start_engine
from dataops_lab.errors import Unavailable
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_services

from .. import written
from ..ready_home import ready_home
from ..waiting import eventually

TOKEN = "s3cret"
TIMEOUT_S = 120.0


def cell_has_begun(cell: int, events: list[dict]) -> bool:
    """Tell whether the cell has begun. Look at all events: a slow follower gets several at once."""
    return any(event["kind"] == "cell_started" and event["cell"] == cell for event in events)


@dataclass
class Installation:
    """An installation with a client. Notebooks lie in `workspace`; `path_of` is the client's name for one of them."""

    client: Client
    workspace: Path
    names_whole_paths: bool

    def path_of(self, name: str) -> str:
        return str(self.workspace / name) if self.names_whole_paths else name

    def notebook(self, name: str, *sources: str, parameters: str | None = None) -> str:
        target = self.workspace / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written.notebook(*sources, parameters=parameters))
        return self.path_of(name)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Server:
    """A Jupyter server of its own, which can be killed and started again on the same port."""

    home: Path
    workspace: Path
    log: Path
    engine: bool = True
    """True when the server starts an engine; without one, submitted runs wait."""
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/some/base"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser"),
                    f"--ServerApp.port={self.port}",
                    "--ServerApp.port_retries=0",
                    "--ServerApp.ip=127.0.0.1",
                    "--ServerApp.base_url=/some/base",
                    "--ServerApp.jpserver_extensions=dataops_lab=True",
                    f"--ServerApp.root_dir={self.workspace}",
                    f"--IdentityProvider.token={TOKEN}",
                    f"--DataOpsApp.start_engine={self.engine}",
                ],
                env={**os.environ, "DATAOPS_LAB_HOME": str(self.home)},
                cwd=self.workspace,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        with HttpClient(self.url, TOKEN) as client:
            eventually(lambda: self._serves(client))

    def _serves(self, client: HttpClient) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()
        try:
            return client.status().engine.leading or not self.engine
        except Unavailable:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()


@pytest.fixture
def server(tmp_path: Path, ready_database: Path) -> Iterator[Server]:
    """A server for one test, which may kill it."""
    (tmp_path / "work").mkdir()
    ready_home(tmp_path / "home", ready_database)
    server = Server(tmp_path / "home", tmp_path / "work", tmp_path / "server.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("local")
    home = Home(folder / "home")
    services = build_services(home)
    engine = start_engine(home.folder, log=home.engine_log, exit_when_idle_s=None, ends_with_parent=True)
    (folder / "work").mkdir()
    yield Installation(LocalClient(services, user=person("somebody"), root=str(folder / "work")), folder / "work", True)
    engine.terminate()
    engine.wait(TIMEOUT_S)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("http")
    (folder / "work").mkdir()
    server = Server(folder / "home", folder / "work", folder / "server.log")
    server.start()
    with HttpClient(server.url, TOKEN) as client:
        yield Installation(client, folder / "work", False)
    server.stop()


@pytest.fixture(params=["local", "http"])
def installation(request: pytest.FixtureRequest) -> Installation:
    return request.getfixturevalue(request.param)


@pytest.fixture
def client(installation: Installation) -> Client:
    return installation.client
