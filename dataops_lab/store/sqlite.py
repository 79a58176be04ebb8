"""SQLite: one file, and the pragmas that make it fit for several processes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError

from ..errors import StateFolderUnusable, StoreBusy
from .bells import FifoBell, ring_all
from .locks import READ_ONLY
from .sql import BUSY_TIMEOUT_S, SqlStore, SqlTransaction, Witness

_BUSY = "The database is busy."


def open_sqlite(
    path: Path,
    *,
    before_commit: Callable[[SqlTransaction], None] | None = None,
    witness: Witness | None = None,
) -> SqlStore:
    """Open the database at `path`; make it or bring it up to date where needed. See SqlStore for the hooks.

    Raise StateFolderUnusable when the folder or the file cannot be used, StoreTooNew, and StoreBusy.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqlStore(SqliteDatabase(path), before_commit=before_commit, witness=witness)
    except (OSError, sqlite3.Error, DatabaseError) as error:
        raise StateFolderUnusable(
            f"The state folder {path.parent} cannot be used: {error}. "
            "Make it writable, make room on its disk, or name another one in DATAOPS_LAB_HOME; "
            "`jupyter dataops doctor` looks closer.",
            folder=str(path.parent),
        ) from error


class SqliteDatabase:
    """An SQLite file. One more connection, the watcher, sees every commit of the others in `data_version`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bells = path.with_name("bells")
        self._watcher = _connect(path)
        self._watcher_lock = Lock()
        try:
            _switch_to_wal(self._watcher)
        except BaseException:
            self._watcher.close()
            raise
        url = URL.create("sqlite", database=str(path))
        self.writer = create_engine(url, creator=lambda: _connect(path))
        self.reader = create_engine(
            url, creator=lambda: _connect(path, read_only=True), execution_options={READ_ONLY: True}
        )
        # sqlite3 itself would begin late and shared. A transaction that reads before it writes must not find out at
        # its end that it came too late, hence IMMEDIATE.
        event.listen(self.writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        event.listen(self.reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    def announce(self, connection: Connection) -> None:
        """Do nothing: `data_version` changes with each commit."""

    def after_commit(self) -> None:
        ring_all(self._bells)

    def change_signal(self) -> FifoBell:
        return FifoBell(self._bells)

    def change_counter(self) -> int:
        with self._watcher_lock:
            version: int = self._watcher.execute("PRAGMA data_version").fetchone()[0]
            return version

    def copy_to(self, path: Path) -> None:
        with closing(_connect(self._path)) as source, closing(sqlite3.connect(path)) as target:
            # It copies in one step: a copy in several steps would begin again with every commit of the others.
            source.backup(target)

    def keep_copy(self, revision: str) -> None:
        """Keep a copy beside the database, for people who go back to the earlier version of the program."""
        copy_path = self._path.with_name(f"{self._path.name}.revision-{revision}")
        unfinished_path = copy_path.with_name(f".{copy_path.name}")
        unfinished_path.unlink(missing_ok=True)
        self.copy_to(unfinished_path)
        unfinished_path.replace(copy_path)

    def explain_error(self, error: DBAPIError) -> str | None:
        message = str(error.orig)
        if "locked" in message or "busy" in message:
            return _BUSY
        return f"The database cannot be written: {message}." if "full" in message or "I/O" in message else None

    def close(self) -> None:
        self._watcher.close()
        self.reader.dispose()


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    # Every commit is durable, in WAL too: a submit that was answered is never lost.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA query_only = {read_only:d}")
    return connection


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at once, for ever. Do nothing where that is so already. Raise StoreBusy."""
    deadline = monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # When two switch a new file at once, each holds what the other needs. SQLite then refuses one at once,
            # without its own wait. That one has let go here, so the other gets on.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            if monotonic() >= deadline:
                raise StoreBusy(f"{_BUSY} Try again.") from error
            sleep(0.01)
