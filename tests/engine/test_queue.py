"""The queue in the memory of the engine: the cost of a decision, and the most runs that the clock moves at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event
from ulid import ULID

from dataops_lab.domain.runs import Run, RunState
from dataops_lab.engine import Engine
from dataops_lab.engine.claim import MAX_RUNS_PER_TRANSACTION
from dataops_lab.services import Services, jobs, projects, runs
from dataops_lab.services.runs import RunView
from dataops_lab.store import SqlStore, open_store
from dataops_lab.testing import person

Submit = Callable[..., RunView]


@contextmanager
def work_of(store: SqlStore) -> Iterator[list[int]]:
    """Count the instructions that SQLite executes in the `with` block.

    Their number grows with the rows that it reads, also where it only walks over them.
    """
    steps = [0]

    def count() -> None:
        steps[0] += 10

    def watch(connection, *_):
        connection.set_progress_handler(count, 10)

    engines = {store._database.reader, store._database.writer}
    for engine in engines:
        engine.dispose()
        event.listen(engine, "connect", watch)
    try:
        yield steps
    finally:
        for engine in engines:
            event.remove(engine, "connect", watch)
            engine.dispose()


@pytest.fixture
def store(sqlite: str) -> Iterator[SqlStore]:
    with closing(open_store(sqlite)) as opened:
        yield opened


def add_many(ctx: Services, run: Run, count: int, *, people: str = "ab") -> None:
    with ctx.store.begin() as tx:
        tx.runs.add(
            *(replace(run, id=str(ULID()), key=None, created_by=person(people[n % len(people)])) for n in range(count))
        )


def test_a_decision_costs_the_same_however_many_wait(engine: Engine, submit: Submit, ctx, store, executor):
    template, held_back = submit(), submit("/notebooks/other.ipynb")
    jobs.change(ctx, held_back.job.id, {"concurrency": 0}, by=person("someone"))
    projects.limit(ctx, template.job.project, 50, by=person("someone"))

    def work_of_a_start() -> int:
        """Count the instructions for the end of one run and the start of the next one."""
        for _ in range(3):
            engine.step()
            engine.wait_for_threads()
        with work_of(store) as steps:
            executor.end(executor.alive[0])
            started = sum(verb == "start" for verb, _ in executor.calls)
            while sum(verb == "start" for verb, _ in executor.calls) == started:
                engine.step()
                engine.wait_for_threads()
        return steps[0]

    add_many(ctx, template.run, 30)
    add_many(ctx, held_back.run, 30)
    few = work_of_a_start()
    add_many(ctx, template.run, 2_000)
    add_many(ctx, held_back.run, 2_000)
    many = work_of_a_start()
    assert many < 1.5 * few


def test_what_expires_together_is_given_up_in_transactions_of_a_bounded_size(engine: Engine, submit, ctx, clock):
    view = submit()
    jobs.change(ctx, view.job.id, {"concurrency": 0}, by=person("someone"))
    add_many(ctx, view.run, 2 * MAX_RUNS_PER_TRANSACTION)

    def count_of(state: RunState) -> int:
        with ctx.store.read() as tx:
            return len(tx.runs.list_in_states(state))

    engine.step()
    clock.advance(view.run.settings.queue_timeout_s)
    left = [count_of(RunState.QUEUED)]
    while left[-1]:
        engine.step()
        left.append(count_of(RunState.QUEUED))
    assert left == [2 * MAX_RUNS_PER_TRANSACTION + 1, MAX_RUNS_PER_TRANSACTION + 1, 1, 0]
    assert count_of(RunState.EXPIRED) == 2 * MAX_RUNS_PER_TRANSACTION + 1


def test_a_run_whose_clock_was_set_back_is_looked_at_again(engine: Engine, submit: Submit, ctx, clock):
    # Between two boots the wall clock is the only clock.
    view = submit()
    jobs.change(ctx, view.job.id, {"concurrency": 0}, by=person("someone"))
    before = replace(view.run, id=str(ULID()), created_boot="an earlier one")
    with ctx.store.begin() as tx:
        tx.runs.add(before)
    engine.step()
    clock.advance(100.0)
    clock.set_wall_clock(view.run.created_at)
    clock.advance(view.run.settings.queue_timeout_s - 100.0)
    engine.step()
    assert runs.get(ctx, before.id).run.state is RunState.QUEUED
    assert runs.get(ctx, view.run.id).run.state is RunState.EXPIRED
    clock.advance(100.0)
    engine.step()
    assert runs.get(ctx, before.id).run.state is RunState.EXPIRED
