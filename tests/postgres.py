"""A PostgreSQL of the tests' own: started when the first test needs one, ended with the tests."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dataops_lab.store import open_store

from .required import missing

WHERE_TO_GET_IT = "PostgreSQL is not installed. On Debian and Ubuntu: sudo apt-get install postgresql"
_FAST = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off"]
# A deleted row goes on taking room, which slows a table down once there are many of them.
_EMPTY = """
DO $$ DECLARE name regclass; BEGIN
FOR name IN SELECT oid FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
LOOP
    IF pg_relation_size(name) > 100000 THEN
        EXECUTE format('TRUNCATE %s CASCADE', name);
    ELSE
        EXECUTE format('DELETE FROM %s', name);
    END IF;
END LOOP;
FOR name IN SELECT oid FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace LOOP
    PERFORM setval(name, 1, false);
END LOOP;
END $$
"""
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
_SHAPE = """
SELECT md5(string_agg(part, chr(10) ORDER BY part)) FROM (
    SELECT format('%s.%s %s', attrelid::regclass, attname, atttypid) AS part
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped
    UNION ALL SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT format('%s %s', conrelid::regclass, conname) FROM pg_constraint
) AS parts
"""
_FOLDERS = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]


class Postgres:
    """A server on a Unix socket. Each test has a database of its own name, with all tables and nothing of another test.

    A database is emptied and used again, because a new one costs the time of a whole test. One whose tables or triggers
    a test has changed is thrown away.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = (f"test_{number}" for number in count())
        self._spare: list[str] = []
        self._admin = psycopg.connect(host=str(folder), user="dataops", dbname="postgres", autocommit=True)
        self._admin.execute("CREATE DATABASE filled")
        open_store(self._url("filled")).close()
        self._first_rows = read_rows(self._url("filled"))
        self._shape = read_shape(self._url("filled"))

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a database that has all tables, with the rows of a new one."""
        name = next(self._names)
        if self._spare:
            self._admin.execute(f"ALTER DATABASE {self._spare.pop()} RENAME TO {name}")
        else:
            self._admin.execute(f"CREATE DATABASE {name} TEMPLATE filled STRATEGY file_copy")
        yield self._url(name)
        # Threads and processes that the test left behind do not find the database any more.
        self._cut_connections_to(name)
        spare = f"spare_{name}"
        self._admin.execute(f"ALTER DATABASE {name} RENAME TO {spare}")
        if read_shape(self._url(spare)) == self._shape:
            _empty(self._url(spare), self._first_rows)
            self._spare.append(spare)
        else:
            self._admin.execute(f"DROP DATABASE {spare} WITH (FORCE)")

    @contextmanager
    def database_without_tables(self) -> Iterator[str]:
        name = next(self._names)
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE template1 STRATEGY file_copy")
        yield self._url(name)
        self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _cut_connections_to(self, name: str) -> None:
        query = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s"
        self._admin.execute(query, (name,))

    def cut_connections(self) -> None:
        """Cut all connections of others, as a restart of the database does."""
        self._admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    def close(self) -> None:
        self._admin.close()

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://dataops@/{name}?host={self._folder}"


def read_rows(url: str) -> dict[str, bytes]:
    """Read the rows of all tables that have some, in the format of COPY."""
    with _connect(url) as connection:
        found = {}
        for (table,) in connection.execute(_TABLES).fetchall():
            with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                found[table] = b"".join(bytes(part) for part in copy)
        return {table: rows for table, rows in found.items() if rows}


def read_shape(url: str) -> str:
    """Return a digest of the columns, constraints and triggers of all tables."""
    with _connect(url) as connection:
        row = connection.execute(_SHAPE).fetchone()
        assert row is not None
        return str(row[0])


def _empty(url: str, first_rows: dict[str, bytes]) -> None:
    """Let a database have these rows alone."""
    with _connect(url) as connection:
        connection.execute(_EMPTY)
        for table, rows in first_rows.items():
            with connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                copy.write(rows)


@contextmanager
def _connect(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        # A superuser may load and delete rows in any order.
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # The folder is not pytest's own, because the path of a socket may have a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="dataops-pg-") as name,
        Cluster(Path(name)) as cluster,
        closing(Postgres(cluster.folder)) as postgres,
    ):
        yield postgres


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A server of one test alone, which may stop it."""
    with tempfile.TemporaryDirectory(prefix="dataops-pg-") as name, Cluster(Path(name)) as cluster:
        yield cluster


class Cluster:
    """A PostgreSQL server below `folder`, running inside of the `with` block."""

    def __init__(self, folder: Path) -> None:
        programs = [shutil.which(name, path=os.pathsep.join(_FOLDERS)) for name in ("initdb", "postgres")]
        if None in programs:
            missing(WHERE_TO_GET_IT)
        initdb, self._server = map(str, programs)
        self.folder = folder
        self._data = folder / "data"
        # PostgreSQL refuses to run as root.
        self._other: dict[str, Any] = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._other = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        options = ["--username=dataops", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
        command = [initdb, "--pgdata", self._data, *options]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, **self._other)

    def start(self) -> None:
        settings = [*_FAST, "listen_addresses=", f"unix_socket_directories={self.folder}", "max_connections=200"]
        # The shell ends the server when this process closes its input, which also happens when the tests are killed.
        script = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server'
        parts = [part for setting in settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self._shell = subprocess.Popen(
                ["sh", "-c", script, "sh", self._server, "-D", str(self._data), *parts],
                cwd=self.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._other,
            )
        _wait_until_ready(self._data / "postmaster.pid", self._shell, self.folder / "log")

    def stop(self) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait()

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _wait_until_ready(status: Path, shell: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the server writes "ready" into the last line of its lock file. Raise RuntimeError when it ends."""
    while not (status.exists() and status.read_text().rstrip().endswith("ready")):
        try:
            shell.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        raise RuntimeError(log.read_text())
