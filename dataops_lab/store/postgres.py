"""PostgreSQL: many writers side by side, and a notification to all listeners with each commit."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from threading import Event, Thread
from weakref import WeakSet

import psycopg
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from ..errors import InvalidRequest, StoreBusy
from .bells import LocalBell
from .locks import READ_ONLY
from .sql import BUSY_TIMEOUT_S, SqlStore

CHANNEL = "dataops_lab"

_PARAMETERS: dict[str, str | int] = {
    "application_name": "dataops_lab",
    "connect_timeout": BUSY_TIMEOUT_S,
    # The second timeout: a process that is stopped in the middle of a transaction must not keep its locks, least of all
    # the lock of the leader.
    "options": f"-c lock_timeout={BUSY_TIMEOUT_S}s -c idle_in_transaction_session_timeout={BUSY_TIMEOUT_S}s",
    # A listener sends nothing: only keepalives tell it that the other side is gone.
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def open_postgres(url: URL) -> SqlStore:
    """Open a PostgreSQL database, and make its tables or bring them up to date where needed.

    Raise StoreBusy when it cannot be reached, and StoreTooNew when its revision is unknown.
    """
    try:
        return SqlStore(PostgresDatabase(url))
    except psycopg.OperationalError as error:
        raise StoreBusy(f"The database at {url.host or 'this machine'} cannot be reached: {error}") from error


class PostgresDatabase:
    def __init__(self, url: URL) -> None:
        _, url_parameters = url.get_dialect()().create_connect_args(url)
        connect = partial(psycopg.connect, **{**_PARAMETERS, **url_parameters})
        # The pool tests a connection before each use: a restart of the database in between is not worth an error.
        self.writer = create_engine(url, creator=connect, pool_pre_ping=True, pool_timeout=BUSY_TIMEOUT_S)
        self.reader = self.writer.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, **{READ_ONLY: True}
        )
        self._listener = Listener(connect)

    def announce(self, connection: Connection) -> None:
        # A transaction without an id has written nothing, and wakes nobody.
        notify = text(f"SELECT pg_notify('{CHANNEL}', '') WHERE pg_current_xact_id_if_assigned() IS NOT NULL")
        connection.execute(notify)

    def after_commit(self) -> None:
        """Do nothing: the notification rings the bells of all processes, of this one too."""

    def change_signal(self) -> LocalBell:
        bell = LocalBell()
        self._listener.bells.add(bell)
        return bell

    def change_counter(self) -> int:
        return self._listener.notification_count

    def copy_to(self, path: Path) -> None:  # noqa: ARG002
        raise InvalidRequest("A PostgreSQL database is backed up with its own tools, such as pg_dump.")

    def keep_copy(self, revision: str) -> None:
        """Keep no copy: an upgrade is one transaction, and the database has backups of its own."""

    def explain_error(self, error: DBAPIError) -> str | None:
        if error.connection_invalidated:
            return "The connection to the database was lost."
        # It may be a deadlock, a lock that is not free in time, a restart or a full disk: nothing was written.
        return f"The database is busy: {error.orig}." if isinstance(error, OperationalError) else None

    def close(self) -> None:
        self._listener.close()


class Listener:
    """The listener of a process. Its thread counts the notifications that it hears, and rings the bells.

    It has a connection of its own, and makes a new one when that breaks.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection]) -> None:
        self.notification_count = 0
        self.bells: WeakSet[LocalBell] = WeakSet()
        self._connect = connect
        self._connection = self._open_listening_connection()
        self._stopping = Event()
        self._thread = Thread(target=self._listen, name="dataops-store-listener", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stopping.set()
        # The shutdown wakes the thread, which waits for the socket without end. When the socket is broken, the thread
        # is awake already.
        with (
            suppress(psycopg.Error, OSError),
            socket.socket(fileno=os.dup(self._connection.fileno())) as shared,
        ):
            shared.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()

    def _open_listening_connection(self) -> psycopg.Connection:
        connection = self._connect()
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        return connection

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                wait([self._connection.fileno()])
                for _ in self._connection.notifies(timeout=0):
                    pass
            except (psycopg.Error, OSError):
                self._reconnect()
            # A reconnect counts too: nobody heard the notifications in between.
            self.notification_count += 1
            for bell in list(self.bells):
                bell.ring()

    def _reconnect(self) -> None:
        self._connection.close()
        retry_wait_s = 0.05
        while not self._stopping.wait(retry_wait_s):
            try:
                self._connection = self._open_listening_connection()
                return
            except psycopg.Error:
                retry_wait_s = min(retry_wait_s * 2, 5.0)
