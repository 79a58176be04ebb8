from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from dataops_lab.domain.inputs import Inputs
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import (
    MAX_SUMMARY_MESSAGE,
    AttemptState,
    ParameterRow,
    RunState,
    Submission,
    Trigger,
    TriggerKind,
)
from dataops_lab.domain.versions import IncludedFile
from dataops_lab.errors import (
    Conflict,
    InvalidParameters,
    InvalidRequest,
    InvalidRows,
    KeyReused,
    NotFound,
    UnknownEnvironment,
)
from dataops_lab.ports import RunFilter
from dataops_lab.services import runs
from dataops_lab.services.placement import NO_OVERRIDE, place_rerun
from dataops_lab.testing import person

NOTEBOOK = "/notebooks/sales.ipynb"


@pytest.fixture
def schema(ctx) -> ParameterSchema:
    ctx.notebooks.schema = ParameterSchema((Parameter("limit", ParameterType.INTEGER, default=3),))
    return ctx.notebooks.schema


def test_the_same_notebook_is_one_job_and_unchanged_one_version(submit):
    first, second = submit(), submit()
    assert first.job == second.job
    assert first.version.number == second.version.number == 1
    assert first.run.id != second.run.id


def test_what_changed_is_a_new_version_of_the_same_job(submit, ctx):
    first = submit()
    ctx.notebooks.schema = ParameterSchema((Parameter("new"),))
    second = submit()
    assert (first.job, second.version.number) == (second.job, 2)


def test_a_key_that_comes_again_gives_the_same_run_and_no_second(ctx):
    asked = Submission(NOTEBOOK, key="monday")
    first, second = (runs.submit(ctx, asked, by=person("someone")) for _ in range(2))
    assert (first.created, second.created) == (True, False)
    assert first.view.run == second.view.run


def test_fifty_submits_with_one_key_in_parallel_make_one_run(ctx):
    with ThreadPoolExecutor(10) as threads:
        answers = list(
            threads.map(lambda _: runs.submit(ctx, Submission(NOTEBOOK, key="k"), by=person("x")), range(50))
        )
    assert len({answer.view.run.id for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    assert len(runs.page(ctx, RunFilter()).items) == 1


@pytest.mark.parametrize("change", [{"parameters": {"limit": 4}}, {"path": "/other.ipynb"}, {"timeout_s": 5.0}])
def test_a_key_with_another_request_is_refused(ctx, schema, change):
    asked = Submission(NOTEBOOK, key="k")
    runs.submit(ctx, asked, by=person("someone"))
    with pytest.raises(KeyReused):
        runs.submit(ctx, replace(asked, **change), by=person("someone"))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"environment": "staging"}, UnknownEnvironment),
        ({"parameters": {"limt": 4}}, InvalidParameters),
        ({"texts": (("limit", "many"),)}, InvalidParameters),
        ({"timeout_s": 0}, InvalidRequest),
        ({"key": ""}, InvalidRequest),
        ({"key": "a\nb"}, InvalidRequest),
    ],
)
def test_what_is_refused_leaves_nothing(ctx, schema, change, error):
    with pytest.raises(error):
        runs.submit(ctx, replace(Submission(NOTEBOOK), **change), by=person("someone"))
    assert runs.page(ctx, RunFilter()).items == []


def test_texts_of_a_command_line_win_over_a_file(ctx, schema):
    asked = Submission(NOTEBOOK, parameters={"limit": 1}, texts=(("limit", "2"),))
    assert runs.submit(ctx, asked, by=person("someone")).view.run.parameters == {"limit": 2}


def test_a_queued_run_says_why_it_waits(submit, engine, ctx):
    view = submit()
    assert view.waiting_reason.code == "no_engine"
    engine.step()


def test_a_queued_run_is_cancelled_at_once_and_twice_is_once(submit, ctx):
    view = submit()
    first, second = (runs.cancel(ctx, view.run.id, by=person("someone")) for _ in range(2))
    assert first.run.state is RunState.CANCELLED
    assert second.run == first.run


