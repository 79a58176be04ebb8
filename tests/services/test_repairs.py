"""Repairs of pipeline runs: results are taken over, and only the rest runs."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.repairs import RepairWish
from dataops_lab.domain.runs import RunState, TriggerKind
from dataops_lab.errors import Conflict, InvalidRequest, KeyReused, NotFound, Refused
from dataops_lab.ports import RunFilter
from dataops_lab.services import pipelines, records, repairs, retention, runs

from ..pipeline_lab import ANN, PATH, PipelineLab, engine_of

CHAIN = """
version: 1
steps:
  extract: {notebook: extract.ipynb}
  clean: {notebook: clean.ipynb, needs: [extract], files: [{from: extract, paths: [data.csv]}]}
  train: {notebook: train.ipynb, needs: [clean], with: {n: {cel: steps.extract.values.n}}}
"""
FAN_OUT = """
version: 1
steps:
  each: {notebook: each.ipynb, for_each: {inputs: [a, b, c, d], concurrency: 2}}
  report: {notebook: report.ipynb, needs: [each], if: "steps.each.values.n == [1, 2, 3, 4]"}
"""


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def repair(lab: PipelineLab, run_id: str, key: str | None = None, **wish) -> str:
    new = repairs.repair(lab.ctx, run_id, RepairWish(**wish), by=ANN, key=key).view.run
    lab.settle()
    return new.id


def failed_chain(lab: PipelineLab) -> str:
    lab.notebooks.schema = ParameterSchema((Parameter("n", ParameterType.INTEGER, 0),))
    run_id = lab.start(CHAIN)
    lab.end(run_id, "extract", values={"n": 7}, files={"data.csv": "1,2"})
    lab.end(run_id, "clean", "failed")
    assert lab.state(run_id) is RunState.FAILED
    return run_id


def test_a_repair_runs_what_failed_with_the_values_and_files_that_were_left(lab):
    old = failed_chain(lab)
    new = repair(lab, old)
    assert lab.states(new) == {"extract": "succeeded", "clean": "running", "train": "waiting"}
    assert lab.alive(new) == {"clean"}
    assert lab.inputs(new, "clean") == {"inputs/extract/data.csv": "1,2"}
    lab.end(new, "clean")
    assert lab.part(new, "train").parameters == {"n": 7}
    lab.end(new, "train")
    assert lab.state(new) is RunState.SUCCEEDED
    assert lab.state(old) is RunState.FAILED


def test_both_runs_name_each_other_and_the_step_names_the_run_that_ran_it(lab):
    old = failed_chain(lab)
    first = repair(lab, old)
    lab.end(first, "clean")
    lab.end(first, "train", "failed")
    second = repair(lab, first)
    assert lab.run(first).trigger == lab.run(first).trigger.__class__(TriggerKind.REPAIR, old)
    assert runs.get(lab.ctx, old).repairs == [first]
    assert runs.get(lab.ctx, first).repairs == [second]
    steps = lab.steps(second)
    assert [steps[each].status.taken_from for each in ("extract", "clean", "train")] == [old, first, None]
    copied = lab.part(second, "extract")
    assert copied.trigger.kind is TriggerKind.TAKEN_OVER
    assert copied.trigger.ref == lab.part(old, "extract").id


def test_the_failed_items_alone_run_again(lab):
    run_id = lab.start(FAN_OUT)
    for number, key in enumerate("abcd", 1):
        lab.end(run_id, f"each/{key}", "failed" if key in "bd" else "succeeded", values={"n": number})
    assert lab.state(run_id) is RunState.FAILED
    new = repair(lab, run_id)
    assert lab.alive(new) == {"each/b", "each/d"}
    lab.end(new, "each/d", values={"n": 4})
    lab.end(new, "each/b", values={"n": 2})
    assert lab.steps(new)["each"].counts.succeeded == 4
    assert lab.alive(new) == {"report"}


def test_items_that_never_started_run_within_the_concurrency(lab):
    run_id = lab.start(FAN_OUT.replace("concurrency: 2", "concurrency: 1, max_failures: 0"))
    lab.end(run_id, "each/a", values={"n": 1})
    lab.end(run_id, "each/b", "failed")
    assert lab.state(run_id) is RunState.FAILED
    new = repair(lab, run_id)
    for number, key in ((2, "b"), (3, "c"), (4, "d")):
        assert lab.alive(new) == {f"each/{key}"}
        lab.end(new, f"each/{key}", values={"n": number})
    assert lab.alive(new) == {"report"}


def test_a_newer_version_runs_the_steps_whose_code_changed_and_those_after_them(lab):
    old = failed_chain(lab)
    lab.notebooks.cells["/n/clean.ipynb"] = ("fixed",)
    planned = repairs.preview(lab.ctx, old, RepairWish(newer=True), by=ANN)
    assert {name: str(each.fate) for name, each in planned.steps.items()} == {
        "extract": "taken_over",
        "clean": "runs",
        "train": "runs",
    }
    new = repair(lab, old, newer=True)
    assert lab.part(new, "clean").version_digest != lab.part(old, "clean").version_digest
    lab.end(new, "clean")
    lab.end(new, "train")
    lab.notebooks.cells["/n/extract.ipynb"] = ("changed",)
    again = repair(lab, new, newer=True)
    assert lab.alive(again) == {"extract"}


def test_the_same_version_stays_although_the_files_changed(lab):
    old = failed_chain(lab)
    lab.notebooks.cells["/n/clean.ipynb"] = ("fixed",)
    lab.notebooks.pipeline_files[PATH] = b"broken: ["
    new = repair(lab, old)
    assert lab.part(new, "clean").version_digest == lab.part(old, "clean").version_digest


def test_parts_of_a_pipeline_are_repaired(lab):
    old = failed_chain(lab)
    until = repair(lab, old, until="clean")
    lab.end(until, "clean")
    assert lab.states(until) == {"extract": "succeeded", "clean": "succeeded", "train": "skipped"}
    assert lab.state(until) is RunState.SUCCEEDED
    rest = repair(lab, until)
    assert lab.alive(rest) == {"train"}
    lab.end(rest, "train")
    again = repair(lab, rest, start_from=("clean",))
    assert lab.alive(again) == {"clean"}
    only = repair(lab, rest, only="clean")
    lab.end(only, "clean")
    assert lab.states(only)["train"] == "skipped"
    assert lab.reason(only, "train") == "This repair does not go so far."
    assert lab.state(only) is RunState.SUCCEEDED


def test_a_decision_is_taken_over_with_the_person(lab):
    run_id = lab.start(
        "{version: 1, steps: {a: {notebook: a.ipynb}, ok: {approve: {ask: Go?}, needs: [a]}, "
        "b: {notebook: b.ipynb, needs: [ok]}}}"
    )
    lab.end(run_id, "a")
    pipelines.decide(lab.ctx, run_id, "ok", approved=True, comment="Good.", by=ANN)
    lab.settle()
    lab.end(run_id, "b", "failed")
    new = repair(lab, run_id)
    status = lab.steps(new)["ok"].status
    assert (status.state, status.decided_by, status.comment, status.taken_from) == ("succeeded", ANN, "Good.", run_id)
    assert lab.alive(new) == {"b"}
    assert lab.state(repair(lab, run_id, start_from=("a",))) is RunState.ACTIVE


def test_a_step_skipped_by_its_own_condition_stays_so(lab):
    run_id = lab.start(
        "{version: 1, steps: {a: {notebook: a.ipynb}, never: {notebook: b.ipynb, needs: [a], if: 'false'}, "
        "b: {notebook: b.ipynb, needs: [a]}}}"
    )
    lab.end(run_id, "a")
    lab.end(run_id, "b", "failed")
    new = repair(lab, run_id)
    assert lab.states(new) == {"a": "succeeded", "never": "skipped", "b": "running"}
    assert lab.steps(new)["never"].status.taken_from == run_id


def test_a_run_that_goes_on_is_not_repaired_and_a_cancelled_one_is(lab):
    lab.notebooks.schema = ParameterSchema((Parameter("n", ParameterType.INTEGER, 0),))
    run_id = lab.start(CHAIN)
    with pytest.raises(Conflict, match="has not ended"):
        repair(lab, run_id)
    runs.cancel(lab.ctx, run_id, by=ANN)
    with pytest.raises(Conflict, match="has not ended"):
        repair(lab, run_id)  # Its runner has still to end.
    lab.end(run_id, "extract", "cancelled")
    assert lab.state(run_id) is RunState.CANCELLED
    assert lab.alive(repair(lab, run_id)) == {"extract"}


def test_two_repairs_of_one_run_are_two_runs_and_one_key_is_one(lab):
    old = failed_chain(lab)
    first, second = repair(lab, old), repair(lab, old)
    assert runs.get(lab.ctx, old).repairs == [first, second]
    runs.cancel(lab.ctx, first, by=ANN)
    lab.settle()
    assert lab.alive(second) == {"clean"}
    keyed = repair(lab, old, "once")
    assert repair(lab, old, "once") == keyed
    with pytest.raises(KeyReused):
        repair(lab, old, "once", start_from=("extract",))


def test_a_damaged_or_missing_record_is_not_taken_over(lab):
    old = failed_chain(lab)
    with lab.ctx.store.read() as tx:
        [file] = tx.records.find_for_run(lab.part(old, "extract").id).artifacts
    assert lab.ctx.blobs.remove(file.digest, put_before=dt.datetime.max.replace(tzinfo=dt.UTC))
    planned = repairs.preview(lab.ctx, old, RepairWish(), by=ANN)
    assert planned.steps["extract"].why == "Its record is damaged: data.csv is not what was stored."
    assert lab.alive(repair(lab, old)) == {"extract"}


def test_what_a_repair_took_over_outlives_the_run_from_which_it_comes(lab):
    old = failed_chain(lab)
    new = repair(lab, old)
    lab.end(new, "clean", "failed")
    retention.delete(lab.ctx, old, by=ANN)
    lab.ctx.clock.advance(dt.timedelta(days=3).total_seconds())
    retention.collect_blobs(lab.ctx)
    part = lab.part(new, "extract")
    assert runs.get(lab.ctx, part.id).record.values == {"n": 7}
    assert lab.alive(again := repair(lab, new)) == {"clean"}
    assert lab.inputs(again, "clean") == {"inputs/extract/data.csv": "1,2"}
    with pytest.raises(NotFound):
        repair(lab, old)


def test_a_run_deleted_while_its_repair_is_planned_leaves_nothing(lab):
    old = failed_chain(lab)
    prepared = repairs._prepare(lab.ctx, old, RepairWish(), root=None, by=ANN)
    retention.delete(lab.ctx, old, by=ANN)
    with pytest.raises(NotFound), lab.ctx.store.begin() as tx:
        prepared.add(tx, key=None, request="x", by=ANN, at=lab.ctx.moment())
    with lab.ctx.store.read() as tx:
        assert tx.pipelines.list_unfinished() == []


def test_other_parameters_run_what_reads_them(lab):
    text = """
