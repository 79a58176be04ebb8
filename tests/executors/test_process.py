"""The process executor, with the real runner and real kernels."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from dataops_lab.blobs import FolderBlobs
from dataops_lab.executors.process import ProcessExecutor
from dataops_lab.ports import AttemptStatus, Bundle, BundleFile, Observation
from dataops_lab.rundir import protocol
from dataops_lab.testing import MemoryBlobs

from ..hostile import a_pipe, deep
from ..waiting import eventually
from ..written import FOR_EVER

NAME = "01TESTTESTTESTTESTTESTTEST-1"


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


@pytest.fixture
def executor(tmp_path: Path, blobs: MemoryBlobs):
    made = ProcessExecutor(tmp_path / "runs", blobs)
    yield made
    made.stop(NAME, force=True)
    eventually(lambda: made.observe(NAME).is_dead or not made.observe(NAME).ran)


def bundle(source: str, files: list[BundleFile] | None = None, **spec: Any) -> Bundle:
    cell = {"id": "c", "cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    kernel = {
        "name": "python3",
        "language": "python",
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "env": {},
        "interrupt_mode": "signal",
    }
    whole: dict[str, Any] = {
        "format": 1,
        "attempt": NAME,
        "kernel": kernel,
        "folder": "work",
        "files": [],
        "output_limits": {"cell_bytes": 10**6, "run_bytes": 10**7},
        "startup_timeout_s": 60.0,
        "interrupt_grace_s": 2.0,
    }
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "IPYTHONDIR")}
    return Bundle(NAME, whole | spec, notebook, files or [], environment)


def result(executor: ProcessExecutor) -> dict[str, Any]:
    return json.loads((executor.directory(NAME) / protocol.RESULT).read_text())


def test_what_is_unknown_has_not_started_and_looking_never_raises(executor):
    assert executor.observe("nothing") == Observation(AttemptStatus.NOT_FOUND)
    executor.stop("nothing", force=False)
    executor.stop("nothing", force=True)
    executor.forget("nothing")


def test_a_bundle_runs_in_its_folder_with_its_files_and_is_gone_when_it_has_ended(executor, blobs):
    digest = blobs.put(b"a,b\n1,2\n")
    executor.start(bundle("print(open('../data/a.csv').read())", [BundleFile("data/a.csv", digest)]))
    eventually(lambda: executor.observe(NAME).is_dead)
    assert result(executor)["state"] == "succeeded"
    assert "1,2" in (executor.directory(NAME) / protocol.LOG).read_text()
    assert list(executor.list_names()) == [NAME]
    executor.forget(NAME)
    assert list(executor.list_names()) == []


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Only Linux tells the end of a process by a descriptor.")
def test_a_descriptor_tells_its_end_and_is_closed_when_it_is_forgotten(executor):
    assert executor.end_descriptor(NAME) is None
    executor.start(bundle("print(1)"))
    end = executor.end_descriptor(NAME)
    assert end == executor.end_descriptor(NAME)
    assert select.select([end], [], [], 60)[0] == [end]
    assert executor.observe(NAME).is_dead
    assert executor.end_descriptor(NAME) == end
    executor.forget(NAME)
    assert executor.end_descriptor(NAME) is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(end)


def test_git_answers_for_no_repository_above_the_run(executor, tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    executor.start(bundle("import subprocess; print(subprocess.run(['git', 'rev-parse', '--git-dir']).returncode)"))
    eventually(lambda: executor.observe(NAME).is_dead)
    assert "\n128\n" in (executor.directory(NAME) / protocol.LOG).read_text()


def test_starting_twice_starts_once_also_from_two_engines(executor, blobs, tmp_path):
    work = bundle("import os, pathlib; pathlib.Path(str(os.getpid())).touch()")
    other = ProcessExecutor(tmp_path / "runs", blobs)
    executor.start(work)
    other.start(work)
    executor.start(work)
    eventually(lambda: executor.observe(NAME).is_dead)
    eventually(lambda: other.observe(NAME).is_dead)
    assert len(list((executor.directory(NAME) / protocol.ARTIFACTS / "work").iterdir())) == 1


class Sleepy(MemoryBlobs):
    """Blobs whose first copy calls `meanwhile` before: an engine sleeps there, and others go on."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None

    def copy_to(self, digest: str, path: Path) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        super().copy_to(digest, path)