def test_a_run_that_has_ended_cannot_be_cancelled(submit, ctx, store):
    run = submit().run
    with store.begin() as tx:
        active = run.transition_to(RunState.ACTIVE)
        tx.runs.transition(run, active)
        tx.runs.transition(active, active.transition_to(RunState.SUCCEEDED))
    with pytest.raises(Conflict, match="already ended"):
        runs.cancel(ctx, run.id, by=person("someone"))


def test_a_rerun_is_a_new_run_of_the_same_version_that_names_the_old(submit, ctx, schema):
    old = submit(parameters={"limit": 5})
    again = runs.rerun(ctx, old.run.id, parameters=None, by=person("other")).view
    assert again.version == old.version
    assert again.run.trigger == Trigger(TriggerKind.RERUN, old.run.id)
    assert again.run.parameters == {"limit": 5}
    assert again.run.created_by == person("other")
    other = runs.rerun(ctx, old.run.id, parameters={}, by=person("other")).view
    assert other.run.parameters == {}
    with pytest.raises(InvalidParameters):
        runs.rerun(ctx, old.run.id, parameters={"nope": 1}, by=person("other"))


def test_what_does_not_exist_is_not_found(ctx):
    for call in (lambda: runs.get(ctx, "0" * 26), lambda: runs.cancel(ctx, "0" * 26, by=person("x"))):
        with pytest.raises(NotFound):
            call()


def ordered(ctx, view, **changes):
    """Order the same again, as a step of a pipeline or a schedule would."""
    with ctx.store.read() as tx:
        placed = place_rerun(ctx, tx, view.run, NO_OVERRIDE, by=person("someone"))
    return replace(runs.order_rerun(view.run, view.version, placed, view.run.kernel, TriggerKind.STEP), **changes)


def test_a_run_of_a_version_needs_neither_a_notebook_nor_a_snapshot(ctx, submit, schema, monkeypatch):
    whole = submit(parameters={"limit": 4})
    data = Inputs((IncludedFile("sales.csv", "sha256:" + "1" * 64, 4),))
    monkeypatch.setattr(ctx.notebooks, "snapshot", None)
    with ctx.store.begin() as tx:
        order = ordered(ctx, whole, inputs_digest=tx.inputs.put(data))
        run = runs.queue_run(tx, order, by=person("ann"), at=ctx.moment())
    stored = runs.get(ctx, run.id)
    assert (stored.run, stored.version, stored.job) == (run, whole.version, whole.job)
    assert (run.state, run.parameters, run.created_by) == (RunState.QUEUED, {"limit": 4}, person("ann"))
    assert (run.trigger, stored.run.inputs_digest) == (Trigger(TriggerKind.STEP, whole.run.id), data.digest)


def test_a_part_of_a_run_is_queued_once(ctx, submit):
    whole = submit()
    queued = []
    for key in ("load", "clean", "load"):
        with ctx.store.begin() as tx:
            order = ordered(ctx, whole, parent=(whole.run.id, key))
            queued.append(runs.queue_run(tx, order, by=person("ann"), at=ctx.moment()))
    first, other, same = queued
    assert (first.id != other.id, first.id == same.id) == (True, True)
    assert (first.parent_id, first.parent_key) == (whole.run.id, "load")
    parts = runs.page(ctx, RunFilter(parent_id=whole.run.id)).items
    assert {part.id for part in parts} == {first.id, other.id}
    assert len(runs.page(ctx, RunFilter()).items) == 1


def test_what_was_queued_twice_with_one_key_made_one_version(ctx):
    asked = Submission(NOTEBOOK, key="monday")
    first = runs.submit(ctx, asked, by=person("someone")).view
    ctx.notebooks.schema = ParameterSchema((Parameter("new"),))
    assert runs.submit(ctx, asked, by=person("someone")).view.run == first.run
    with ctx.store.read() as tx:
        assert len(tx.versions.list_for_job(first.job.id)) == 1


