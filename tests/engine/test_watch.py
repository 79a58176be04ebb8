from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from dataops_lab.domain.retries import Budget, charged_budget
from dataops_lab.domain.runs import AttemptState, Progress, Usage
from dataops_lab.engine import watch
from dataops_lab.engine.watch import AttemptTimes, JournalFollower, Step, determine_end, next_step
from dataops_lab.ports import AttemptStatus, Observation
from dataops_lab.rundir.reading import RunFolder
from dataops_lab.services import runs

from ..hostile import a_pipe


@pytest.fixture
def database(sqlite: str) -> str:
    """A database of SQLite alone: other tests give both databases all statements that these give."""
    return sqlite


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def add(journal: Path, *events: dict | str) -> None:
    with journal.open("a") as file:
        file.writelines((event if isinstance(event, str) else json.dumps(event)) + "\n" for event in events)


START = {"seq": 1, "t": 0.5, "kind": "start", "cells": 4, "code_cells": 3}
STARTED = {"seq": 2, "t": 0.5, "kind": "cell_started", "cell": 1, "done": 0}
FINISHED = {"seq": 3, "t": 0.5, "kind": "cell_finished", "cell": 1, "ok": True, "execution_count": 1, "done": 1}
USAGE = {"seq": 4, "t": 0.5, "kind": "usage", "peak_memory_bytes": 1024, "cpu_seconds": 0.5}


def test_a_growing_journal_tells_progress_and_usage(journal):
    follower = JournalFollower(RunFolder(journal.parent))
    follower.read()
    assert follower.progress == Progress()
    add(journal, START)
    follower.read()
    assert follower.progress == Progress(0, 3)
    with journal.open("a") as file:
        file.write(json.dumps(STARTED))
    follower.read()
    assert follower.progress == Progress(0, 3)
    with journal.open("a") as file:
        file.write("\n")
    follower.read()
    assert follower.progress == Progress(0, 3, current=1)
    add(journal, FINISHED, USAGE)
    follower.read()
    assert (follower.progress, follower.usage) == (Progress(1, 3), Usage(1024, 0.5))


@pytest.mark.parametrize(
    "line",
    [
        '{"seq":1,"t":0,"kind":"start","cells":1,"code_cells":Infinity}',
        '{"seq":1,"t":0,"kind":"start","cells":1,"code_cells":100000000000000000000000}',
        '{"seq":1,"t":0,"kind":"start","cells":1,"code_cells":-1}',
        '{"seq":1,"t":0,"kind":"cell_started","cell":2147483648,"done":0}',
        '{"seq":1,"t":0,"kind":"start","x":' + "[" * 100_000,
        '{"seq":1,"t":0,"kind":"start","x":' + "[" * 400 + "]" * 400 + "}",
        '{"seq":1,"t":0,"kind":"usage","peak_memory_bytes":{},"cpu_seconds":NaN}',
        '["start"]',
        '"start"',
        "",
        '{"seq":1,"t":0,"kind":"start","cells":9,"code_cells":9,"x":"' + "x" * 2**21 + '"}',
    ],
)
def test_a_line_that_no_runner_writes_is_passed_over(journal, line):
    add(journal, START, line, STARTED)
    follower = JournalFollower(RunFolder(journal.parent))
    follower.read_all()
    assert (follower.progress, follower.usage) == (Progress(0, 3, current=1), Usage())


