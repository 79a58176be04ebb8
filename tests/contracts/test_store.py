"""The contract that every database keeps for many users at once: threads, processes, engines without their lease."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from dataops_lab.domain.events import run_subject
from dataops_lab.domain.leases import ENGINE, Lease, ProcessIdentity
from dataops_lab.domain.parameters import Parameter, ParameterSchema
from dataops_lab.domain.runs import Attempt, AttemptState, Progress, Run, RunState, Submission
from dataops_lab.errors import StaleWrite
from dataops_lab.ports import RunFilter
from dataops_lab.services import runs
from dataops_lab.store import open_store
from dataops_lab.testing import FakeNotebooks, person

PROCESS = Path(__file__).with_name("store_process.py")


@pytest.fixture
def process(database, store) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A function that starts a store_process, which waits for a line."""
    started: list[subprocess.Popen[str]] = []

    def start(verb: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(PROCESS), verb, database, *arguments]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def tell_to_go(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()


def lease(token: int) -> Lease:
    import datetime as dt

    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return Lease(ENGINE, f"engine {token}", token, now, 1e9, ProcessIdentity(token, 1.0, "boot"), slots=2)


@pytest.fixture
def led(store) -> None:
    """A store in which an engine leads with token 1."""
    with store.begin() as tx:
        tx.leases.acquire(lease(1), instead_of=None)


def in_parallel(number: int, work: Callable[[int], object]) -> list[object]:
    """Run `work` in `number` threads that begin at once. Return their answers or exceptions, in order."""
    barrier = Barrier(number)

    def begun(index: int) -> object:
        barrier.wait()
        try:
            return work(index)
        except Exception as error:
            return error

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(begun, range(number)))


# --- submits --------------------------------------------------------------------------------------


