from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

from dataops_lab.domain.parameters import ParameterSchema
from dataops_lab.domain.runs import Reason, RunState
from dataops_lab.domain.versions import Manifest
from dataops_lab.errors import StoreTooNew
from dataops_lab.ports import RunFilter
from dataops_lab.store import migrate, open_store
from dataops_lab.store.migrate import NEWEST
from dataops_lab.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request, tmp_path):
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/x.sqlite"
    else:
        with request.getfixturevalue("postgres").database(template="template1") as url:
            yield url


@pytest.fixture
def connection(empty):
    engine = create_engine(empty)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def test_the_migrations_lead_to_the_tables(empty, connection):
    open_store(empty).close()
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_migrations_make_each_index_for_the_rows_that_the_tables_name(empty, connection):
    open_store(empty).close()
    said = {index.name: index.info.get("only") for table in metadata.tables.values() for index in table.indexes}
    made = {
        index["name"]: re.sub(r"[()]|::text", "", str(condition)) if condition is not None else None
        for indexes in inspect(connection).get_multi_indexes().values()
        for index in indexes
        for condition in [index.get("dialect_options", {}).get(f"{connection.dialect.name}_where")]
    }
    assert {name: made[name] for name in said} == said


def test_ten_that_open_a_new_database_at_once_all_get_it(empty):
    with ThreadPoolExecutor(10) as threads:
        for store in threads.map(lambda _: open_store(empty), range(10)):
            with closing(store), store.read() as tx:
                assert tx.runs.counts() == {}


def test_a_database_of_a_newer_program_is_refused_and_left_alone(empty, connection):
    open_store(empty).close()
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    connection.commit()
    with pytest.raises(StoreTooNew, match="Upgrade dataops_lab"):
        open_store(empty)
    assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


# --- from each earlier revision -------------------------------------------------------------------

NOW = "2026-01-31 08:00:00.000000"
CHANGED = {"changed_at": NOW, "changed_by": "ann"}
JOB, RUN = "01KG9H1S00AAAAAAAAAAAAAAAA", "01KG9H1S00BBBBBBBBBBBBBBBB"
MANIFEST = Manifest("sales.ipynb", "sha256:" + "1" * 64, (), ParameterSchema(), "python3", "python")
KERNEL = {"name": "python3", "language": "python", "display_name": "Python", "argv": ["python"], "env": {}}
REASON = {"code": "cell_error", "message": "KeyError: 'amount'", "detail": {"cell": 3}}
FILES = [{"kind": "log", "path": "log.txt", "digest": "sha256:" + "2" * 64, "size": 4}]

ROWS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "0001": [
        (
            "jobs",
            {"id": JOB, "project": "default", "name": "sales", "source": "/n/sales.ipynb", "created_at": NOW}
            | {"created_by": "ann"},
        ),
        (
            "versions",
            {"job_id": JOB, "digest": MANIFEST.digest, "number": 1, "manifest": MANIFEST.to_json(), "origin": {}}
            | {"created_at": NOW, "created_by": "ann"},
        ),
        (
            "runs",
            {"id": RUN, "project": "default", "job_id": JOB, "version_digest": MANIFEST.digest, "state": "failed"}
            | {"environment": "sandbox", "parameters": {"n": 1}, "kernel": KERNEL, "trigger": "manual"}
            | {"key": "monday", "created_at": NOW, "created_by": "ann", "finished_at": NOW, "reason": REASON}
            | {"nothing_to_do": False, "origin": {}, "findings": []},
        ),
        (
            "attempts",
            {"run_id": RUN, "number": 1, "state": "failed", "token": 1, "created_at": NOW, "reason": REASON}
            | {"cells_done": 2, "cells_total": 3},
        ),
        (
            "records",
            {"run_id": RUN, "attempt": 1, "digest": "sha256:" + "3" * 64, "files": FILES, "values": {"auc": 0.9}}
            | {"stored_at": NOW},
        ),
        ("reports", {"run_id": RUN, "variant": "with_code", "digest": "sha256:" + "4" * 64}),
        ("events", {"run_id": RUN, "at": NOW, "kind": "run.queued", "data": {}}),
        ("events", {"run_id": RUN, "at": NOW, "kind": "run.failed", "data": {"by": "x"}}),
        (
            "leases",
            {"name": "engine", "token": 7, "since": NOW, "expires": 0.0, "slots": 2}
            | {"process": {"pid": 1, "started": 1.0, "boot": "b"}},
        ),
    ],
    "0004": [
        ("variables", {"environment": "sandbox", "name": "REGION", "value": "eu"} | CHANGED),
        ("secrets", {"scope": "environment/sandbox", "name": "TOKEN", "version": 1} | CHANGED),
    ],
}


