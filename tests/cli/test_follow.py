"""Ctrl-C while a run is followed, on a real terminal and without one."""

from __future__ import annotations

import signal
import sys

import pexpect
import pytest

from ..waiting import eventually
from .conftest import COMMAND, ENDLESS, TIMEOUT_S


@pytest.fixture
def terminal(own_shell):
    """The command on a terminal, after its run has reached the cell."""
    notebook = own_shell.notebook("endless.ipynb", "1", ENDLESS)
    child = pexpect.spawn(
        sys.executable,
        [*COMMAND[1:], "run", notebook],
        cwd=str(own_shell.folder),
        env=own_shell.environment(),
        encoding="utf-8",
        timeout=TIMEOUT_S,
        dimensions=(24, 160),
    )
    child.expect(r"endless: running, 1 of 2 cells")
    yield child
    child.close(force=True)
    for run in own_shell.runs():
        if run["finished_at"] is None:
            own_shell.invoke("runs", "cancel", run["id"])
            own_shell("runs", "logs", "-f", run["id"])


def ended_with(child: pexpect.spawn) -> int | None:
    child.expect(pexpect.EOF)
    child.wait()
    return child.exitstatus


def test_ctrl_c_asks_and_c_cancels(terminal, own_shell):
    terminal.sendintr()
    terminal.expect(r"run on \(r\), or cancel it \(c\)")
    terminal.sendline("c")

    terminal.expect("cancelled")
    assert ended_with(terminal) == 3
    assert own_shell.runs()[0]["state"] == "cancelled"


@pytest.mark.parametrize("answer", ["r", ""])
def test_ctrl_c_asks_and_the_run_goes_on(terminal, own_shell, answer):
    terminal.sendintr()
    terminal.expect("cancel it")
    terminal.sendline(answer)

    terminal.expect("goes on")
    assert ended_with(terminal) == 130
    assert own_shell.runs()[0]["state"] == "active"


def test_a_second_ctrl_c_lets_the_run_go_on(terminal, own_shell):
    terminal.sendintr()
    terminal.expect("cancel it")
    terminal.sendintr()

    terminal.expect("goes on")
    assert ended_with(terminal) == 130
    assert own_shell.runs()[0]["cancel_requested_at"] is None


def test_without_a_terminal_the_run_goes_on_and_it_is_said_how_to_end_it(own_shell):
    following = own_shell.start("run", own_shell.notebook("endless.ipynb", ENDLESS), "--json")
    runs = eventually(lambda: [run for run in own_shell.runs() if run["phase"] == "running"])

    following.send_signal(signal.SIGINT)
    out, err = following.communicate(timeout=TIMEOUT_S)

    run_id = runs[0]["id"]
    assert following.returncode == 130
    assert f"jupyter dataops runs cancel {run_id}" in err
    assert f'"id": "{run_id}"' in out
    assert own_shell.runs()[0]["state"] == "active"
    own_shell.invoke("runs", "cancel", run_id)
    own_shell("runs", "logs", "-f", run_id)
