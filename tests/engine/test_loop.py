"""The whole engine, on a real store and a backend that does what the test says."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest
from sqlalchemy import select

from dataops_lab.domain.environments import inherited_variables
from dataops_lab.domain.events import run_subject
from dataops_lab.domain.records import RecordFileKind
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.engine import Engine, Settings, watch
from dataops_lab.engine.leader_election import LEASE_DURATION_S, Leadership
from dataops_lab.engine.watch import FORCE_AFTER_S, UNCONFIRMED_AFTER_S
from dataops_lab.errors import BlobsUnavailable, Refused, StaleWrite, Unavailable
from dataops_lab.ports import AttemptStatus, Observation
from dataops_lab.services import Services, jobs, runs
from dataops_lab.services.runs import RunView
from dataops_lab.store import SqlStore
from dataops_lab.store.records import SqlRecords
from dataops_lab.store.sql import SqlTransaction
from dataops_lab.store.tables import metadata
from dataops_lab.testing import FakeBackends, FakeClock, FakeHost, person

from ..waiting import eventually

Submit = Callable[..., RunView]
NewEngine = Callable[..., Engine]


@pytest.fixture
def until(ctx: Services, clock: FakeClock) -> Callable[..., RunView]:
    """A function that lets an engine step until the run, or its last attempt, has the wanted state.

    The clock goes on between the steps.
    """

    def stepped(engine: Engine, view: RunView, wanted: RunState | AttemptState) -> RunView:
        for _ in range(2000):
            now = runs.get(ctx, view.run.id)
            # Some states of attempts and of runs have the same name, but they are different states.
            reached = [now.run.state] if isinstance(wanted, RunState) else [a.state for a in now.attempts[-1:]]
            if wanted in reached:
                return now
            engine.step()
            clock.advance(0.25)
        raise AssertionError(f"never {wanted}: {now.run.state} {[a.state for a in now.attempts]}")

    return stepped


@pytest.fixture
def next_engine(new_engine: NewEngine) -> NewEngine:
    """A function that makes an engine that comes after the engine of pid 1, which is dead."""

    def engine(**more: int) -> Engine:
        host = FakeHost(pid=2)
        host.dead.add(1)
        return new_engine(host=host, **more)

    return engine


def test_a_run_succeeds_with_its_record_and_leaves_nothing_behind(engine, submit, executor, until, ctx):
    view = until(engine, submit(), AttemptState.RUNNING)
    executor.end(view.attempts[-1].name)
    ended = until(engine, view, RunState.SUCCEEDED)
    assert ended.record is not None
    assert [file.kind for file in ended.record.files] == ["result"]
    assert ended.attempts[-1].state is AttemptState.SUCCEEDED
    assert ended.attempts[-1].usage.peak_memory_bytes == 1024
    while engine.step():
        pass
    assert executor.calls[-1] == ("forget", ended.attempts[-1].name)


def test_a_failed_run_says_which_cell_and_why(engine, submit, executor, until):
    view = until(engine, submit(), AttemptState.RUNNING)
    failure = {"code": "cell_error", "message": "Cell 3 failed.", "cell": 3, "ename": "KeyError", "evalue": "'x'"}
    executor.end(view.attempts[-1].name, "failed", failure=failure)
    ended = until(engine, view, RunState.FAILED)
    assert ended.run.reason.code == "cell_error"
    assert ended.run.reason.detail == {"cell": 3, "ename": "KeyError", "evalue": "'x'"}


def test_a_runner_that_was_killed_is_lost_with_its_record_kept_and_tried_again_three_times(
    engine, submit, executor, until, ctx
):
    view = submit()
    for number in (1, 2, 3, 4):
        running = until(engine, view, AttemptState.RUNNING)
        assert running.attempts[-1].number == number
        executor.directory(running.attempts[-1].name).joinpath("log.txt").write_text("so far")
        executor.end(running.attempts[-1].name, None)
        lost = until(engine, view, AttemptState.LOST)
        assert [file.path for file in lost.record.files] == ["log.txt"]
        assert lost.run.reason.code == "runner_lost"
        assert lost.run.state is (RunState.RETRY_WAIT if number < 4 else RunState.LOST)
    assert [a.state for a in runs.get(ctx, view.run.id).attempts] == [AttemptState.LOST] * 4


def test_the_next_attempt_after_a_lost_one_can_succeed(engine, submit, executor, until):
    view = until(engine, submit(), AttemptState.RUNNING)
    executor.end(view.attempts[-1].name, None)
    until(engine, view, RunState.RETRY_WAIT)
    view = until(engine, view, AttemptState.RUNNING)
    executor.end(view.attempts[-1].name)
    ended = until(engine, view, RunState.SUCCEEDED)
    assert ended.run.reason is None
    assert [attempt.number for attempt in ended.attempts] == [1, 2]


def test_a_run_that_waits_for_its_next_attempt_can_be_cancelled(engine, submit, executor, until, ctx):
    view = until(engine, submit(), AttemptState.RUNNING)
    executor.end(view.attempts[-1].name, None)
    until(engine, view, RunState.RETRY_WAIT)
    assert runs.cancel(ctx, view.run.id, by=person("someone")).run.state is RunState.CANCELLED


def test_the_error_of_a_notebook_is_not_tried_again(engine, submit, executor, until):
    view = until(engine, submit(), AttemptState.RUNNING)
    executor.end(view.attempts[-1].name, "failed", failure={"code": "cell_error", "message": "x"})
    assert len(until(engine, view, RunState.FAILED).attempts) == 1


def test_what_nobody_starts_within_a_day_expires(new_engine, submit, until, clock):
    view = submit()
    clock.advance(24 * 3600)
    ended = until(new_engine(), view, RunState.EXPIRED)
    assert "24 hours" in ended.run.reason.message


@pytest.mark.parametrize(
    "result",
    [
        "",
        "[]",
        "{}",
        '{"state": "succeeded"}',
        "\x00",
        "[" * 100_000,
        '{"state": "succeeded", "peak_memory_bytes": {}}',
    ],
)
def test_a_broken_result_is_never_a_success(engine, submit, executor, until, result):
    view = until(engine, submit(), AttemptState.RUNNING)
    executor.directory(view.attempts[-1].name).joinpath("result.json").write_text(result)
    executor.end(view.attempts[-1].name, None)
    until(engine, view, AttemptState.LOST)


@pytest.mark.parametrize(
    "broken", [{"peak_memory_bytes": {}}, {"done": float("inf")}, {"total": 10**30}, {"failure": ["code", "message"]}]
)
def test_a_run_whose_result_is_broken_has_its_end(engine, submit, executor, until, broken):
    view = submit()
    for _ in range(4):
        running = until(engine, view, AttemptState.RUNNING)
        executor.end(running.attempts[-1].name, **broken)
        until(engine, view, AttemptState.LOST)
    assert until(engine, view, RunState.LOST).run.reason.code == "runner_lost"


def test_any_text_of_an_error_and_any_value_can_be_stored(engine, submit, executor, until):
    view = until(engine, submit(), AttemptState.RUNNING)
    name = view.attempts[-1].name
    executor.directory(name).joinpath("values.json").write_text(json.dumps({"a\0": "b\0\n\U0001f600"}))
    odd = "a\0\x1b\U0001f600"
    failure = {"code": odd, "message": odd * 100_000, "ename": odd, "evalue": {odd: [odd]}, "traceback": [odd, {}]}
    executor.end(name, "failed", failure=failure)
    ended = until(engine, view, RunState.FAILED)
    assert ended.run.reason.code.startswith("a")
    assert ended.record.values == {"a\0": "b\0\n\U0001f600"}


@pytest.mark.parametrize(
    "line",
    [
        '{"seq":1,"t":0,"kind":"start","cells":1,"code_cells":Infinity}',
        '{"seq":1,"t":0,"kind":"start","cells":1,"code_cells":100000000000000000000000}',
        '{"seq":1,"t":0,"kind":"start","x":' + "[" * 100_000,
    ],
)
def test_whatever_a_notebook_writes_into_its_journal_the_other_runs_have_their_end(
    engine, submit, executor, until, ctx, line
):
    bad, other = submit(), submit()
    name = until(engine, bad, AttemptState.RUNNING).attempts[-1].name
    executor.directory(name).joinpath("journal.jsonl").write_text(line + "\n")
    executor.end(until(engine, other, AttemptState.RUNNING).attempts[-1].name)
    until(engine, other, RunState.SUCCEEDED)
    assert runs.get(ctx, bad.run.id).attempts[-1].state is AttemptState.RUNNING
    executor.end(name)
    until(engine, bad, RunState.SUCCEEDED)


def test_what_cannot_be_started_fails_with_the_reason(engine, submit, executor, until):
    executor.fails_to_start = BlobsUnavailable("The disk is full.")
    ended = until(engine, submit(), RunState.FAILED)
    assert ended.run.reason.code == "launch_failed"
    assert "The disk is full." in ended.run.reason.message


def test_a_backend_that_cannot_be_asked_is_asked_again_until_it_answers(engine, submit, executor, until, ctx):
    executor.fails_to_start = Unavailable("No daemon answers.")
    view = until(engine, submit(), AttemptState.LAUNCHING)
    for _ in range(50):
        engine.step()
        engine.wait_for_threads()
    assert [attempt.state for attempt in runs.get(ctx, view.run.id).attempts] == [AttemptState.LAUNCHING]
    executor.fails_to_start = None
    until(engine, view, AttemptState.RUNNING)


def test_a_run_whose_backend_never_answers_again_is_lost_when_its_time_is_over(
    engine, submit, executor, until, clock, monkeypatch
):
    view = until(engine, submit(), AttemptState.RUNNING)

    def unreachable(name):
        raise Unavailable("No daemon answers.")

    monkeypatch.setattr(executor, "observe", unreachable)
    for _ in range(50):
        engine.step()
    clock.advance(view.run.settings.total_timeout_s)
    ended = until(engine, view, RunState.LOST)
    assert "No daemon answers." in ended.run.reason.message


def test_what_is_refused_by_the_backend_is_not_tried_again(engine, submit, executor, until):
    executor.fails_to_start = Refused("The image is not there.", code="image_gone")
    ended = until(engine, submit(), RunState.FAILED)
    assert (ended.run.reason.code, len(ended.attempts)) == ("image_gone", 1)


def test_no_more_attempts_than_slots_and_the_oldest_first(new_engine: NewEngine, submit: Submit, executor, until, ctx):
    engine = new_engine(slots=2)
    first, second, third = submit(), submit(), submit()
    until(engine, first, AttemptState.RUNNING)
    until(engine, second, AttemptState.RUNNING)
    waiting = runs.get(ctx, third.run.id)
    assert waiting.run.state is RunState.QUEUED
    assert waiting.waiting_reason.code == "waiting_for_slot"
    executor.end(runs.get(ctx, first.run.id).attempts[-1].name)
    until(engine, third, AttemptState.RUNNING)


def test_a_cancelled_run_keeps_what_it_had_written(engine, submit, executor, until, ctx):
    view = until(engine, submit(), AttemptState.RUNNING)
    name = view.attempts[-1].name
    runs.cancel(ctx, view.run.id, by=person("someone"))
    until(engine, view, AttemptState.CANCELLING)
    engine.wait_for_threads()
    assert ("stop", name) in executor.calls
    executor.directory(name).joinpath("output.ipynb").write_text("{}")
    executor.end(name, "terminated")
    ended = until(engine, view, RunState.CANCELLED)
    assert ended.run.reason.message == "Cancelled by someone."
    assert ended.record.find_file(RecordFileKind.NOTEBOOK)


def test_what_ignores_the_request_to_stop_is_killed(engine, submit, executor, until, ctx, clock):
    view = until(engine, submit(), AttemptState.RUNNING)
    runs.cancel(ctx, view.run.id, by=person("someone"))
    until(engine, view, AttemptState.CANCELLING)
    assert ("kill", view.attempts[-1].name) not in executor.calls
    clock.advance(FORCE_AFTER_S)
    until(engine, view, RunState.CANCELLED)
    assert ("kill", view.attempts[-1].name) in executor.calls


def test_cancelled_is_never_said_before_death_is_proven(engine, submit, executor, until, ctx, clock):
    executor.ignores_stop = True
    view = until(engine, submit(), AttemptState.RUNNING)
    runs.cancel(ctx, view.run.id, by=person("someone"))
    until(engine, view, AttemptState.CANCELLING)
    clock.advance(UNCONFIRMED_AFTER_S)
    until(engine, view, AttemptState.UNCONFIRMED)
    assert runs.get(ctx, view.run.id).run.state is RunState.ACTIVE
    executor.end(view.attempts[-1].name, None)
    until(engine, view, RunState.CANCELLED)


def test_what_nobody_can_prove_dead_is_lost_in_the_end_and_no_second_one_is_started(
    new_engine, next_engine, submit, executor, until, ctx, clock
):
    executor.ignores_stop = True
    engine = new_engine(host=FakeHost(pid=1))
    view = until(engine, submit(max_retries=2, retry_on_timeout=True, timeout_s=10.0), AttemptState.RUNNING)
    clock.advance(10)
    until(engine, view, AttemptState.TIMING_OUT)
    clock.advance(UNCONFIRMED_AFTER_S)
    until(engine, view, AttemptState.UNCONFIRMED)
    # An engine that adopts the attempt in this state gives it up too.
    second = next_engine()
    for _ in range(5):
        second.step()
        second.wait_for_threads()
    clock.advance(watch.LOST_AFTER_S)
    ended = until(second, view, RunState.LOST)
    assert ended.run.reason.code == "unconfirmed"
    assert len(ended.attempts) == 1


@pytest.mark.parametrize("state", [AttemptState.RUNNING, AttemptState.CANCELLING])
def test_what_has_vanished_from_where_it_ran_comes_to_its_end(new_engine, submit, executor, until, ctx, state):
    engine = new_engine()
    view = until(engine, submit(), AttemptState.RUNNING)
    if state is AttemptState.CANCELLING:
        runs.cancel(ctx, view.run.id, by=person("someone"))
        until(engine, view, state)
    executor.lose(view.attempts[-1].name)
    ended = until(engine, view, AttemptState.LOST if state is AttemptState.RUNNING else AttemptState.CANCELLED)
    assert ("kill", view.attempts[-1].name) in executor.calls
    if state is AttemptState.RUNNING:
        assert ended.run.reason.code == "runner_lost"
        assert ended.run.state is RunState.RETRY_WAIT


@pytest.mark.parametrize("state", [AttemptState.TIMING_OUT, AttemptState.CANCELLING])
def test_what_is_lost_while_it_is_stopped_and_cannot_be_killed_ends_with_the_next_engine_too(
    new_engine, next_engine, submit, executor, until, ctx, clock, state
):
    executor.ignores_stop = True
    first = new_engine(host=FakeHost(pid=1))
    view = until(first, submit(timeout_s=100.0), AttemptState.RUNNING)
    if state is AttemptState.CANCELLING:
        runs.cancel(ctx, view.run.id, by=person("someone"))
    else:
        clock.advance(101)
    until(first, view, state)
    first.wait_for_threads()
    executor.lose(view.attempts[-1].name)
    second = next_engine()
    second.step()
    clock.advance(UNCONFIRMED_AFTER_S)
    until(second, view, AttemptState.UNCONFIRMED)
    clock.advance(watch.LOST_AFTER_S)
    ended = until(second, view, AttemptState.LOST)
    assert ended.run.state.is_terminal


@pytest.mark.parametrize("left", [None, Observation(AttemptStatus.EXITED, ran=True)])
def test_what_is_lost_or_leaves_something_that_cannot_be_killed_ends_when_its_time_is_over(
    engine, submit, executor, until, ctx, clock, monkeypatch, left
):
    executor.ignores_stop = True
    view = until(engine, submit(), AttemptState.RUNNING)
    if left is None:
        executor.lose(view.attempts[-1].name)
    else:
        monkeypatch.setattr(executor, "observe", lambda _: left)
    for _ in range(20):
        engine.step()
        engine.wait_for_threads()
    assert ("kill", view.attempts[-1].name) in executor.calls
    assert runs.get(ctx, view.run.id).attempts[-1].state is AttemptState.RUNNING
    clock.advance(view.run.settings.total_timeout_s)
    until(engine, view, AttemptState.TIMING_OUT)
    clock.advance(UNCONFIRMED_AFTER_S)
    until(engine, view, AttemptState.UNCONFIRMED)
    clock.advance(watch.LOST_AFTER_S)
    assert until(engine, view, RunState.LOST).run.reason.code == "unconfirmed"


def test_success_that_races_a_cancel_has_one_end(engine, submit, executor, until, ctx):
    view = until(engine, submit(), AttemptState.RUNNING)
    runs.cancel(ctx, view.run.id, by=person("someone"))
    executor.end(view.attempts[-1].name)
    ended = until(engine, view, RunState.SUCCEEDED)
    assert ended.run.cancel_requested_at is not None


def test_a_run_past_its_timeout_is_timed_out(engine, submit, executor, until, clock):
    view = until(engine, submit(timeout_s=100.0), AttemptState.RUNNING)
    clock.advance(101)
    until(engine, view, AttemptState.TIMING_OUT)
    executor.end(view.attempts[-1].name, "terminated")
    ended = until(engine, view, RunState.TIMED_OUT)
    assert "100 seconds" in ended.run.reason.message


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("adopted", [False, True])
def test_a_wall_clock_that_is_set_ends_nothing(
    new_engine, next_engine, submit, executor, until, clock, ctx, hours, adopted
):
    engine = new_engine(slots=1, host=FakeHost(pid=1))
    running = until(engine, submit(timeout_s=100.0, total_timeout_s=200.0), AttemptState.RUNNING)
    queued = submit(queue_timeout_s=100.0)
    clock.set_wall_clock(clock.now() + dt.timedelta(hours=hours))
    if adopted:
        engine = next_engine(slots=1)
    for _ in range(20):
        engine.step()
        clock.advance(2)
    assert runs.get(ctx, running.run.id).attempts[-1].state is AttemptState.RUNNING
    assert runs.get(ctx, queued.run.id).run.state is RunState.QUEUED
    # Both still end in time.
    clock.advance(100)
    until(engine, queued, RunState.EXPIRED)
    until(engine, running, AttemptState.TIMING_OUT)


def test_the_total_clock_ends_an_attempt_and_there_is_no_other(engine, submit, executor, until, clock):
    view = submit(total_timeout_s=100.0, timeout_s=90.0, max_retries=3, retry_on_timeout=True)
    until(engine, view, AttemptState.RUNNING)
    clock.advance(50)
    executor.end(f"{view.run.id}-1", "failed", failure={"code": "cell_error", "message": "x"})
    view = until(engine, view, RunState.RETRY_WAIT)
    view = until(engine, view, AttemptState.RUNNING)
    clock.advance(60)
    until(engine, view, AttemptState.TIMING_OUT)
    executor.end(view.attempts[-1].name, "terminated")
    ended = until(engine, view, RunState.TIMED_OUT)
    assert ended.run.reason.code == "total_timeout"
    assert [attempt.reason.code for attempt in ended.attempts] == ["cell_error", "total_timeout"]


def test_a_run_that_waits_for_its_next_attempt_for_too_long_in_all_expires(engine, submit, executor, until, clock):
    view = until(engine, submit(total_timeout_s=60.0, timeout_s=60.0), AttemptState.RUNNING)
    executor.end(view.attempts[-1].name, None)
    until(engine, view, RunState.RETRY_WAIT)
    clock.advance(60)
    until(engine, view, RunState.EXPIRED)


def test_what_the_notebook_did_wrong_is_tried_again_as_often_as_was_asked_for(engine, submit, executor, until):
    failure = {"code": "cell_error", "message": "x"}
    view = submit(max_retries=1)
    running = until(engine, view, AttemptState.RUNNING)
    executor.end(running.attempts[-1].name, "failed", failure=failure)
    until(engine, view, RunState.RETRY_WAIT)
    again = until(engine, view, AttemptState.RUNNING)
    executor.end(again.attempts[-1].name, "failed", failure=failure)
    ended = until(engine, view, RunState.FAILED)
    assert [attempt.reason.code for attempt in ended.attempts] == ["cell_error"] * 2


def test_a_cancel_that_comes_as_the_runner_is_lost_leaves_no_other_attempt(engine, submit, executor, until, ctx):
    view = until(engine, submit(), AttemptState.RUNNING)
    runs.cancel(ctx, view.run.id, by=person("someone"))
    executor.end(view.attempts[-1].name, None)
    ended = until(engine, view, RunState.CANCELLED)
    assert ended.attempts[-1].state is AttemptState.LOST
    assert ended.run.reason.code == "cancelled"


def test_nobody_reads_the_queue_while_nothing_changes(engine, submit, clock, ctx, monkeypatch):
    from dataops_lab.store.queue import SqlQueue

    view = submit()
    jobs.change(ctx, view.job.id, {"concurrency": 0}, by=person("someone"))
    engine.step()
    engine.step()
    read = []
    for verb in ("list_unfinished", "changes_since"):
        kept = getattr(SqlQueue, verb)
        monkeypatch.setattr(SqlQueue, verb, lambda *args, kept=kept, **more: read.append(1) or kept(*args, **more))
    for _ in range(50):
        clock.advance(0.1)
        engine.step()
    # On PostgreSQL the notification of the last change may come after the engine has read the change.
    assert len(read) <= 4
    assert runs.get(ctx, view.run.id).waiting_reason.code == "waiting_for_job"


def test_an_engine_that_comes_after_adopts_what_still_runs(new_engine, next_engine, submit, executor, until):
    first = new_engine(host=FakeHost(pid=1))
    view = until(first, submit(), AttemptState.RUNNING)
    second = next_engine()
    second.step()
    executor.end(view.attempts[-1].name)
    until(second, view, RunState.SUCCEEDED)
    assert [verb for verb, _ in executor.calls].count("start") == 1


def test_an_engine_killed_between_intent_and_launch_starts_it_once(
    new_engine, next_engine, submit, executor, until, ctx, monkeypatch
):
    view = submit()
    first = new_engine(host=FakeHost(pid=1))
    monkeypatch.setattr(executor, "start", lambda bundle: None)
    until(first, view, AttemptState.LAUNCHING)
    monkeypatch.undo()
    until(next_engine(), view, AttemptState.RUNNING)
    assert len(executor.alive) == 1
    assert len(runs.get(ctx, view.run.id).attempts) == 1


def test_what_is_cancelled_before_its_launch_is_not_launched_by_the_next_engine(
    new_engine, next_engine, submit, executor, until, ctx, monkeypatch
):
    view = submit()
    first = new_engine(host=FakeHost(pid=1))
    monkeypatch.setattr(executor, "start", lambda bundle: None)
    until(first, view, AttemptState.LAUNCHING)
    runs.cancel(ctx, view.run.id, by=person("someone"))
    monkeypatch.undo()
    until(next_engine(), view, RunState.CANCELLED)
    assert "start" not in [verb for verb, _ in executor.calls]


@pytest.mark.parametrize("error", [Unavailable("No daemon answers."), Refused("A bad request."), OSError("no")])
def test_a_backend_in_trouble_with_one_attempt_keeps_no_other_from_its_end(
    new_engine, submit, executor, until, ctx, monkeypatch, error
):
    engine = new_engine(slots=2)
    one, other = (until(engine, submit(), AttemptState.RUNNING) for _ in range(2))
    observe = executor.observe

    def troubled(name: str) -> Observation:
        if name in (one.attempts[-1].name, "left behind"):
            raise error
        return observe(name)

    monkeypatch.setattr(executor, "observe", troubled)
    monkeypatch.setattr(executor, "list_names", lambda: iter(["left behind"]))
    executor.end(other.attempts[-1].name)
    until(engine, other, RunState.SUCCEEDED)
    assert runs.get(ctx, one.run.id).run.state is RunState.ACTIVE
    monkeypatch.undo()
    executor.end(one.attempts[-1].name)
    until(engine, one, RunState.SUCCEEDED)


@pytest.mark.parametrize("verb", ["observe", "stop", "list_names"])
def test_a_backend_that_keeps_whoever_asks_waiting_holds_up_nothing_else(
    new_engine, next_engine, submit, executor, until, ctx, monkeypatch, verb
):
    first = new_engine(slots=2, host=FakeHost(pid=1))
    one, other = (until(first, submit(), AttemptState.RUNNING) for _ in range(2))
    answer, plain = threading.Event(), getattr(executor, verb)

    def slow(*args, **more):
        if (not args or args[0] == one.attempts[-1].name) and not answer.wait(60):
            raise AssertionError("Everybody waited for it.")
        return plain(*args, **more)

    monkeypatch.setattr(executor, verb, slow)
    if verb == "stop":
        runs.cancel(ctx, one.run.id, by=person("someone"))
    executor.end(other.attempts[-1].name)
    second = next_engine()
    try:
        until(second, other, RunState.SUCCEEDED)
    finally:
        answer.set()
    executor.end(one.attempts[-1].name)
    until(second, one, RunState.CANCELLED if verb == "stop" else RunState.SUCCEEDED)


def test_a_run_is_stopped_while_many_others_are_being_launched(new_engine, submit, executor, until, ctx, monkeypatch):
    engine = new_engine(slots=9)
    one = until(engine, submit(), AttemptState.RUNNING)
    go_on, start = threading.Event(), executor.start

    def slow(bundle):
        if not go_on.wait(60):
            raise AssertionError("Everybody waited for the launches.")
        start(bundle)

    monkeypatch.setattr(executor, "start", slow)
    others = [submit() for _ in range(8)]
    engine.step()
    runs.cancel(ctx, one.run.id, by=person("someone"))
    try:
        until(engine, one, RunState.CANCELLED)
    finally:
        go_on.set()
    for other in others:
        until(engine, other, AttemptState.RUNNING)


def test_a_second_engine_stands_by_and_takes_over_when_the_lease_has_run_out(
    new_engine, submit, executor, until, clock
):
    first, second = new_engine(host=FakeHost(pid=1)), new_engine(host=FakeHost(pid=2))
    view = until(first, submit(), AttemptState.RUNNING)
    assert second.step() is False
    clock.advance(LEASE_DURATION_S + 1)
    assert second.step() is True
    executor.end(view.attempts[-1].name)
    until(second, view, RunState.SUCCEEDED)


class Interrupted:
    """The store as one engine sees it. `meanwhile`, when set, runs before the engine's next write as the leader."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.meanwhile: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def begin(self, *, fence: int | None = None) -> AbstractContextManager[SqlTransaction]:
        if fence is not None and (meanwhile := self.meanwhile):
            self.meanwhile = None
            meanwhile()
        return self._store.begin(fence=fence)