def upgraded(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def filled(connection: Connection, revision: str) -> None:
    """A database as a program of that revision left it."""
    for earlier in EARLIER[: EARLIER.index(revision) + 1]:
        upgraded(connection, earlier)
        for table, row in ROWS.get(earlier, []):
            as_text = {name: json.dumps(it) if isinstance(it, (dict, list)) else it for name, it in row.items()}
            places = ", ".join(f":{name}" for name in row)
            names = ", ".join(f'"{name}"' for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), as_text)
    connection.commit()


def everything_is_readable(url: str) -> None:
    with closing(open_store(url)) as store:
        with store.read() as tx:
            job, run = tx.jobs.get(JOB), tx.runs.get(RUN)
            assert (job.name, run.created_by, run.parameters, run.key) == ("sales", "ann", {"n": 1}, "monday")
            assert (run.state, run.reason) == (RunState.FAILED, Reason(**REASON))
            assert tx.versions.get(JOB, MANIFEST.digest).manifest == MANIFEST
            [attempt] = tx.attempts.of_run(RUN)
            assert (attempt.progress.done, attempt.reason, attempt.backend) == (2, Reason(**REASON), "process")
            record = tx.records.of_run(RUN)
            assert (record.values, record.files[0].path, record.damage) == ({"auc": 0.9}, "log.txt", {})
            assert tx.records.report(RUN, "with_code") == "sha256:" + "4" * 64
            assert [event.kind for event in tx.events.after(0)] == ["run.queued", "run.failed"]
            assert tx.leases.get("engine").token == 7
            assert {it.name for it in tx.environments.all()} == {"sandbox", "production"}
            for search in (RunFilter(text="amount"), RunFilter(text="sales"), RunFilter(states=(RunState.FAILED,))):
                assert [it.id for it in tx.runs.page(search, limit=5).items] == [RUN]
            assert len(set(tx.digests())) == 3
        with store.begin() as tx:
            before = tx.events.last_seq()
            assert tx.runs.delete([RUN], at=run.created_at, by="ann") == [RUN]
            assert tx.events.last_seq() == before + 1


EARLIER = [f"{number:04}" for number in range(1, int(NEWEST))]


@pytest.mark.parametrize("revision", EARLIER)
def test_everything_of_an_earlier_revision_is_readable(empty, connection, revision):
    filled(connection, revision)
    connection.close()
    everything_is_readable(empty)


def test_the_upgraded_tables_are_those_of_a_new_database(empty, connection):
    filled(connection, "0001")
    open_store(empty).close()
    assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    if connection.dialect.name == "sqlite":
        # What was trimmed must not be numbered again.
        assert "AUTOINCREMENT" in connection.scalar(text("SELECT sql FROM sqlite_master WHERE name = 'events'"))


KILLED = """
import os, signal, sys
from alembic import op
create_index = op.create_index
def killed(name, *args, **more):
    create_index(name, *args, **more)
    if name == "ix_runs_job_id_runs_version_digest":
        os.kill(os.getpid(), signal.SIGKILL)
op.create_index = killed
from dataops_lab.store import open_store
open_store(sys.argv[1])
"""


@pytest.mark.parametrize("revision", EARLIER[:1] + EARLIER[-1:])
def test_a_program_killed_in_the_midst_of_a_migration_leaves_what_was_there(empty, connection, revision):
    filled(connection, revision)
    connection.close()
    killed = subprocess.run([sys.executable, "-c", KILLED, empty], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    engine = create_engine(empty)
    with engine.connect() as again:
        assert again.scalar(text("SELECT version_num FROM alembic_version")) == revision
        assert again.scalar(text("SELECT count(*) FROM runs")) == 1
    engine.dispose()
    everything_is_readable(empty)


def test_a_migration_killed_half_way_leaves_nothing_and_is_done_the_next_time(empty, connection, monkeypatch):
    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(op, "create_index", killed)
    with pytest.raises(KeyboardInterrupt):
        open_store(empty)
    monkeypatch.undo()
    assert inspect(connection).get_table_names() == []
    connection.rollback()
    with closing(open_store(empty)) as store, store.read() as tx:
        assert tx.runs.counts() == {}
