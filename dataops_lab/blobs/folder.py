"""Blobs as files `<root>/sha256/ab/cdef…`, written to a side and renamed, so that a name means: whole."""

from __future__ import annotations

import datetime as dt
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from ..domain.versions import digest_of
from ..errors import BlobsUnavailable, Damaged, NotFound
from ..runner.reading import open_plain
from .known_files import KnownFiles, Look

T = TypeVar("T")

_CHUNK = 1024 * 1024
_REMEMBERED = 10_000
_FSYNCS_AT_ONCE = 8
KNOWN_FILES = "known-files.sqlite"
UNFINISHED = ".new-"
"""How files begin that are still being written, or that a killed process left."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class FolderBlobs:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = KnownFiles(root / KNOWN_FILES)
        self._whole: dict[str, tuple[int, int, int]] = {}
        """How the files looked when their bytes were checked: inode, time of change, size."""

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        if not self._refreshed(digest):
            self._store(data, digest)
        return digest

    def put_file(self, path: Path) -> tuple[str, int]:
        with self._errors_as_our_own():
            side, digest, size = self._copied(path)
            self._publish({side: digest})
        return digest, size

    def put_files(self, paths: Sequence[Path]) -> Mapping[Path, tuple[str, int] | OSError]:
        looks, failed = _each(_look_of, paths)
        known = self._known.digests({str(path): look for path, look in looks.items()})
        read, unread = _each(_read_through, [path for path in looks if str(path) not in known])
        put = {path: (known[str(path)], look.size) for path, look in looks.items() if str(path) in known}
        put |= {path: (digest, look.size) for path, (digest, look) in read.items()}
        # What changed since it was read is put as it is now.
        put, gone = self._with_missing(put)
        self._known.note([(str(it), look, name) for it, (name, look) in read.items() if put.get(it, ("",))[0] == name])
        return {**put, **failed, **unread, **gone}

    def _with_missing(
        self, put: Mapping[Path, tuple[str, int]]
    ) -> tuple[dict[Path, tuple[str, int]], dict[Path, OSError]]:
        """Copy what is not stored yet, each digest once."""
        missing = self._missing({digest for digest, _ in put.values()})
        result, failed = dict(put), dict[Path, OSError]()
        while first := {result[path][0]: path for path in result if result[path][0] in missing}:
            stored, errors = self._store_files(list(first.values()))
            missing -= {digest for digest, _ in stored.values()}
            failed |= errors
            result = {path: stored.get(path, it) for path, it in result.items() if path not in errors}
        return result, failed

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
        return not self._missing({digest})

    def _missing(self, digests: Collection[str]) -> set[str]:
        """Those that are not there; the others count as put now."""
        missing: set[str] = set()
        with self._errors_as_our_own():
            try:
                with self._lock(fcntl.LOCK_SH):
                    for digest in digests:
                        try:
                            os.utime(self._path(digest))
                        except FileNotFoundError:
                            missing.add(digest)
            except (FileNotFoundError, NotADirectoryError):
                return set(digests)
        return missing

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

    def _store(self, data: bytes, digest: str) -> None:
        with self._errors_as_our_own():
            self._publish({self._side(lambda target: _write(target, data)): digest})

    def _store_files(self, paths: Sequence[Path]) -> tuple[dict[Path, tuple[str, int]], dict[Path, OSError]]:
        """Copy all of them before any of them gets its name: so the disk can write them together."""
        sides: dict[Path, str] = {}

        def copied(path: Path) -> tuple[str, int]:
            side, digest, size = self._copied(path)
            sides[side] = digest
            return digest, size

        try:
            with self._errors_as_our_own():
                stored = _each(copied, paths, fatal=self._is_ours)
                self._publish(sides)
        finally:
            for side in sides:
                side.unlink(missing_ok=True)
        return stored

    def _copied(self, path: Path) -> tuple[Path, str, int]:
        """A copy at our side, with the digest and the size of the copy: the source may change while it is read."""
        hasher = hashlib.sha256()
        size = 0

        def copy(target: BinaryIO) -> None:
            nonlocal size
            for chunk in _chunks(source, path):
                hasher.update(chunk)
                size += len(chunk)
                target.write(chunk)

        with open_plain(path) as source:
            side = self._side(copy)
        return side, "sha256:" + hasher.hexdigest(), size

    def _side(self, fill: Callable[[BinaryIO], None]) -> Path:
        """A new file that has no name yet."""
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._root, prefix=UNFINISHED, delete=False) as side:
            try:
                fill(cast(BinaryIO, side))
            except BaseException:
                Path(side.name).unlink(missing_ok=True)
                raise
        return Path(side.name)

    def _publish(self, sides: Mapping[Path, str]) -> None:
        """Give each of these files the name of its digest, once the disk has its bytes; each folder is synced once."""
        try:
            for side in sides:
                side.chmod(0o444)
            if len(sides) > 1:
                with ThreadPoolExecutor(_FSYNCS_AT_ONCE) as pool:
                    list(pool.map(_fsync, sides))
            else:
                for side in sides:
                    _fsync(side)
            folders: dict[Path, bool] = {}
            for side, digest in sides.items():
                final = self._path(digest)
                folders.setdefault(final.parent, not final.parent.exists())
                final.parent.mkdir(parents=True, exist_ok=True)
                with self._lock(fcntl.LOCK_SH):
                    side.replace(final)
            # Their names too must be there before anything refers to them, also after a power cut.
            self._sync(folders)
        finally:
            for side in sides:
                side.unlink(missing_ok=True)

    def _sync(self, folders: Mapping[Path, bool]) -> None:
        """The names in each folder; of those that are new also their own, up to the root."""
        around = [
            self._root / parent for it, new in folders.items() if new for parent in it.relative_to(self._root).parents
        ]
        for folder in dict.fromkeys((*folders, *around)):
            _fsync(folder)

    @contextmanager
    def _errors_as_our_own(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self._is_ours(error):
                raise BlobsUnavailable(
                    f"Cannot store bytes below {self._root}: {error.strerror}. Make room there, or mount its disk."
                ) from error
            raise

    def _is_ours(self, error: OSError) -> bool:
        return error.filename is None or Path(error.filename).is_relative_to(self._root)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _each(
    call: Callable[[Path], T], paths: Iterable[Path], *, fatal: Callable[[OSError], bool] = lambda _: False
) -> tuple[dict[Path, T], dict[Path, OSError]]:
    """Return what `call` made of each path, and the errors of the others."""
    made: dict[Path, T] = {}
    errors: dict[Path, OSError] = {}
    for path in dict.fromkeys(paths):
        try:
            made[path] = call(path)
        except OSError as error:
            if fatal(error):
                raise
            errors[path] = error
    return made, errors


def _look_of(path: Path) -> Look:
    return Look.of(path.lstat())


def _read_through(path: Path) -> tuple[str, Look]:
    """The digest, and how the file looked before it was read."""
    hasher = hashlib.sha256()
    with open_plain(path) as source:
        look = Look.of(os.fstat(source.fileno()))
        for chunk in _chunks(source, path):
            hasher.update(chunk)
    return "sha256:" + hasher.hexdigest(), look


def _chunks(source: BinaryIO, path: Path) -> Iterator[bytes]:
    # As it is now: somebody may add to it for ever.
    left = os.fstat(source.fileno()).st_size
    while chunk := _read(source, min(left, _CHUNK), path):
        left -= len(chunk)
        yield chunk


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