def test_a_summary_tells_of_a_run_what_the_whole_run_does_however_it_is_read(ctx, submit, engine, executor):
    first = submit().run.id
    while not (attempts := runs.get(ctx, first).attempts) or attempts[-1].state is not AttemptState.RUNNING:
        engine.step()
    running = runs.summary(ctx, first)
    failure = {"code": "failed", "message": "No. " * 1000, "cell": 0, "traceback": ["line"] * 1000}
    executor.end(attempts[-1].name, "failed", failure=failure)
    while not runs.get(ctx, first).run.state.is_terminal:
        engine.step()
    waiting = submit().run.id
    assert running.phase == "running"
    for run_id in (first, waiting):
        found = runs.summary(ctx, run_id)
        assert found == runs.summary_of(runs.get(ctx, run_id))
        assert found in runs.page(ctx, RunFilter()).items
        assert found.reason is not None
        assert len(found.reason.message) <= MAX_SUMMARY_MESSAGE
        assert found.reason.detail == {}
    assert runs.last_of_jobs(ctx, [found.job_id]) == {found.job_id: found}
    with pytest.raises(NotFound):
        runs.summary(ctx, "0" * 26)


def test_many_rows_make_one_version_and_a_run_each_in_their_order(ctx, schema):
    rows = [ParameterRow({"limit": number}) for number in range(20)]
    queued = runs.submit_many(ctx, Submission(NOTEBOOK, key="sweep"), rows, by=person("someone"))
    made = [runs.get(ctx, run.id).run for run, _ in queued]
    assert [run.parameters for run in made] == [{"limit": number} for number in range(20)]
    assert [run.id for run in made] == sorted({run.id for run in made})
    assert {(run.version_digest, run.state) for run in made} == {(made[0].version_digest, RunState.QUEUED)}
    again = runs.submit_many(
        ctx, Submission(NOTEBOOK, key="sweep"), [*rows, ParameterRow({"limit": 99})], by=person("someone")
    )
    assert [run.id for run, _ in again[:20]] == [run.id for run in made]
    assert [is_new for _, is_new in again] == [False] * 20 + [True]
    with pytest.raises(KeyReused):
        runs.submit_many(ctx, Submission(NOTEBOOK, key="sweep"), [ParameterRow({"limit": 5})], by=person("someone"))


def test_a_row_goes_before_what_is_given_for_all(ctx, schema):
    given = Submission(NOTEBOOK, parameters={"limit": 1}, texts=(("limit", "2"),))
    rows = [ParameterRow(), ParameterRow({"limit": 3}), ParameterRow(texts=(("limit", "4"),))]
    queued = runs.submit_many(ctx, given, rows, by=person("someone"))
    assert [runs.get(ctx, run.id).run.parameters["limit"] for run, _ in queued] == [2, 3, 4]


def test_rows_that_are_wrong_are_all_named_and_none_is_started(ctx, schema):
    rows = [ParameterRow({"limit": 1}), ParameterRow(texts=(("limit", "x"),)), ParameterRow({"other": 1})]
    with pytest.raises(InvalidRows) as refused:
        runs.submit_many(ctx, Submission(NOTEBOOK), rows, by=person("someone"))
    wrong = [(row["row"], row["problems"][0]["name"]) for row in refused.value.detail["rows"]]
    assert wrong == [(2, "limit"), (3, "other")]
    assert runs.page(ctx, RunFilter()).items == []


@pytest.mark.parametrize("count", [0, runs.MAX_ROWS + 1])
def test_a_call_takes_a_bounded_number_of_rows(ctx, count):
    with pytest.raises(InvalidRequest):
        runs.submit_many(ctx, Submission(NOTEBOOK), [ParameterRow()] * count, by=person("someone"))
