"""Watched folders: one tick for each burst of new and changed files, with the list of them."""

from __future__ import annotations

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import TriggerKind
from dataops_lab.domain.schedules import Files, Overlap
from dataops_lab.engine import folder_watch

from ..schedule_lab import ScheduleLab


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    made = ScheduleLab(ctx, executor, clock)
    made.notebooks.schema = ParameterSchema((Parameter("files", ParameterType.LIST),))
    return made


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "inbox"
    made.mkdir()
    (made / "old.csv").write_text("old")
    return made


def look(lab, seconds=0.0):
    """Let time pass, and let the folders be listed once."""
    lab.advance(seconds + folder_watch.INTERVAL_S)
    lab.settle()


def watched(lab, folder):
    schedule = lab.add(Files(str(folder), "*.csv", 30.0, "files"), overlap=Overlap.ALLOW_ALL)
    look(lab)
    return schedule


def test_new_files_start_one_run_with_their_list_when_nothing_changes_any_more(lab, folder):
    schedule = watched(lab, folder)
    (folder / "a.csv").write_text("1")
    (folder / "note.txt").write_text("no")
    look(lab)
    (folder / "b.csv").write_text("2")
    look(lab, 20)
    assert lab.ticks(schedule) == []
    look(lab, 31)
    (tick,) = lab.ticks(schedule)
    (run,) = lab.runs()
    assert (tick.kind, tick.run_id, run.parameters) == ("files", run.id, {"files": ["a.csv", "b.csv"]})
    assert run.trigger.kind is TriggerKind.FILES
    look(lab, 100)
    assert len(lab.ticks(schedule)) == 1


def test_a_file_that_still_grows_is_waited_for(lab, folder):
    schedule = watched(lab, folder)
    for size in range(1, 5):
        (folder / "a.csv").write_text("x" * size)
        look(lab, 20)
    assert lab.ticks(schedule) == []
    look(lab, 31)
    assert len(lab.ticks(schedule)) == 1


def test_files_that_were_there_at_first_are_not_new_and_a_changed_one_is(lab, folder):
    schedule = watched(lab, folder)
    look(lab, 100)
    assert lab.ticks(schedule) == []
    (folder / "old.csv").write_text("changed")
    look(lab)
    look(lab, 31)
    assert [run.parameters for run in lab.runs()] == [{"files": ["old.csv"]}]


def test_another_engine_knows_the_files_of_the_last_burst(lab, folder, ctx, executor, clock):
    schedule = watched(lab, folder)
    (folder / "a.csv").write_text("1")
    look(lab)
    look(lab, 31)
    lab.engine.reset()
    (folder / "b.csv").write_text("2")
    look(lab)
    look(lab, 31)
    assert [run.parameters["files"] for run in lab.runs()] == [["a.csv"], ["b.csv"]]
    assert len(lab.ticks(schedule)) == 2


def test_a_folder_that_is_away_starts_nothing_and_has_lost_no_file(lab, folder):
    schedule = watched(lab, folder)
    folder.rename(folder.with_name("away"))
    look(lab, 100)
    folder.with_name("away").rename(folder)
    look(lab, 100)
    assert lab.ticks(schedule) == []


def test_a_folder_with_too_many_files_is_not_listed(folder, monkeypatch):
    monkeypatch.setattr(folder_watch, "MAX_FILES", 0)
    assert folder_watch.list_folder(str(folder), "*") is None