@pytest.mark.parametrize("make", [a_pipe, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_journal_is_not_waited_for(journal, make):
    make(journal)
    follower = JournalFollower(RunFolder(journal.parent))
    follower.read_all()
    assert follower.progress == Progress()


def test_one_look_reads_no_more_than_it_may(journal, monkeypatch):
    monkeypatch.setattr(watch, "MAX_READ_BYTES", 1000)
    add(journal, *["x" * 99] * 100, START)
    follower = JournalFollower(RunFolder(journal.parent))
    looks = 0
    while follower.read():
        looks += 1
    assert (looks, follower.progress) == (11, Progress(0, 3))


def test_a_journal_without_end_is_not_read_to_its_end(journal, monkeypatch):
    with journal.open("wb") as file:
        file.truncate(900 * 1024**2)
    monkeypatch.setattr(watch, "MAX_JOURNAL_BYTES", 50 * 1024**2)
    JournalFollower(RunFolder(journal.parent)).read_all()


@pytest.mark.parametrize(
    ("memory", "code"),
    [
        ({"oom_kills": 1, "limit": 1024**2, "peak": 1024**2}, "out_of_memory"),
        ({"oom_kills": 1, "limit": "x", "peak": 10**30}, "out_of_memory"),
        ({"oom_kills": {}}, "runner_lost"),
        ([1], "runner_lost"),
        ("oom_kills", "runner_lost"),
        (None, "runner_lost"),
    ],
)
def test_what_a_container_says_of_its_memory_is_not_trusted(submit, ctx, new_engine, memory, code):
    view = submit()
    new_engine().step()
    view = runs.get(ctx, view.run.id)
    look = Observation(AttemptStatus.CONFIRMED_DEAD, ran=True, detail={"memory": memory})
    state, reason = determine_end(view.attempts[-1], view.run, None, None, look, duration_s=1.0)
    assert reason.code == code
    assert state is (AttemptState.FAILED if code == "out_of_memory" else AttemptState.LOST)
    assert json.dumps(reason.detail, allow_nan=False)


def test_who_left_too_much_has_failed_whatever_its_files_say_and_is_not_tried_again(submit, ctx, new_engine):
    view = submit()
    new_engine().step()
    view = runs.get(ctx, view.run.id)
    look = Observation(
        AttemptStatus.CONFIRMED_DEAD, ran=True, detail={"left_too_much": "It left more than 1 MiB of files."}
    )
    state, reason = determine_end(view.attempts[-1], view.run, True, None, look, duration_s=1.0)
    assert (state, reason.code) == (AttemptState.FAILED, "left_too_much")
    assert charged_budget(state, reason) is Budget.USER


@pytest.mark.parametrize(
    ("memory", "state", "code"),
    [
        ({"oom_kills": 0}, AttemptState.FAILED, "runner_killed"),
        ({"oom_kills": 1}, AttemptState.FAILED, "out_of_memory"),
        ({}, AttemptState.LOST, "runner_lost"),
    ],
    ids=["memory was left", "none was left", "nobody counted"],
)
def test_who_ends_his_own_runner_has_failed_where_nothing_else_can_have_done_it(
    submit, ctx, new_engine, memory, state, code
):
    view = submit()
    new_engine().step()
    view = runs.get(ctx, view.run.id)
    look = Observation(AttemptStatus.CONFIRMED_DEAD, ran=True, detail={"killed_by": "SIGKILL", "memory": memory})
    ended, reason = determine_end(view.attempts[-1], view.run, None, None, look, duration_s=1.0)
    assert (ended, reason.code) == (state, code)
    assert charged_budget(ended, reason) is (Budget.INFRASTRUCTURE if code == "runner_lost" else Budget.USER)


DEAD, EXITED = AttemptStatus.CONFIRMED_DEAD, AttemptStatus.EXITED
STARTING, RUNNING, NOT_FOUND = AttemptStatus.STARTING, AttemptStatus.RUNNING, AttemptStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("state", "status", "step"),
    [
        ("launching", NOT_FOUND, Step.WAIT),
        ("launching", STARTING, Step.WAIT),
        ("launching", RUNNING, Step.RUNNING),
        ("launching", EXITED, Step.FORCE),
        ("launching", DEAD, Step.FINISH),
        ("running", NOT_FOUND, Step.FORCE),
        ("running", STARTING, Step.WAIT),
        ("running", RUNNING, Step.WAIT),
        ("running", EXITED, Step.FORCE),
        ("running", DEAD, Step.FINISH),
        ("cancelling", NOT_FOUND, Step.FORCE),
        ("cancelling", STARTING, Step.WAIT),
        ("cancelling", RUNNING, Step.WAIT),
        ("cancelling", EXITED, Step.FORCE),
        ("cancelling", DEAD, Step.FINISH),
    ],
)
def test_what_is_due_follows_from_the_state_of_the_attempt_and_its_status(submit, ctx, new_engine, state, status, step):
    view = submit()
    new_engine().step()
    view = runs.get(ctx, view.run.id)
    attempt = replace(view.attempts[-1], state=AttemptState(state))
    seen = Observation(status, ran=status is RUNNING)
    times = AttemptTimes(began_at=0.0, deadline=100.0, stopping_since=0.0)
    assert next_step(attempt, view.run, seen, times, now=1.0) is step
