"""The engine as a service of systemd: its file, and what is asked of systemd. A script stands in for systemctl."""

from __future__ import annotations

import configparser
import os
import shlex
from pathlib import Path

import pytest

from dataops_lab.domain.leases import EngineLifetime, lifetime_of
from dataops_lab.engine import user_service
from dataops_lab.errors import EngineUnavailable


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """A folder for services, and a systemctl that writes down what it is asked; it fails for words in `fails`."""
    tools = tmp_path / "bin"
    tools.mkdir()
    calls = tmp_path / "calls"
    script = tools / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {shlex.quote(str(calls))}\n'
        f'if grep -qxF -- "$2" {shlex.quote(str(tmp_path / "fails"))} 2>/dev/null; then echo "no bus" >&2; exit 1; fi\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def asked(systemd):
    return (systemd / "calls").read_text().splitlines()


def test_the_service_is_written_enabled_and_started(systemd):
    folder = systemd / "state"
    installed = user_service.install(folder, os.environ)
    name = installed.path.name
    assert installed.path == systemd / "config" / "systemd" / "user" / name
    assert asked(systemd) == ["--user --version", "--user daemon-reload", f"--user enable --now {name}"]
    text = installed.path.read_text()
    assert f'Environment="DATAOPS_LAB_HOME={folder}"' in text
    # Without this, systemd would kill the runs with the engine.
    assert "KillMode=process" in text and "Restart=always" in text
    user_service.install(folder, os.environ)
    assert not any("restart" in line for line in asked(systemd))
    user_service.install(folder, {**os.environ, "LANG": "C.UTF-8", "TZ": "Asia/Tokyo"})
    assert asked(systemd)[-1] == f"--user restart {name}"


def test_removing_it_stops_it_and_removing_none_is_no_error(systemd):
    folder = systemd / "state"
    path = user_service.install(folder, os.environ).path
    assert user_service.remove(folder, os.environ)
    assert not path.exists()
    assert asked(systemd)[-2:] == [f"--user disable --now {path.name}", "--user daemon-reload"]
    assert not user_service.remove(folder, os.environ)


def test_without_systemd_nothing_is_written_and_the_error_says_what_else_there_is(systemd, monkeypatch):
    monkeypatch.setenv("PATH", str(systemd / "nowhere"))
    with pytest.raises(EngineUnavailable, match="container") as refused:
        user_service.install(systemd / "state", os.environ)
    assert refused.value.precise_code == "no_systemd"
    assert not (systemd / "config").exists()


@pytest.mark.parametrize("step", ["daemon-reload", "enable"])
def test_a_systemd_that_refuses_leaves_things_as_they_were(systemd, step):
    (systemd / "fails").write_text(f"{step}\n")
    with pytest.raises(EngineUnavailable, match="no bus"):
        user_service.install(systemd / "state", os.environ)
    assert not list((systemd / "config").rglob("*.service"))


def test_paths_with_spaces_and_signs_of_systemd_stay_as_they_are():
    odd = Path('/home/a b/50% $HOME "x"/state')
    text = user_service.unit_text(odd, {"PATH": "/a b:/c%d"}, python="/opt/my env/$x/python")
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(text)
    service = parser["Service"]
    assert service["ExecStart"].startswith('"/opt/my env/$$x/python" "-P" "-m"')
    assert service["WorkingDirectory"] == '/home/a b/50%% $HOME "x"/state'
    assert '\nEnvironment="PATH=/a b:/c%%d"\n' in text
    assert '\nEnvironment="DATAOPS_LAB_HOME=/home/a b/50%% $HOME \\"x\\"/state"\n' in text


def test_no_secret_of_the_person_is_written():
    given = {"JUPYTER_TOKEN": "s3cret", "DATAOPS_LAB_KEY": "s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret"}
    given |= {"DATAOPS_LAB_OUTPUT_ROOTS": "/data", "JUPYTER_PATH": "/p", "EDITOR": "vi"}
    text = user_service.unit_text(Path("/state"), given)
    assert "s3cret" not in text and "EDITOR" not in text
    assert "DATAOPS_LAB_OUTPUT_ROOTS=/data" in text and "JUPYTER_PATH=/p" in text


def test_each_state_folder_has_its_own_service(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path))
    assert user_service.unit_name(tmp_path / "dataops_lab") == "dataops-lab-engine.service"
    names = {user_service.unit_name(tmp_path / name) for name in ("a", "b", "dataops_lab")}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("command", "lifetime"),
    [
        ("python -m dataops_lab.cli engine run --log x --parent 7", EngineLifetime.SERVER),
        ("python -m dataops_lab.cli engine run --exit-when-idle 30", EngineLifetime.IDLE),
        ("python -m dataops_lab.cli engine run --service", EngineLifetime.SERVICE),
        ("jupyter-dataops engine run", EngineLifetime.STAYS),
        ("", EngineLifetime.ELSEWHERE),
    ],
)
def test_the_command_line_of_an_engine_tells_when_it_ends(command, lifetime):
    assert lifetime_of(command.split()) is lifetime
