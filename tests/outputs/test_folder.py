"""The target folder on a real disk, with what people and attackers put into it."""

from __future__ import annotations

import errno
import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import Refused
from dataops_lab.outputs import folder as module
from dataops_lab.outputs.folder import LocalOutputFolder, LocalOutputFolders


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


@pytest.fixture
def folder(place: Path) -> LocalOutputFolder:
    return LocalOutputFolder(str(place))


def put(folder: LocalOutputFolder, path: str, data: bytes = b"new") -> bool:
    return folder.put(path, io.BytesIO(data))


def names(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_a_file_arrives_with_its_folders_and_nothing_else_is_left(folder, place):
    assert folder.digest_of("a/b/x.csv") is None
    assert put(folder, "a/b/x.csv")
    assert (place / "a/b/x.csv").read_bytes() == b"new"
    assert folder.digest_of("a/b/x.csv") == digest_of(b"new")
    assert names(place) == ["a/b/x.csv"]


def test_a_file_is_replaced_in_one_step_and_keeps_its_permissions(folder, place):
    (place / "x.csv").write_text("old")
    (place / "x.csv").chmod(0o640)
    with (place / "x.csv").open() as reader:
        put(folder, "x.csv")
        assert reader.read() == "old"
    assert (place / "x.csv").read_text() == "new"
    assert stat.S_IMODE((place / "x.csv").stat().st_mode) == 0o640


def test_nothing_is_replaced_that_is_not_wanted_any_more(folder, place):
    (place / "x.csv").write_text("old")
    assert not folder.put("x.csv", io.BytesIO(b"new"), wanted=lambda: False)
    assert names(place) == ["x.csv"]
    assert (place / "x.csv").read_text() == "old"


@pytest.mark.parametrize("linked", ["", "a", "a/b"])
def test_a_link_to_a_folder_outside_is_not_followed(folder, place, tmp_path, linked):
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    if linked:
        (place / linked).parent.mkdir(parents=True, exist_ok=True)
        (place / linked).symlink_to(outside)
        with pytest.raises(Refused) as refused:
            put(folder, "a/b/x.csv")
        assert refused.value.precise_code == "output_not_plain"
    assert names(outside) == []


def test_a_link_at_the_path_itself_is_neither_read_nor_written_through(folder, place, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("mine")
    (place / "x.csv").symlink_to(secret)
    with pytest.raises(Refused):
        folder.digest_of("x.csv")
    put(folder, "x.csv")  # A rename replaces the link itself.
    assert secret.read_text() == "mine"


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(folder, place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()

    def exchange() -> bool:
        (place / "a").rename(place / "moved")
        (place / "a").symlink_to(outside)
        return True

    folder.put("a/x.csv", io.BytesIO(b"new"), wanted=exchange)
    assert names(outside) == []


def test_a_pipe_and_a_folder_at_the_path_are_refused_and_keep_nobody_waiting(folder, place):
    os.mkfifo(place / "pipe")
    (place / "folder").mkdir()
    for path in ("pipe", "folder"):
        with pytest.raises(Refused):
            folder.digest_of(path)


def test_what_a_killed_process_left_is_replaced_even_when_somebody_made_it_a_link(folder, place, tmp_path):
    put(folder, "x.csv")
    temporary: list[str] = []
    folder.put("x.csv", io.BytesIO(b"1"), wanted=lambda: bool(temporary.extend(names(place))) or True)
    (part,) = [name for name in temporary if name.endswith(".part")]
    target = tmp_path / "target"
    target.write_text("mine")
    (place / part).symlink_to(target)
    put(folder, "x.csv", b"2")
    assert (target.read_text(), (place / "x.csv").read_bytes()) == ("mine", b"2")
    assert names(place) == ["x.csv"]


def test_a_full_disk_leaves_the_old_file_and_no_rest(folder, place, monkeypatch):
    (place / "x.csv").write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put(folder, "x.csv")
    assert (place / "x.csv").read_text() == "old"
    assert names(place) == ["x.csv"]


def test_a_folder_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        LocalOutputFolders([str(tmp_path)]).open(str(tmp_path / "mount"), is_workspace=False)


def test_only_folders_below_the_roots_are_opened_also_when_a_link_leads_elsewhere(tmp_path):
    (tmp_path / "srv").mkdir()
    (tmp_path / "etc").mkdir()
    (tmp_path / "srv/link").symlink_to(tmp_path / "etc")
    folders = LocalOutputFolders([str(tmp_path / "srv")])
    folders.open(str(tmp_path / "srv"), is_workspace=False)
    folders.open(str(tmp_path / "etc"), is_workspace=True)
    for wrong in ("etc", "srv/link"):
        with pytest.raises(Refused) as refused:
            folders.open(str(tmp_path / wrong), is_workspace=False)
        assert refused.value.precise_code == "output_folder_refused"


def test_the_state_folder_is_no_target(tmp_path):
    (tmp_path / "state/blobs").mkdir(parents=True)
    folders = LocalOutputFolders([str(tmp_path)], protected=[tmp_path / "state"])
    for is_workspace in (True, False):
        with pytest.raises(Refused):
            folders.open(str(tmp_path / "state/blobs"), is_workspace=is_workspace)


_HOLDS = """
import sys
from dataops_lab.outputs.folder import LocalOutputFolder
with LocalOutputFolder(sys.argv[1]).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_keeps_other_processes_out_until_its_holder_is_killed(folder, place):
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        descriptor = os.open(place / module.LOCK, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            module.fcntl.flock(descriptor, module.fcntl.LOCK_EX | module.fcntl.LOCK_NB)
        os.close(descriptor)
    finally:
        holder.kill()
        holder.wait()
    with folder.lock():
        pass
