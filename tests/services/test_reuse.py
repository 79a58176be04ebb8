"""The reuse of results: only where a person asks for it, and only where nothing has changed."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.repairs import RepairWish
from dataops_lab.domain.runs import RunState, Submission, TriggerKind
from dataops_lab.errors import InvalidRequest
from dataops_lab.services import environments, repairs, retention, reuse, runs, secrets
from dataops_lab.services.pipelines import decide

from ..pipeline_lab import ANN, PATH, PipelineLab, engine_of

CHAIN = """
version: 1
parameters: {n: {type: integer, default: 1}}
steps:
  extract: {notebook: extract.ipynb, with: {n: {cel: params.n}}}
  clean: {notebook: clean.ipynb, needs: [extract], files: [{from: extract, paths: [data.csv]}]}
  train: {notebook: train.ipynb, needs: [clean], with: {n: {cel: steps.extract.values.n}}}
"""
FAN_OUT = """
version: 1
parameters: {regions: {type: list, default: [a, b, c]}}
steps:
  each: {notebook: each.ipynb, for_each: {inputs: {cel: params.regions}, concurrency: 2}, with: {region: {cel: item}}}
  sum: {notebook: sum.ipynb, needs: [each]}
"""
ALWAYS = """
version: 1
steps:
  first: {notebook: first.ipynb}
  fresh: {notebook: fresh.ipynb, needs: [first], reuse: false}
  ok: {approve: {ask: Publish?}, needs: [fresh]}
  tidy: {notebook: tidy.ipynb, needs: [ok], run_if: always}
