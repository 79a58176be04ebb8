"""The store: short transactions on SQLAlchemy, the same on every database. `Database` holds the differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ..domain.audit import Head
from ..domain.leases import ENGINE
from ..errors import InvalidRequest, StaleWrite, StoreBusy
from ..ports import ChangeSignal
from . import migrate
from . import tables as t
from .actors import ActorCache, SqlActors
from .attempts import SqlAttempts
from .audit import SqlAudit
from .blobs import referenced_digests
from .calendars import SqlCalendars
from .deliveries import SqlDeliveries
from .environments import SqlEnvironments
from .events import SqlEvents
from .host import this_host
from .images import SqlImages
from .inputs import SqlInputs
from .jobs import SqlJobs
from .leases import SqlLeases
from .locks import with_row_lock
from .outbox import SqlOutbox
from .pipelines import SqlPipelines
from .projects import SqlProjects
from .publications import SqlPublications
from .queue import SqlQueue
from .records import SqlRecords
from .retention import SqlRetention
from .runs import SqlRuns
from .schedules import SqlSchedules
from .secrets import SqlSecrets
from .subscriptions import SqlHeldMessages, SqlPeople, SqlSubscriptions
from .targets import SqlTargets
from .ticks import SqlTicks
from .variables import SqlVariables
from .versions import SqlVersions
from .workspaces import SqlWorkspaces

Witness = Callable[[Head], None]
"""It keeps heads of the audit trail outside of the database. It never raises: the change is committed."""

BUSY_TIMEOUT_S = 10
"""The seconds that a transaction waits for others before it gives up with StoreBusy."""


class Database(Protocol):
    """A database. SQLite and PostgreSQL do each of these things in their own way."""

    @property
    def writer(self) -> Engine: ...
    @property
    def reader(self) -> Engine:
        """The engine for transactions that see one state throughout, and cannot write."""
        ...

    def announce(self, connection: Connection) -> None:
        """Announce a commit that may have written. After it, every other `change_counter` must differ."""
        ...

    def after_commit(self) -> None:
        """Ring the bells after a commit that may have written, unless the announcement rings them."""
        ...

    def change_signal(self) -> ChangeSignal: ...
    def change_counter(self) -> int: ...
    def copy_to(self, path: Path) -> None: ...
    def keep_copy(self, revision: str) -> None:
        """Keep a copy before an upgrade from `revision`, where the database has no backups of its own."""
        ...

    def explain_error(self, error: DBAPIError) -> str | None:
        """Explain the error in words when trying again later may help; None otherwise."""
        ...

    def close(self) -> None: ...


class SqlTransaction:
    def __init__(self, connection: Connection, host: str, actor_cache: ActorCache) -> None:
        self.actors = SqlActors(connection, actor_cache)
        self.audit = SqlAudit(connection)
        self.events = SqlEvents(connection, self.actors, self.audit)
        self.projects = SqlProjects(connection, self.events)
        self.jobs = SqlJobs(connection, host, self.actors)
        self.workspaces = SqlWorkspaces(connection, host, self.actors)
        self.versions = SqlVersions(connection, self.actors, self.events)
        self.inputs = SqlInputs(connection)
        self.runs = SqlRuns(connection, self.events, self.actors)
        self.pipelines = SqlPipelines(connection, self.events, self.actors)
        self.publications = SqlPublications(connection, self.events)
        self.queue = SqlQueue(connection)
        self.attempts = SqlAttempts(connection, self.events)
        self.records = SqlRecords(connection)
        self.leases = SqlLeases(connection)
        self.environments = SqlEnvironments(connection, self.actors, self.events)
        self.variables = SqlVariables(connection, self.actors, self.events)
        self.secrets = SqlSecrets(connection, self.actors, self.events)
        self.retention = SqlRetention(connection, self.events)
        self.images = SqlImages(connection, self.actors, self.events)
        self.calendars = SqlCalendars(connection, self.actors, self.events)
        self.schedules = SqlSchedules(connection, self.actors, self.events)
        self.ticks = SqlTicks(connection, self.events)
        self.outbox = SqlOutbox(connection)
        self.subscriptions = SqlSubscriptions(connection, self.events)
        self.people = SqlPeople(connection, self.events)
        self.held = SqlHeldMessages(connection)
        self.deliveries = SqlDeliveries(connection)
        self.targets = SqlTargets(connection, self.actors, self.events)
        self._connection = connection
        self.commit_callbacks: list[Callable[[], None]] = []

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        events, entries = self.events.pending(), self.audit.pending()
        commit_callbacks = list(self.commit_callbacks)
        try:
            with self._connection.begin_nested():
                yield
        except BaseException:
            self.events.restore_pending(events)
            self.audit.restore_pending(entries)
            self.commit_callbacks = commit_callbacks
            raise

    def on_commit(self, call: Callable[[], None]) -> None:
        self.commit_callbacks.append(call)

    def blob_digests(self, *, without: frozenset[str] = frozenset()) -> Iterator[str]:
        return referenced_digests(self._connection, without)


class SqlStore:
    def __init__(
        self,
        database: Database,
        *,
        host: str | None = None,
        before_commit: Callable[[SqlTransaction], None] | None = None,
        witness: Witness | None = None,
    ) -> None:
        """Make the tables, or bring them up to date, where needed. Raise StoreTooNew or StoreBusy.

        `host`: the name of this machine, by which the store knows the folders of workspaces here.
        `before_commit` is called with each write transaction, just before its events and its commit. Tests let a
        process die there. `witness` is told the head of the audit trail after each commit that moved it.
        """
        self._database = database
        self._actor_cache = ActorCache()
        self._host = host or this_host()
        self._before_commit = before_commit
        self._witness = witness
        # Engines that share their connections share their events too.
        for engine in {candidate.pool: candidate for candidate in (database.reader, database.writer)}.values():
            event.listen(engine, "before_cursor_execute", _refuse_unstorable)
        try:
            with self._translated_errors():
                migrate.upgrade_to_newest(database.writer, keep_copy=database.keep_copy)
        except BaseException:
            self.close()
            raise

    @contextmanager
    def begin(self, *, fence: int | None = None) -> Iterator[SqlTransaction]:
        with self._translated_errors(), self._database.writer.begin() as connection:
            if fence is not None:
                _check_fence(connection, fence)
            tx = SqlTransaction(connection, self._host, self._actor_cache)
            yield tx
            if self._before_commit is not None:
                self._before_commit(tx)
            tx.events.write()
            # Ask now: a savepoint may have taken back entries that were written.
            head = tx.audit.head() if self._witness and tx.audit.has_written else None
            self._database.announce(connection)
        if self._witness and head:
            self._witness(head)
        tx.actors.remember(tx.events.upserted_actors)
        self._database.after_commit()
        for callback in tx.commit_callbacks:
            callback()

    @contextmanager
    def read(self) -> Iterator[SqlTransaction]:
        with self._translated_errors(), self._database.reader.connect() as connection:
            yield SqlTransaction(connection, self._host, self._actor_cache)

    def change_counter(self) -> int:
        return self._database.change_counter()

    def change_signal(self) -> ChangeSignal:
        return self._database.change_signal()

    def copy_to(self, path: Path) -> None:
        with self._translated_errors():
            self._database.copy_to(path)

    def close(self) -> None:
        self._database.close()
        self._database.writer.dispose()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            if explanation := self._database.explain_error(error):
                raise StoreBusy(f"{explanation} Try again.") from error
            raise
        except NoFreeConnection as error:
            raise StoreBusy("All connections to the database are in use. Try again.") from error


def _check_fence(connection: Connection, fence: int) -> None:
    token = connection.scalar(with_row_lock(connection, _LEADING_TOKEN, shared=True))
    if token != fence:
        raise StaleWrite("Another engine leads now.", token=fence, leader=token)


_LEADING_TOKEN = select(t.leases.c.token).where(t.leases.c.name == ENGINE)


def _refuse_unstorable(
    _connection: Connection, _cursor: Any, _statement: str, parameters: Any, _context: Any, many: bool
) -> None:
    """Refuse text that PostgreSQL or UTF-8 cannot hold, on every database, and also in searches."""
    for row in parameters if many else [parameters]:
        for value in row.values() if isinstance(row, dict) else row:
            if isinstance(value, str) and not _is_storable(value):
                raise InvalidRequest("Text must be valid Unicode without NUL characters.")


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
