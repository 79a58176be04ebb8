"""A memory of the digests of files that were read before. As git's index, it knows them by their look on the disk."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_RACY_NS = 2_000_000_000
"""The age of a file's last change, in nanoseconds, from which a later change is sure to show. A younger file can change
again and look the same, because file systems count in ticks of up to two seconds."""
_MAX_ROWS = 500_000
_TABLE = """CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, device INTEGER, inode INTEGER, size INTEGER, changed INTEGER, modified INTEGER, digest TEXT
) WITHOUT ROWID"""


class FileSignature(NamedTuple):
    """The look of a file that is not read: its entry in the file system. Nobody can set `changed_ns` back."""

    device: int
    inode: int
    size: int
    changed_ns: int
    modified_ns: int

    @classmethod
    def from_stat(cls, status: os.stat_result) -> FileSignature:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns, status.st_mtime_ns)

    def is_settled(self) -> bool:
        """Tell whether a later change of the file is sure to change its look."""
        return max(self.changed_ns, self.modified_ns) < time.time_ns() - _RACY_NS


class KnownFiles:
    """A cache in a file that all processes share. If it cannot be read or written, nothing is known."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def digests(self, signatures: Mapping[str, FileSignature]) -> dict[str, str]:
        """Return the digests, by path, of the files that still look as they did when they were read."""
        if not signatures or not self._path.exists():
            return {}
        found: dict[str, str] = {}
        with self._ignore_errors(), self._connect() as database:
            query = "SELECT device, inode, size, changed, modified, digest FROM files WHERE path = ?"
            for path, signature in signatures.items():
                row = database.execute(query, (path,)).fetchone()
                if row is not None and row[:-1] == signature:
                    found[path] = row[-1]
        return found

    def note(self, files: Sequence[tuple[str, FileSignature, str]]) -> None:
        """Remember paths, their looks before they were read, and their digests, if the looks are settled."""
        rows = [(path, *signature, digest) for path, signature, digest in files if signature.is_settled()]
        if not rows:
            return
        with self._ignore_errors(), self._connect() as database, database:
            database.execute(_TABLE)
            if database.execute("SELECT count(*) FROM files").fetchone()[0] > _MAX_ROWS:
                database.execute("DELETE FROM files")
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _connect(self) -> closing[sqlite3.Connection]:
        database = sqlite3.connect(self._path, timeout=1)
        database.execute("PRAGMA synchronous = OFF")  # The cache may be lost at any time.
        return closing(database)

    @contextmanager
    def _ignore_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, UnicodeEncodeError):
            pass  # Another process writes, the disk is full, or a name is not Unicode: read the files.
        except sqlite3.DatabaseError:
            with suppress(OSError):
                self._path.unlink()
