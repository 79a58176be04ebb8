"""This machine, as far as it tells who is dead."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

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