version: 1
parameters: {n: {type: integer, default: 1}}
steps:
  a: {notebook: a.ipynb}
  b: {notebook: b.ipynb, needs: [a], with: {n: {cel: params.n}}}
  c: {notebook: c.ipynb, needs: [a]}
"""
    lab.notebooks.schema = ParameterSchema((Parameter("n", ParameterType.INTEGER, 0),))
    run_id = lab.start(text)
    for step in "abc":
        lab.end(run_id, step)
    with pytest.raises(Refused, match="nothing to repair"):
        repair(lab, run_id, parameters={"n": 1})
    new = repair(lab, run_id, parameters={"n": 2})
    assert lab.alive(new) == {"b"}
    assert lab.part(new, "b").parameters == {"n": 2}


def test_the_record_of_a_taken_over_step_is_whole(lab):
    old = failed_chain(lab)
    new = repair(lab, old)
    view = runs.get(lab.ctx, lab.part(new, "extract").id)
    assert view.record is not None
    assert view.attempts[-1].run_id == view.run.id
    assert records.journal(lab.ctx, view.run.id, after=0, limit=10) is not None


def test_a_run_of_a_notebook_is_not_repaired(lab):
    old = failed_chain(lab)
    with pytest.raises(InvalidRequest, match="is not one of a pipeline"):
        repair(lab, lab.part(old, "extract").id)


def test_a_step_that_succeeded_with_tolerated_failures_is_taken_over_as_it_is(lab):
    run_id = lab.start(
        "{version: 1, steps: {each: {notebook: e.ipynb, for_each: {inputs: [a, b], max_failures: 1}}, "
        "last: {notebook: l.ipynb, needs: [each]}}}"
    )
    lab.end(run_id, "each/a", "failed")
    lab.end(run_id, "each/b")
    lab.end(run_id, "last", "failed")
    new = repair(lab, run_id)
    each = lab.steps(new)["each"]
    assert (each.status.state, each.status.with_failures) == ("succeeded", True)
    assert (each.counts.succeeded, each.counts.failed) == (1, 1)
    assert each.run_id is None  # Its items have runs.
    lab.end(new, "last")
    assert (lab.state(new), lab.run(new).with_failures) == (RunState.SUCCEEDED, True)


def test_a_repair_that_waits_for_its_turn_keeps_what_it_took_over(lab):
    lab.notebooks.schema = ParameterSchema((Parameter("n", ParameterType.INTEGER, 0),))
    text = CHAIN.replace("version: 1", "version: 1\nconcurrency: 1")
    old = lab.start(text)
    lab.end(old, "extract", values={"n": 7}, files={"data.csv": "1,2"})
    lab.end(old, "clean", "failed")
    first, second = repair(lab, old), repair(lab, old)
    assert lab.state(second) is RunState.QUEUED
    assert lab.states(second)["extract"] == "succeeded"
    runs.cancel(lab.ctx, first, by=ANN)
    lab.end(first, "clean", "cancelled")
    assert lab.alive(second) == {"clean"}
    third = repair(lab, old)
    runs.cancel(lab.ctx, third, by=ANN)
    assert lab.state(third) is RunState.CANCELLED
    assert lab.alive(repair(lab, third)) == set()  # It waits for the second one.


def test_results_that_were_taken_over_are_not_runs_of_the_job(lab):
    old = failed_chain(lab)
    ran = lab.part(old, "extract")
    new = repair(lab, old)
    copy = lab.part(new, "extract")

    with lab.ctx.store.read() as tx:
        listed = [run.id for run in tx.runs.page(RunFilter(job_id=ran.job_id), limit=10).items]
        parts = [run.id for run in tx.runs.page(RunFilter(parent_id=new), limit=10).items]
        [summary] = tx.runs.newest_summaries([ran.job_id])
        [newest] = tx.runs.newest_per_job([ran.job_id])
        [succeeded] = tx.runs.newest_per_job([ran.job_id], RunState.SUCCEEDED)

    assert (copy.id in parts, listed) == (True, [ran.id])
    assert (summary.id, newest.id, succeeded.id) == (ran.id, ran.id, ran.id)


def test_a_repair_with_newer_files_stays_in_the_image_of_the_submission(lab, in_images):
    text = "version: 1\nsteps:\n  a: {notebook: a.ipynb}\n  b: {notebook: b.ipynb, image: lean, needs: [a]}\n"
    old = lab.start(text, image="full")
    lab.end(old, "a", "failed")

    new = repair(lab, old, newer=True)
    lab.end(new, "a")

    assert [lab.part(new, key).image.name for key in "ab"] == ["full", "lean"]
