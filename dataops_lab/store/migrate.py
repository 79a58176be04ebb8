"""The upgrade of a database to the newest revision, in one transaction. After a crash nothing has happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine, inspect, text

from ..errors import StoreTooNew
from .locks import advisory_lock
from .revision import NEWEST

_alembic_lock = Lock()
"""The lock for Alembic, which keeps its work in a module, for all threads of a process."""


def upgrade_to_newest(engine: Engine, *, keep_copy: Callable[[str], None]) -> None:
    """Upgrade a database to the newest revision. Do nothing when it has it. Raise StoreTooNew when it is newer.

    `keep_copy` is called before a filled database is changed, with its revision and while nobody else writes to it.
    """
    with engine.connect() as connection:
        if _revision(connection) == NEWEST:
            return
    # The import is late: it costs more than everything else that a short command does.
    from alembic.command import upgrade
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with _exclusive_transaction(engine) as connection:
        # Ask again: another process may have been faster, and is done now that this one holds the lock.
        advisory_lock(connection, "migration")
        revision = _revision(connection)
        if revision is not None and revision not in known:
            raise StoreTooNew(
                f"The database has revision {revision}, which this version of dataops_lab does not know. "
                "Upgrade dataops_lab, or use another DATAOPS_LAB_HOME.",
                revision=revision,
            )
        if revision not in (None, NEWEST):
            keep_copy(revision)
        config.attributes["connection"] = connection
        with _alembic_lock:
            upgrade(config, "head")


@contextmanager
def _exclusive_transaction(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction in which SQLite lets tables be copied, dropped and named as before."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                yield connection
            return
        # Dropping a table would delete its rows one by one, and fail for rows to which others refer. The pragma goes
        # to the driver's own connection, because it has no effect within a transaction.
        driver = connection.connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                if violation := connection.execute(text("PRAGMA foreign_key_check")).first():
                    raise RuntimeError(f"The upgrade would leave a row that refers to nothing: {tuple(violation)}.")
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
