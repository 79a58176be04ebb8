"""Blobs as files `<root>/sha256/ab/cdef…`, written to a side and renamed, so that a name means: whole."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from ..domain.versions import digest_of
from ..errors import BlobsUnavailable, Damaged, NotFound

_CHUNK = 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class FolderBlobs:
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, data: bytes) -> str:
        digest = digest_of(data)
        if not self.has(digest):
            self._store(lambda target: _write(target, data), digest)
        return digest

    def put_file(self, path: Path) -> tuple[str, int]:
        # The digest is taken of the copy: the source may change while it is read.
        hasher = hashlib.sha256()
        size = 0

        def copy(target: BinaryIO) -> None:
            nonlocal size
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    hasher.update(chunk)
                    size += len(chunk)
                    target.write(chunk)

        digest = self._store(copy, lambda: "sha256:" + hasher.hexdigest())
        return digest, size

    def open(self, digest: str) -> BinaryIO:
        try:
            return self._path(digest).open("rb")
        except FileNotFoundError:
            raise NotFound(f"Nothing is stored under {digest}.", digest=digest) from None

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

    def _path(self, digest: str) -> Path:
        # A digest comes from outside too; nothing but hex digits may become part of a path.
        if not _DIGEST.fullmatch(digest):
            raise NotFound(f"{digest!r} is no digest.", digest=digest)
        kind, hexdigits = digest.split(":")
        return self._root / kind / hexdigits[:2] / hexdigits[2:]

    def _store(self, fill: Callable[[BinaryIO], None], digest: str | Callable[[], str]) -> str:
        """`fill` a new file and give it the name of its digest, which may be known only then."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._root, prefix=".new-", delete=False) as side:
                side_path = Path(side.name)
                try:
                    fill(cast(BinaryIO, side))
                    side.flush()
                    os.fsync(side.fileno())
                    name = digest if isinstance(digest, str) else digest()
                    final = self._path(name)
                    final.parent.mkdir(parents=True, exist_ok=True)
                    side_path.chmod(0o444)
                    side_path.replace(final)
                except BaseException:
                    side_path.unlink(missing_ok=True)
                    raise
        except OSError as error:
            if error.filename is None or str(self._root) in str(error.filename):
                raise BlobsUnavailable(f"Cannot store bytes below {self._root}: {error.strerror}.") from error
            raise
        return name


def _write(target: BinaryIO, data: bytes) -> None:
    target.write(data)


def _damaged(digest: str) -> Damaged:
    return Damaged(f"The bytes stored under {digest} are not those that were stored.", digest=digest)