def test_fifty_submits_with_one_key_from_several_processes_make_one_run(process, ctx):
    processes = [process("submit", "monday", "25") for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    tell_to_go(*processes)
    answers = [json.loads(process.communicate()[0]) for process in processes]
    [run] = runs.page(ctx, RunFilter()).items
    assert answers == [[run.id] * 25] * 2
    assert run.version_number == 1


def test_submits_of_many_contents_at_once_number_their_versions_without_gap(ctx):
    def submit(index: int) -> None:
        notebooks = FakeNotebooks(ctx.blobs, ParameterSchema((Parameter(f"p{index % 5}"),)))
        runs.submit(replace(ctx, notebooks=notebooks), Submission("/n/sales.ipynb"), by=person("someone"))

    assert in_parallel(10, submit) == [None] * 10
    with ctx.store.read() as tx:
        [job] = tx.jobs.page(limit=10).items
        assert [version.number for version in tx.versions.list_for_job(job.id)] == [5, 4, 3, 2, 1]


def test_versions_that_are_added_at_once_have_different_numbers(store, submit):
    first = submit().version

    def add(index: int) -> int:
        manifest = replace(first.manifest, kernel_name=f"kernel {index}")
        with store.begin() as tx:
            return tx.versions.add(
                first.job_id, manifest, at=first.created_at, by=person("x"), origin=first.origin
            ).number

    assert sorted(in_parallel(5, add)) == [2, 3, 4, 5, 6]


# --- moves ----------------------------------------------------------------------------------------


def test_of_two_that_move_a_run_one_wins(store, submit):
    for _ in range(20):
        run = submit().run

        def move(index: int, run: Run = run) -> str:
            after = run.transition_to((RunState.CANCELLED, RunState.ACTIVE)[index])
            with store.begin() as tx:
                tx.runs.transition(run, after)
            return after.state

        answers = in_parallel(2, move)
        [won] = [answer for answer in answers if not isinstance(answer, StaleWrite)]
        with store.read() as tx:
            assert tx.runs.get(run.id).state == won
            assert len(tx.events.list_after(0, subject=run_subject(run.id))) == 2


def test_a_cancel_that_races_the_start_is_always_heard(store, submit, ctx):
    # Between the look of a transaction at the run and its move, nobody else moves the run.
    for _ in range(20):
        run = submit().run

        def start(run: Run = run) -> None:
            with store.begin() as tx:
                now = tx.runs.get(run.id)
                if now.state is RunState.QUEUED:
                    tx.runs.transition(now, now.transition_to(RunState.ACTIVE))

        def cancel(run: Run = run) -> None:
            runs.cancel(ctx, run.id, by=person("someone"))

        assert in_parallel(2, lambda index, both=(start, cancel): both[index]()) == [None, None]
        with store.read() as tx:
            ended = tx.runs.get(run.id)
        assert ended.cancel_requested_by == person("someone")
        assert ended.state in (RunState.CANCELLED, RunState.ACTIVE)


def test_of_several_moves_either_all_are_made_or_none(store, submit):
    one, other = submit().run, submit().run
    active = [(run, run.transition_to(RunState.ACTIVE)) for run in (one, other)]
    with store.begin() as tx:
        tx.runs.transition(*active[1])
    with pytest.raises(StaleWrite, match=one.id), store.begin() as tx:
        tx.runs.transition_all(active)
    with store.read() as tx:
        assert [tx.runs.get(run.id).state for run in (one, other)] == [RunState.QUEUED, RunState.ACTIVE]
    attempts = [attempt_of(store, run) for run in (one, other)]
    ends = [
        (attempt, [attempt.transition_to(AttemptState.FINALIZING), attempt.transition_to(AttemptState.CANCELLING)])
        for attempt in attempts
    ]
    with store.begin() as tx:
        tx.attempts.transition_all(ends)
    with pytest.raises(StaleWrite, match=attempts[0].name), store.begin() as tx:
        tx.attempts.transition_all(ends)
    with store.read() as tx:
        assert [attempt.state for run in (one, other) for attempt in tx.attempts.list_for_run(run.id)] == [
            AttemptState.CANCELLING
        ] * 2
        told = [event.kind for event in tx.events.list_after(0, subject=run_subject(one.id))]
    assert told[-2:] == ["attempt.finalizing", "attempt.cancelling"]


def test_who_is_to_be_cancelled_is_told_by_whom(store, submit, ctx):
    one, other = submit().run, submit().run
    with store.begin() as tx:
        tx.runs.request_cancel(one.id, at=ctx.clock.now(), by=person("ann"))
    with store.read() as tx:
        assert tx.runs.cancel_requests([one.id, other.id]) == {one.id: (ctx.clock.now(), person("ann"))}


def test_the_queue_is_followed_by_what_moved_since_it_was_read(store, submit, ctx):
    first, second = submit().run, submit().run
    with store.read() as tx:
        seq, everything = tx.events.last_seq(), tx.queue.list_unfinished()
    assert [(standing.state, standing.run.id) for standing in everything] == [
        ("queued", first.id),
        ("queued", second.id),
    ]
    with store.read() as tx:
        assert tx.queue.changes_since(seq) == (seq, set(), set())
    runs.cancel(ctx, second.id, by=person("ann"))
    with store.begin() as tx:
        tx.runs.transition(first, active := first.transition_to(RunState.ACTIVE, started_at=ctx.clock.now()))
        tx.runs.request_cancel(active.id, at=ctx.clock.now(), by=person("ann"))
        tx.runs.keep(active.id, at=ctx.clock.now(), by=person("ann"))
    third = submit().run
    with store.read() as tx:
        later, moved, cancelled = tx.queue.changes_since(seq)
        assert moved == {first.id, second.id, third.id}
        assert cancelled == {first.id, second.id}
        assert {(standing.state, standing.run.id) for standing in tx.queue.list_unfinished(moved)} == {
            ("active", first.id),
            ("queued", third.id),
        }
        assert tx.queue.changes_since(later) == (later, set(), set())
        assert later == tx.events.last_seq()


# --- leases and fences ----------------------------------------------------------------------------


def test_of_ten_that_take_a_lease_one_gets_it_and_tokens_only_grow(store):
    held = None
    for token in range(1, 6):

        def take(index: int, token: int = token, held: Lease | None = held) -> bool:
            with store.begin() as tx:
                return tx.leases.acquire(replace(lease(token), holder=f"{index}"), instead_of=held)

        answers = in_parallel(10, take)
        assert sorted(answers) == [False] * 9 + [True]
        with store.read() as tx:
            held = tx.leases.get(ENGINE)
        assert (held.holder, held.token) == (str(answers.index(True)), token)


def test_a_leader_that_lost_its_lease_writes_nothing(store, led, submit):
    run = submit().run
    with store.begin() as tx:
        assert tx.leases.acquire(lease(2), instead_of=lease(1))
    with pytest.raises(StaleWrite), store.begin(fence=1) as tx:
        tx.runs.transition(run, run.transition_to(RunState.CANCELLED))
    with store.read() as tx:
        assert tx.runs.get(run.id) == run
        assert tx.leases.get(ENGINE).token == 2


def test_a_leader_in_the_middle_of_a_transaction_leads_to_its_end(store, led, submit):
    run = submit().run
    taken = Event()

    def take() -> None:
        with store.begin() as tx:
            assert tx.leases.acquire(lease(2), instead_of=lease(1))
        taken.set()

    other = Thread(target=take)
    with store.begin(fence=1) as tx:
        other.start()
        # This is long enough for a thread that would not wait. One that has to wait cannot go on within this block.
        assert not taken.wait(0.2)
        tx.runs.transition(run, run.transition_to(RunState.CANCELLED))
    other.join()
    with store.read() as tx:
        assert tx.runs.get(run.id).state is RunState.CANCELLED
        assert tx.leases.get(ENGINE).token == 2


def test_a_leader_killed_in_the_middle_of_a_transaction_has_written_nothing_and_is_followed(
    store, led, submit, process
):
    view = submit()
    doomed = process("hang", view.run.id)
    tell_to_go(doomed)
    assert [doomed.stdout.readline() for _ in range(2)] == ["ready\n", "inside\n"]
    doomed.kill()
    doomed.wait()
    with store.begin() as tx:
        assert tx.leases.acquire(lease(2), instead_of=lease(1))
        assert tx.runs.get(view.run.id) == view.run
        assert [event.kind for event in tx.events.list_after(0, subject=run_subject(view.run.id))] == ["run.queued"]


# --- events ---------------------------------------------------------------------------------------


def attempt_of(store, run: Run) -> Attempt:
    attempt = Attempt(run.id, 1, AttemptState.RUNNING, token=1, created_at=run.created_at)
    with store.begin() as tx:
        tx.attempts.add(attempt)
    return attempt


def test_a_follower_never_passes_over_an_event_that_is_committed_late(store, submit, database):
    early, late = (attempt_of(store, submit().run) for _ in range(2))
    with store.read() as tx:
        start = tx.events.last_seq()
    done = Event()

    def note_late() -> None:
        with store.begin() as tx:
            tx.attempts.record_progress(replace(late, progress=Progress(2)))
        done.set()

    other = Thread(target=note_late)
    with store.begin() as tx:
        tx.attempts.record_progress(replace(early, progress=Progress(1)))
        # The event has its number now, and is not committed.
        number = tx.events.last_seq()
        other.start()
        # This is long enough for a thread that would not wait.
        done.wait(0.2)
        with store.read() as follower:
            assert follower.events.list_after(start) == []
    other.join()
    with store.read() as follower:
        assert [event.subject.id for event in follower.events.list_after(start)] == [early.run_id, late.run_id]
        assert number == start + 1


def test_every_event_of_many_writers_is_seen_once_by_one_who_follows(store, submit, process, database):
    attempts = [attempt_of(store, submit().run) for _ in range(4)]
    with store.read() as tx:
        start = tx.events.last_seq()
    writers = [process("write", attempt.run_id, "60") for attempt in attempts[:2]]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 2
    seen: list[tuple[str, int, int]] = []
    with closing(open_store(database)) as other:

        def write(index: int) -> None:
            for number in range(60):
                with other.begin() as tx:
                    tx.attempts.record_progress(replace(attempts[2 + index], progress=Progress(number, 0)))
                    if number % 3 == 0:
                        tx.events.last_seq()

        threads = [Thread(target=write, args=(index,)) for index in range(2)]
        tell_to_go(*writers)
        for thread in threads:
            thread.start()
        last = start
        alive = True
        while alive:
            # The question comes before the look: so the last look comes after the last commit, and sees it.
            alive = any(thread.is_alive() for thread in threads) or any(writer.poll() is None for writer in writers)
            with store.read() as tx:
                new = tx.events.list_after(last, limit=7)
                while new:
                    seen += [(event.subject.id, event.data["done"], event.data["total"]) for event in new]
                    numbers = [event.seq for event in new]
                    assert numbers == sorted(numbers) and numbers[0] > last
                    last = numbers[-1]
                    new = tx.events.list_after(last, limit=7)
    assert [writer.returncode for writer in writers] == [0, 0]
    with store.read() as tx:
        committed = [
            (event.subject.id, event.data["done"], event.data["total"]) for event in tx.events.list_after(start)
        ]
    assert seen == committed
    for attempt in attempts:
        assert {done for run_id, done, _ in seen if run_id == attempt.run_id} == set(range(60))
