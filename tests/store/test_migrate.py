from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from dataops_lab.errors import StoreTooNew
from dataops_lab.store import open_store
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
