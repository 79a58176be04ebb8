"""Blobs as files `<root>/sha256/ab/cdef…`. They are written beside and renamed, so that a file with a name is whole."""

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
from ..rundir.reading import open_plain
from .known_files import FileSignature, KnownFiles

T = TypeVar("T")

_CHUNK = 1024 * 1024
_MAX_VERIFIED = 10_000
_MAX_PARALLEL_FSYNCS = 8
KNOWN_FILES = "known-files.sqlite"
TEMPORARY_PREFIX = ".new-"
"""The beginning of the names of files that are still being written, or that a killed process left."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class FolderBlobs:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = KnownFiles(root / KNOWN_FILES)
        self._verified: dict[str, tuple[int, int, int]] = {}
        """By digest: inode, time of change and size of the file when its bytes were checked."""

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        if not self._touch(digest):
            self._store_bytes(data, digest)
        return digest

    def put_file(self, path: Path) -> tuple[str, int]:
        with self._translate_errors():
            temporary, digest, size = self._copy_to_temporary(path)
            self._publish({temporary: digest})
        return digest, size

    def put_files(self, paths: Sequence[Path]) -> Mapping[Path, tuple[str, int] | OSError]:
        signatures, failed = _call_each(_file_signature, paths)
        known = self._known.digests({str(path): signature for path, signature in signatures.items()})
        read, unread = _call_each(_hash_file, [path for path in signatures if str(path) not in known])
        put = {path: (known[str(path)], signature.size) for path, signature in signatures.items() if str(path) in known}
        put |= {path: (digest, signature.size) for path, (digest, signature) in read.items()}
        # A file that has changed since it was read is stored as it is now.
        put, unstored = self._store_missing(put)
        self._known.note(
            [
                (str(path), signature, digest)
                for path, (digest, signature) in read.items()
                if put.get(path, ("",))[0] == digest
            ]
        )
        return {**put, **failed, **unread, **unstored}

    def _store_missing(
        self, put: Mapping[Path, tuple[str, int]]
    ) -> tuple[dict[Path, tuple[str, int]], dict[Path, OSError]]:
        """Copy the files that are not stored yet, each digest once. Return the digests and sizes, and the errors."""
        missing = self._missing({digest for digest, _ in put.values()})
        result, failed = dict(put), dict[Path, OSError]()
        while first := {result[path][0]: path for path in result if result[path][0] in missing}:
            stored, errors = self._store_files(list(first.values()))
            missing -= {digest for digest, _ in stored.values()}
            failed |= errors
            result = {path: stored.get(path, entry) for path, entry in result.items() if path not in errors}
        return result, failed

    def open(self, digest: str) -> BinaryIO:
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            # If the disk is not mounted, the bytes are not lost: tell these cases apart.
            if not (self._root / "sha256").is_dir():
                raise BlobsUnavailable(f"There are no bytes below {self._root}. Is its disk mounted?") from None
            raise NotFound(f"Nothing is stored under {digest}.", digest=digest) from None
        except OSError as error:
            raise BlobsUnavailable(f"Cannot read bytes below {self._root}: {error.strerror}.") from error

    def open_verified(self, digest: str) -> BinaryIO:
        stored = self.open(digest)
        try:
            found = os.fstat(stored.fileno())
            signature = (found.st_ino, found.st_mtime_ns, found.st_size)
            if self._verified.get(digest) != signature:
                _check(stored, digest)
                stored.seek(0)
                if len(self._verified) >= _MAX_VERIFIED:
                    self._verified.clear()
                self._verified[digest] = signature
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

    def exists(self, digest: str) -> bool:
        return self._path(digest).is_file()

    def verify(self, digest: str) -> None:
        with self.open(digest) as stored:
            _check(stored, digest)

    def list_put_before(self, moment: dt.datetime) -> Iterator[tuple[str, int]]:
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

    def _touch(self, digest: str) -> bool:
        """Tell whether it is stored. If so, it counts as put now."""
        return not self._missing({digest})

    def _missing(self, digests: Collection[str]) -> set[str]:
        """Return the digests that are not stored. The others count as put now."""
        missing: set[str] = set()
        with self._translate_errors():
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
        """Hold the lock: processes that put share it, and one that removes has it alone.

        So nothing is removed between the look for a file and its put.
        """
        with (self._root / ".lock").open("ab") as file:
            fcntl.flock(file, kind)
            yield

    def _path(self, digest: str) -> Path:
        # A digest may come from outside: only hex digits may become part of a path.
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"{digest!r} is not a digest.", digest=digest)
        kind, hexdigits = digest.split(":")
        return self._root / kind / hexdigits[:2] / hexdigits[2:]

    def _store_bytes(self, data: bytes, digest: str) -> None:
        with self._translate_errors():
            self._publish({self._make_temporary(lambda target: _write(target, data)): digest})

    def _store_files(self, paths: Sequence[Path]) -> tuple[dict[Path, tuple[str, int]], dict[Path, OSError]]:
        """Copy all files before any of them gets its name, so that the disk can write them together."""
        temporaries: dict[Path, str] = {}

        def copied(path: Path) -> tuple[str, int]:
            temporary, digest, size = self._copy_to_temporary(path)
            temporaries[temporary] = digest
            return digest, size

        try:
            with self._translate_errors():
                stored = _call_each(copied, paths, fatal=self._is_store_error)
                self._publish(temporaries)
        finally:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)
        return stored

    def _copy_to_temporary(self, path: Path) -> tuple[Path, str, int]:
        """Copy the file below the root. Return the copy with its digest and size: the source may change meanwhile."""
        hasher = hashlib.sha256()
        size = 0

        def copy(target: BinaryIO) -> None:
            nonlocal size
            for chunk in _chunks(source, path):
                hasher.update(chunk)
                size += len(chunk)
                target.write(chunk)

        with open_plain(path) as source:
            temporary = self._make_temporary(copy)
        return temporary, "sha256:" + hasher.hexdigest(), size

    def _make_temporary(self, fill: Callable[[BinaryIO], None]) -> Path:
        """Make a new file that does not have its final name yet. Nothing is left of it when `fill` fails."""
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._root, prefix=TEMPORARY_PREFIX, delete=False) as temporary:
            try:
                fill(cast(BinaryIO, temporary))
            except BaseException:
                Path(temporary.name).unlink(missing_ok=True)
                raise
        return Path(temporary.name)

    def _publish(self, temporaries: Mapping[Path, str]) -> None:
        """Give each of these files the name of its digest when the disk has its bytes. Sync each folder once."""
        try:
            for temporary in temporaries:
                temporary.chmod(0o444)
            if len(temporaries) > 1:
                with ThreadPoolExecutor(_MAX_PARALLEL_FSYNCS) as pool:
                    list(pool.map(_fsync, temporaries))
            else:
                for temporary in temporaries:
                    _fsync(temporary)
            folders: dict[Path, bool] = {}
            for temporary, digest in temporaries.items():
                final = self._path(digest)
                folders.setdefault(final.parent, not final.parent.exists())
                final.parent.mkdir(parents=True, exist_ok=True)
                with self._lock(fcntl.LOCK_SH):
                    temporary.replace(final)
            # The names must be on the disk, too, before anything refers to them, also after a power cut.
            self._sync(folders)
        finally:
            for temporary in temporaries:
                temporary.unlink(missing_ok=True)

    def _sync(self, folders: Mapping[Path, bool]) -> None:
        """Sync the names in each folder; for new folders also the folders around them, up to the root."""
        parents = [
            self._root / parent
            for folder, is_new in folders.items()
            if is_new
            for parent in folder.relative_to(self._root).parents
        ]
        for folder in dict.fromkeys((*folders, *parents)):
            _fsync(folder)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if self._is_store_error(error):
                raise BlobsUnavailable(
                    f"Cannot store bytes below {self._root}: {error.strerror}. Make room there, or mount its disk."
                ) from error
            raise

    def _is_store_error(self, error: OSError) -> bool:
        return error.filename is None or Path(error.filename).is_relative_to(self._root)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _call_each(
    call: Callable[[Path], T], paths: Iterable[Path], *, fatal: Callable[[OSError], bool] = lambda _: False
) -> tuple[dict[Path, T], dict[Path, OSError]]:
    """Return the result of `call` for each path, and the errors of the paths for which it failed."""
    results: dict[Path, T] = {}
    errors: dict[Path, OSError] = {}
    for path in dict.fromkeys(paths):
        try:
            results[path] = call(path)
        except OSError as error:
            if fatal(error):
                raise
            errors[path] = error
    return results, errors


def _file_signature(path: Path) -> FileSignature:
    return FileSignature.from_stat(path.lstat())


def _hash_file(path: Path) -> tuple[str, FileSignature]:
    """Return the digest of the file, and its look before it was read."""
    hasher = hashlib.sha256()
    with open_plain(path) as source:
        signature = FileSignature.from_stat(os.fstat(source.fileno()))
        for chunk in _chunks(source, path):
            hasher.update(chunk)
    return "sha256:" + hasher.hexdigest(), signature


def _chunks(source: BinaryIO, path: Path) -> Iterator[bytes]:
    # Read only the bytes that are there now: somebody may append without end.
    remaining = os.fstat(source.fileno()).st_size
    while chunk := _read(source, min(remaining, _CHUNK), path):
        remaining -= len(chunk)
        yield chunk


def _read(source: BinaryIO, size: int, path: Path) -> bytes:
    try:
        return source.read(size)
    except OSError as error:
        # Errors of a read name no path. Without one, this would count as an error of the blobs' disk.
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
