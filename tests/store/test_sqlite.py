from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy.event import listen

from dataops_lab.domain.runs import Submission
from dataops_lab.domain.workspaces import Workspace
from dataops_lab.errors import StateFolderUnusable, StoreBusy
from dataops_lab.services import runs
from dataops_lab.store import SqlStore, open_sqlite, sqlite
from dataops_lab.store.sql import SqlTransaction
from dataops_lab.testing import person

from ..waiting import TIMEOUT_S


def test_a_state_folder_that_cannot_be_used_says_what_to_do(tmp_path: Path):
    (tmp_path / "state").write_text("a file is in the way")
    with pytest.raises(StateFolderUnusable, match="DATAOPS_LAB_HOME"):
        open_sqlite(tmp_path / "state" / "dataops.sqlite")


def test_a_file_that_is_no_database_is_not_overwritten(tmp_path: Path):
    (tmp_path / "x.sqlite").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StateFolderUnusable):
        open_sqlite(tmp_path / "x.sqlite")
    assert (tmp_path / "x.sqlite").read_bytes().startswith(b"something else")


def test_who_waits_too_long_for_another_writer_is_told_to_try_again(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.01)
    with closing(open_sqlite(tmp_path / "x.sqlite")) as store, sqlite3.connect(tmp_path / "x.sqlite") as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="Try again"), store.begin():
            pass


def test_who_opens_a_new_database_while_another_makes_it_waits_for_that(tmp_path: Path, monkeypatch):
    other = sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        other.execute("COMMIT")

    monkeypatch.setattr(sqlite, "sleep", wait)
    with closing(other), closing(open_sqlite(tmp_path / "x.sqlite")) as store, store.read() as tx:
        assert tx.events.last_seq() == 0
    assert len(waits) == 1


def test_who_waits_too_long_for_another_that_makes_the_database_is_told_to_try_again(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.01)
    with closing(sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="Try again"):
            open_sqlite(tmp_path / "x.sqlite")


def test_processes_that_open_new_state_folders_at_once_all_get_in(tmp_path: Path):
    folders = [tmp_path / str(number) for number in range(100)]
    context = get_context("fork")
    barrier = context.Barrier(3, timeout=TIMEOUT_S)
    processes = [context.Process(target=_open_each, args=(folders, barrier)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]


def _open_each(folders: list[Path], barrier: Barrier) -> None:
    """Open a database in each folder at the same time as others do; in the last one make its tables too."""
    try:
        for folder in folders[:-1]:
            folder.mkdir(exist_ok=True)
            barrier.wait()
            sqlite.SqliteDatabase(folder / "x.sqlite").close()
        barrier.wait()
        open_sqlite(folders[-1] / "x.sqlite").close()
    except BaseException:
        barrier.abort()
        raise


def test_a_full_disk_is_told_and_nothing_of_the_transaction_stays(tmp_path: Path):
    # A database that may not grow behaves as on a full disk.

    def bound(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    open_sqlite(tmp_path / "x.sqlite").close()
    database = sqlite.SqliteDatabase(tmp_path / "x.sqlite")
    listen(database.writer, "connect", bound)
    with closing(SqlStore(database)) as store:
        with pytest.raises(StoreBusy, match="full"), store.begin() as tx:
            tx.workspaces.add(Workspace("w", "default", "w", job(0).created_at, "someone"))
            for number in range(1000):
                tx.jobs.add(job(number))
        with store.read() as tx:
            assert tx.jobs.page(limit=1).items == []


def job(number: int):
    import datetime as dt

    from dataops_lab.domain.jobs import Job

    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    path = f"/{number}".ljust(500, "x")
    return Job(f"{number:026}", "default", "sales", path, now, person("someone"), workspace_id="w", path=path)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_called_before_a_commit_knows_its_events_and_can_prevent_it(tmp_path: Path, ctx, clock):
    seen: list[list[str]] = []

    def die(transaction: SqlTransaction) -> None:
        seen.append(transaction.events.kinds)
        raise RuntimeError

    with closing(open_sqlite(tmp_path / "x.sqlite", before_commit=die)) as store:
        with pytest.raises(RuntimeError):
            runs.submit(replace(ctx, store=store), Submission(path="/sales.ipynb"), by=person("someone"))
        with store.read() as tx:
            assert tx.events.last_seq() == 0
    assert seen == [["workspace.created", "job.added", "job.version_added", "run.queued"]]
