"""The statements on pipeline runs, on both databases."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from sqlite3 import connect

import pytest
from sqlalchemy.dialects.sqlite import dialect

from dataops_lab.domain.environments import Resources
from dataops_lab.domain.events import run_subject
from dataops_lab.domain.images import RunImage
from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.pipelines import Item, StepState, StepStatus
from dataops_lab.domain.plans import PlannedStep
from dataops_lab.domain.runs import Reason, Run, RunState
from dataops_lab.domain.settings import RunSettings
from dataops_lab.domain.snapshots import Finding, Severity
from dataops_lab.domain.versions import IncludedFile, Origin
from dataops_lab.errors import NotFound, StaleWrite
from dataops_lab.ports import PartCounts, RunFilter
from dataops_lab.services import runs
from dataops_lab.store import open_store
from dataops_lab.store.filters import newest_ids
from dataops_lab.store.queue import _WAITING
from dataops_lab.testing import person

AT = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
ANN = person("ann")


@pytest.fixture
def planned(submit) -> PlannedStep:
    """The plan of a step that runs the notebook which `submit` runs."""
    run = submit().run
    kernel = replace(run.kernel, inherited={"PATH": "/bin"})
    return PlannedStep(run.job_id, run.version_digest, kernel)


@pytest.fixture
def add(store, planned) -> Callable[..., Run]:
    count = iter(range(1, 10_000))

    def added(**changes: object) -> Run:
        run = Run(
            id=f"01KG9H1S00{next(count):016}",
            project="default",
            job_id=planned.job_id,
            version_digest=planned.version_digest,
            environment="sandbox",
            state=RunState.ACTIVE,
            parameters={},
            kernel=None,
            created_at=AT,
            created_by=ANN,
            kind=JobKind.PIPELINE,
        )
        run = replace(run, **changes)
        with store.begin() as tx:
            tx.runs.add(run)
        return run

    return added


@pytest.fixture
def pipeline(store, add, planned) -> Run:
    """A run of a pipeline: `a` waits, `b` asks people."""
    run = add()
    with store.begin() as tx:
        tx.pipelines.add(run.id, {"a": planned}, {"a": StepStatus(), "b": StepStatus()})
    return run


def part(run: Run, key: str, **changes: object) -> dict[str, object]:
    return {"parent_id": run.id, "parent_key": key, "kind": JobKind.NOTEBOOK, "state": RunState.QUEUED, **changes}


def test_a_plan_is_read_as_it_was_written(store, add, planned):
    run = add()
    image = RunImage("lean", "lean:1", "lean@sha256:1", "sha256:2")
    with store.begin() as tx:
        digest = tx.inputs.put(Inputs((IncludedFile("a.csv", "sha256:" + "1" * 64, 4),)))
        here = replace(
            planned,
            settings=RunSettings(max_retries=2, timeout_s=60.0),
            resources=Resources(cpus=2.0),
            inputs_digest=digest,
            origin=Origin("host/repository", "abc", "main", dirty=True),
            findings=(Finding("missing_file", Severity.WARNING, "x", "y", 3, missing="x.csv"),),
        )
        there = replace(planned, image=image, kernel=replace(planned.kernel, inherited={}))
        tx.pipelines.add(run.id, {"a": here, "c": there}, {id: StepStatus() for id in "abc"})
    with store.read() as tx:
        assert tx.pipelines.get_plan(run.id) == {"a": here, "c": there}
        assert tx.pipelines.get_plan(run.id, ["c"]) == {"c": there}


def test_a_status_is_read_as_it_was_written_and_leaves_an_event_of_the_run(store, pipeline):
    ended = StepStatus(
        StepState.REJECTED,
        Reason("rejected", "No\0.", {"x": math.nan}),
        items=(Item("a/b", {"n": math.inf}), Item("c", [1, None])),
        with_failures=True,
        nothing_to_do=True,
        started_at=AT,
        finished_at=AT,
        due_at=AT,
        decided_at=AT,
        decided_by=ANN,
        comment="No.",
        taken_from="0" * 26,
    )
    with store.begin() as tx:
        before = tx.pipelines.get_progress(pipeline.id).statuses
        tx.pipelines.transition(pipeline.id, before, {"a": ended}, at=AT, by=ANN)
    with store.read() as tx:
        after = tx.pipelines.get_progress(pipeline.id).statuses
        # Texts and numbers that no database can hold are replaced, as in reasons of runs.
        reason = Reason("rejected", "No\N{REPLACEMENT CHARACTER}.", {"x": None})
        assert after == {"a": replace(ended, reason=reason), "b": StepStatus()}
        event = tx.events.list_after(0, subject=run_subject(pipeline.id))[-1]
        assert (event.kind, event.actor, event.data) == ("step.rejected", ANN, {"step": "a"})
        assert tx.runs.get(pipeline.id).revision == event.revision == 2


def test_a_step_that_has_moved_meanwhile_is_not_moved_again(store, pipeline):
    with store.begin() as tx:
        before = tx.pipelines.get_progress(pipeline.id).statuses
        tx.pipelines.transition(pipeline.id, before, {"a": StepStatus(StepState.SKIPPED)}, at=AT)
    both = {"a": StepStatus(StepState.RUNNING), "b": StepStatus(StepState.SKIPPED)}
    with pytest.raises(StaleWrite), store.begin() as tx:
        tx.pipelines.transition(pipeline.id, before, both, at=AT)
    with store.read() as tx:
        states = [status.state for status in tx.pipelines.get_progress(pipeline.id).statuses.values()]
        assert states == [StepState.SKIPPED, StepState.WAITING]


def test_a_run_that_is_no_pipeline_has_no_steps(store, add):
    run = add(kind=JobKind.NOTEBOOK)
    with store.read() as tx, pytest.raises(NotFound):
        tx.pipelines.get_progress(run.id)


def test_the_first_timeout_stays(store, pipeline):
    for seconds in (1, 2):
        with store.begin() as tx:
            tx.pipelines.record_timeout(pipeline.id, at=AT + dt.timedelta(seconds=seconds))
    with store.read() as tx:
        assert tx.pipelines.get_progress(pipeline.id).timed_out_at == AT + dt.timedelta(seconds=1)


def test_runs_of_steps_are_counted_by_step_and_state(store, add, pipeline):
    add(**part(pipeline, "a"))
    for number in range(3):
        add(**part(pipeline, f"ab/{number}", state=RunState.SUCCEEDED, nothing_to_do=number == 0))
    add(**part(pipeline, "ab/a/4", state=RunState.ACTIVE))
    other = add()
    add(**part(other, "a", state=RunState.FAILED))
    with store.read() as tx:
        assert tx.pipelines.count_parts(pipeline.id) == {
            "a": PartCounts({RunState.QUEUED: 1}, 0),
            "ab": PartCounts({RunState.SUCCEEDED: 3, RunState.ACTIVE: 1}, 1),
        }
        assert tx.pipelines.count_parts(other.id) == {"a": PartCounts({RunState.FAILED: 1}, 0)}
        found = tx.pipelines.list_parts(pipeline.id, ["ab"])["ab"]
        assert [each.item_key for each in found] == ["0", "1", "2", "a/4"]
        assert tx.pipelines.list_unfinished_parts(pipeline.id, ["ab"]) == [found[-1].id]
        assert len(tx.pipelines.list_part_ids([pipeline.id, other.id])[pipeline.id]) == 5
        assert tx.pipelines.list_parts(pipeline.id, []) == {}


def test_pipelines_take_no_part_in_the_queue(store, add, pipeline):
    waiting = add(state=RunState.QUEUED)
    inside = add(**part(pipeline, "a"))
    with store.read() as tx:
        queued = {run.id for run in tx.queue.list_queued()}
        assert inside.id in queued
        assert waiting.id not in queued
        assert tx.queue.list_active() == []
        assert not {waiting.id, pipeline.id} & {unfinished.run.id for unfinished in tx.queue.list_unfinished()}
        assert tx.pipelines.list_unfinished() == [pipeline.id, waiting.id]
        assert tx.pipelines.list_unfinished_for_job(pipeline.job_id) == {
            RunState.ACTIVE: [pipeline.id],
            RunState.QUEUED: [waiting.id],
        }


def test_approvals_that_have_started_are_found_by_run(store, pipeline):
    with store.begin() as tx:
        before = tx.pipelines.get_progress(pipeline.id).statuses
        assert tx.pipelines.list_approvals([pipeline.id]) == {}
        asking = StepStatus(StepState.AWAITING_APPROVAL, started_at=AT)
        running = StepStatus(StepState.RUNNING, started_at=AT)
        tx.pipelines.transition(pipeline.id, before, {"a": running, "b": asking}, at=AT)
    with store.read() as tx:
        assert tx.pipelines.list_approvals([pipeline.id]) == {pipeline.id: {"b": asking}}


def test_a_pipeline_is_deleted_with_the_runs_of_its_steps_and_leaves_an_event_each(store, add, pipeline):
    inside = add(**part(pipeline, "a", state=RunState.SUCCEEDED))
    with store.begin() as tx:
        tx.runs.transition(pipeline, pipeline.transition_to(RunState.SUCCEEDED, finished_at=AT))
    with store.begin() as tx:
        assert tx.runs.delete([pipeline.id], at=AT, by=ANN) == [pipeline.id]
    with store.read() as tx:
        assert tx.runs.get_many([pipeline.id, inside.id]) == {}
        for run_id in (pipeline.id, inside.id):
            assert [event.kind for event in tx.events.list_after(0, subject=run_subject(run_id))] == ["run.deleted"]


def test_the_versions_of_steps_stay_while_the_pipeline_does_also_under_another_job(ctx, store, add, submit, planned):
    run = add()
    with store.begin() as tx:
        tx.pipelines.add(run.id, {"a": planned}, {"a": StepStatus()})
        other = tx.jobs.get(planned.job_id)
    for stored in (planned.version_digest,):
        with store.begin() as tx:
            assert not tx.versions.remove(other.id, stored)
    moved = submit("/notebooks/moved.ipynb")
    with store.begin() as tx:
        job = tx.jobs.merge(tx.jobs.get(moved.job.id), other)
    with store.read() as tx:
        assert tx.pipelines.get_plan(run.id)["a"].job_id == job.id
    assert runs.get(ctx, run.id).job.id == job.id


@pytest.mark.parametrize(
    ("where", "index"),
    [
        (RunFilter(), "ix_runs_top"),
        (RunFilter(states=(RunState.FAILED,)), "ix_runs_top_state"),
        (RunFilter(environment="x"), "ix_runs_top_environment"),
        (RunFilter(created_by="x"), "ix_runs_top_created_by"),
        (RunFilter(text="x"), "COVERING INDEX ix_runs_top_said"),
        (RunFilter(parent_id="x"), "COVERING INDEX ix_runs_parts"),
        (RunFilter(parent_id="x", states=(RunState.FAILED,)), "COVERING INDEX ix_runs_parts"),
        (RunFilter(parent_id="x", step="a", states=(RunState.FAILED,)), "COVERING INDEX ix_runs_parts"),
    ],
)
def test_lists_walk_an_index_without_the_runs_that_they_leave_out(sqlite, where, index):
    path = sqlite.removeprefix("sqlite:///")
    open_store(sqlite).close()
    with closing(connect(path)) as connection:
        query, parameters = newest_ids(connection.execute, where, limit=50, cursor=None)
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", parameters)]
    assert any(f"{index} " in f"{line} " for line in plan), plan


def test_the_queue_reads_its_index_alone(sqlite):
    open_store(sqlite).close()
    text = str(_WAITING.compile(dialect=dialect(), compile_kwargs={"literal_binds": True}))
    with closing(connect(sqlite.removeprefix("sqlite:///"))) as connection:
        [plan] = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
    assert "COVERING INDEX ix_runs_queue" in plan