@pytest.mark.parametrize("forgotten", [True, False])
def test_who_sleeps_in_the_middle_of_a_start_starts_nothing_a_second_time(tmp_path, forgotten):
    blobs, witness = Sleepy(), tmp_path / "witness"
    work = bundle(f"open({str(witness)!r}, 'a').write('ran ')", [BundleFile("a", blobs.put(b"a"))])
    sleeper, other = (ProcessExecutor(tmp_path / "runs", blobs) for _ in range(2))

    def run_to_its_end() -> None:
        other.start(work)
        eventually(lambda: other.observe(NAME).is_dead)
        if forgotten:
            other.forget(NAME)

    blobs.meanwhile = run_to_its_end
    sleeper.start(work)
    assert (sleeper.observe(NAME).status is AttemptStatus.NOT_FOUND) is forgotten
    assert sleeper.observe(NAME).has_ended is not forgotten
    assert list(sleeper.list_names()) == ([] if forgotten else [NAME])
    assert witness.read_text() == "ran "


def test_who_sleeps_in_the_middle_of_a_start_leaves_alone_what_runs_meanwhile(tmp_path, executor):
    blobs = Sleepy()
    work = bundle(FOR_EVER, [BundleFile("a", blobs.put(b"a"))])
    other = ProcessExecutor(tmp_path / "runs", blobs)

    def start() -> None:
        other.start(work)
        eventually(lambda: other.observe(NAME).ran)

    blobs.meanwhile = start
    ProcessExecutor(tmp_path / "runs", blobs).start(work)
    look = other.observe(NAME)
    assert look.status is AttemptStatus.RUNNING
    assert (other.directory(NAME) / "files" / "a").exists()


def test_what_a_killed_engine_was_laying_out_is_named_and_removed(tmp_path):
    blobs = Sleepy()
    work = bundle("1", [BundleFile("a", blobs.put(b"a"))])
    names = []
    executor = ProcessExecutor(tmp_path / "runs", blobs)

    def killed() -> None:
        names.extend(executor.list_names())
        executor.forget(NAME)
        names.extend(executor.list_names())

    blobs.meanwhile = killed
    executor.start(work)
    assert names == [NAME]
    assert executor.observe(NAME).status is AttemptStatus.NOT_FOUND


