"""Many files at once: what is known is not read, what is stored is not copied."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dataops_lab.blobs import FolderBlobs, folder, known_files
from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import BlobsUnavailable


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / f"{number}.csv" for number in range(50)]
    for path in made:
        path.write_text(path.name)
    return made


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file that a test has made counts as made long ago."""
    monkeypatch.setattr(known_files, "_RACY_NS", -60_000_000_000)


class Counted:
    """How often files were read, copied and synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read = self.synced = self.made = 0
        open_plain, fsync, temporary = folder.open_plain, os.fsync, folder.tempfile.NamedTemporaryFile

        def count_read(path: Path):
            self.read += 1
            return open_plain(path)

        def count_sync(descriptor: int) -> None:
            self.synced += 1
            fsync(descriptor)

        def count_made(**named):
            self.made += 1
            return temporary(**named)

        monkeypatch.setattr(folder, "open_plain", count_read)
        monkeypatch.setattr(os, "fsync", count_sync)
        monkeypatch.setattr(folder.tempfile, "NamedTemporaryFile", count_made)


def test_unchanged_files_are_neither_read_nor_copied_nor_synced(blobs, files, old, monkeypatch, tmp_path):
    first = blobs.put_files(files)
    counted = Counted(monkeypatch)
    # As another process, which shares nothing but the disk.
    assert FolderBlobs(tmp_path / "blobs").put_files(files) == first
    assert (counted.read, counted.made, counted.synced) == (0, 0, 0)


def test_only_what_changed_is_read_and_copied(blobs, files, old, monkeypatch):
    blobs.put_files(files)
    files[7].write_text("changed")
    counted = Counted(monkeypatch)
    assert blobs.put_files(files)[files[7]] == (digest_of(b"changed"), 7)
    # Once for its digest, once for the copy.
    assert (counted.read, counted.made) == (2, 1)


def test_what_is_stored_under_another_name_is_read_but_not_copied(blobs, files, monkeypatch):
    blobs.put_files(files)
    moved = [path.rename(path.with_suffix(".txt")) for path in files]
    counted = Counted(monkeypatch)
    blobs.put_files(moved)
    assert (counted.read, counted.made, counted.synced) == (50, 0, 0)


def test_each_folder_is_synced_once(blobs, files, monkeypatch):
    counted = Counted(monkeypatch)
    digests = {digest for digest, _ in blobs.put_files(files).values()}
    folders = {digest[:9] for digest in digests}
    assert counted.synced == len(files) + len(folders) + 2  # with `sha256` and the root


def test_equal_files_are_copied_once(blobs, tmp_path, monkeypatch):
    for number in range(20):
        (tmp_path / f"{number}").write_text("same")
    counted = Counted(monkeypatch)
    put = blobs.put_files([tmp_path / f"{number}" for number in range(20)])
    assert counted.made == 1
    assert set(put.values()) == {(digest_of(b"same"), 4)}


def test_a_change_shows_although_size_and_time_are_the_same(blobs, tmp_path, old):
    path = tmp_path / "a.csv"
    path.write_text("one")
    before = path.stat()
    blobs.put_files([path])
    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert blobs.put_files([path])[path] == (digest_of(b"two"), 3)


def test_a_file_that_changed_a_moment_ago_is_read_again(blobs, files, monkeypatch):
    blobs.put_files(files)
    counted = Counted(monkeypatch)
    blobs.put_files(files)
    assert counted.read == 50
    now = time.time_ns()
    monkeypatch.setattr(known_files.time, "time_ns", lambda: now + 5_000_000_000)
    blobs.put_files(files)
    counted.read = 0
    blobs.put_files(files)
    assert counted.read == 0


def test_known_bytes_that_were_removed_are_stored_anew(blobs, files, old, tmp_path):
    put = blobs.put_files(files)
    for stored in (tmp_path / "blobs" / "sha256").rglob("*"):
        if stored.is_file():
            stored.unlink()
    assert blobs.put_files(files) == put
    for digest, _ in put.values():
        blobs.verify(digest)


def test_known_bytes_count_as_put_now(blobs, files, old, tmp_path):
    put = blobs.put_files(files)
    for digest, _ in put.values():
        os.utime(blobs._path(digest), (0, 0))
    blobs.put_files(files)
    assert all(blobs._path(digest).stat().st_mtime > 0 for digest, _ in put.values())


@pytest.mark.parametrize("content", [b"no database", b""])
def test_what_was_known_may_be_lost(blobs, files, old, tmp_path, content):
    put = blobs.put_files(files)
    (tmp_path / "blobs" / folder.KNOWN_FILES).write_bytes(content)
    assert blobs.put_files(files) == put
    assert blobs.put_files(files) == put
    assert len(blobs._known.digests({str(path): folder._file_signature(path) for path in files})) == len(files)


def test_a_file_that_changes_between_its_digest_and_its_copy_is_put_as_it_is_then(blobs, tmp_path, old, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("one")
    copied = blobs._copy_to_temporary

    def after_a_change(source: Path):
        source.write_text("three")
        return copied(source)

    monkeypatch.setattr(blobs, "_copy_to_temporary", after_a_change)
    assert blobs.put_files([path]) == {path: (digest_of(b"three"), 5)}
    blobs.verify(digest_of(b"three"))
    monkeypatch.undo()
    assert blobs.put_files([path]) == {path: (digest_of(b"three"), 5)}


def test_no_copy_is_left_when_the_disk_is_full(blobs, files, tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BlobsUnavailable):
        blobs.put_files(files)
    left = [
        path
        for path in (tmp_path / "blobs").rglob("*")
        if path.is_file() and path.name not in (".lock", folder.KNOWN_FILES)
    ]
    assert left == []
