"""The imports of a run, which the next run of the same job is given as long as other code makes no difference."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from dataops_lab.domain.versions import IncludedFile
from dataops_lab.rundir.reading import MAX_MODULES
from dataops_lab.services import runs
from dataops_lab.testing import FakeHost

LIBRARIES = ["numpy", "pandas.io.formats.style"]


@pytest.fixture
def ran(submit, executor, ctx):
    """A function that runs a job to its end with the given result of the runner, and returns the attempt's name."""

    def to_the_end(engine, **result) -> str:
        run_id = submit().run.id
        for _ in range(100):
            engine.step()
            engine.wait_for_threads()
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
    """An engine that comes after the engine of pid 1, which is dead."""
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


@pytest.fixture
def edit(ctx, monkeypatch):
    """A function that replaces the code of the notebook and of its helper from now on."""

    def changed(*cells: str, helper: str = "") -> None:
        content = {"cells": [{"cell_type": "code", "source": cell} for cell in cells], "nbformat": 4}
        digest = ctx.blobs.put(json.dumps(content).encode())
        files = (IncludedFile("tools.py", ctx.blobs.put(helper.encode()), len(helper)),)
        before = type(ctx.notebooks).snapshot

        def snapshot(notebooks, *given, **more):
            taken = before(notebooks, *given, **more)
            return replace(taken, manifest=replace(taken.manifest, source_digest=digest, files=files))

        monkeypatch.setattr(ctx.notebooks, "snapshot", partial(snapshot, ctx.notebooks), raising=False)

    return changed


def test_an_edit_that_leaves_the_imports_alone_is_given_them(engine, executor, ran, edit):
    edit("import numpy\nimport tools", "print(1)")
    ran(engine, imports=LIBRARIES)
    edit("import numpy\nimport tools", "print(2)", helper="month = 1")
    assert executor.bundles[ran(engine)].imports == LIBRARIES


@pytest.mark.parametrize(
    "edited",
    [
        ("import numpy\nimport scipy",),
        ("import os\nos.environ['OMP_NUM_THREADS'] = '1'\nimport numpy",),
        ("%env OMP_NUM_THREADS=1", "import numpy"),
        ("import numpy", "import seaborn"),
    ],
)
def test_an_edit_that_could_make_a_library_another_one_is_given_nothing(engine, executor, ran, edit, edited):
    edit("import numpy")
    ran(engine, imports=LIBRARIES)
    edit(*edited)
    assert list(executor.bundles[ran(engine)].imports) == []


def test_another_helper_counts_like_the_notebook(engine, executor, ran, edit):
    edit("import tools")
    ran(engine, imports=LIBRARIES)
    edit("import tools", helper="import numpy")
    assert list(executor.bundles[ran(engine)].imports) == []


def test_a_run_that_failed_has_told_nothing(engine, executor, ran):
    failure = {"code": "cell_error", "message": "No."}
    ran(engine, state="failed", failure=failure, imports=LIBRARIES)
    assert list(executor.bundles[ran(engine)].imports) == []


@pytest.mark.parametrize("told", [None, "numpy", {"numpy": 1}, [7], ["-c"], ["numpy; x"], ["n"] * (MAX_MODULES + 1)])
def test_what_is_no_list_of_modules_is_not_believed(engine, next_engine, executor, ran, told):
    ran(engine, imports=told)
    assert list(executor.bundles[ran(next_engine)].imports) == []
