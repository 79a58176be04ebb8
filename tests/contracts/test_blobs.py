"""The contract that every implementation of the port `Blobs` keeps."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from dataops_lab.blobs import FolderBlobs
from dataops_lab.domain.versions import digest_of
from dataops_lab.errors import NotFound
from dataops_lab.ports import Blobs
from dataops_lab.testing import MemoryBlobs


@pytest.fixture(params=["folder", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FolderBlobs(tmp_path / "blobs") if request.param == "folder" else MemoryBlobs()


@pytest.mark.parametrize("data", [b"", b"bytes", bytes(range(256)) * 10_000])
def test_bytes_come_back_as_they_were_put(blobs: Blobs, tmp_path: Path, data: bytes):
    digest = blobs.put(data)
    assert digest == digest_of(data)
    assert blobs.read(digest) == data
    with blobs.open(digest) as stored:
        assert stored.read() == data
        stored.seek(0)
        assert stored.read(1) == data[:1]
    blobs.copy_to(digest, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_a_file_and_its_bytes_have_one_digest(blobs: Blobs, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"bytes")
    assert blobs.put_file(tmp_path / "file") == (blobs.put(b"bytes"), 5)


def test_what_is_no_plain_file_is_not_found_and_nobody_waits_for_it(blobs: Blobs, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    for name in ("pipe", "folder", "link", "missing"):
        with pytest.raises(FileNotFoundError):
            blobs.put_file(tmp_path / name)


def test_many_files_are_put_as_each_alone_would_be(blobs: Blobs, tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    paths = [tmp_path / name for name in ("one", "missing", "two")]
    put = blobs.put_files(paths)
    assert isinstance(put[tmp_path / "missing"], FileNotFoundError)
    for name in ("one", "two"):
        assert put[tmp_path / name] == (digest_of(name.encode()), 3)
        assert blobs.read(digest_of(name.encode())) == name.encode()


def test_no_files_are_nothing(blobs: Blobs):
    assert blobs.put_files([]) == {}


def test_nothing_is_overwritten_by_a_copy(blobs: Blobs, tmp_path: Path):
    (tmp_path / "there").write_text("mine")
    with pytest.raises(FileExistsError):
        blobs.copy_to(blobs.put(b"bytes"), tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"


def test_what_was_never_put_is_not_found(blobs: Blobs, tmp_path: Path):
    blobs.put(b"something else")
    absent = digest_of(b"never")
    assert not blobs.exists(absent)
    for call in (blobs.read, blobs.open, lambda digest: blobs.copy_to(digest, tmp_path / "copy")):
        with pytest.raises(NotFound):
            call(absent)
    assert not (tmp_path / "copy").exists()


def test_what_was_put_is_removed_when_it_was_not_put_since(blobs: Blobs):
    digest = blobs.put(b"bytes")
    began = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    assert list(blobs.list_put_before(began)) == []
    assert blobs.remove(digest, put_before=began) is False
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    assert list(blobs.list_put_before(later)) == [(digest, 5)]
    assert blobs.remove(digest, put_before=later) is True
    assert not blobs.exists(digest)
    assert blobs.remove(digest, put_before=later) is False
    assert blobs.put(b"bytes") == digest
    blobs.verify(digest)
