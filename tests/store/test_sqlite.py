from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dataops_lab.errors import StateFolderUnusable, StoreBusy
from dataops_lab.store import open_sqlite, sqlite
from dataops_lab.testing import person


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


def test_a_full_disk_is_told_and_nothing_of_the_transaction_stays(tmp_path: Path, monkeypatch):
    """A database that may not grow is as good as a full disk."""
    connect = sqlite._connect

    def bounded(path: Path, **how: bool) -> sqlite3.Connection:
        connection = connect(path, **how)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    open_sqlite(tmp_path / "x.sqlite").close()
    monkeypatch.setattr(sqlite, "_connect", bounded)
    with closing(open_sqlite(tmp_path / "x.sqlite")) as store:
        with pytest.raises(StoreBusy, match="full"), store.begin() as tx:
            for number in range(1000):
                tx.jobs.add(job(number))
        with store.read() as tx:
            assert tx.jobs.page(limit=1).items == []


def job(number: int):
    import datetime as dt

    from dataops_lab.domain.jobs import Job

    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Job(f"{number:026}", "default", "sales", f"/{number}".ljust(500, "x"), now, person("someone"))
