"""Bells: every commit wakes a process that sleeps until the store changes."""

from __future__ import annotations

import fcntl
import os
import select
from contextlib import closing
from pathlib import Path

import pytest

from dataops_lab.store import SqlStore, open_store
from dataops_lab.store.bells import FifoBell, LocalBell, ring_all
from dataops_lab.testing import FakeClock

from ..waiting import eventually


def is_ringing(bell) -> bool:
    return bool(select.select([bell.fileno()], [], [], 0)[0])


def change(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.retention.record_task_done("a chore", at=FakeClock().now())


def test_a_bell_rings_at_a_commit_of_its_own_store_and_of_another_one(store, database):
    with closing(store.change_signal()) as bell, closing(open_store(database)) as other:
        bell.clear()
        for writer in (store, other):
            change(writer)
            eventually(lambda: is_ringing(bell))
            bell.wait(60.0)
            bell.clear()
            assert not is_ringing(bell)


def test_every_bell_rings(store):
    with closing(store.change_signal()) as one, closing(store.change_signal()) as two:
        change(store)
        eventually(lambda: is_ringing(one) and is_ringing(two))


def test_what_is_taken_back_need_not_wake_anybody_and_a_closed_bell_disturbs_nobody(store):
    store.change_signal().close()
    change(store)


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="Only Linux can make a pipe small.")
def test_whoever_rings_waits_for_nobody_however_often(tmp_path: Path):
    with closing(FifoBell(tmp_path / "bells")) as bell:
        fcntl.fcntl(bell.fileno(), fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(5_000):
            ring_all(tmp_path / "bells")
        assert is_ringing(bell)
        bell.clear()
        assert not is_ringing(bell)


def test_a_local_bell_rings_for_nobody_once_it_is_closed():
    bell = LocalBell()
    for _ in range(10_000):
        bell.ring()
    assert is_ringing(bell)
    bell.clear()
    bell.close()
    bell.ring()


def test_what_a_killed_process_left_is_removed_and_what_is_no_bell_stays(tmp_path: Path):
    folder = tmp_path / "bells"
    killed = FifoBell(folder)
    os.close(killed.fileno())
    (folder / "a file").write_text("")
    (folder / "a link").symlink_to(folder / "a file")
    with closing(FifoBell(folder)) as bell:
        ring_all(folder)
        assert is_ringing(bell)
        assert len(list(folder.iterdir())) == 3


def test_where_there_are_no_bells_to_ring_nothing_happens(tmp_path: Path):
    ring_all(tmp_path / "none")
