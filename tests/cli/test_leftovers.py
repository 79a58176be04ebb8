"""`doctor` names the remains of crashes, and `doctor --fix` removes them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from dataops_lab.cli.leftovers import Leftover, leftovers
from dataops_lab.rundir.protocol import ATTEMPT_VARIABLE
from dataops_lab.services import installation
from dataops_lab.wiring import Home, build_services

from ..waiting import eventually


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def look(home) -> Callable[[], dict[str, Leftover]]:
    ctx = build_services(home)
    return lambda: {found.what: found for found in leftovers(home, ctx)}


def is_named_and_removed(look, what: str, *words: object) -> None:
    found = look()
    assert list(found) == [what]
    for word in words:
        assert str(word) in found[what].message
    found[what].remove()
    assert look() == {}


def test_doctor_names_them_and_removes_them_when_told_to(own_shell):
    home = Home(own_shell.home)
    left = home.runs / "process" / "01KG9H1S00QZWDDC83760NZJ5S-1"
    build_services(home)
    left.mkdir(parents=True)
    for options, state, hint in (((), "note", "jupyter dataops doctor --fix"), (("--fix",), "ok", "")):
        checks = own_shell.invoke("doctor", "--json", *options).json["checks"]
        [found] = [check for check in checks if check["what"] == "run directories"]
        assert (found["state"], found["hint"]) == (state, hint)
    assert not left.exists()


def test_a_run_directory_of_no_attempt(look, home):
    left = home.runs / "process" / "01KG9H1S00QZWDDC83760NZJ5S-1"
    (left / "files").mkdir(parents=True)
    is_named_and_removed(look, "run directories", left.name)
    assert not left.exists()


def test_a_process_whose_state_folder_was_deleted(look, tmp_path):
    name = "01KG9H1S00QZWDDC83760NZJ5S-1"
    gone, there = tmp_path / "gone" / "runs" / name, tmp_path / "there" / "runs" / name
    started = []
    for folder in (gone, there):
        folder.mkdir(parents=True)
        environment = {**os.environ, ATTEMPT_VARIABLE: name}
        command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
        started.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE))
    orphan, alive = started
    try:
        for process in started:
            process.stdout.readline()
        shutil.rmtree(tmp_path / "gone")
        is_named_and_removed(look, "processes", orphan.pid)
        assert orphan.wait(60) == -signal.SIGKILL
        assert alive.poll() is None, "one whose run directory is there is none of our business"
    finally:
        for process in started:
            process.kill()
            process.communicate()


def test_the_lease_of_an_engine_that_was_killed(own_shell):
    home = Home(own_shell.home)
    ctx = build_services(home)
    engine = own_shell.start("engine", "run", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: installation.overview(ctx).leader)
    engine.kill()
    engine.wait(60)
    is_named_and_removed(lambda: {found.what: found for found in leftovers(home, ctx)}, "engine lease", engine.pid)


def test_blobs_that_nothing_refers_to_and_files_that_were_never_finished(look, home):
    blobs = build_services(home).blobs
    digest = blobs.put(b"nobody's")
    unfinished, young = home.blobs / ".new-abc", home.blobs / ".new-xyz"
    staged = home.folder.parent / f".{home.folder.name}-abc"
    staged.mkdir()
    unfinished.write_bytes(b"half")
    young.write_bytes(b"half")
    assert look() == {}
    for path in (unfinished, staged, *home.blobs.glob("sha256/*/*")):
        os.utime(path, (0, 0))
    found = look()
    assert "1 blob" in found["blobs"].message
    assert str(unfinished) in found["unfinished files"].message
    for leftover in found.values():
        leftover.remove()
    assert look() == {}
    assert not blobs.exists(digest)
    assert young.exists()
    assert not unfinished.exists() and not staged.exists()
