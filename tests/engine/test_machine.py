"""A random walk over everything that happens to runs, engines, clocks and the backend, with checks at each step."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dataops_lab.domain.retries import MAX_INFRASTRUCTURE_RETRIES, Budget, charged_budget
from dataops_lab.domain.runs import AttemptState, RunState, Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.engine.leader_election import LEASE_DURATION_S
from dataops_lab.errors import BlobsUnavailable, Conflict, KeyReused, Refused, StaleWrite, Unavailable
from dataops_lab.holidays_reader import LibraryHolidays
from dataops_lab.pipelines.local import LocalPipelines
from dataops_lab.ports import AttemptStatus, Observation, RunFilter, Store
from dataops_lab.services import Services, jobs, projects, runs
from dataops_lab.services.runs import RunView
from dataops_lab.store import open_store
from dataops_lab.testing import (
    FakeBackends,
    FakeClock,
    FakeExecutor,
    FakeHost,
    FakeNotebooks,
    FakeVault,
    MemoryBlobs,
    attempt_files_in,
    person,
)

pytestmark = pytest.mark.slow

SLOTS = 2
NOTEBOOKS = ["/sales.ipynb", "/churn.ipynb"]
WRONG = {"code": "cell_error", "message": "It went wrong."}


NO_STARTS = {
    "the disk is full": OSError("No space left on device"),
    "the blobs are gone": BlobsUnavailable("Nothing is mounted there."),
    "the image is gone": Refused("The image is not there.", code="image_gone"),
    "nobody answers": Unavailable("No daemon answers."),
}


class MoodyExecutor(FakeExecutor):
    """An executor that is out of reach while it is `silent`, and whose run directories may vanish."""

    silent = False

    def start(self, bundle):
        self._answer()
        super().start(bundle)

    def observe(self, name):
        self._answer()
        return super().observe(name)

    def stop(self, name, *, force):
        self._answer()
        super().stop(name, force=force)

    def list_names(self):
        self._answer()
        yield from super().list_names()

    def vanish(self, name, *, proven):
        """Remove the run directory, so that nothing tells of the attempt any more.

        `proven`: the engine that started it still sees that its child has ended.
        """
        shutil.rmtree(self.directory(name))
        if proven:
            self._seen[name] = Observation(AttemptStatus.CONFIRMED_DEAD)
        else:
            self.lose(name)

    def _answer(self):
        if self.silent:
            raise Unavailable("No daemon answers.")


class Installation(RuleBasedStateMachine):
    submitted = Bundle("submitted")

    def __init__(self, folder: Path, new_store: Callable[[], AbstractContextManager[Store]]) -> None:
        super().__init__()
        self._opened = new_store()
        blobs = MemoryBlobs()
        self._clock = FakeClock()
        self._ctx = Services(
            self._opened.__enter__(),
            blobs,
            FakeNotebooks(blobs),
            self._clock,
            FakeHost(0),
            FakeVault(),
            home=folder,
            attempt_files=attempt_files_in(folder),
            pipelines=LocalPipelines(),
            holidays=LibraryHolidays(),
        )
        self._executor = MoodyExecutor(folder / "process")
        self._dead: set[int] = set()
        self._pids = 0
        self._engines: list[tuple[int, Engine]] = []
        self._ended: dict[str, RunState] = {}
        self._sent_at: dict[str, float] = {}
        self._limits: dict[str, int | None] = {}
        self._active: Counter[str] = Counter()

    @initialize(target=submitted)
    def an_engine_leads_and_there_is_work(self):
        self.start_an_engine()
        self.let_an_engine_step(0, 1)
        asked = Submission(NOTEBOOKS[0], timeout_s=5000.0, total_timeout_s=20_000.0)
        return multiple(*(self._sent(runs.submit(self._ctx, asked, by=person("ann"))) for _ in range(SLOTS)))

    # --- acts of people -------------------------------------------------------------------------

    @rule(
        target=submitted,
        notebook=st.sampled_from(NOTEBOOKS),
        name=st.sampled_from(["ann", "bob"]),
        priority=st.sampled_from([None, -100, 3]),
        max_retries=st.sampled_from([None, 1]),
        queue_timeout_s=st.sampled_from([None, 600.0]),
        key=st.sampled_from([None, None, "monday", "tuesday"]),
        number=st.integers(1, 4),
    )
    def submit(self, name, number, notebook, **chosen):
        asked = Submission(notebook, timeout_s=5000.0, total_timeout_s=20_000.0, **chosen)
        try:
            return multiple(*(self._sent(runs.submit(self._ctx, asked, by=person(name))) for _ in range(number)))
        except KeyReused:
            return multiple()

    @rule(target=submitted, run_id=submitted)
    def rerun(self, run_id):
        return self._sent(runs.rerun(self._ctx, run_id, parameters=None, by=person("bob")))

    @rule(run_id=submitted)
    def cancel(self, run_id):
        try:
            runs.cancel(self._ctx, run_id, by=person("someone"))
        except Conflict:
            assert runs.get(self._ctx, run_id).run.state.is_terminal

    @rule(run_id=submitted, concurrency=st.sampled_from([None, 0, 1]), of=st.sampled_from(["job", "project"]))
    def limit(self, run_id, concurrency, of):
        job = runs.get(self._ctx, run_id).job
        if of == "job":
            jobs.change(self._ctx, job.id, {"concurrency": concurrency}, by=person("someone"))
        else:
            projects.limit(self._ctx, job.project, concurrency, by=person("someone"))
        self._limits[job.id if of == "job" else job.project] = concurrency

    # --- events of machines ---------------------------------------------------------------------

    @precondition(lambda self: len(self._engines) < 3)
    @rule()
    def start_an_engine(self):
        self._pids += 1
        host = FakeHost(self._pids)
        host.dead = self._dead
        engine = Engine(
            replace(self._ctx, host=host), FakeBackends(self._executor), Settings(slots=SLOTS), inherited={}
        )
        self._engines.append((self._pids, engine))

    @precondition(lambda self: len(self._engines) > 1)
    @rule(which=st.integers(0, 2))
    def kill_an_engine(self, which):
        pid, engine = self._engines.pop(which % len(self._engines))
        engine.wait_for_threads()
        self._dead.add(pid)

    @rule(which=st.integers(0, 2), steps=st.integers(1, 8))
    def let_an_engine_step(self, which, steps):
        _, engine = self._engines[which % len(self._engines)]
        for _ in range(steps):
            try:
                engine.step()
            except StaleWrite:
                engine.reset()
            engine.wait_for_threads()

    @rule(seconds=st.sampled_from([1.0, 3.0, 10.0, LEASE_DURATION_S + 1, 60.0, 60.0, 700.0, 6000.0]))
    def time_passes(self, seconds):
        self._clock.advance(seconds)
        self._every_engine_steps()

    @rule(hours=st.sampled_from([-1, 1]))
    def somebody_sets_the_wall_clock(self, hours):
        self._clock.set_wall_clock(self._clock.now() + dt.timedelta(hours=hours))
        self._clock.advance(30.0)
        self._every_engine_steps()

    # The rule has no precondition that an attempt runs. On PostgreSQL an engine may hear of it one step sooner or
    # later, and the choice of rules must not depend on that.
    @rule(how=st.lists(st.sampled_from(["failed", None, "succeeded", "terminated"]), min_size=1, max_size=SLOTS))
    def runners_end(self, how):
        for name, state in zip(self._executor.alive, how, strict=False):
            self._executor.end(name, state, failure=WRONG if state == "failed" else None)
        self._every_engine_steps()

    @rule(seconds=st.sampled_from([3.0, 700.0, 25_000.0]), comes_back=st.booleans())
    def the_backend_goes_out_of_reach(self, seconds, comes_back):
        self._executor.silent = True
        self._every_engine_steps()
        self.time_passes(seconds)
        self._executor.silent = not comes_back
        self._every_engine_steps()

    @rule(why=st.sampled_from([None, None, *NO_STARTS]))
    def starts_fail(self, why):
        """Let all starts fail from now on, or succeed again when `why` is None."""
        self._executor.fails_to_start = NO_STARTS.get(why)
        self._every_engine_steps()

    @rule(deaf=st.booleans())
    def the_backend_does_not_kill(self, deaf):
        self._executor.ignores_stop = deaf

    @rule(proven=st.booleans(), seconds=st.sampled_from([1.0, 700.0]))
    def a_run_directory_vanishes(self, proven, seconds):
        for name in self._executor.alive[:1]:
            self._executor.vanish(name, proven=proven)
        self._every_engine_steps()
        self.time_passes(seconds)

    def _every_engine_steps(self) -> None:
        for which in range(len(self._engines)):
            self.let_an_engine_step(which, 3)

    # --- checks at each step --------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_doubled(self):
        views = self._views()
        assert {view.run.id for view in views} == self._sent_at.keys()
        for view in views:
            self._check(view)
        self._check_limits([view for view in views if view.run.state is RunState.ACTIVE])

    def _check(self, view: RunView) -> None:
        run, attempts = view.run, view.attempts
        alive = [attempt for attempt in attempts if not attempt.state.is_terminal]
        # An active run has one living attempt, and every other run has none.
        assert len(alive) == (run.state is RunState.ACTIVE), (run.state, attempts)
        if run.state is RunState.SUCCEEDED:
            assert attempts[-1].state is AttemptState.SUCCEEDED
        if attempts and run.state.is_terminal and run.state is not RunState.EXPIRED:
            assert view.record is not None
        # A run that has ended keeps its state.
        assert self._ended.get(run.id, run.state) is run.state
        if run.state.is_terminal:
            self._ended[run.id] = run.state
        # A runner that lives in the backend belongs to the last attempt.
        for name in self._executor.alive:
            if name.startswith(run.id):
                assert name == attempts[-1].name
        assert (view.waiting_reason is not None) == (run.state is RunState.QUEUED)
        self._check_retries(view)
        self._check_clocks(view)

    def _check_retries(self, view: RunView) -> None:
        spent = Counter(charged_budget(attempt.state, attempt.reason) for attempt in view.attempts)
        assert spent[Budget.USER] <= view.run.settings.max_retries + 1
        assert spent[Budget.INFRASTRUCTURE] <= MAX_INFRASTRUCTURE_RETRIES + 1
        if view.run.state not in (RunState.FAILED, RunState.LOST) or view.run.cancel_requested_at is not None:
            return
        match charged_budget(view.attempts[-1].state, view.attempts[-1].reason):
            case Budget.USER:
                assert spent[Budget.USER] == view.run.settings.max_retries + 1
            case Budget.INFRASTRUCTURE:
                assert spent[Budget.INFRASTRUCTURE] == MAX_INFRASTRUCTURE_RETRIES + 1
            case None:
                assert view.attempts[-1].reason.code in ("total_timeout", "unconfirmed")

    def _check_clocks(self, view: RunView) -> None:
        """Check that no clock ends a run before its time, whatever the wall clock says."""
        run, took = view.run, self._clock.monotonic() - self._sent_at[view.run.id]
        if run.state is RunState.EXPIRED:
            first = run.settings.total_timeout_s if view.attempts else run.settings.queue_timeout_s
            assert took >= min(first, run.settings.total_timeout_s)
        if run.state is RunState.TIMED_OUT:
            longest = {"start_timeout": run.settings.start_timeout_s, "timeout": run.settings.timeout_s}
            assert took >= longest.get(view.attempts[-1].reason.code, run.settings.total_timeout_s)

    def _check_limits(self, active: list[RunView]) -> None:
        assert len(active) <= SLOTS
        before, self._active = self._active, Counter(name for view in active for name in (view.job.id, "default"))
        for name, number in self._active.items():
            limit = self._limits.get(name)
            # Runs that were active when the limit was set go on.
            assert limit is None or number <= max(limit, before[name])

    def teardown(self):
        try:
            self._everything_ends()
        finally:
            self._opened.__exit__(None, None, None)

    def _everything_ends(self) -> None:
        """Check that one engine, room and time are enough for every run to end, even if nothing works.

        The backend stays as it is, out of reach or not.
        """
        self._dead.update(pid for pid, _ in self._engines)
        self._engines.clear()
        for name in self._limits.keys() - {"default"}:
            jobs.change(self._ctx, name, {"concurrency": None}, by=person("someone"))
        projects.limit(self._ctx, "default", None, by=person("someone"))
        self.start_an_engine()
        for seconds in [20] * 20 + [600] * 200:
            if all(view.run.state.is_terminal for view in self._views()):
                self.nothing_is_lost_or_doubled()
                return
            self.let_an_engine_step(0, 4)
            for name in self._executor.alive:
                wrong = sorted(self._sent_at).index(name.partition("-")[0]) % 2
                self._executor.end(name, "failed" if wrong else None, failure=WRONG if wrong else None)
            self._clock.advance(seconds)
        raise AssertionError(
            [(view.run.state, view.attempts) for view in self._views() if not view.run.state.is_terminal]
        )

    def _sent(self, submitted: runs.Submitted) -> str:
        run_id = submitted.view.run.id
        self._sent_at.setdefault(run_id, self._clock.monotonic())
        return run_id

    def _views(self) -> list[RunView]:
        newest_first = [run.id for run in runs.page(self._ctx, RunFilter(), limit=500).items]
        views = runs.get_many(self._ctx, newest_first)
        return [views[run_id] for run_id in newest_first]


@pytest.fixture
def new_store(request, tmp_path) -> Callable[[], AbstractContextManager[Store]]:
    """A function that opens an empty store, another one at each call."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")

        @contextmanager
        def on_postgres():
            with server.database() as url, closing(open_store(url)) as store:
                yield store

        return on_postgres
    empty = tmp_path / "empty.sqlite"
    open_store(f"sqlite:///{empty}").close()
    numbers = count()

    @contextmanager
    def on_sqlite():
        path = tmp_path / f"{next(numbers)}.sqlite"
        shutil.copy(empty, path)
        with closing(open_store(f"sqlite:///{path}")) as store:
            yield store

    return on_sqlite


# On PostgreSQL a walk spends most of its time waiting for answers, so there are fewer walks. The contract of stores
# tests the differences between the databases.
@pytest.mark.parametrize(("new_store", "walks"), [("sqlite", 25), ("postgres", 8)], indirect=["new_store"])
def test_whatever_happens_no_run_is_lost_doubled_or_ended_wrongly(new_store, walks, tmp_path):
    walk(walks, new_store, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("new_store", ["sqlite", "postgres"], indirect=True)
def test_the_same_holds_on_many_more_walks(new_store, tmp_path):
    walk(100, new_store, tmp_path)


def walk(times: int, new_store: Callable[[], AbstractContextManager[Store]], folder: Path) -> None:
    numbers = count()
    run_state_machine_as_test(
        lambda: Installation(folder / f"runs-{next(numbers)}", new_store),
        settings=settings(
            max_examples=times,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            # Each step goes to a database: the search for a shorter way to a failure would take hours.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
