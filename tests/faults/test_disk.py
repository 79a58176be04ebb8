"""A full disk, or blobs that are gone: nothing is lost, no run succeeds without its record, and all goes on later."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataops_lab.api_models import RunModel
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.errors import Unavailable
from dataops_lab.handlers.base import status_of
from dataops_lab.ports import RunFilter
from dataops_lab.services import integrity, runs
from dataops_lab.testing import person

from ..required import missing

MIB = 1024**2


class Disk:
    """A small disk for a test, which can be filled and emptied."""

    def __init__(self, folder: Path) -> None:
        self._filler = folder / "filler"

    def fill(self) -> None:
        with self._filler.open("ab", buffering=0) as filler:
            for size in (64 * 1024, 512, 1):
                try:
                    while filler.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        self._filler.unlink()


@pytest.fixture
def mounted() -> Iterator[Callable[[Path, int], Disk]]:
    folders: list[Path] = []

    def mount(folder: Path, size: int) -> Disk:
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
            missing("No disk can be mounted here: that needs root, and a machine that allows it.")
        folders.append(folder)
        return Disk(folder)

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


@pytest.fixture
def small_disk(mounted, home) -> Disk:
    """A small disk that holds the whole state folder."""
    return mounted(home.folder, 24 * MIB)


@pytest.fixture
def disk_of_blobs(mounted, home) -> Disk:
    return mounted(home.blobs, 8 * MIB)


def wait_for(file: Path) -> str:
    return f"import pathlib, time\nwhile not pathlib.Path({str(file)!r}).exists(): time.sleep(0.02)\nprint('done')"


def is_whole(real, view) -> bool:
    return view.record is not None and integrity.verify(real, view.run.id, by=person("someone")) == {}


def test_a_submit_to_a_full_disk_is_refused_in_words_and_queues_nothing(small_disk, real, submitted):
    first = submitted("1")
    small_disk.fill()
    with pytest.raises(Unavailable) as refused:
        submitted("'another ' * 1")
    assert status_of(refused.value) == 503
    assert "full" in refused.value.message or "space" in refused.value.message
    assert [run.id for run in runs.page(real, RunFilter()).items] == [first.run.id]
    small_disk.free()
    assert submitted("'another ' * 1").run.state is RunState.QUEUED


@pytest.mark.parametrize("trouble", ["full", "gone"])
def test_a_run_whose_record_cannot_be_stored_stays_until_it_can(
    disk_of_blobs, real, home, submitted, start_engine, until, tmp_path, trouble
):
    start_engine()
    view = until(submitted(wait_for(tmp_path / "go")).run.id, is_running)
    if trouble == "full":
        disk_of_blobs.fill()
    else:
        (home.blobs / "sha256").rename(home.blobs / "elsewhere")
        (home.blobs / "sha256").write_text("in the way")
    (tmp_path / "go").touch()
    stuck = until(view.run.id, lambda view: view.attempts[-1].reason is not None)
    assert (stuck.run.state, stuck.attempts[-1].state) == (RunState.ACTIVE, AttemptState.FINALIZING)
    assert stuck.attempts[-1].reason.code == "record_not_stored"
    assert "again" in stuck.attempts[-1].reason.message
    assert stuck.record is None
    assert RunModel.from_domain(stuck).reason.code == "record_not_stored"
    if trouble == "full":
        disk_of_blobs.free()
    else:
        (home.blobs / "sha256").unlink()
        (home.blobs / "elsewhere").rename(home.blobs / "sha256")
    ended = until(view.run.id, lambda view: view.run.state.is_terminal)
    assert (ended.run.state, ended.attempts[-1].reason) == (RunState.SUCCEEDED, None)
    assert is_whole(real, ended)


def is_running(view) -> bool:
    return bool(view.attempts) and view.attempts[-1].state is AttemptState.RUNNING


def test_a_disk_that_is_full_while_a_notebook_runs_ends_it_in_words_when_there_is_room_again(
    small_disk, real, submitted, start_engine, until, tmp_path
):
    start_engine()
    source = wait_for(tmp_path / "go") + "\nfor _ in range(200): print('x' * 10_000)"
    view = until(submitted(source).run.id, is_running)
    small_disk.fill()
    (tmp_path / "go").touch()
    runner_is_gone(real, view, until)
    assert not runs.get(real, view.run.id).run.state.is_terminal
    small_disk.free()
    ended = until(view.run.id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is not RunState.SUCCEEDED or is_whole(real, ended)
    assert ended.run.state in (RunState.FAILED, RunState.SUCCEEDED)
    if ended.run.state is RunState.FAILED:
        assert "space" in ended.run.reason.message or "full" in ended.run.reason.message
    assert is_whole(real, ended)


def runner_is_gone(real, view, until) -> None:
    from dataops_lab.executors.process import _find_processes_by_environ

    until(view.run.id, lambda view: not _find_processes_by_environ(view.attempts[-1].name))