"""


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    lab = PipelineLab(ctx, engine_of(ctx, executor), executor)
    lab.notebooks.schema = ParameterSchema(
        (Parameter("n", ParameterType.INTEGER, 0), Parameter("region", ParameterType.STRING, ""))
    )
    return lab


def ran(lab: PipelineLab, csv: str = "1,2", n: int = 7, **wishes) -> str:
    """Return a run of the chain that has ended."""
    run_id = lab.start(CHAIN, **wishes)
    lab.end(run_id, "extract", values={"n": n}, files={"data.csv": csv})
    lab.end(run_id, "clean")
    lab.end(run_id, "train")
    assert lab.state(run_id) is RunState.SUCCEEDED
    return run_id


def reused(lab: PipelineLab, run_id: str) -> dict[str, bool]:
    return {
        step_id: view.status.taken_from is not None and view.status.started_at is None
        for step_id, view in lab.steps(run_id).items()
    }


def test_without_the_wish_every_step_runs(lab):
    ran(lab)
    again = lab.start(CHAIN)
    assert lab.alive(again) == {"extract"}
    assert lab.steps(again)["extract"].status.reason is None


def test_a_pipeline_in_which_nothing_changed_ends_at_once_with_the_results_of_before(lab):
    old = ran(lab)
    new = lab.submit(CHAIN, reuse=True)
    assert lab.state(new) is RunState.SUCCEEDED
    steps = lab.steps(new)
    assert {view.status.taken_from for view in steps.values()} == {old}
    assert lab.reason(new, "extract") == f"Nothing has changed since run {old}."
    copy = lab.part(new, "extract")
    assert (copy.trigger.kind, copy.trigger.ref) == (TriggerKind.TAKEN_OVER, lab.part(old, "extract").id)
    assert runs.get(lab.ctx, copy.id).record is not None


def test_a_copy_of_a_copy_names_the_run_that_made_the_result(lab):
    old = ran(lab)
    lab.submit(CHAIN, reuse=True)
    last = lab.submit(CHAIN, reuse=True)
    assert {view.status.taken_from for view in lab.steps(last).values()} == {old}


def test_a_copy_serves_when_the_run_that_made_the_result_is_deleted(lab):
    old = ran(lab)
    copy = lab.submit(CHAIN, reuse=True)
    retention.delete(lab.ctx, old, by=ANN)
    new = lab.submit(CHAIN, reuse=True)
    assert lab.state(new) is RunState.SUCCEEDED
    assert {view.status.taken_from for view in lab.steps(new).values()} == {copy}


def test_a_step_whose_inputs_come_out_the_same_is_reused_although_the_step_before_it_ran(lab):
    ran(lab)
    new = lab.start(CHAIN, parameters={"n": 2}, reuse=True)
    assert lab.alive(new) == {"extract"}
    assert lab.reason(new, "extract") == "The parameter `n` changed."
    lab.end(new, "extract", values={"n": 7}, files={"data.csv": "1,2"})
    assert lab.state(new) is RunState.SUCCEEDED
    assert reused(lab, new) == {"extract": False, "clean": True, "train": True}


def test_a_file_or_a_value_that_comes_out_otherwise_runs_what_reads_it(lab):
    ran(lab)
    new = lab.start(CHAIN, parameters={"n": 2}, reuse=True)
    lab.end(new, "extract", values={"n": 7}, files={"data.csv": "3,4"})
    assert lab.alive(new) == {"clean"}
    assert lab.reason(new, "clean") == "The file inputs/extract/data.csv changed."
    lab.end(new, "clean")
    assert reused(lab, new)["train"]
    other = lab.start(CHAIN, parameters={"n": 3}, reuse=True)
    lab.end(other, "extract", values={"n": 8}, files={"data.csv": "3,4"})
    assert lab.alive(other) == {"train"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lab: lab.notebooks.cells.update({"/n/extract.ipynb": ("x",)}), "Its code changed."),
        (
            lambda lab: environments.set_variable(lab.ctx, "sandbox", "REGION", "eu", by=ANN),
            "A variable or a secret of the environment changed.",
        ),
        (
            lambda lab: secrets.put(lab.ctx, "sandbox", "TOKEN", "x", by=ANN),
            "A variable or a secret of the environment changed.",
        ),
    ],
)
def test_a_step_runs_when_what_it_consists_of_changed(lab, change, why):
    ran(lab)
    change(lab)
    new = lab.start(CHAIN, reuse=True)
    assert (lab.alive(new), lab.reason(new, "extract")) == ({"extract"}, why)


def test_a_step_that_never_succeeded_runs_and_keeps_saying_why(lab):
    run_id = lab.start(CHAIN, reuse=True)
    assert lab.reason(run_id, "extract") == "No earlier run of it succeeded."
    lab.end(run_id, "extract", values={"n": 7}, files={"data.csv": "1"})
    assert lab.reason(run_id, "extract") == "No earlier run of it succeeded."
    lab.end(run_id, "clean", "failed")
    assert "not" not in lab.reason(run_id, "clean").split()[0]


def test_a_result_whose_bytes_are_gone_is_not_reused(lab):
    old = ran(lab)
    record = runs.get(lab.ctx, lab.part(old, "extract").id).record
    assert record is not None
    assert lab.ctx.blobs.remove(record.artifacts[0].digest, put_before=dt.datetime.max.replace(tzinfo=dt.UTC))
    new = lab.start(CHAIN, reuse=True)
    assert lab.alive(new) == {"extract"}
    assert lab.reason(new, "extract") == "The record of the earlier run is damaged, or is not whole."


def test_what_must_always_run_runs_and_people_decide_anew(lab):
    def once(**wishes) -> str:
        run_id = lab.start(ALWAYS, **wishes)
        if not wishes:
            lab.end(run_id, "first")
        lab.end(run_id, "fresh")
        decide(lab.ctx, run_id, "ok", approved=True, by=ANN)
        lab.settle()
        lab.end(run_id, "tidy")
        assert lab.state(run_id) is RunState.SUCCEEDED
        return run_id

    once()
    again = once(reuse=True)
    assert reused(lab, again) == {"first": True, "fresh": False, "ok": False, "tidy": False}
    assert lab.reason(again, "fresh") == "The pipeline's file says that it always runs."


def test_items_are_reused_by_what_they_are_given_not_by_their_place(lab):
    old = lab.start(FAN_OUT)
    for key in "abc":
        lab.end(old, f"each/{key}", values={"v": key})
    lab.end(old, "sum")
    new = lab.start(FAN_OUT, parameters={"regions": ["x", "c", "y", "a", "z"]}, reuse=True)
    assert lab.alive(new) == {"each/x", "each/y"}
    assert lab.reason(new, "each") == f"2 of 5 items have not changed since run {old}."
    lab.end(new, "each/x")
    assert lab.alive(new) == {"each/y", "each/z"}
    lab.end(new, "each/y")
    lab.end(new, "each/z")
    counts = lab.steps(new)["each"].counts
    assert counts is not None
    assert (counts.total, counts.succeeded) == (5, 5)


def test_a_repair_of_a_run_with_reused_steps_takes_them_over_as_its_own(lab):
    old = ran(lab)
    broken = lab.start(CHAIN.replace("train.ipynb", "other.ipynb"), reuse=True)
    lab.end(broken, "train", "failed")
    new = repairs.repair(lab.ctx, broken, RepairWish(), by=ANN).view.run.id
    status = lab.steps(new)["extract"].status
    assert (status.taken_from, status.reason) == (old, None)


def test_retention_of_the_old_run_leaves_the_reused_results(lab):
    old = ran(lab)
    new = lab.submit(CHAIN, reuse=True)
    retention.delete(lab.ctx, old, by=ANN)
    retention.collect_blobs(lab.ctx)
    record = runs.get(lab.ctx, lab.part(new, "extract").id).record
    assert record is not None
    assert all(lab.ctx.blobs.exists(file.digest) for file in record.files)


def test_a_preview_says_what_a_run_would_do_and_leaves_nothing(lab):
    old = ran(lab)
    wish = Submission(PATH, parameters={"n": 1})
    with lab.ctx.store.read() as tx:
        before = tx.events.last_seq()
    assert [(each.fate, each.taken_from) for each in reuse.preview(lab.ctx, wish, by=ANN)] == [("reused", old)] * 3
    changed = reuse.preview(lab.ctx, Submission(PATH, parameters={"n": 2}), by=ANN)
    assert [(each.step.id, str(each.fate), each.why) for each in changed] == [
        ("extract", "runs", "The parameter `n` changed."),
        ("clean", "later", "It depends on `extract`."),
        ("train", "later", "It depends on `clean`."),
    ]
    with lab.ctx.store.read() as tx:
        assert tx.events.last_seq() == before


def test_a_preview_says_of_a_decision_that_people_take_it_anew(lab):
    text = "version: 1\nsteps: {a: {notebook: a.ipynb}, ok: {approve: {ask: Go?}, needs: [a]}}"
    lab.end(lab.start(text), "a")
    found = reuse.preview(lab.ctx, Submission(PATH), by=ANN)
    assert [str(each.fate) for each in found] == ["reused", "runs"]
    assert found[1].why == "People decide anew in each run."


def test_a_notebook_alone_has_nothing_to_reuse(lab):
    with pytest.raises(InvalidRequest, match="Only a pipeline"):
        runs.submit(lab.ctx, Submission("/n/a.ipynb", reuse=True), by=ANN)


def test_a_key_from_before_stands_for_the_same_request(lab):
    first = lab.submit(CHAIN, key="monday")
    assert lab.submit(CHAIN, key="monday") == first
