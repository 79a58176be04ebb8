"""Cancels in every state of an attempt, with real runners: the run has one end, and no process is left."""

from __future__ import annotations

import signal

import psutil
import pytest

from dataops_lab.domain.records import RecordFileKind
from dataops_lab.domain.runs import AttemptState, RunState
from dataops_lab.errors import Conflict
from dataops_lab.executors.process import ProcessExecutor
from dataops_lab.rundir import protocol
from dataops_lab.services import runs
from dataops_lab.testing import person

from ..waiting import eventually
from ..written import FOR_EVER

SPEAKING = f"print('so far', flush=True)\n{FOR_EVER}"


@pytest.fixture
def stopped_after(start_engine, submitted, real):
    """A function that starts a run and stops its engine as soon as it has written `what`. It returns run and engine."""

    def stop(what, source):
        engine = start_engine(stop_at=f"after {what}")
        run_id = submitted(source).run.id
        return run_id, eventually_stopped(engine)

    return stop


def eventually_stopped(engine):
    eventually(lambda: psutil.Process(engine.pid).status() == psutil.STATUS_STOPPED)
    return engine


def alive_of(run_id):
    """List the living processes with the name of one of its attempts, without the executor's own code."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(protocol.ATTEMPT_VARIABLE, "").startswith(run_id):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def nothing_is_left(home):
    return not list(ProcessExecutor(home.runs / "process", None).list_names())


def runner_of(home, attempt):
    return psutil.Process(ProcessExecutor(home.runs / "process", None).observe(attempt.name).detail["pid"])


@pytest.mark.parametrize("what", ["claimed", "running", "progress"])
def test_a_cancel_before_the_end_is_heard_and_said_when_nothing_lives(stopped_after, until, home, real, what):
    run_id, engine = stopped_after(what, SPEAKING)
    [attempt] = runs.get(real, run_id).attempts
    assert attempt.state is (AttemptState.LAUNCHING if what == "claimed" else AttemptState.RUNNING)
    runs.cancel(real, run_id, by=person("someone"))
    engine.send_signal(signal.SIGCONT)
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert alive_of(run_id) == []
    assert (ended.run.state, ended.run.reason.code) == (RunState.CANCELLED, "cancelled")
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.CANCELLED]
    assert ended.record is not None
    until(run_id, lambda _: nothing_is_left(home))


def test_what_was_written_before_a_cancel_is_kept(start_engine, submitted, until, home, real):
    start_engine()
    run_id = submitted(SPEAKING).run.id
    written = home.runs / "process" / f"{run_id}-1" / protocol.LOG
    eventually(lambda: written.exists() and "so far" in written.read_text())
    runs.cancel(real, run_id, by=person("someone"))
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.CANCELLED
    assert ended.record.find_file(RecordFileKind.NOTEBOOK)
    log = ended.record.find_file(RecordFileKind.LOG)
    assert b"so far" in real.blobs.read(log.digest)


def test_a_cancel_while_the_record_is_stored_comes_too_late(stopped_after, until, home, real):
    run_id, engine = stopped_after("finalizing", "print('done')")
    assert runs.get(real, run_id).attempts[-1].state is AttemptState.FINALIZING
    assert runs.cancel(real, run_id, by=person("someone")).run.state is RunState.ACTIVE
    engine.send_signal(signal.SIGCONT)
    ended = until(run_id, lambda view: view.run.state.is_terminal)
    assert ended.run.state is RunState.SUCCEEDED
    assert ended.run.cancel_requested_by == person("someone")
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.SUCCEEDED]
    assert ended.record.find_file(RecordFileKind.NOTEBOOK)
    assert alive_of(run_id) == []
    with pytest.raises(Conflict):
        runs.cancel(real, run_id, by=person("someone"))
    until(run_id, lambda _: nothing_is_left(home))


def test_a_cancel_between_two_attempts_is_the_end_and_there_is_no_other_attempt(
    start_engine, submitted, until, home, real
):
    engine = start_engine(stop_at="after waiting")
    run_id = submitted(SPEAKING).run.id
    view = until(run_id, lambda view: view.attempts and view.attempts[-1].progress.current is not None)
    runner_of(home, view.attempts[-1]).kill()
    eventually_stopped(engine)
    assert runs.get(real, run_id).run.state is RunState.RETRY_WAIT
    assert runs.cancel(real, run_id, by=person("someone")).run.state is RunState.CANCELLED
    engine.send_signal(signal.SIGCONT)
    # Another run shows that the engine has gone on with its queue.
    until(submitted("print('next')").run.id, lambda view: view.run.state.is_terminal)
    ended = runs.get(real, run_id)
    assert ended.run.state is RunState.CANCELLED
    assert [attempt.state for attempt in ended.attempts] == [AttemptState.LOST]
    assert alive_of(run_id) == []
    until(run_id, lambda _: nothing_is_left(home))


def test_what_is_only_queued_never_starts_when_it_was_cancelled(start_engine, submitted, until, real, witness):
    run_id = submitted(f"open({str(witness)!r}, 'w').close()").run.id
    assert runs.cancel(real, run_id, by=person("someone")).run.state is RunState.CANCELLED
    start_engine()
    until(submitted("print('next')").run.id, lambda view: view.run.state.is_terminal)
    assert not runs.get(real, run_id).attempts
    assert not witness.exists()
