"""Reactions to the end of a run, for each way in which it can end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dataops_lab.domain.events import run_subject
from dataops_lab.domain.runs import RunState
from dataops_lab.engine import Engine, Settings
from dataops_lab.errors import StoreBusy
from dataops_lab.services import Services, jobs, runs
from dataops_lab.testing import FakeBackends, person

FAR = 10_000
REACTION = person("a reaction")


class Remembering:
    """A reaction that writes to the store which runs ended, as one would that describes the job of the run."""

    def __init__(self, *, fails_for: Callable[[str], bool] = lambda _: False, error: Exception | None = None) -> None:
        self.calls: list[list[tuple[str, RunState]]] = []
        self._fails_for, self._error = fails_for, error or ValueError("It does not want to.")

    def __call__(self, ctx, tx, ended, at):
        self.calls.append([(run.id, tx.runs.get(run.id).state) for run in ended])
        for run in ended:
            tx.runs.keep(run.id, at=at, by=REACTION)
        for run in ended:
            if self._fails_for(run.id):
                raise self._error


@pytest.fixture
def reacting(ctx: Services, executor) -> Callable[..., tuple[Services, Engine]]:
    def made(*reactions) -> tuple[Services, Engine]:
        own = replace(ctx, reactions=reactions)
        return own, Engine(own, FakeBackends(executor), Settings(slots=2), inherited={})

    return made


def run_until(engine: Engine, is_over: Callable[[], bool]) -> None:
    for _ in range(100):
        if is_over():
            return
        engine.step()
        engine.wait_for_threads()
    raise AssertionError("it never came")


def states_of(ctx: Services, *run_ids: str) -> list[RunState]:
    return [runs.get(ctx, run_id).run.state for run_id in run_ids]


def test_who_reacts_is_told_in_the_transaction_that_ends_the_run(reacting, submit, executor):
    reaction = Remembering()
    ctx, engine = reacting(reaction)
    view = submit()
    run_until(engine, lambda: executor.alive)
    executor.end(executor.alive[0])
    run_until(engine, lambda: reaction.calls)
    assert reaction.calls == [[(view.run.id, RunState.SUCCEEDED)]]
    assert runs.get(ctx, view.run.id).run.kept_by == REACTION


def test_a_run_that_is_cancelled_before_it_starts_and_one_that_expires_are_ends_too(reacting, submit, clock):
    reaction = Remembering()
    ctx, engine = reacting(reaction)
    cancelled, expiring = submit().run, submit().run
    jobs.change(ctx, expiring.job_id, {"concurrency": 0}, by=person("someone"))
    runs.cancel(ctx, cancelled.id, by=person("someone"))
    engine.step()
    clock.advance(expiring.settings.queue_timeout_s)
    run_until(engine, lambda: len(reaction.calls) == 2)
    assert reaction.calls == [[(cancelled.id, RunState.CANCELLED)], [(expiring.id, RunState.EXPIRED)]]


def test_a_retry_is_no_end(reacting, submit, executor):
    reaction = Remembering()
    ctx, engine = reacting(reaction)
    view = submit()
    run_until(engine, lambda: executor.alive)
    executor.end(executor.alive[0], None)
    run_until(engine, lambda: states_of(ctx, view.run.id) == [RunState.RETRY_WAIT])
    assert reaction.calls == []


def test_a_reaction_that_raises_takes_back_neither_the_end_nor_what_others_did(reacting, submit, executor):
    bad = submit().run
    failing, other = Remembering(fails_for=lambda run_id: run_id == bad.id), Remembering()
    ctx, engine = reacting(failing, other)
    good = submit().run
    run_until(engine, lambda: len(executor.alive) == 2)
    for name in executor.alive:
        executor.end(name)
    run_until(engine, lambda: len(other.calls) == 1)
    assert states_of(ctx, bad.id, good.id) == [RunState.SUCCEEDED] * 2
    assert sorted(other.calls[0]) == sorted([(bad.id, RunState.SUCCEEDED), (good.id, RunState.SUCCEEDED)])
    # The reaction gets both runs together, and then each alone.
    assert [len(call) for call in failing.calls] == [2, 1, 1]
    with ctx.store.read() as tx:
        events = tx.events.list_after(0, limit=FAR)
    assert [event.data for event in events if event.kind == "run.reaction_failed"] == [
        {"reaction": "Remembering", "error": "It does not want to."}
    ]
    assert [event.subject for event in events if event.kind == "run.reaction_failed"] == [run_subject(bad.id)]


def test_what_a_reaction_that_raised_had_done_is_not_there(reacting, submit, executor):
    ctx, engine = reacting(Remembering(fails_for=lambda _: True))
    view = submit()
    run_until(engine, lambda: executor.alive)
    executor.end(executor.alive[0])
    run_until(engine, lambda: states_of(ctx, view.run.id) == [RunState.SUCCEEDED])
    run = runs.get(ctx, view.run.id).run
    assert run.kept_by is None
    with ctx.store.read() as tx:
        told = [event for event in tx.events.list_after(0, limit=FAR) if event.subject == run_subject(run.id)]
    assert "run.kept" not in [event.kind for event in told]
    assert run.revision == max(event.revision for event in told)


def test_where_the_database_is_busy_the_end_is_written_again_with_all_that_follows(reacting, submit, executor):
    busy = [True]
    reaction = Remembering(fails_for=lambda _: busy.pop() if busy else False, error=StoreBusy("The database is busy."))
    ctx, engine = reacting(reaction)
    view = submit()
    run_until(engine, lambda: executor.alive)
    executor.end(executor.alive[0])
    with pytest.raises(StoreBusy):
        run_until(engine, lambda: reaction.calls)
    assert states_of(ctx, view.run.id) == [RunState.ACTIVE]
    engine.reset()
    run_until(engine, lambda: len(reaction.calls) == 2)
    assert runs.get(ctx, view.run.id).run.kept_by == REACTION
