from __future__ import annotations

import datetime as dt
import errno
import io
import os
from pathlib import Path
from threading import Thread

import pytest

from dataops_lab.blobs import FolderBlobs, folder
from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import BlobsUnavailable, Damaged, NotFound
from dataops_lab.rundir.reading import open_plain


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    return FolderBlobs(tmp_path / "blobs")


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]


def test_what_was_put_is_read_under_its_digest(blobs):
    digest = blobs.put(b"bytes")
    assert digest == digest_of(b"bytes")
    assert blobs.read(digest) == b"bytes"
    assert blobs.exists(digest)


def test_the_same_bytes_are_stored_once(blobs, tmp_path):
    (tmp_path / "file").write_bytes(b"bytes")
    assert blobs.put_file(tmp_path / "file") == (blobs.put(b"bytes"), 5)
    assert len(files_of(tmp_path / "blobs")) == 1


def test_the_source_stays_as_it_is(blobs, tmp_path):
    source = tmp_path / "file"
    source.write_bytes(b"bytes")
    before = source.stat()
    blobs.put_file(source)
    assert (source.stat().st_mode, source.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_a_flipped_bit_is_found_when_read_and_named(blobs, tmp_path):
    digest = blobs.put(b"bytes")
    (stored,) = files_of(tmp_path / "blobs")
    stored.chmod(0o600)
    stored.write_bytes(b"bytez")
    with pytest.raises(Damaged) as damaged:
        blobs.read(digest)
    assert damaged.value.detail == {"digest": digest}
    with pytest.raises(Damaged):
        blobs.copy_to(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("digest", ["../../etc/passwd", "sha256:../x", "sha256:" + "A" * 64, "", "md5:" + "0" * 64])
def test_a_digest_from_outside_names_no_path(blobs, digest):
    with pytest.raises(NotFound):
        blobs.open(digest)


def test_what_is_not_there_is_not_found(blobs):
    blobs.put(b"something else")
    with pytest.raises(NotFound):
        blobs.read(digest_of(b"never"))


def test_a_folder_that_cannot_be_made_is_said_and_nothing_is_left(tmp_path):
    (tmp_path / "blobs").write_text("a file is in the way")
    with pytest.raises(BlobsUnavailable):
        FolderBlobs(tmp_path / "blobs").put(b"bytes")


def test_a_source_that_cannot_be_read_is_not_blamed_on_the_blobs(blobs, tmp_path):
    with pytest.raises(FileNotFoundError):
        blobs.put_file(tmp_path / "missing")
    assert not [path for path in files_of(tmp_path) if path.name.startswith(".new-")]


def test_a_source_that_grows_while_it_is_read_is_taken_as_it_was(blobs, tmp_path, monkeypatch):
    source = tmp_path / "file"
    source.write_bytes(b"12345678")
    monkeypatch.setattr(folder, "_CHUNK", 2)
    with open_plain(source) as opened:
        monkeypatch.setattr(folder, "open_plain", lambda path: Growing(opened, source))
        digest, size = blobs.put_file(source)
    assert (blobs.read(digest), size) == (b"12345678", 8)


class Growing:
    """Somebody adds to it whenever it is read."""

    def __init__(self, opened, path):
        self._opened, self._path = opened, path

    def __enter__(self):
        return self

    def __exit__(self, *args):
        pass

    def fileno(self):
        return self._opened.fileno()

    def read(self, size):
        with self._path.open("ab") as end:
            end.write(b"and more")
        return self._opened.read(size)


def test_a_source_below_a_path_like_that_of_the_blobs_is_not_blamed_on_them(blobs, tmp_path):
    alike = tmp_path / "run" / (tmp_path / "blobs").relative_to("/") / "pipe"
    alike.parent.mkdir(parents=True)
    os.mkfifo(alike)
    with pytest.raises(FileNotFoundError):
        blobs.put_file(alike)


def test_a_disk_that_fails_under_a_source_is_not_blamed_on_the_blobs(blobs, tmp_path, monkeypatch):
    source = tmp_path / "blobs-of-old"
    source.write_bytes(b"bytes")

    class Failing(io.BytesIO):
        def fileno(self) -> int:
            return os.open(source, os.O_RDONLY)

        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(folder, "open_plain", lambda _: Failing())
    with pytest.raises(OSError, match="blobs-of-old") as failed:
        blobs.put_file(source)
    assert failed.value.errno == errno.EIO
    assert not files_of(tmp_path / "blobs")


def test_a_name_is_on_the_disk_before_it_is_given_away(blobs, tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    digest = blobs.put(b"bytes")
    root, hexdigits = tmp_path / "blobs", digest.removeprefix("sha256:")
    assert synced[1:] == [root / "sha256" / hexdigits[:2], root / "sha256", root]
    blobs.remove(digest, put_before=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))
    synced.clear()
    blobs.put(b"bytes")
    assert synced[1:] == [root / "sha256" / hexdigits[:2]]


def test_stored_files_cannot_be_written_by_accident(blobs, tmp_path):
    blobs.put(b"bytes")
    (stored,) = files_of(tmp_path / "blobs")
    assert stored.stat().st_mode & 0o222 == 0


# --- collecting -----------------------------------------------------------------------------------


def long_ago(folder: Path) -> None:
    for path in files_of(folder / "sha256"):
        os.utime(path, (0, 0))


A_MOMENT_AGO = dt.timedelta(minutes=1)


def test_what_was_not_put_since_is_listed_with_its_size_and_removed(blobs, tmp_path):
    old, young = blobs.put(b"old"), blobs.put(b"young")
    before = dt.datetime.now(dt.UTC) - A_MOMENT_AGO
    assert list(blobs.list_put_before(before)) == []
    long_ago(tmp_path / "blobs")
    blobs.put(b"young")  # Again: it counts as new.
    assert list(blobs.list_put_before(before)) == [(old, 3)]
    assert blobs.remove(old, put_before=before) is True
    assert blobs.remove(old, put_before=before) is False
    assert blobs.remove(young, put_before=before) is False
    assert (blobs.exists(old), blobs.exists(young)) == (False, True)


@pytest.mark.parametrize("put", ["put", "put_file"])
def test_what_is_put_in_the_moment_of_its_removal_is_there_afterwards(blobs, tmp_path, monkeypatch, put):
    (tmp_path / "file").write_bytes(b"bytes")
    digest = blobs.put(b"bytes")
    long_ago(tmp_path / "blobs")
    putting = Thread(target=lambda: blobs.put(b"bytes") if put == "put" else blobs.put_file(tmp_path / "file"))
    unlink = Path.unlink

    def after_a_put(path: Path, **more: bool) -> None:
        if path.name == digest[-62:]:
            putting.start()
            putting.join(0.3)  # It has this time to do it wrong; done right, it waits for us.
        unlink(path, **more)

    monkeypatch.setattr(Path, "unlink", after_a_put)
    assert FolderBlobs(tmp_path / "blobs").remove(digest, put_before=dt.datetime.now(dt.UTC) - A_MOMENT_AGO)
    putting.join(60)
    blobs.verify(digest)


def test_a_store_that_is_not_mounted_is_no_missing_blob(blobs, tmp_path):
    digest = blobs.put(b"bytes")
    (tmp_path / "blobs").rename(tmp_path / "elsewhere")
    for call in (blobs.read, blobs.verify, blobs.open):
        with pytest.raises(BlobsUnavailable):
            call(digest)


def test_bytes_are_checked_without_being_kept(blobs, tmp_path):
    digest = blobs.put(b"bytes")
    blobs.verify(digest)
    (stored,) = files_of(tmp_path / "blobs" / "sha256")
    stored.chmod(0o600)
    stored.write_bytes(b"bytez")
    with pytest.raises(Damaged):
        blobs.verify(digest)
    stored.unlink()
    with pytest.raises(NotFound):
        blobs.verify(digest)


def test_bytes_are_read_through_once_and_again_when_the_file_looks_changed(tmp_path: Path):
    blobs = FolderBlobs(tmp_path)
    digest = blobs.put(b"bytes")
    with blobs.open_verified(digest) as stored:
        assert stored.read() == b"bytes"
    path = blobs._path(digest)
    before = path.stat().st_mtime_ns
    path.chmod(0o600)
    path.write_bytes(b"other")
    os.utime(path, ns=(before, before))
    with blobs.open_verified(digest) as stored:  # which nothing but reading it could tell
        assert stored.read() == b"other"
    os.utime(path)
    with pytest.raises(Damaged):
        blobs.open_verified(digest)
    with pytest.raises(Damaged):
        FolderBlobs(tmp_path).open_verified(digest)
