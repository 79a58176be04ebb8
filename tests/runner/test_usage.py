"""The memory and CPU time of a run, and the cause of its death."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_lab.engine.finish import read_outcome
from dataops_lab.rundir.reading import RunFolder

from ..required import missing
from ..waiting import eventually

MB = 1_000_000
GROUPS = Path("/sys/fs/cgroup")


def test_memory_and_cpu_of_kernel_and_children_count(runs):
    child = "import time; x = bytearray(200_000_000); [i * i for i in range(2_000_000)]"
    run = runs.run(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}], check=True)")

    assert run.result["peak_memory_bytes"] > 200 * MB
    assert run.result["cpu_seconds"] > 0.1


def test_children_that_are_alive_together_count_together(runs):
    run = runs.run(
        "import subprocess, sys, pathlib\n"
        "child = 'x = bytearray(150_000_000); print(1, flush=True); input()'\n"
        "pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "them = [subprocess.Popen([sys.executable, '-c', child], **pipes) for _ in range(2)]\n"
        "[it.stdout.readline() for it in them]\n"
        "import json, time\n"
        "def told():\n"
        "    lines = [json.loads(line) for line in open('../journal.jsonl')]\n"
        "    return any(line['kind'] == 'usage' and line['peak_memory_bytes'] > 300e6 for line in lines)\n"
        "while not told(): time.sleep(0.05)\n"
        "[it.communicate(b'') for it in them];"
    )

    assert run.result["state"] == "succeeded", run.log
    assert run.result["peak_memory_bytes"] > 300 * MB


def test_memory_of_the_process_that_started_the_runner_is_not_its_own(runs):
    large = b"x" * 500_000_000
    run = runs.run("1 + 1")
    del large

    assert run.result["peak_memory_bytes"] < 400 * MB


def test_what_a_killed_runner_had_used_is_in_the_journal(runs):
    run = runs.make("x = bytearray(100_000_000)\nimport time\nwhile True: time.sleep(0.1)").start()
    eventually(lambda: any(event["peak_memory_bytes"] > 100 * MB for event in run.events("usage")))

    run.kill_runner()
    assert not (run.path / "result.json").exists()
    usage = read_outcome(RunFolder(run.path)).usage
    assert usage.peak_memory_bytes > 100 * MB
    assert usage.cpu_seconds > 0


def test_an_error_for_want_of_memory_says_how_much_was_used(runs):
    run = runs.run("import resource\nresource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\nbytearray(8 << 30)")

    assert run.result["failure"]["code"] == "cell_error"
    assert run.result["failure"]["message"].startswith("MemoryError")
    assert "iB of memory at most" in run.result["failure"]["message"]


def test_a_kernel_that_somebody_killed_did_not_run_out_of_memory(runs):
    run = runs.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")

    failure = run.result["failure"]
    assert failure["code"] == "kernel_died"
    assert "was killed (SIGKILL)" in failure["message"]
    assert "iB of memory at most" in failure["message"]


@pytest.fixture
def limited() -> Iterator[Callable[[], None]]:
    """A `preexec_fn` that limits the memory of a process to 200 MB, by a control group of its own."""
    groups = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    if "memory" in groups:
        group, limit = GROUPS / "memory" / groups["memory"].lstrip("/"), "memory.limit_in_bytes"
    else:
        group, limit = GROUPS / groups.get("", "/").lstrip("/"), "memory.max"
    own = group / f"dataops-test-{os.getpid()}"
    try:
        own.mkdir()
        (own / limit).write_text(str(200 * MB))
    except OSError as error:
        if own.is_dir():
            own.rmdir()
        missing(f"no control group can be made here: {error}")
    yield lambda: (own / "cgroup.procs").write_text(str(os.getpid())) and None
    own.rmdir()


HUNGRY = "x = [bytearray(10_000_000) for _ in range(100)]"


def test_a_kernel_that_needs_more_than_its_limit_says_so_with_what_it_had(runs, limited):
    run = runs.make(HUNGRY, memory_bytes=200 * MB).start(preexec_fn=limited)
    assert run.wait().result["failure"]["code"] == "out_of_memory"

    message = run.result["failure"]["message"]
    assert "its limit of 191 MiB" in message
    assert "iB of memory at most" in message
    assert 100 * MB < run.result["peak_memory_bytes"] < 250 * MB


def test_a_machine_without_memory_is_not_the_fault_of_the_run(runs, limited):
    run = runs.make(HUNGRY).start(preexec_fn=limited).wait()

    assert run.result["failure"]["code"] == "machine_out_of_memory"
    assert "The machine ran out of memory" in run.result["failure"]["message"]
