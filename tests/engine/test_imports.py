"""What a run imported is given to the next run of the same version, whoever runs it."""

from __future__ import annotations

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema
from dataops_lab.runner.reading import MOST_MODULES
from dataops_lab.services import runs
from dataops_lab.testing import FakeHost

LIBRARIES = ["numpy", "pandas.io.formats.style"]


@pytest.fixture
def ran(submit, executor, ctx):
    """Run to the end with what the runner tells; the attempt's name."""

    def to_the_end(engine, **result) -> str:
        run_id = submit().run.id
        for _ in range(100):
            engine.step()
            engine.settle()
            view = runs.get(ctx, run_id)
            for attempt in view.attempts:
                if attempt.name in executor.alive:
                    executor.end(attempt.name, **result)
            if view.run.state.is_terminal:
                return view.attempts[-1].name
        raise AssertionError(f"It is {view.run.state}.")

    return to_the_end


@pytest.fixture
def next_engine(new_engine):
    """One that comes after an engine of pid 1, which is dead."""
    host = FakeHost(pid=2)
    host.dead.add(1)
    return new_engine(host=host)


def test_the_next_run_is_given_what_the_last_one_imported(engine, executor, ran):
    first, second = ran(engine, imports=LIBRARIES), ran(engine, imports=[])
    assert list(executor.bundles[first].imports) == []
    assert executor.bundles[second].imports == LIBRARIES


def test_a_run_that_tells_of_others_adds_them(engine, executor, ran):
    ran(engine, imports=LIBRARIES)
    ran(engine, imports=["scipy", "numpy"])
    assert executor.bundles[ran(engine)].imports == [*LIBRARIES, "scipy"]


def test_an_engine_that_comes_later_reads_it_in_the_record(engine, next_engine, executor, ran):
    ran(engine, imports=LIBRARIES)
    assert executor.bundles[ran(next_engine)].imports == LIBRARIES


def test_another_version_is_given_nothing(engine, executor, ran, ctx):
    ran(engine, imports=LIBRARIES)
    ctx.notebooks.schema = ParameterSchema((Parameter("month", default=1),))
    assert list(executor.bundles[ran(engine)].imports) == []


def test_a_run_that_failed_has_told_nothing(engine, executor, ran):
    failure = {"code": "cell_error", "message": "No."}
    ran(engine, state="failed", failure=failure, imports=LIBRARIES)
    assert list(executor.bundles[ran(engine)].imports) == []


@pytest.mark.parametrize("told", [None, "numpy", {"numpy": 1}, [7], ["-c"], ["numpy; x"], ["n"] * (MOST_MODULES + 1)])
def test_what_is_no_list_of_modules_is_not_believed(engine, next_engine, executor, ran, told):
    ran(engine, imports=told)
    assert list(executor.bundles[ran(next_engine)].imports) == []