def rows_of(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    """Read all rows of all tables."""
    with store._database.reader.connect() as connection:
        found = {table.name: connection.execute(select(table)) for table in metadata.sorted_tables}
        return {name: sorted(map(tuple, rows), key=repr) for name, rows in found.items()}


@pytest.mark.parametrize("what", ["claim", "expire", "note that it runs", "note progress", "cancel", "end"])
def test_the_late_writes_of_an_engine_that_slept_past_its_lease_touch_nothing(
    new_engine, submit, executor, until, clock, ctx, what
):
    # The engine falls asleep after it has decided what to write, and before it begins to write.
    store = Interrupted(ctx.store)
    own = replace(ctx, store=store, host=FakeHost(pid=1))
    sleeper = Engine(own, FakeBackends(executor), Settings(slots=2), inherited={})
    other = new_engine(host=FakeHost(pid=2))
    sleeper.step()
    view = submit(queue_timeout_s=100.0)
    if what == "expire":
        jobs.change(ctx, view.job.id, {"concurrency": 0}, by=person("someone"))
        clock.advance(101)
    elif what == "note that it runs":
        until(sleeper, view, AttemptState.LAUNCHING)
        sleeper.wait_for_threads()
    elif what != "claim":
        until(sleeper, view, AttemptState.RUNNING)
    if what == "note progress":
        journal = executor.directory(f"{view.run.id}-1") / "journal.jsonl"
        journal.write_text('{"seq":1,"t":0,"kind":"start","cells":2,"code_cells":2}\n')
    elif what == "cancel":
        runs.cancel(ctx, view.run.id, by=person("someone"))
    elif what == "end":
        executor.end(f"{view.run.id}-1")
        sleeper.step()
        sleeper.wait_for_threads()
    seen, asked = {}, list(executor.calls)

    def another_takes_over() -> None:
        clock.advance(LEASE_DURATION_S + 1)
        assert other._leadership.acquire_or_renew()
        seen.update(rows_of(ctx.store))

    store.meanwhile = another_takes_over
    with pytest.raises(StaleWrite, match="Another engine leads now"):
        eventually(lambda: sleeper.step() and False)  # A notification of PostgreSQL takes a moment to arrive.
    assert seen
    assert rows_of(ctx.store) == seen
    assert executor.calls == asked
    sleeper.reset()
    assert sleeper.step() is False
    # The engine that leads now brings the run to its end.
    if what == "expire":
        until(other, view, RunState.EXPIRED)
        return
    if what != "end":
        until(other, view, AttemptState.CANCELLING if what == "cancel" else AttemptState.RUNNING)
        executor.end(f"{view.run.id}-1", "terminated" if what == "cancel" else "succeeded")
    ended = until(other, view, RunState.CANCELLED if what == "cancel" else RunState.SUCCEEDED)
    assert len(ended.attempts) == 1
    assert sleeper.step() is False
    assert runs.get(ctx, view.run.id) == ended


def test_a_record_that_cannot_be_stored_keeps_the_run_from_succeeding_until_it_can(
    engine, submit, executor, until, ctx, monkeypatch, clock
):
    view = until(engine, submit(), AttemptState.RUNNING)

    def full(path):
        raise BlobsUnavailable("The disk is full.")

    monkeypatch.setattr(ctx.blobs, "put_file", full)
    executor.end(view.attempts[-1].name)
    until(engine, view, AttemptState.FINALIZING)
    for _ in range(50):
        engine.step()
    assert runs.get(ctx, view.run.id).run.state is RunState.ACTIVE
    monkeypatch.undo()
    clock.advance(10)
    until(engine, view, RunState.SUCCEEDED)


def test_a_record_that_takes_long_to_store_shows_as_finalizing(engine, submit, executor, until, ctx, monkeypatch):
    stored, put = threading.Event(), ctx.blobs.put_file
    monkeypatch.setattr(ctx.blobs, "put_file", lambda path: stored.wait() and put(path))
    view = until(engine, submit(), AttemptState.RUNNING)
    executor.end(view.attempts[-1].name)
    until(engine, view, AttemptState.FINALIZING)
    assert runs.get(ctx, view.run.id).run.state is RunState.ACTIVE
    stored.set()
    until(engine, view, RunState.SUCCEEDED)


def test_an_end_that_cannot_be_written_keeps_no_other_run_from_its_own(
    new_engine, submit, executor, until, ctx, monkeypatch, clock
):
    engine = new_engine(slots=2)
    one, other = submit(), submit()
    running = [until(engine, view, AttemptState.RUNNING) for view in (one, other)]
    add = SqlRecords.add

    def refused(records, *new):
        if one.run.id in [record.run_id for record in new]:
            raise ValueError("not like this")
        add(records, *new)

    monkeypatch.setattr(SqlRecords, "add", refused)
    for view in running:
        executor.end(view.attempts[-1].name)
    until(engine, other, RunState.SUCCEEDED)
    until(engine, one, AttemptState.FINALIZING)
    monkeypatch.undo()
    until(engine, one, RunState.SUCCEEDED)


def test_what_is_over_before_anybody_looks_has_gone_through_every_state_all_the_same(
    engine, submit, executor, until, ctx, monkeypatch
):
    start = executor.start
    monkeypatch.setattr(executor, "start", lambda bundle: (start(bundle), executor.end(bundle.name)))
    ended = until(engine, submit(), RunState.SUCCEEDED)
    with ctx.store.read() as tx:
        told = [event.kind for event in tx.events.list_after(0, subject=run_subject(ended.run.id))]
    states = ["claimed", "launching", "running", "finalizing", "succeeded"]
    assert [kind for kind in told if kind.startswith("attempt.")] == [f"attempt.{state}" for state in states]
    assert ended.attempts[-1].started_at is not None


def test_what_never_starts_is_given_up_and_tried_again_until_it_took_too_long_in_all(
    engine, submit, executor, until, clock, monkeypatch
):
    gone = []
    starting, dead = (Observation(status) for status in (AttemptStatus.STARTING, AttemptStatus.CONFIRMED_DEAD))
    monkeypatch.setattr(executor, "observe", lambda name: dead if name in gone else starting)
    monkeypatch.setattr(executor, "stop", lambda name, force: gone.append(name))
    view = submit(start_timeout_s=60.0, total_timeout_s=100.0)
    waiting = until(engine, view, RunState.RETRY_WAIT)
    assert waiting.attempts[0].reason.code == "start_timeout"
    ended = until(engine, view, RunState.TIMED_OUT)
    assert [attempt.reason.code for attempt in ended.attempts] == ["start_timeout", "total_timeout"]


def test_progress_of_a_growing_journal_reaches_the_store(engine, submit, executor, until, ctx, clock):
    view = until(engine, submit(), AttemptState.RUNNING)
    journal = executor.directory(view.attempts[-1].name) / "journal.jsonl"
    journal.write_text(
        '{"seq":1,"t":0,"kind":"start","cells":3,"code_cells":2}\n'
        '{"seq":2,"t":0,"kind":"cell_started","cell":1,"done":0}\n'
        '{"seq":3,"t":0,"kind":"output","cell":1,"output":{"output_type":"stream","text":"\\"cell_finished\\""}}\n'
        '{"seq":4,"t":0,"kind":"cell_fini'
    )
    clock.advance(1)
    engine.step()
    progress = runs.get(ctx, view.run.id).attempts[-1].progress
    assert (progress.done, progress.total, progress.current) == (0, 2, 1)
    with journal.open("a") as more:
        more.write('shed","cell":1,"ok":true,"execution_count":1,"done":1}\n')
    clock.advance(1)
    engine.step()
    assert runs.get(ctx, view.run.id).attempts[-1].progress.done == 1


def test_runs_inherit_an_allow_list_and_never_the_engines_token():
    assert inherited_variables({"PATH": "/bin", "LC_ALL": "C", "JUPYTER_TOKEN": "x", "AWS_SECRET": "y"}) == {
        "PATH": "/bin",
        "LC_ALL": "C",
    }


def test_an_engine_about_to_end_as_idle_stays_for_a_run_that_came_at_the_last_moment(
    ctx, executor, submit, clock, monkeypatch
):
    stop, late = threading.Event(), []

    def give_up_while_somebody_submits(self):
        given_up(self)
        if not late:
            late.append(submit())
        elif runs.get(ctx, late[0].run.id).run.state is RunState.SUCCEEDED:
            stop.set()

    def start_and_end(bundle):
        started(bundle)
        executor.end(bundle.name)

    given_up, started = Leadership.release, executor.start
    monkeypatch.setattr(Leadership, "release", give_up_while_somebody_submits)
    monkeypatch.setattr(executor, "start", start_and_end)
    Engine(ctx, FakeBackends(executor), Settings(slots=1, exit_when_idle_s=0.0), inherited={}).run(stop)
    assert runs.get(ctx, late[0].run.id).run.state is RunState.SUCCEEDED


def test_an_engine_that_may_not_end_because_a_run_waits_lays_its_lease_down_once(
    ctx, executor, submit, clock, monkeypatch
):
    stop, laid_down, looks = threading.Event(), [], []

    def count(self):
        looks.append(1)
        if len(looks) == 50:
            stop.set()
        elif len(looks) == 10:
            clock.advance(20.0)
        engine.wake()  # The next look comes at once.
        return keep(self)

    keep, given_up = Leadership.acquire_or_renew, Leadership.release
    monkeypatch.setattr(Leadership, "acquire_or_renew", count)
    monkeypatch.setattr(Leadership, "release", lambda self: (laid_down.append(not stop.is_set()), given_up(self)))
    job = submit().job
    jobs.change(ctx, job.id, {"concurrency": 0}, by=person("someone"))
    engine = Engine(ctx, FakeBackends(executor), Settings(slots=1, exit_when_idle_s=15.0), inherited={})
    engine.run(stop)
    assert laid_down.count(True) == 1