def test_what_a_notebook_made_read_only_is_removed_all_the_same():
    """Run as another user, because root can remove everything."""
    code = (
        "import os, sys; from pathlib import Path; from dataops_lab.testing import MemoryBlobs; blobs = MemoryBlobs()\n"
        "from dataops_lab.executors.process import ProcessExecutor; folder = Path(sys.argv[1])\n"
        "os.setgid(65534); os.setuid(65534); closed = folder / sys.argv[2] / 'files' / 'closed'\n"
        "(closed / 'below').mkdir(parents=True); closed.chmod(0o555)\n"
        "ProcessExecutor(folder, blobs).forget(sys.argv[2])"
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        subprocess.run([sys.executable, "-c", code, folder, NAME], check=True)
        assert [path.name for path in Path(folder).iterdir()] == [".forgotten"]


CHANGES_FILES = {"open", "write", "close", "__exit__", "mkdir", "chmod", "link", "rename", "replace", "rmdir", "unlink"}


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Run `work` in a new process that ends as by SIGKILL after `step` calls that change files.

    Return False when `work` ended before that.
    """
    child = os.fork()
    if child == 0:
        left = step

        def count(_frame: object, event: str, called: object) -> None:
            nonlocal left
            if event == "c_return" and getattr(called, "__name__", "") in CHANGES_FILES:
                left -= 1
                if left == 0:
                    os._exit(9)  # This writes nothing that is still buffered.

        try:
            sys.setprofile(count)
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def laid_out(executor: ProcessExecutor) -> dict[str, tuple[int, bytes]]:
    directory = executor.directory(NAME)
    return {
        str(path.relative_to(directory)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in [directory, *directory.rglob("*")]
    }


def test_an_engine_killed_while_it_lays_out_a_run_directory_leaves_none_that_counts_as_whole(tmp_path):
    blobs = FolderBlobs(tmp_path / "blobs")
    helpers = [BundleFile(f"work/{name}.py", blobs.put(name.encode() * 100_000), name == "b") for name in "ab"]
    work = bundle("import a, b", helpers)

    def started(folder: Path) -> ProcessExecutor:
        # The program /bin/true changes nothing: the test looks only at the files.
        executor = ProcessExecutor(folder, blobs, python="/bin/true")
        executor.start(work)
        eventually(lambda: executor.observe(NAME).has_ended)
        return executor

    whole = laid_out(started(tmp_path / "whole"))
    assert {Path(path).name for path in whole} >= {"a.py", "b.py", protocol.INPUT, protocol.SPEC}
    step = 1
    while killed_at(step, partial(started, tmp_path / str(step))):
        following = started(tmp_path / str(step))
        assert laid_out(following) == whole, f"killed at {step}"
        following.forget(NAME)
        assert list(following.list_names()) == []
        step += 1
    # Each file is opened, written and closed, and there are four of them.
    assert step > 12


def test_another_engine_finds_what_runs_and_can_stop_it(executor, blobs, tmp_path):
    executor.start(bundle(FOR_EVER))
    eventually(lambda: executor.observe(NAME).ran)
    other = ProcessExecutor(tmp_path / "runs", blobs)
    look = other.observe(NAME)
    assert look.status is AttemptStatus.RUNNING
    assert psutil.pid_exists(look.detail["pid"])
    other.stop(NAME, force=False)
    eventually(lambda: other.observe(NAME).is_dead)
    assert result(other)["state"] == "terminated"


def test_force_leaves_nothing_alive_not_even_what_left_its_session(executor, tmp_path):
    child = tmp_path / "child"
    source = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], start_new_session=True)\n"
        f"open({str(child)!r}, 'w').write(str(p.pid))\nwhile True: time.sleep(0.1)"
    )
    executor.start(bundle(source))
    eventually(lambda: child.exists() and child.read_text())
    process = psutil.Process(int(child.read_text()))
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    assert not (executor.directory(NAME) / protocol.RESULT).exists()


def test_a_runner_that_was_killed_has_ended_and_its_kernel_does_not_live_on(executor):
    executor.start(bundle(FOR_EVER))
    eventually((executor.directory(NAME) / protocol.JOURNAL).exists)
    eventually(lambda: "cell_started" in (executor.directory(NAME) / protocol.JOURNAL).read_text())
    psutil.Process(executor.observe(NAME).detail["pid"]).kill()
    eventually(lambda: executor.observe(NAME).has_ended)
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)


LEAVE_WITHOUT_A_NAME = (
    "import os, subprocess, time\n"
    "script = 'echo $$ > child; while :; do sleep 0.01; done'\n"
    "subprocess.Popen(['setsid', 'env', '-i', 'sh', '-c', script])\n"
    "while not (os.path.exists('child') and open('child').read()): time.sleep(0.01)\n"
    "print('left', flush=True)\n"
)


def left_without_a_name(executor: ProcessExecutor) -> psutil.Process:
    """Start a run that goes on, and return the process that it started with an empty environment."""
    executor.start(bundle(LEAVE_WITHOUT_A_NAME + FOR_EVER))
    directory = executor.directory(NAME)
    eventually(lambda: (directory / protocol.LOG).exists() and "left" in (directory / protocol.LOG).read_text())
    return psutil.Process(int((directory / "files" / "work" / "child").read_text()))


def is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "killed"])
def test_what_has_an_empty_environment_is_dead_before_its_attempt_is(executor, forced):
    child = left_without_a_name(executor)
    assert is_alive(child)
    if forced:
        executor.stop(NAME, force=True)
    else:
        psutil.Process(executor.observe(NAME).detail["pid"]).kill()
    eventually(lambda: executor.observe(NAME).is_dead)
    assert not is_alive(child)


def test_an_attempt_is_dead_by_the_word_of_its_keeper_and_no_environment_is_read(executor, monkeypatch):
    monkeypatch.setattr(
        "dataops_lab.executors.process._find_processes_by_environ", lambda name: pytest.fail("looked for processes")
    )
    executor.start(bundle(FOR_EVER))
    eventually(lambda: executor.observe(NAME).ran)
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)


def test_without_the_word_of_a_keeper_death_is_proven_by_names(executor):
    executor.start(bundle(FOR_EVER))
    eventually(lambda: executor.observe(NAME).ran)
    owner = executor.observe(NAME).detail
    for pid in (owner["keeper"], owner["pid"]):
        psutil.Process(pid).kill()
    eventually(lambda: executor.observe(NAME).has_ended)
    assert not executor.observe(NAME).is_dead
    executor.stop(NAME, force=True)
    assert executor.observe(NAME).is_dead


def test_what_runs_on_without_its_keeper_can_be_stopped(executor):
    executor.start(bundle(FOR_EVER))
    eventually((executor.directory(NAME) / protocol.JOURNAL).exists)
    eventually(lambda: "cell_started" in (executor.directory(NAME) / protocol.JOURNAL).read_text())
    keeper = psutil.Process(executor.observe(NAME).detail["keeper"])
    keeper.kill()
    eventually(lambda: not is_alive(keeper))
    executor.stop(NAME, force=False)
    eventually(lambda: executor.observe(NAME).has_ended)
    assert result(executor)["state"] == "terminated"


def test_a_runner_that_cannot_start_has_exited_and_says_why(tmp_path, blobs):
    executor = ProcessExecutor(tmp_path / "runs", blobs, python="/bin/false")
    executor.start(bundle("1"))
    eventually(lambda: executor.observe(NAME).has_ended)
    executor.stop(NAME, force=True)
    assert executor.observe(NAME).is_dead
    look = executor.observe(NAME)
    assert (look.ran, look.detail["exit_code"]) == (False, 1)


@pytest.mark.parametrize("instead", ["fifo", "folder", "link", "nothing"])
def test_a_notebook_that_spoils_its_lock_is_ended_all_the_same(executor, instead):
    spoil = {"fifo": "os.mkfifo(lock)", "folder": "os.mkdir(lock)", "link": "os.symlink('/etc/passwd', lock)"}
    lines = ["import os", "lock = '../../runner.json'", "os.unlink(lock)", spoil.get(instead, "")]
    executor.start(bundle("\n".join([*lines, FOR_EVER])))
    eventually(lambda: executor.observe(NAME).ran)
    eventually(lambda: executor.observe(NAME).status is AttemptStatus.NOT_FOUND)
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    assert not executor.observe(NAME).ran


def test_a_pid_that_was_given_to_another_process_is_never_killed(executor):
    """Check that only a process with the attempt's name in its environment is killed, whatever pid the file has."""
    directory = executor.directory(NAME)
    directory.mkdir(parents=True)
    bystander = psutil.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    try:
        (directory / protocol.LOCK).write_text(json.dumps({"pid": bystander.pid}))
        executor.stop(NAME, force=False)
        executor.stop(NAME, force=True)
        assert executor.observe(NAME).is_dead
        assert bystander.is_running()
    finally:
        bystander.kill()
        bystander.wait()


def test_notebooks_see_the_given_variables_and_nothing_else_of_the_engine(executor, monkeypatch):
    monkeypatch.setenv("SECRET_CANARY", "canary-7d1f")
    executor.start(bundle("import os; print(sorted(os.environ), os.environ.get('SECRET_CANARY'))"))
    eventually(lambda: executor.observe(NAME).is_dead)
    log = (executor.directory(NAME) / protocol.LOG).read_text()
    assert "canary-7d1f" not in log
    assert "SECRET_CANARY" not in log
    assert "DATAOPS_LAB_ATTEMPT" in log


def test_a_run_directory_is_its_owners_alone(executor):
    executor.start(bundle("1"))
    assert executor.directory(NAME).stat().st_mode & 0o077 == 0
    eventually(lambda: executor.observe(NAME).is_dead)


@pytest.mark.parametrize("what", [protocol.LOCK, "runner.log"])
def test_a_pipe_that_the_notebook_put_in_the_place_of_a_file_is_not_waited_for(executor, what):
    executor.start(bundle(FOR_EVER))
    eventually(lambda: executor.observe(NAME).ran)
    a_pipe(executor.directory(NAME) / what)
    executor.observe(NAME)
    executor.stop(NAME, force=True)
    eventually(lambda: executor.observe(NAME).is_dead)
    executor.forget(NAME)
    assert not executor.directory(NAME).exists()


def test_a_directory_is_forgotten_however_deep_the_notebook_put_its_folders_into_one_another(executor):
    executor.directory(NAME).mkdir(parents=True)
    deep(executor.directory(NAME))
    executor.forget(NAME)
    assert not executor.directory(NAME).exists()
