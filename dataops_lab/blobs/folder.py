"""Blobs as files `<root>/sha256/ab/cdef…`, written to a side and renamed, so that a name means: whole."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ..domain.versions import digest_of
from ..errors import BlobsUnavailable, Damaged, NotFound
from ..runner.reading import open_plain

_CHUNK = 1024 * 1024
_REMEMBERED = 10_000
UNFINISHED = ".new-"
"""How files begin that are still being written, or that a killed process left."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class FolderBlobs:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._whole: dict[str, tuple[int, int, int]] = {}
        """How the files looked when their bytes were checked: inode, time of change, size."""

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        if not self._refreshed(digest):
            self._store(lambda target: _write(target, data), digest)
        return digest

    def put_file(self, path: Path) -> tuple[str, int]:
        # The digest is taken of the copy: the source may change while it is read.
        hasher = hashlib.sha256()
        size = 0

        def copy(target: BinaryIO) -> None:
            nonlocal size
            # As it is now: somebody may add to it for ever.
            left = os.fstat(source.fileno()).st_size
            while chunk := _read(source, min(left, _CHUNK), path):
                left -= len(chunk)
                hasher.update(chunk)
                size += len(chunk)
                target.write(chunk)

        with open_plain(path) as source:
            digest = self._store(copy, lambda: "sha256:" + hasher.hexdigest())
        return digest, size

    def open(self, digest: str) -> BinaryIO:
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            # A disk that is not mounted must not look like bytes that were lost.
            if not (self._root / "sha256").is_dir():
                raise BlobsUnavailable(f"There are no bytes below {self._root}. Is its disk mounted?") from None
            raise NotFound(f"Nothing is stored under {digest}.", digest=digest) from None
        except OSError as error:
            raise BlobsUnavailable(f"Cannot read bytes below {self._root}: {error.strerror}.") from error

    def open_whole(self, digest: str) -> BinaryIO:
        stored = self.open(digest)
        try:
            found = os.fstat(stored.fileno())
            look = (found.st_ino, found.st_mtime_ns, found.st_size)
            if self._whole.get(digest) != look:
                _check(stored, digest)
                stored.seek(0)
                if len(self._whole) >= _REMEMBERED:
                    self._whole.clear()
                self._whole[digest] = look
        except BaseException:
            stored.close()
            raise
        return stored

    def read(self, digest: str) -> bytes:
        with self.open(digest) as stored:
            data = stored.read()
        if digest_of(data) != digest:
            raise _damaged(digest)
        return data

    def copy_to(self, digest: str, path: Path) -> None:
        hasher = hashlib.sha256()
        with self.open(digest) as stored, path.open("xb") as target:
            while chunk := stored.read(_CHUNK):
                hasher.update(chunk)
                target.write(chunk)
        if "sha256:" + hasher.hexdigest() != digest:
            path.unlink()
            raise _damaged(digest)

    def has(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def check(self, digest: str) -> None:
        with self.open(digest) as stored:
            _check(stored, digest)

    def put_before(self, moment: dt.datetime) -> Iterator[tuple[str, int]]:
        for path in self._root.glob("sha256/??/*"):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            if found.st_mtime < moment.timestamp():
                yield f"sha256:{path.parent.name}{path.name}", found.st_size

    def remove(self, digest: str, *, put_before: dt.datetime) -> bool:
        path = self._path(digest)
        with self._lock(fcntl.LOCK_EX):
            try:
                if path.stat().st_mtime >= put_before.timestamp():
                    return False
                path.unlink()
            except FileNotFoundError:
                return False
        return True

    def _refreshed(self, digest: str) -> bool:
        """Whether it is there; it counts as put now."""
        with self._errors_as_our_own():
            try:
                with self._lock(fcntl.LOCK_SH):
                    os.utime(self._path(digest))
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

    @contextmanager
    def _lock(self, kind: int) -> Iterator[None]:
        """Shared by those who put; whoever removes has it alone: nothing goes between the look and the put."""
        with (self._root / ".lock").open("ab") as file:
            fcntl.flock(file, kind)
            yield

    def _path(self, digest: str) -> Path:
        # A digest comes from outside too; nothing but hex digits may become part of a path.
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"{digest!r} is no digest.", digest=digest)
        kind, hexdigits = digest.split(":")
        return self._root / kind / hexdigits[:2] / hexdigits[2:]

    def _store(self, fill: Callable[[BinaryIO], None], digest: str | Callable[[], str]) -> str:
        """`fill` a new file and give it the name of its digest, which may be known only then."""
        with self._errors_as_our_own():
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._root, prefix=UNFINISHED, delete=False) as side:
                side_path = Path(side.name)
                try:
                    fill(cast(BinaryIO, side))
                    side.flush()
                    os.fsync(side.fileno())
                    name = digest if isinstance(digest, str) else digest()
                    final = self._path(name)
                    is_new = not final.parent.exists()
                    final.parent.mkdir(parents=True, exist_ok=True)
                    side_path.chmod(0o444)
                    with self._lock(fcntl.LOCK_SH):
                        side_path.replace(final)
                    # Its name too must be there before anything refers to it, also after a power cut.
                    self._sync(final.parent, and_around=is_new)
                except BaseException:
                    side_path.unlink(missing_ok=True)
                    raise
        return name

    def _sync(self, folder: Path, *, and_around: bool) -> None:
        """The names in `folder`; with `and_around` also its own, up to the root."""
        around = folder.relative_to(self._root).parents if and_around else ()
        for each in (folder, *(self._root / parent for parent in around)):
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    @contextmanager
    def _errors_as_our_own(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.filename is None or Path(error.filename).is_relative_to(self._root):
                raise BlobsUnavailable(
                    f"Cannot store bytes below {self._root}: {error.strerror}. Make room there, or mount its disk."
                ) from error
            raise


def _read(source: BinaryIO, size: int, path: Path) -> bytes:
    try:
        return source.read(size)
    except OSError as error:
        # Only calls with a path name it; without, this would be taken for the disk of the blobs.
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(target: BinaryIO, data: bytes) -> None:
    target.write(data)


def _check(stored: BinaryIO, digest: str) -> None:
    hasher = hashlib.sha256()
    while chunk := stored.read(_CHUNK):
        hasher.update(chunk)
    if "sha256:" + hasher.hexdigest() != digest:
        raise _damaged(digest)


def _damaged(digest: str) -> Damaged:
    return Damaged(f"The bytes stored under {digest} are not those that were stored.", digest=digest)
