"""The keeper of a runner, with real processes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from dataops_lab.runner import keeper

from ..waiting import eventually

LEAVES_ITS_NAME = {
    "an empty environment": "subprocess.Popen(['env', '-i', 'sh', '-c', {script!r}])",
    "a session of its own": "subprocess.Popen(['setsid', 'env', '-i', 'sh', '-c', {script!r}])",
    "a daemon": "subprocess.run(['env', '-i', 'sh', '-c', 'setsid sh -c \"$0\" > /dev/null 2>&1 &', {script!r}])",
}
SCRIPT = "echo $$ > child; while :; do sleep 0.01; done"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture(params=LEAVES_ITS_NAME.values(), ids=LEAVES_ITS_NAME.keys())
def nameless(runs, request):
    """A run that has left a process without the attempt's name, and the pid of that process."""
    source = request.param.format(script=SCRIPT)
    run = runs.make(f"import subprocess, time\n{source}\ntime.sleep(1000)").start()
    child = run.path / "files" / "child"
    eventually(lambda: child.exists() and child.read_text())
    pid = int(child.read_text())
    assert pid not in run.processes()
    assert alive(pid)
    yield run, pid
    if alive(pid):
        os.kill(pid, signal.SIGKILL)


def test_what_a_killed_runner_leaves_without_its_name_is_dead_before_the_keeper_ends(nameless):
    run, child = nameless
    run.kill_runner()
    assert not alive(child)
    assert run.lock["dead"] is True
    assert run.lock["exit_code"] == -signal.SIGKILL


def test_a_keeper_that_is_told_to_kills_everything(nameless):
    run, child = nameless
    run.process.send_signal(keeper.KILL_SIGNAL)
    run.process.wait(60)
    assert not alive(child)
    assert run.lock["dead"] is True


def test_what_a_run_leaves_without_its_name_is_dead_when_it_has_its_result(runs):
    source = LEAVES_ITS_NAME["a daemon"].format(script=SCRIPT)
    run = runs.run(f"import os, subprocess, time\n{source}\nwhile not os.path.exists('child'): time.sleep(0.01)")
    assert run.result["state"] == "succeeded"
    child = (run.path / "artifacts" / "child").read_text()
    assert not child or not alive(int(child))
    assert run.lock["dead"] is True


def test_a_run_goes_on_when_its_keeper_is_killed(runs):
    run = runs.make("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)").start()
    run.wait_for("cell_started", cell=0)
    runner = run.lock["pid"]
    run.process.kill()
    run.process.wait()
    (run.path / "files" / "go").touch()
    eventually(lambda: not alive(runner))
    assert run.result["state"] == "succeeded"
    assert "dead" not in run.lock


def test_nobody_reads_the_secrets_from_the_keeper(runs):
    run = runs.make("import time\ntime.sleep(1000)", secrets=["TOKEN"])
    source, target = os.pipe()
    os.write(target, json.dumps({"TOKEN": "canary-5309"}).encode())
    os.close(target)
    run.start(stdin=source)
    os.close(source)
    run.wait_for("cell_started", cell=0)
    assert str(Path(f"/proc/{run.process.pid}/fd/0").readlink()) == os.devnull


def test_a_keeper_is_listed_by_its_name(runs):
    run = runs.make("import time\ntime.sleep(1000)").start()
    run.wait_for("cell_started", cell=0)
    assert Path(f"/proc/{run.process.pid}/comm").read_text().strip() == keeper.NAME
    assert Path(f"/proc/{run.lock['pid']}/comm").read_text().strip() != keeper.NAME
