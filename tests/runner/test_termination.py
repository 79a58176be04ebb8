from pathlib import Path

import pytest

from ..waiting import eventually

WAITING = "import pathlib, time\nprint('waiting', flush=True)\nwhile True: time.sleep(0.01)"


@pytest.mark.parametrize("interrupt_mode", ["signal", "message"])
def test_sigterm_interrupts_the_cell_and_keeps_the_partial_notebook(runs, interrupt_mode):
    kernel = {**runs.python, "interrupt_mode": interrupt_mode}
    run = runs.make("print('first')", WAITING, "print('never')", kernel=kernel).start()
    run.wait_for("output", cell=1)

    run.terminate()
    run.wait()

    assert run.result["state"] == "terminated"
    assert (run.result["failure"]["code"], run.result["failure"]["cell"]) == ("terminated", 1)
    assert run.events()[-1]["state"] == "terminated"
    assert run.text(0) == "first\n"
    assert run.text(1) == "waiting\n"
    assert run.notebook["cells"][1]["outputs"][-1]["ename"] == "KeyboardInterrupt"
    assert run.notebook["cells"][2]["outputs"] == []
    assert run.processes() == []


def test_a_cell_that_ignores_the_interrupt_is_killed_with_all_its_children(runs):
    run = runs.make(
        "import subprocess, time\nchild = subprocess.Popen(['setsid', 'sleep', '1000'])\n"
        "print('waiting', flush=True)\n"
        "while True:\n    try: time.sleep(0.01)\n    except KeyboardInterrupt: pass",
        interrupt_grace_s=0.3,
    ).start()
    run.wait_for("output", cell=0)

    run.terminate()
    run.wait()

    assert run.result["state"] == "terminated"
    assert run.text(0) == "waiting\n"
    assert run.processes() == []


def test_a_second_sigterm_changes_nothing(runs):
    run = runs.make(
        "import time\nprint('waiting', flush=True)\ntry:\n    while True: time.sleep(0.01)\n"
        "finally:\n    open('cleaning', 'w').close(); time.sleep(0.3); open('cleaned', 'w').close()"
    ).start()
    run.wait_for("output", cell=0)

    run.terminate()
    eventually((run.path / "files" / "cleaning").exists)
    run.terminate()
    run.wait()

    assert run.result["state"] == "terminated"
    assert [a["path"] for a in run.result["artifacts"]] == ["cleaned", "cleaning"]


def test_sigterm_while_the_kernel_starts_ends_the_run(runs):
    argv = ["/bin/sh", "-c", "touch started; sleep 1000", "{connection_file}"]
    run = runs.make("1", kernel={**runs.python, "argv": argv}).start()
    eventually((run.path / "files" / "started").exists)

    run.terminate()
    run.wait()

    assert run.result["state"] == "terminated"
    assert run.notebook["cells"][0]["outputs"] == []
    assert run.processes() == []


def test_a_cell_that_ends_although_it_was_interrupted_ends_the_run_too(runs):
    run = runs.make(
        "import time\nprint('waiting', flush=True)\n"
        "try:\n    while True: time.sleep(0.01)\nexcept KeyboardInterrupt: pass",
        "print('never')",
    ).start()
    run.wait_for("output", cell=0)

    run.terminate()
    run.wait()

    assert run.result["state"] == "terminated"
    assert run.result["done"] == 1


def test_the_kernel_dies_with_a_runner_that_is_killed(runs):
    # The cell holds the interpreter's lock, so the kernel cannot notice by itself that its parent is gone.
    run = runs.make("import os\nprint(os.getpid())", "open('busy', 'w').close()\nsum(range(10**13))").start()
    kernel = int(run.wait_for("output", cell=0)["output"]["text"])
    eventually((run.path / "files" / "busy").exists)

    run.kill_runner()

    assert not _alive(kernel)
    assert not (run.path / "result.json").exists()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
