from __future__ import annotations

import subprocess
import sys

import pytest

from dataops_lab.runner import processes


@pytest.fixture
def family():
    """The pid of a shell, and the pids of its child and of the child's own child."""
    script = "sh -c 'sleep 1000 & echo $$ $!; wait' & echo $$; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True) as shell:
        assert shell.stdout is not None
        told = (shell.stdout.readline() + shell.stdout.readline()).split()
        yield shell.pid, {int(pid) for pid in told} - {shell.pid}
        for pid in (shell.pid, *processes.descendants(shell.pid)):
            subprocess.run(["kill", "-9", str(pid)], check=False)


@pytest.mark.parametrize("tells", [True, False], ids=["by its lists", "by all processes"])
def test_every_descendant_is_found(family, monkeypatch, tells):
    shell, others = family
    monkeypatch.setattr(processes, "_PROC_LISTS_CHILDREN", tells)
    assert set(processes.descendants(shell)) == others


def test_what_has_ended_has_no_descendants(monkeypatch):
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert list(processes.descendants(ended.pid)) == []


LEAVES_A_DAEMON = """
import subprocess
from dataops_lab.runner.processes import adopt_orphans, kill_descendants, descendants
adopt_orphans()
subprocess.run(["sh", "-c", "trap '' TERM; env -i setsid sh -c 'trap \\"\\" TERM; while :; do sleep 0.01; done' &"])
import os
assert list(descendants(os.getpid()))
assert kill_descendants(60)
assert not list(descendants(os.getpid()))
assert kill_descendants(0)
"""


def test_a_daemon_that_left_everything_is_killed_and_buried():
    subprocess.run([sys.executable, "-c", LEAVES_A_DAEMON], check=True)
