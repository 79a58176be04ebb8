"""This machine, as far as it tells which processes are dead."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from dataops_lab.executors import host as host_module
from dataops_lab.executors.host import SystemHost


def test_a_process_is_dead_when_its_pid_is_nobodys_or_somebody_elses():
    host = SystemHost()
    own = host.identity()
    assert not host.is_dead(own)
    assert host.is_dead(replace(own, started=own.started - 60))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert host.is_dead(replace(own, pid=ended.pid))


def test_nobody_of_another_machine_or_container_is_ever_proven_dead():
    host = SystemHost()
    dead = replace(host.identity(), started=0.0)
    assert host.is_dead(dead)
    assert not host.is_dead(replace(dead, boot="another"))
    assert not host.is_dead(replace(dead, namespace="pid:[1]"))


def test_the_name_of_a_host_is_the_same_each_time_and_tells_no_machine_id(monkeypatch, tmp_path):
    monkeypatch.setattr("socket.gethostname", lambda: "login1." + "long" * 20)
    monkeypatch.setattr("dataops_lab.executors.host._MACHINE_IDS", (tmp_path / "none", tmp_path / "id"))
    (tmp_path / "id").write_text("0123456789abcdef\n")
    host_module._host_name.cache_clear()
    name = SystemHost().name()
    assert name == SystemHost().name()
    assert len(name) <= 64
    assert name.startswith("login1.")
    assert "0123456789abcdef" not in name
    (tmp_path / "id").write_text("another")
    host_module._host_name.cache_clear()
    assert SystemHost().name() != name
    host_module._host_name.cache_clear()
