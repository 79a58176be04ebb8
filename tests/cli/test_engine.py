from __future__ import annotations

import os
import signal
import subprocess
import sys

from ..waiting import eventually
from .conftest import TIMEOUT_S, wait_for_file


def leader(shell):
    return shell.invoke("engine", "status", "--json").json


def leading(shell, *, instead_of: int | None = None):
    """Wait until an engine leads, and return the status."""

    def look():
        status = leader(shell)
        return status if status["leading"] and status["pid"] != instead_of else None

    return eventually(look)


def test_without_an_engine_the_status_says_so_and_stopping_is_no_error(own_shell):
    assert leader(own_shell) == {
        "pid": None,
        "leading": False,
        "since": None,
        "lifetime": None,
        "slots": None,
        "queued": 0,
        "running": 0,
        "warm": None,
    }
    assert own_shell.invoke("engine", "stop", "--json").json == {"stopped": False, "pid": None, "running": 0}


def test_the_status_names_the_leader_and_stop_ends_it(own_shell):
    engine = own_shell.start("engine", "run", "--slots", "3")

    status = leading(own_shell)
    stopped = own_shell.invoke("engine", "stop", "--json").json

    assert (status["pid"], status["slots"]) == (engine.pid, 3)
    assert stopped == {"stopped": True, "pid": engine.pid, "running": 0}
    assert engine.wait(TIMEOUT_S) == 0
    assert not leader(own_shell)["leading"]


def test_an_engine_ends_when_it_is_idle(own_shell):
    engine = own_shell.start("engine", "run", "--exit-when-idle", "0.2")

    assert engine.wait(TIMEOUT_S) == 0
    assert not leader(own_shell)["leading"]


def test_an_engine_ends_with_the_process_that_started_it(own_shell):
    program = (
        "import subprocess, sys, os\n"
        "engine = subprocess.Popen([sys.executable, '-m', 'dataops_lab.cli', 'engine', 'run', '--parent',"
        " str(os.getpid())], stderr=subprocess.DEVNULL, start_new_session=True)\n"
        "print(engine.pid, flush=True)\nsys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        env=own_shell.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    assert leading(own_shell)["pid"] == pid

    parent.kill()
    parent.communicate()

    assert eventually(lambda: not leader(own_shell)["leading"])


def test_runs_go_on_without_an_engine_and_the_next_one_finds_them(own_shell):
    go_on = own_shell.folder / "go_on"
    notebook = own_shell.notebook("adopted.ipynb", "1", wait_for_file(go_on), "print('done')")
    run_id = own_shell("run", notebook, "--no-wait").out.strip()
    eventually(lambda: own_shell.runs()[0]["progress"]["done"] == 1)

    stopped = own_shell.invoke("engine", "stop", "--json").json
    go_on.touch()
    again = own_shell("run", notebook, "--json")

    assert stopped["running"] == 1
    assert again.json["state"] == "succeeded"
    own_shell("runs", "logs", "-f", run_id)
    adopted = own_shell.invoke("runs", "show", run_id, "--json").json
    assert adopted["state"] == "succeeded"
    assert len(adopted["attempts"]) == 1


def test_an_engine_that_is_killed_while_a_run_is_followed_is_replaced(own_shell):
    go_on = own_shell.folder / "go_on"
    notebook = own_shell.notebook("killed.ipynb", "1", wait_for_file(go_on))
    following = own_shell.start("run", notebook, "--json")
    eventually(lambda: [run for run in own_shell.runs() if run["progress"]["done"] == 1])
    killed = leader(own_shell)["pid"]

    os.kill(killed, signal.SIGKILL)
    leading(own_shell, instead_of=killed)
    go_on.touch()
    out, _ = following.communicate(timeout=TIMEOUT_S)

    assert following.returncode == 0
    assert '"succeeded"' in out
