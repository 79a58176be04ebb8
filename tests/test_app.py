"""The server extension in a real server process, and the fate of its engine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from dataops_lab.app import DataOpsApp
from dataops_lab.domain.mail import MailServer, Security
from dataops_lab.domain.mounts import ROOTS
from dataops_lab.domain.snapshots import SnapshotLimits
from dataops_lab.errors import InvalidRequest
from dataops_lab.wiring import (
    DEFAULT_PRELOAD_BYTES,
    Home,
    build_services,
    mail_server,
    mount_roots,
    notification_hosts,
    preload_bytes,
    safe_libraries,
    travel_limits,
)

from . import written
from .waiting import eventually

TOKEN = "t" * 32


class Server:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        self._at = httpx.Client(
            base_url=f"http://127.0.0.1:{port}/dataops/api/v1",
            headers={"Authorization": f"token {TOKEN}"},
            timeout=60,
        )

    def get(self, path: str) -> dict:
        return self._at.get(path).raise_for_status().json()

    def post(self, path: str, body: dict) -> dict:
        return self._at.post(path, json=body).raise_for_status().json()

    def engine(self) -> dict:
        try:
            return self.get("/status")["engine"]
        except httpx.TransportError:
            return {"leading": False}


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    started = []

    def start(*options: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        (tmp_path / "work").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", f"--port={port}"]
        command += [f"--ServerApp.root_dir={tmp_path / 'work'}", f"--IdentityProvider.token={TOKEN}"]
        command += ["--ServerApp.jpserver_extensions=dataops_lab=True", *options]
        with (tmp_path / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, "DATAOPS_LAB_HOME": str(tmp_path / "state"), "JUPYTER_CONFIG_DIR": str(tmp_path)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        started.append(process)
        return Server(process, port)

    yield start
    for process in started:
        process.kill()
        process.wait()


def submit(server: Server, folder: Path, source: str) -> str:
    (folder / "n.ipynb").write_text(written.notebook(source))
    return server.post("/runs", {"path": "n.ipynb"})["id"]


def test_an_engine_leads_while_the_server_lives_and_ends_with_it(start_server):
    server = start_server()
    eventually(lambda: server.engine()["leading"])
    engine = psutil.Process(server.engine()["pid"])
    server.process.send_signal(signal.SIGTERM)
    server.process.wait()
    eventually(lambda: not engine.is_running())


def test_an_engine_that_was_killed_is_started_again(start_server):
    server = start_server()
    eventually(lambda: server.engine()["leading"])
    killed = server.engine()["pid"]
    psutil.Process(killed).kill()
    eventually(lambda: server.engine()["leading"] and server.engine()["pid"] != killed)


def test_a_setting_leaves_the_engine_when_the_server_ends(start_server):
    server = start_server("--DataOpsApp.keep_engine=True")
    eventually(lambda: server.engine()["leading"])
    engine = psutil.Process(server.engine()["pid"])
    server.process.send_signal(signal.SIGTERM)
    server.process.wait()
    assert engine.is_running()
    engine.terminate()
    eventually(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)


def test_a_notebook_survives_the_server_that_it_was_submitted_to(start_server, tmp_path):
    go_on, work = tmp_path / "go_on", tmp_path / "work"
    first = start_server()
    eventually(lambda: first.engine()["leading"])
    run_id = submit(first, work, f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.05)\n7")
    eventually(lambda: first.get(f"/runs/{run_id}")["progress"]["current"] == 0)
    engine = psutil.Process(first.engine()["pid"])
    first.process.kill()
    first.process.wait()
    eventually(lambda: not engine.is_running())
    go_on.touch()
    second = start_server()
    eventually(lambda: second.engine()["leading"])
    eventually(lambda: second.get(f"/runs/{run_id}")["finished_at"])
    run = second.get(f"/runs/{run_id}")
    assert (run["state"], len(run["attempts"])) == ("succeeded", 1)
    kinds = [event["kind"] for event in second.get(f"/runs/{run_id}/journal")["events"] if event["kind"] != "usage"]
    assert (kinds[0], kinds[-1]) == ("start", "end")


def test_the_engine_and_kernels_mount_what_the_server_is_told_to_allow(monkeypatch):
    monkeypatch.setenv("DATAOPS_LAB_MOUNT_ROOTS", "/a:/b")
    assert DataOpsApp().mount_roots == ["/a", "/b"]
    DataOpsApp(mount_roots=["/lake", "/srv"])._export_roots()
    assert mount_roots() == ["/lake", "/srv"]
    DataOpsApp(mount_roots=[])._export_roots()
    assert mount_roots() == []
    monkeypatch.delenv("DATAOPS_LAB_MOUNT_ROOTS")
    assert mount_roots() == list(ROOTS)


def test_what_the_server_lets_travel_also_holds_for_commands_in_its_terminals(monkeypatch, tmp_path):
    for name in ("FILES", "FILE_BYTES", "TOTAL_BYTES"):
        monkeypatch.setenv(f"DATAOPS_LAB_TRAVEL_{name}", "")
    assert travel_limits() == SnapshotLimits()
    monkeypatch.setenv("DATAOPS_LAB_TRAVEL_TOTAL_BYTES", "4Gi")
    DataOpsApp(travel_files=7)._export_limits()
    assert build_services(Home(tmp_path / "home")).limits == SnapshotLimits(files=7, total_bytes=4 * 2**30)
    DataOpsApp(travel_total_bytes=9)._export_limits()
    assert travel_limits() == SnapshotLimits(files=7, total_bytes=9)


def test_the_engine_sends_mail_by_the_server_that_the_settings_name(monkeypatch):
    for name in ("MAIL_SERVER", "MAIL_FROM", "MAIL_SECURITY", "MAIL_USER", "MAIL_CA_FILE", "NOTIFICATION_HOSTS"):
        monkeypatch.setenv(f"DATAOPS_LAB_{name}", "")
    DataOpsApp()._export_notifications()
    assert (mail_server(), notification_hosts()) == (None, [])
    settings = {"mail_server": "smtp.example.org", "mail_from": "lab@example.org", "mail_security": "tls"}
    DataOpsApp(
        **settings, mail_user="lab", notification_hosts=["chat.example.org", "10.1.0.0/16"]
    )._export_notifications()
    assert mail_server() == MailServer("smtp.example.org", 465, "lab@example.org", security=Security.TLS, user="lab")
    assert notification_hosts() == ["chat.example.org", "10.1.0.0/16"]


@pytest.mark.parametrize("text", ["many", "0", "-1"])
def test_a_limit_that_is_no_number_is_refused_by_the_name_of_its_variable(text, monkeypatch):
    monkeypatch.setenv("DATAOPS_LAB_TRAVEL_FILES", text)
    with pytest.raises(InvalidRequest, match="DATAOPS_LAB_TRAVEL_FILES"):
        travel_limits()


def test_the_engine_imports_ahead_what_the_server_is_told_to_allow(monkeypatch):
    for name in ("DATAOPS_LAB_PRELOAD_BYTES", "DATAOPS_LAB_SAFE_LIBRARIES"):
        monkeypatch.setenv(name, "")
    DataOpsApp()._export_preloading()
    assert (preload_bytes(), safe_libraries()) == (DEFAULT_PRELOAD_BYTES, [])
    DataOpsApp(preload_bytes=0, safe_libraries=["seaborn", "geopandas"])._export_preloading()
    assert (preload_bytes(), safe_libraries()) == (0, ["seaborn", "geopandas"])
    assert DataOpsApp().safe_libraries == ["seaborn", "geopandas"]
    monkeypatch.setenv("DATAOPS_LAB_PRELOAD_BYTES", "512Mi")
    assert preload_bytes() == 512 * 1024**2


def test_memory_for_libraries_that_is_no_number_is_refused_by_the_name_of_its_variable(monkeypatch):
    monkeypatch.setenv("DATAOPS_LAB_PRELOAD_BYTES", "much")
    with pytest.raises(InvalidRequest, match="DATAOPS_LAB_PRELOAD_BYTES"):
        preload_bytes()
