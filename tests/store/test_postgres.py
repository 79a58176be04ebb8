"""The tests that only PostgreSQL needs: connections that break, and locks that wait."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import replace
from threading import Barrier, Thread

import psycopg
import pytest

from dataops_lab.domain.runs import RunState
from dataops_lab.errors import InvalidRequest, StoreBusy
from dataops_lab.store import open_store
from dataops_lab.testing import person

from ..postgres import read_rows, read_shape
from ..waiting import eventually


@pytest.fixture
def database(postgres):
    """A database of PostgreSQL alone."""
    with postgres.database() as url:
        yield url


def test_a_database_that_was_restarted_is_used_and_listened_to_as_before(store, submit, database, postgres):
    with closing(open_store(database)) as other:
        submit()
        postgres.cut_connections()
        before = other.change_counter()
        submit()
        # A commit that nobody heard counts as a change too.
        eventually(lambda: other.change_counter() != before)
        eventually(lambda: connected(other))
        before = other.change_counter()
        submit()
        eventually(lambda: other.change_counter() != before)


@pytest.mark.parametrize("count", [3, 600])
def test_a_database_that_an_earlier_test_has_filled_is_like_a_new_one(postgres, count):
    with postgres.database() as url, postgres.database() as other:
        new = read_rows(other)
        assert change_default_project(url, count) == count
        assert read_rows(url) != new
    with postgres.database() as one, postgres.database() as two:
        assert read_rows(one) == read_rows(two) == new
        assert change_default_project(one, 1) == change_default_project(two, 1) == 1
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            read_rows(url)


@pytest.mark.parametrize(
    "change", ["DROP TRIGGER audit_stays ON audit", "ALTER TABLE runs ADD COLUMN more int", "DROP TABLE ticks CASCADE"]
)
def test_no_test_gets_a_database_whose_tables_an_earlier_one_has_changed(postgres, change):
    with postgres.database() as url, psycopg.connect(url.replace("+psycopg", "")) as connection:
        shape = read_shape(url)
        connection.execute(change)
        connection.commit()
        assert read_shape(url) != shape
    with postgres.database() as again:
        assert read_shape(again) == shape


def change_default_project(url: str, count: int) -> int:
    """Change the project `count` times. Return the number of the last event."""
    at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    with closing(open_store(url)) as store:
        with store.begin() as tx:
            for _ in range(count):
                tx.projects.change(replace(tx.projects.get("default"), concurrency=7), at=at, by=person("ann"))
        with store.read() as tx:
            return tx.events.last_seq()


def connected(store) -> bool:
    return not store._database._listener._connection.closed


def test_a_connection_that_breaks_in_the_middle_of_a_transaction_undoes_it(store, submit, postgres):
    run = submit().run
    with pytest.raises(StoreBusy, match="lost"), store.begin() as tx:
        tx.runs.transition(run, run.transition_to(RunState.CANCELLED))
        postgres.cut_connections()
        tx.runs.get(run.id)
    with store.read() as tx:
        assert tx.runs.get(run.id) == run


def test_who_stands_still_in_a_transaction_loses_it_and_holds_nobody_up(store, submit, database):
    run = submit().run
    with (
        closing(open_store(f"{database}&options=-c idle_in_transaction_session_timeout=100ms")) as sleeper,
        pytest.raises(StoreBusy),
        sleeper.begin() as tx,
    ):
        tx.runs.transition(run, run.transition_to(RunState.ACTIVE))
        with store.begin() as other:
            # This waits until the database throws the sleeper out.
            other.runs.transition(run, run.transition_to(RunState.CANCELLED))
    with store.read() as tx:
        assert tx.runs.get(run.id).state is RunState.CANCELLED


def test_who_waits_too_long_for_a_lock_is_told_to_try_again(store, submit, database):
    run = submit().run
    with closing(open_store(f"{database}&options=-c lock_timeout=10ms")) as hasty, store.begin() as tx:
        tx.runs.get(run.id)
        with pytest.raises(StoreBusy, match="Try again"), hasty.begin() as other:
            other.runs.get(run.id)


def test_two_that_wait_for_each_other_do_not_wait_for_good(store, submit):
    ids = [submit().run.id for _ in range(2)]
    barrier = Barrier(2)
    failures = []

    def look_at(first: str, second: str) -> None:
        try:
            with store.begin() as tx:
                tx.runs.get(first)
                barrier.wait()
                tx.runs.get(second)
        except StoreBusy as error:
            failures.append(error)

    threads = [Thread(target=look_at, args=pair) for pair in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1


def test_readers_wait_for_nobody_and_see_one_state_throughout(store, submit):
    run = submit().run
    with store.read() as reader:
        with store.begin() as tx:
            tx.runs.transition(tx.runs.get(run.id), run.transition_to(RunState.CANCELLED))
            tx.events.last_seq()
            assert reader.runs.get(run.id) == run
        assert reader.runs.get(run.id) == run
        assert reader.runs.count_by_state() == {RunState.QUEUED: 1}


def test_a_copy_is_the_business_of_its_own_tools(store, tmp_path):
    with pytest.raises(InvalidRequest, match="pg_dump"):
        store.copy_to(tmp_path / "copy")
