"""The comparison with the last success, on a real store, with real notebooks and data."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.runs import Run, RunState, Submission
from dataops_lab.domain.schedules import Preset, Settings
from dataops_lab.errors import Conflict
from dataops_lab.notebooks import LocalNotebooks
from dataops_lab.services import comparisons, environments, runs, schedules, secrets
from dataops_lab.services.schedules import ScheduleWish
from dataops_lab.testing import person

from ..schedule_lab import HOURLY, ScheduleLab

CANARY = "canary-7f3a9"
FAR = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
ADA = person("ada")
NOTEBOOK_CELLS = ["region = 'North'\npassword = ''", "import pandas, helpers\nopen('sales.csv')", "print(1)"]


@pytest.fixture
def ctx(ctx):
    return replace(ctx, notebooks=LocalNotebooks(ctx.blobs))


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(ctx, executor, clock)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    write(folder, NOTEBOOK_CELLS)
    (folder / "helpers.py").write_text("a = 1")
    (folder / "sales.csv").write_text("day,sum\n" + "monday,1\n" * 10)
    return folder


def write(folder: Path, sources: list[str]) -> None:
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "metadata": {"tags": ["parameters"]} if number == 0 else {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": cells}
    (folder / "sales.ipynb").write_text(json.dumps(notebook))


@pytest.fixture
def ran(ctx, lab, work) -> Callable[..., Run]:
    """A function that runs the notebook as it is now, and returns the run after it ended in this state."""

    def run(state: str = "succeeded", *, cell: int | None = None, message: str = "KeyError", **given: Any) -> Run:
        lab.advance(60)
        submission = Submission(path=str(work / "sales.ipynb"), root=str(work), **given)
        run_id = runs.submit(ctx, submission, by=ADA).view.run.id
        lab.settle()
        failure = {"code": "cell_error", "message": message, "cell": cell} if state == "failed" else None
        lab.executor.end(next(name for name in lab.executor.alive if name.startswith(run_id)), state, failure=failure)
        lab.settle()
        return runs.get(ctx, run_id).run

    return run


def texts(ctx, run: Run) -> list[str]:
    return [each.text for each in comparisons.of_run(ctx, run.id).differences]


def test_nothing_differs_from_a_run_of_the_same(ctx, ran):
    good = ran()
    found = comparisons.of_run(ctx, ran("failed").id)
    assert (found.good.id, found.differences) == (good.id, ())
    assert found.line.startswith("Nothing that is recorded differs from the last success")


def test_without_an_earlier_success_it_is_said_so(ctx, ran):
    found = comparisons.of_run(ctx, ran("failed").id)
    assert (found.good, found.line) == (None, "No run of this job has succeeded in sandbox before.")


def test_cells_modules_inputs_and_parameters_are_found(ctx, ran, work):
    ran()
    write(work, [*NOTEBOOK_CELLS[:2], "print(2)"])
    (work / "helpers.py").write_text("a = 2")
    (work / "sales.csv").write_text("day,sum\n" + "monday,1\n" * 6)
    # The executed notebook has the given values in a cell before: cell 2 there is cell 2 of the author.
    run = ran("failed", cell=3, parameters={"region": "South"})
    assert texts(ctx, run) == [
        "cell 3 changed",
        "helpers.py changed",
        "region is South instead of North",
        "sales.csv: 40 % fewer rows (6 instead of 10)",
    ]
    first = comparisons.of_run(ctx, run.id).differences[0]
    assert first.by == ADA


def test_only_the_last_success_before_counts(ctx, ran, work):
    ran()
    write(work, [*NOTEBOOK_CELLS[:2], "print(2)"])
    good = ran()
    failed = ran("failed")
    ran()
    assert comparisons.of_run(ctx, failed.id).good.id == good.id


def test_variables_and_secrets_are_named_with_who_changed_them_and_never_with_a_value(ctx, ran):
    environments.set_variable(ctx, "sandbox", "OLD", "1", by=ADA)
    ran()
    environments.set_variable(ctx, "sandbox", "FEED", CANARY, by=ADA)
    environments.set_variable(ctx, "sandbox", "FEED", CANARY + "2", by=ADA)
    environments.remove_variable(ctx, "sandbox", "OLD", by=ADA)
    secrets.put(ctx, "sandbox", "KEY", CANARY, by=ADA)
    environments.set_variable(ctx, "production", "OTHER", "1", by=ADA)
    failed = ran("failed")
    environments.set_variable(ctx, "sandbox", "LATER", "1", by=ADA)
    found = comparisons.of_run(ctx, failed.id)
    assert [each.text for each in found.differences] == [
        "the variable FEED was set",
        "the variable OLD was removed",
        "the secret KEY was set",
    ]
    assert {each.by for each in found.differences} == {ADA}
    assert CANARY not in repr(found.differences) + found.line


def test_where_the_events_are_gone_the_settings_tell_of_their_last_change(ctx, ran, clock):
    ran()
    environments.set_variable(ctx, "sandbox", "FEED", "1", by=ADA)
    failed = ran("failed")
    with ctx.store.begin() as tx:
        tx.events.delete_old(before=clock.now())
    assert texts(ctx, failed) == ["the variable FEED was set"]


def test_a_secret_in_a_parameter_is_masked(ctx, ran):
    secrets.put(ctx, "sandbox", "KEY", CANARY, by=ADA)
    ran(parameters={"region": "North"})
    failed = ran("failed", parameters={"region": f"x{CANARY}y", "password": "hunter2"})
    found = comparisons.of_run(ctx, failed.id)
    assert "region is x***y instead of North" in [each.text for each in found.differences]
    assert CANARY not in repr(found.differences) + found.line
    assert "hunter2" not in repr(found.differences) + found.line


def test_a_run_of_a_preset_is_compared_with_the_same_preset(ctx, lab, work):
    presets = (Preset("north", {"region": "North"}), Preset("south", {"region": "South"}))
    wish = ScheduleWish(
        Submission(path=str(work / "sales.ipynb"), root=str(work)), Settings(HOURLY, "UTC", presets=presets), None
    )
    schedules.add(ctx, wish, by=ADA)
    lab.advance_to("2026-01-31T09:00")
    first = {run.parameters["region"]: run.id for run in lab.runs()}
    lab.end(first["North"])
    lab.end(first["South"])
    lab.advance_to("2026-01-31T10:00")
    second = {run.parameters["region"]: run.id for run in lab.runs() if run.id not in first.values()}
    lab.end(second["South"], "failed")
    found = comparisons.of_run(ctx, second["South"])
    assert (found.good.id, found.differences) == (first["South"], ())


def test_a_run_that_goes_on_is_not_compared(ctx, submit_one):
    with pytest.raises(Conflict, match="has not ended"):
        comparisons.of_run(ctx, submit_one.id)


@pytest.fixture
def submit_one(ctx, work) -> Run:
    return runs.submit(ctx, Submission(path=str(work / "sales.ipynb"), root=str(work)), by=ADA).view.run


def test_a_notebook_that_is_gone_still_lets_the_rest_be_compared(ctx, ran, work, monkeypatch):
    good = ran()
    write(work, [*NOTEBOOK_CELLS[:2], "print(2)"])
    failed = ran("failed", parameters={"region": "South"})
    with ctx.store.read() as tx:
        manifest = tx.versions.get(good.job_id, good.version_digest).manifest
    assert ctx.blobs.remove(manifest.source_digest, put_before=FAR)
    assert texts(ctx, failed) == ["the notebook changed", "region is South instead of North"]
    assert failed.state is RunState.FAILED
