"""A walk at random over all that can happen to runs, engines and their backend, and what must hold at each step."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from dataops_lab.domain.runs import AttemptState, RunState, Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.engine.lead import LOST_AFTER_S
from dataops_lab.errors import Conflict, StaleWrite
from dataops_lab.ports import RunFilter
from dataops_lab.services import Services, runs
from dataops_lab.store import open_sqlite
from dataops_lab.testing import (
    FakeBackends,
    FakeClock,
    FakeExecutor,
    FakeHost,
    FakeNotebooks,
    FakeVault,
    MemoryBlobs,
)

SLOTS = 2


@cache
def an_empty_database() -> Path:
    path = Path(tempfile.mkdtemp()) / "empty.sqlite"
    open_sqlite(path).close()
    return path


class Installation(RuleBasedStateMachine):
    submitted = Bundle("submitted")

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp())
        shutil.copy(an_empty_database(), self._folder / "dataops.sqlite")
        self._store = open_sqlite(self._folder / "dataops.sqlite")
        blobs = MemoryBlobs()
        self._clock = FakeClock()
        self._ctx = Services(
            self._store, blobs, FakeNotebooks(blobs), self._clock, FakeHost(0), FakeVault(), runs_folder=self._folder / "runs"
        )
        self._executor = FakeExecutor(self._folder / "runs" / "process")
        self._dead: set[int] = set()
        self._pids = 0
        self._engines: list[tuple[int, Engine]] = []
        self._ended: dict[str, RunState] = {}
        self._sent = 0

    @rule(target=submitted)
    def submit(self):
        self._sent += 1
        return runs.submit(self._ctx, Submission("/n.ipynb", timeout_s=500.0), by="someone").view.run.id

    @rule(target=submitted, number=st.integers(0, 3))
    def submit_with_a_key(self, number):
        it = runs.submit(self._ctx, Submission("/n.ipynb", key=f"key-{number}"), by="someone")
        self._sent += it.created
        return it.view.run.id

    @precondition(lambda self: len(self._engines) < 3)
    @rule()
    def start_an_engine(self):
        self._pids += 1
        host = FakeHost(self._pids)
        host.dead = self._dead
        ctx = replace(self._ctx, host=host)
        self._engines.append(
            (self._pids, Engine(ctx, FakeBackends(self._executor), Settings(slots=SLOTS), inherited={}))
        )

    @precondition(lambda self: self._engines)
    @rule(which=st.integers(0, 2), steps=st.integers(1, 12))
    def let_an_engine_step(self, which, steps):
        _, engine = self._engines[which % len(self._engines)]
        for _ in range(steps):
            try:
                engine.step()
            except StaleWrite:
                engine.start_over()
            engine.settle()

    @precondition(lambda self: self._engines)
    @rule(which=st.integers(0, 2))
    def kill_an_engine(self, which):
        pid, _ = self._engines.pop(which % len(self._engines))
        self._dead.add(pid)

    @rule(seconds=st.sampled_from([0.1, 5.0, LOST_AFTER_S + 1, 700.0]))
    def time_passes(self, seconds):
        self._clock.advance(seconds)

    @precondition(lambda self: self._executor.alive)
    @rule(which=st.integers(0, 5), how=st.sampled_from(["succeeded", "failed", "terminated", None]))
    def a_runner_ends(self, which, how):
        alive = self._executor.alive
        self._executor.end(alive[which % len(alive)], how)

    @rule(run_id=submitted)
    def cancel(self, run_id):
        try:
            runs.cancel(self._ctx, run_id, by="someone")
        except Conflict:
            assert runs.get(self._ctx, run_id).run.state.is_terminal

    @rule(target=submitted, run_id=submitted)
    def rerun(self, run_id):
        self._sent += 1
        return runs.rerun(self._ctx, run_id, parameters=None, by="someone").view.run.id

    @invariant()
    def what_is_promised_holds(self):
        views = runs.page(self._ctx, RunFilter(), limit=500).items
        assert len(views) == self._sent
        alive_attempts = 0
        for view in views:
            run, attempts = view.run, view.attempts
            alive = [attempt for attempt in attempts if not attempt.state.is_terminal]
            alive_attempts += len(alive)
            # One living attempt while active, none otherwise.
            assert len(alive) == (run.state is RunState.ACTIVE), (run.state, attempts)
            if run.state is RunState.SUCCEEDED:
                assert attempts[-1].state is AttemptState.SUCCEEDED
            if attempts and run.state.is_terminal and run.state is not RunState.EXPIRED:
                assert view.record is not None
            # An end is an end.
            assert self._ended.get(run.id, run.state) is run.state
            if run.state.is_terminal:
                self._ended[run.id] = run.state
            # What lives in the backend belongs to the last attempt.
            for name in self._executor.alive:
                if name.startswith(run.id):
                    assert name == attempts[-1].name
        assert alive_attempts <= SLOTS

    def teardown(self):
        self._store.close()
        shutil.rmtree(self._folder)


TestInstallation = Installation.TestCase
TestInstallation.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
