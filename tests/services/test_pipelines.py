"""Pipeline runs, from the submission of a file to the end of its last step."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from threading import current_thread

import pytest

from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.runs import RunState, Submission, TriggerKind
from dataops_lab.domain.settings import RunSettings
from dataops_lab.domain.snapshots import Finding, Severity
from dataops_lab.errors import (
    Conflict,
    Forbidden,
    InvalidParameters,
    InvalidPipeline,
    InvalidRequest,
    KeyReused,
    Refused,
)
from dataops_lab.pipelines import reading
from dataops_lab.ports import RunFilter
from dataops_lab.services import (
    installation,
    jobs,
    pipeline_progress,
    pipelines,
    portable_records,
    records,
    retention,
    runs,
)
from dataops_lab.testing import person

from ..pipeline_lab import ANN, PATH, PYTHON, PipelineLab, engine_of

BOB = person("bob")
CHAIN = """
version: 1
steps:
  extract: {notebook: extract.ipynb}
  clean: {notebook: clean.ipynb, needs: [extract]}
  train: {notebook: train.ipynb, needs: [clean]}
"""


@pytest.fixture
def database(sqlite) -> str:
    """SQLite alone: `test_pipeline_model.py` takes both."""
    return sqlite


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def parameters(lab: PipelineLab, *given: Parameter) -> None:
    lab.notebooks.schema = ParameterSchema(given)
    lab.notebooks.schemas.clear()


# --- a chain --------------------------------------------------------------------------------------


def test_steps_run_one_after_the_other_and_the_pipeline_succeeds_with_the_last(lab):
    run_id = lab.start(CHAIN)
    assert lab.state(run_id) is RunState.ACTIVE
    assert lab.states(run_id) == {"extract": "running", "clean": "waiting", "train": "waiting"}
    for step in ("extract", "clean", "train"):
        assert lab.alive(run_id) == {step}
        lab.end(run_id, step)
    assert lab.state(run_id) is RunState.SUCCEEDED
    assert set(lab.states(run_id).values()) == {"succeeded"}


def test_a_step_is_a_run_of_its_notebook_s_own_job(lab):
    alone = runs.submit(lab.ctx, Submission("/n/extract.ipynb"), by=BOB).view
    run_id = lab.start(CHAIN)
    part = lab.part(run_id, "extract")
    assert (part.job_id, part.version_digest) == (alone.job.id, alone.version.digest)
    assert (part.trigger.kind, part.trigger.ref, part.created_by) == (TriggerKind.STEP, run_id, ANN)
    view = lab.steps(run_id)["extract"]
    assert (view.run_id, view.job_id, view.path) == (part.id, alone.job.id, "extract.ipynb")


def test_what_is_not_handled_skips_the_rest_and_the_pipeline_fails_with_the_names(lab):
    run_id = lab.start(CHAIN)
    lab.end(run_id, "extract", "failed")
    assert lab.states(run_id) == {"extract": "failed", "clean": "skipped", "train": "skipped"}
    assert lab.reason(run_id, "extract") == "KeyError: 'x'"
    assert lab.reason(run_id, "clean") == "`extract` failed."
    run = lab.run(run_id)
    assert (run.state, run.reason.message) == (RunState.FAILED, "`extract` failed.")


def test_a_failure_that_a_later_step_handles_is_a_success_with_failures(lab):
    run_id = lab.start("""
version: 1
steps:
  extract: {notebook: extract.ipynb}
  tell: {notebook: tell.ipynb, needs: [extract], run_if: at_least_one_failed}
""")
    lab.end(run_id, "extract", "failed")
    lab.end(run_id, "tell")
    run = lab.run(run_id)
    assert (run.state, run.with_failures, run.reason) == (RunState.SUCCEEDED, True, None)
    [summary] = runs.page(lab.ctx, RunFilter()).items
    assert (summary.with_failures, summary.progress.done, summary.progress.total) == (True, 2, 2)


def test_steps_that_do_not_need_each_other_run_side_by_side(lab):
    run_id = lab.start("""
version: 1
steps:
  a: {notebook: a.ipynb}
  b: {notebook: b.ipynb}
  c: {notebook: c.ipynb, needs: [a, b]}
""")
    assert lab.alive(run_id) == {"a", "b"}
    lab.end_soon(run_id, "a")
    lab.end(run_id, "b")
    assert lab.alive(run_id) == {"c"}


def test_a_pipeline_takes_no_slot_so_one_slot_is_enough(lab):
    lab.engine = engine_of(lab.ctx, lab.executor, slots=1)
    ids = [lab.start(CHAIN) for _ in range(3)]
    for _ in range(9):
        [name] = lab.executor.alive
        lab.executor.end(name)
        lab.settle()
    assert [lab.state(run_id) for run_id in ids] == [RunState.SUCCEEDED] * 3


def test_a_pipeline_has_nothing_to_do_when_none_of_its_steps_had(lab):
    run_id = lab.start(CHAIN)
    for step in ("extract", "clean", "train"):
        lab.end(run_id, step, nothing_to_do=True)
    assert lab.run(run_id).nothing_to_do
    assert lab.steps(run_id)["clean"].status.nothing_to_do


def test_a_lost_step_is_tried_again_like_any_run_and_the_step_runs_on(lab, clock):
    run_id = lab.start(CHAIN)
    lab.end(run_id, "extract", None)
    assert lab.states(run_id)["extract"] == "running"
    clock.advance(60)
    lab.settle()
    lab.end(run_id, "extract")
    assert lab.alive(run_id) == {"clean"}


# --- values ---------------------------------------------------------------------------------------

WITH_VALUES = """
version: 1
parameters:
  least: {type: integer, default: 3}
steps:
  count: {notebook: count.ipynb}
  train:
    notebook: train.ipynb
    needs: [count]
    if: steps.count.values.rows >= params.least
    with: {n: {cel: steps.count.values.rows}}
"""


def test_a_value_of_one_step_is_a_typed_parameter_of_another(lab):
    parameters(lab, Parameter("n", ParameterType.INTEGER))
    run_id = lab.start(WITH_VALUES)
    lab.end(run_id, "count", values={"rows": 7})
    assert lab.part(run_id, "train").parameters == {"n": 7}


def test_a_condition_that_does_not_hold_skips_the_step_and_the_pipeline_succeeds(lab):
    parameters(lab, Parameter("n", ParameterType.INTEGER))
    run_id = lab.start(WITH_VALUES, texts=(("least", "10"),))
    lab.end(run_id, "count", values={"rows": 7})
    assert lab.states(run_id)["train"] == "skipped"
    assert lab.reason(run_id, "train") == "Its condition does not hold."
    assert lab.state(run_id) is RunState.SUCCEEDED


@pytest.mark.parametrize(
    ("values", "said"),
    [({}, "rows"), ({"rows": "many"}, "condition"), ({"rows": 7.5}, "whole number"), ({"rows": "x" * 70_000}, "64")],
    ids=["missing", "of another type", "not what the parameter takes", "too large"],
)
def test_a_value_that_cannot_be_used_fails_the_step_that_reads_it(lab, values, said):
    parameters(lab, Parameter("n", ParameterType.INTEGER))
    run_id = lab.start(WITH_VALUES)
    lab.end(run_id, "count", values=values)
    assert lab.states(run_id) == {"count": "succeeded", "train": "failed"}
    assert said in lab.reason(run_id, "train") or "65,536" in lab.reason(run_id, "train")
    assert lab.state(run_id) is RunState.FAILED
    with pytest.raises(AssertionError, match="did not start"):
        lab.part(run_id, "train")


def test_variables_of_a_step_reach_its_run_and_its_reruns(lab):
    run_id = lab.start("version: 1\nsteps:\n  a: {notebook: a.ipynb, env: {REGION: eu}}\n")
    name = lab.attempt_of(run_id, "a")
    assert lab.executor.bundles[name].environment["REGION"] == "eu"
    again = runs.rerun(lab.ctx, lab.part(run_id, "a").id, parameters=None, by=ANN).view.run
    assert (again.variables, again.parent_id) == ({"REGION": "eu"}, None)


WITH_VARIABLES = """
version: 1
parameters: {region: {type: string, default: eu}, note: {type: string, default: null, nullable: true}}
defaults: {env: {RUN: {cel: "'month-' + run.id"}, NOTE: {cel: params.note}}}
steps:
  a: {notebook: a.ipynb, env: {REGION: {cel: params.region}}}
  b:
    notebook: a.ipynb
    for_each: {item: year, inputs: ["2025", "2026"]}
    env: {YEAR: {cel: year}, NOTE: fixed}
  c: {notebook: a.ipynb, needs: [a], env: {ROWS: {cel: steps.a.values.rows}}}
"""


def test_variables_can_be_expressions_and_null_sets_none(lab):
    run_id = lab.start(WITH_VARIABLES, parameters={"region": "us"})
    name = f"month-{run_id}"
    assert lab.part(run_id, "a").variables == {"RUN": name, "REGION": "us"}
    assert lab.part(run_id, "b/2026").variables == {"RUN": name, "YEAR": "2026", "NOTE": "fixed"}
    assert lab.part(run_id, "b/2025").variables["YEAR"] == "2025"


def test_a_variable_that_is_not_a_text_fails_the_step(lab):
    run_id = lab.start(WITH_VARIABLES)
    lab.end(run_id, "a", values={"rows": 3})
    assert lab.states(run_id)["c"] == "failed"
    said = "The variable ROWS needs a text, and its expression gives 3. Write `string(…)` around it."
    assert lab.reason(run_id, "c") == said


def test_retries_of_the_submission_are_for_the_steps_that_have_none_of_their_own(lab):
    text = "version: 1\nsteps:\n  a: {notebook: a.ipynb}\n  b: {notebook: b.ipynb, retries: 0}\n"
    run_id = lab.start(text, max_retries=3, start_timeout_s=50)
    assert [lab.part(run_id, step_id).settings.max_retries for step_id in ("a", "b")] == [3, 0]
    assert lab.part(run_id, "b").settings.start_timeout_s == 50


def test_a_pipeline_has_no_notebook_and_one_is_led_to_its_parts(lab):
    run_id = lab.start(CHAIN)
    with pytest.raises(Conflict, match=f"Look at its parts: `jupyter dataops runs show {run_id}`"):
        records.open_notebook(lab.ctx, run_id, executed=True)


def test_a_variable_that_the_step_sets_is_no_finding_and_steps_of_one_notebook_share_the_others(lab):
    lab.notebooks.findings = tuple(
        Finding("missing_variable", Severity.WARNING, f"{name} is read.", missing=name) for name in ("REGION", "TOKEN")
    )
    run_id = lab.start("""
version: 1
steps:
  a: {notebook: a.ipynb, env: {REGION: eu}}
  b: {notebook: a.ipynb, env: {REGION: us}}
  c: {notebook: a.ipynb}
""")
    assert [finding.message for finding in lab.run(run_id).findings] == [
        "`a`, `b`, `c`: TOKEN is read.",
        "`c`: REGION is read.",
    ]
    assert [finding.missing for finding in lab.part(run_id, "a").findings] == ["TOKEN"]


# --- files ----------------------------------------------------------------------------------------

WITH_FILES = """
version: 1
steps:
  extract: {notebook: extract.ipynb}
  clean: {notebook: clean.ipynb, needs: [extract], files: [{from: extract, paths: ["data/*.csv"]%s}]}
"""


def test_files_of_one_step_lie_below_inputs_of_another(lab):
    run_id = lab.start(WITH_FILES % "")
    lab.end(run_id, "extract", files={"data/a.csv": "1", "data/b.csv": "2", "notes.txt": "no"})
    assert lab.inputs(run_id, "clean") == {"inputs/extract/data/a.csv": "1", "inputs/extract/data/b.csv": "2"}


def test_files_can_keep_their_paths_and_go_to_a_folder(lab):
    run_id = lab.start(WITH_FILES % ", into: .")
    lab.end(run_id, "extract", files={"data/a.csv": "1"})
    assert lab.inputs(run_id, "clean") == {"data/a.csv": "1"}
    run_id = lab.start(WITH_FILES % ", into: raw")
    lab.end(run_id, "extract", files={"data/a.csv": "1"})
    assert lab.inputs(run_id, "clean") == {"raw/data/a.csv": "1"}


def test_a_file_that_was_not_left_fails_the_step_and_names_who_should_have_left_it(lab):
    run_id = lab.start(WITH_FILES % "")
    lab.end(run_id, "extract", files={"data/a.txt": "1"})
    assert lab.states(run_id)["clean"] == "failed"
    assert lab.reason(run_id, "clean").startswith("`extract` left no file that matches 'data/*.csv'.")


def test_paths_count_from_the_folder_of_the_file(lab):
    lab.notebooks.repositories["/repo"] = None
    run_id = lab.start(WITH_FILES % "", path="/repo/etl/chain.pipeline.yaml", root="/repo")
    lab.end(run_id, "extract", files={"etl/data/a.csv": "1", "data/other.csv": "2"})
    assert lab.inputs(run_id, "clean") == {"etl/inputs/extract/data/a.csv": "1"}


def test_an_output_that_was_promised_and_not_left_fails_the_step(lab):
    run_id = lab.start("version: 1\nsteps:\n  a: {notebook: a.ipynb, outputs: [model.pkl]}\n")
    lab.end(run_id, "a", files={"other.pkl": "1"})
    assert lab.states(run_id) == {"a": "failed"}
    assert "'model.pkl'" in lab.reason(run_id, "a")
    run_id = lab.start("version: 1\nsteps:\n  a: {notebook: a.ipynb, outputs: [model.pkl]}\n")
    lab.end(run_id, "a", files={"model.pkl": "1"})
    assert lab.state(run_id) is RunState.SUCCEEDED


# --- fan-out --------------------------------------------------------------------------------------

FAN_OUT = """
version: 1
steps:
  list: {notebook: list.ipynb}
  train:
    notebook: train.ipynb
    needs: [list]
    for_each: {inputs: {cel: steps.list.values.regions}, item: region%s}
    with: {region: {cel: region}}
  report:
    notebook: report.ipynb
    needs: [train]
    with: {region: {cel: steps.train.values.auc}}
"""


@pytest.fixture
def fan_out(lab):
    parameters(lab, Parameter("region", ParameterType.ANY))

    def start(more: str = "", regions=("north", "south", "west")) -> str:
        run_id = lab.start(FAN_OUT % more)
        lab.end(run_id, "list", values={"regions": list(regions)})
        return run_id

    return start


def test_a_step_runs_for_each_item_and_gathers_the_values_in_order(lab, fan_out):
    run_id = fan_out()
    assert lab.alive(run_id) == {"train/north", "train/south", "train/west"}
    assert lab.part(run_id, "train/south").parameters == {"region": "south"}
    for auc, region in enumerate(("west", "north", "south")):
        lab.end(run_id, f"train/{region}", values={"auc": auc})
    assert lab.part(run_id, "report").parameters == {"region": [1, 2, 0]}
    counts = lab.steps(run_id)["train"].counts
    assert (counts.total, counts.succeeded, counts.waiting) == (3, 3, 0)
    lab.end(run_id, "report")
    assert lab.state(run_id) is RunState.SUCCEEDED


def test_no_more_items_are_active_than_the_file_allows(lab, fan_out):
    run_id = fan_out(", concurrency: 2", range(5))
    started = []
    while alive := sorted(lab.alive(run_id) - {"report"}):
        assert len(alive) <= 2
        started.append(alive[0])
        lab.end(run_id, alive[0])
    assert started == [f"train/{number}" for number in range(5)]


def test_failures_within_the_tolerance_are_a_success_with_failures_and_leave_null(lab, fan_out):
    run_id = fan_out(", max_failures: 1")
    lab.end(run_id, "train/north", "failed")
    lab.end(run_id, "train/south", values={"auc": 1})
    lab.end(run_id, "train/west", values={"auc": 2})
    assert lab.steps(run_id)["train"].status.with_failures
    assert lab.part(run_id, "report").parameters == {"region": [None, 1, 2]}


def test_one_failure_too_many_starts_no_more_items(lab, fan_out):
    run_id = fan_out(", concurrency: 1, max_failures: 0")
    lab.end(run_id, "train/north", "failed")
    assert lab.states(run_id) == {"list": "succeeded", "train": "failed", "report": "skipped"}
    assert lab.reason(run_id, "train") == "1 of 3 items did not succeed. 2 more did not start."


OF_A_PARAMETER = """
version: 1
parameters: {regions: {type: any, default: [north]}}
steps:
  list: {notebook: list.ipynb}
  train:
    notebook: train.ipynb
    needs: [list]%s
    for_each: {inputs: {cel: params.regions}, item: region}
    with: {region: {cel: region}}
"""


@pytest.mark.parametrize(
    "regions, said",
    [
        ("north", "needs a list, not a text"),
        (["north", "north"], "have the same key 'north'"),
        (list(map(str, range(1_001))), "has 1,001"),
        (["north", 3], "Item '3': 'region' needs"),
    ],
    ids=["no list", "the same key twice", "too long", "of another type"],
)
def test_items_that_are_known_at_the_submission_are_refused_there(lab, regions, said):
    parameters(lab, Parameter("region", ParameterType.STRING))
    with pytest.raises(Refused, match=f"Step `train`: .*{said}"):
        lab.submit(OF_A_PARAMETER % "", parameters={"regions": regions})
    assert runs.page(lab.ctx, RunFilter()).items == []
    run_id = lab.start(OF_A_PARAMETER % "")
    with pytest.raises(Refused, match=said):
        runs.rerun(lab.ctx, run_id, parameters={"regions": regions}, by=ANN)


def test_items_of_a_branch_that_may_not_be_taken_are_checked_when_it_is(lab):
    parameters(lab, Parameter("region", ParameterType.STRING))
    branch = "\n    if: type(params.regions) == list"
    run_id = lab.start(OF_A_PARAMETER % branch, parameters={"regions": "north"})
    lab.end(run_id, "list")
    assert (lab.state(run_id), lab.states(run_id)["train"]) == (RunState.SUCCEEDED, "skipped")


def test_an_empty_list_is_a_success_with_nothing_to_do(lab):
    parameters(lab, Parameter("region", ParameterType.ANY))
    run_id = lab.start((FAN_OUT % "").partition("  report:")[0])
    lab.end(run_id, "list", values={"regions": []})
    assert lab.states(run_id)["train"] == "succeeded"
    assert lab.steps(run_id)["train"].status.nothing_to_do
    assert lab.state(run_id) is RunState.SUCCEEDED


def test_a_step_after_an_empty_list_reads_empty_lists_and_is_owed_no_files(lab):
    parameters(lab, Parameter("region", ParameterType.ANY))
    run_id = lab.start(FAN_OUT % "" + "    files: [{from: train, paths: [model.pkl]}]\n")
    lab.end(run_id, "list", values={"regions": []})
    assert lab.part(run_id, "report").parameters == {"region": []}
    assert lab.inputs(run_id, "report") == {}


@pytest.mark.parametrize(
    ("regions", "said"),
    [("north", "needs a list"), (list(range(1001)), "at most 1,000"), (["a", "a"], "the same key")],
    ids=["no list", "too many", "the same key twice"],
)
def test_a_list_that_is_none_fails_the_step(lab, regions, said):
    parameters(lab, Parameter("region", ParameterType.ANY))
    run_id = lab.start(FAN_OUT % "")
    lab.end(run_id, "list", values={"regions": regions})
    assert lab.states(run_id)["train"] == "failed"
    assert said in lab.reason(run_id, "train")


def test_one_item_with_a_wrong_value_starts_none(lab):
    parameters(lab, Parameter("region", ParameterType.STRING))
    run_id = lab.start((FAN_OUT % "").partition("  report:")[0])
    lab.end(run_id, "list", values={"regions": ["north", 3]})
    assert lab.states(run_id)["train"] == "failed"
    assert lab.reason(run_id, "train").startswith("Item '3': 'region' needs text")
    assert lab.alive(run_id) == set()


def test_files_of_items_lie_in_a_folder_for_each(lab):
    parameters(lab)
    run_id = lab.start("""
version: 1
steps:
  train: {notebook: train.ipynb, for_each: {inputs: [north, "so/uth"]}, outputs: [model.pkl]}
  report: {notebook: report.ipynb, needs: [train], files: [{from: train, paths: [model.pkl]}]}
""")
    lab.end(run_id, "train/north", files={"model.pkl": "n"})
    lab.end(run_id, "train/so/uth", files={"model.pkl": "s"})
    assert lab.inputs(run_id, "report") == {
        "inputs/train/north/model.pkl": "n",
        "inputs/train/so%2Futh/model.pkl": "s",
    }


def test_an_item_that_left_no_output_counts_as_failed(lab):
    run_id = lab.start("""
version: 1
steps:
  train: {notebook: train.ipynb, for_each: {inputs: [north, south]}, outputs: [model.pkl]}
""")
    lab.end(run_id, "train/north", files={"model.pkl": "n"})
    lab.end(run_id, "train/south")
    assert lab.states(run_id) == {"train": "failed"}
    assert lab.reason(run_id, "train") == "1 of 2 items did not succeed."


# --- approvals ------------------------------------------------------------------------------------

APPROVED = """
version: 1
steps:
  train: {notebook: train.ipynb}
  release: {approve: {ask: "Is it good?"%s}, needs: [train]}
  publish: {notebook: publish.ipynb, needs: [release]}
  tell: {notebook: tell.ipynb, needs: [release], run_if: at_least_one_failed}
"""


@pytest.fixture
def asking(lab):
    def start(more: str = "") -> str:
        run_id = lab.start(APPROVED % more)
        lab.end(run_id, "train")
        return run_id

    return start


def test_an_approval_waits_for_people_and_goes_on_when_they_approve(lab, asking):
    run_id = asking()
    view = lab.steps(run_id)["release"]
    assert (str(view.status.state), view.may_decide) == ("awaiting_approval", True)
    assert runs.summary(lab.ctx, run_id).phase == "awaiting_approval"
    decided = pipelines.decide(lab.ctx, run_id, "release", approved=True, comment="Yes.", by=BOB)
    assert (decided.status.decided_by, decided.status.comment, decided.may_decide) == (BOB, "Yes.", False)
    lab.settle()
    assert lab.alive(run_id) == {"publish"}
    # A second click changes nothing, another answer is a conflict.
    pipelines.decide(lab.ctx, run_id, "release", approved=True, by=ANN)
    assert lab.steps(run_id)["release"].status.decided_by == BOB
    with pytest.raises(Conflict, match="does not wait"):
        pipelines.decide(lab.ctx, run_id, "release", approved=False, by=ANN)


def test_a_rejection_goes_the_other_way_and_says_who_and_why(lab, asking):
    run_id = asking()
    pipelines.decide(lab.ctx, run_id, "release", approved=False, comment="Too low.", by=BOB)
    lab.settle()
    assert lab.alive(run_id) == {"tell"}
    assert lab.states(run_id)["publish"] == "skipped"
    assert lab.reason(run_id, "release") == "Rejected by bob: Too low."
    lab.end(run_id, "tell")
    # The failure is handled on one of two ways to the end.
    assert lab.state(run_id) is RunState.FAILED


def test_an_approval_expires_in_time_and_not_before(lab, asking, clock):
    run_id = asking(", within: 1h")
    clock.advance(3599)
    lab.settle()
    assert lab.states(run_id)["release"] == "awaiting_approval"
    clock.advance(2)
    with pytest.raises(Conflict, match="waited until"):
        pipelines.decide(lab.ctx, run_id, "release", approved=True, by=BOB)
    lab.settle()
    assert lab.states(run_id)["release"] == "expired"
    assert lab.alive(run_id) == {"tell"}


def test_only_the_named_people_decide(lab, asking):
    run_id = asking(", who: [bob]")
    assert not lab.steps(run_id, by=ANN)["release"].may_decide
    assert lab.steps(run_id, by=BOB)["release"].may_decide
    with pytest.raises(Forbidden, match="asks bob"):
        pipelines.decide(lab.ctx, run_id, "release", approved=True, by=ANN)
    pipelines.decide(lab.ctx, run_id, "release", approved=True, by=BOB)


def test_a_step_that_asks_nobody_cannot_be_decided(lab, asking):
    run_id = asking()
    with pytest.raises(Conflict, match="not an approval"):
        pipelines.decide(lab.ctx, run_id, "train", approved=True, by=ANN)


# --- the end from outside -------------------------------------------------------------------------

CLEAN_UP = """
version: 1
timeout: 2h
steps:
  train: {notebook: train.ipynb, for_each: {inputs: [1, 2, 3], concurrency: 2}}
  report: {notebook: report.ipynb, needs: [train]}
  release: {approve: {ask: "Good?"}, needs: [report]}
  clean: {notebook: clean.ipynb, needs: [report], run_if: always}
"""


def stop_all(lab: PipelineLab) -> None:
    """Let the runners that were told to stop do so."""
    for verb, name in list(lab.executor.calls):
        if verb == "stop" and name in lab.executor.alive:
            lab.executor.end(name, "failed", failure={"code": "interrupted", "message": "Interrupted."})
    lab.settle()


def test_a_cancel_ends_what_runs_skips_the_rest_and_still_cleans_up(lab):
    run_id = lab.start(CLEAN_UP)
    view = runs.cancel(lab.ctx, run_id, by=BOB)
    assert view.run.state is RunState.ACTIVE
    lab.settle()
    stop_all(lab)
    assert lab.states(run_id) == {"train": "cancelled", "report": "skipped", "release": "skipped", "clean": "running"}
    lab.end(run_id, "clean")
    run = lab.run(run_id)
    assert (run.state, run.reason.message) == (RunState.CANCELLED, "Cancelled by bob.")


def test_people_read_that_a_pipeline_runs_and_that_it_is_being_cancelled(lab):
    run_id = lab.start(CLEAN_UP)
    assert runs.summary(lab.ctx, run_id).phase == "running"
    runs.cancel(lab.ctx, run_id, by=BOB)
    assert runs.summary(lab.ctx, run_id).phase == "cancelling"


def test_a_cancel_ends_what_waits_in_the_queue_at_once(lab):
    lab.engine = engine_of(lab.ctx, lab.executor, slots=1)
    run_id = lab.start("version: 1\nsteps:\n  a: {notebook: a.ipynb, for_each: {inputs: [1, 2, 3]}}\n")
    runs.cancel(lab.ctx, run_id, by=ANN)
    assert [str(lab.part(run_id, f"a/{n}").state) for n in (1, 2, 3)] == ["active", "cancelled", "cancelled"]
    lab.settle()
    stop_all(lab)
    assert lab.state(run_id) is RunState.CANCELLED
    assert lab.states(run_id) == {"a": "cancelled"}


def test_a_cancel_while_people_are_asked_ends_the_question(lab, asking):
    run_id = asking()
    runs.cancel(lab.ctx, run_id, by=ANN)
    assert lab.state(run_id) is RunState.CANCELLED
    assert lab.states(run_id)["release"] == "cancelled"


def test_a_cancel_of_one_step_s_run_fails_that_step_alone(lab):
    run_id = lab.start(CHAIN)
    runs.cancel(lab.ctx, lab.part(run_id, "extract").id, by=ANN)
    lab.settle()
    stop_all(lab)
    assert lab.states(run_id) == {"extract": "cancelled", "clean": "skipped", "train": "skipped"}
    assert lab.state(run_id) is RunState.CANCELLED


def test_a_pipeline_that_takes_too_long_is_timed_out_after_its_clean_up(lab, clock):
    run_id = lab.start(CLEAN_UP)
    clock.advance(7201)
    lab.settle()
    stop_all(lab)
    assert lab.states(run_id)["train"] == "cancelled"
    assert lab.part(run_id, "train/1").reason.message == "Cancelled by the engine, as its pipeline ended."
    lab.end(run_id, "clean")
    run = lab.run(run_id)
    assert (run.state, run.reason.code) == (RunState.TIMED_OUT, "total_timeout")


def test_the_timeout_of_the_pipeline_s_job_is_for_the_whole(lab):
    text = "version: 1\nsteps:\n  a: {notebook: a.ipynb}\n"
    job_id = lab.run(lab.start(text)).job_id
    jobs.change(lab.ctx, job_id, {"timeout_s": 90.0}, by=ANN)
    again = lab.run(lab.start(text))
    assert (again.settings.total_timeout_s, lab.part(again.id, "a").settings.timeout_s) == (90, RunSettings().timeout_s)


def test_the_clock_of_the_whole_stands_still_while_people_are_asked(lab, clock):
    run_id = lab.start(
        f"timeout: 1h\n{APPROVED % ''}".replace("version: 1", "").replace("timeout", "version: 1\ntimeout")
    )
    clock.advance(1000)
    lab.end(run_id, "train")
    clock.advance(100_000)
    lab.settle()
    assert lab.state(run_id) is RunState.ACTIVE
    pipelines.decide(lab.ctx, run_id, "release", approved=True, by=ANN)
    clock.advance(2000)
    lab.settle()
    assert lab.run(run_id).cancel_requested_at is None
    assert lab.alive(run_id) == {"publish"}
    clock.advance(700)
    lab.settle()
    stop_all(lab)
    assert lab.state(run_id) is RunState.TIMED_OUT


# --- several runs of one pipeline -----------------------------------------------------------------


def test_runs_of_one_pipeline_wait_for_each_other_as_the_file_says(lab):
    text = CHAIN.replace("version: 1", "version: 1\nconcurrency: 1")
    first, second, third = (lab.start(text) for _ in range(3))
    assert [lab.state(each) for each in (first, second, third)] == [
        RunState.ACTIVE,
        RunState.QUEUED,
        RunState.QUEUED,
    ]
    assert lab.run(second).reason.message == "1 run of this pipeline is active, and 1 may be at once."
    runs.cancel(lab.ctx, second, by=ANN)
    assert lab.state(second) is RunState.CANCELLED
    assert set(lab.states(second).values()) == {"skipped"}
    for step in ("extract", "clean", "train"):
        lab.end(first, step)
    assert lab.state(third) is RunState.ACTIVE
    assert lab.alive(third) == {"extract"}


def test_a_pipeline_that_waits_too_long_expires(lab, clock):
    text = CHAIN.replace("version: 1", "version: 1\nconcurrency: 1")
    lab.start(text)
    second = lab.start(text, queue_timeout_s=60)
    clock.advance(61)
    lab.settle()
    assert lab.state(second) is RunState.EXPIRED


def test_a_limit_of_the_job_counts_too_and_a_higher_one_is_seen(lab, clock):
    first = lab.start(CHAIN)
    job_id = lab.run(first).job_id
    jobs.change(lab.ctx, job_id, {"concurrency": 1}, by=ANN)
    second = lab.start(CHAIN)
    assert lab.state(second) is RunState.QUEUED
    jobs.change(lab.ctx, job_id, {"concurrency": 2}, by=ANN)
    clock.advance(61)
    lab.settle()
    assert lab.state(second) is RunState.ACTIVE


def test_the_same_key_is_the_same_run(lab):
    first = lab.submit(CHAIN, key="monday")
    assert lab.submit(CHAIN, key="monday") == first
    with pytest.raises(KeyReused):
        lab.submit(CHAIN, key="monday", environment="sandbox", priority=3)


def test_rows_are_refused(lab):
    lab.notebooks.pipeline_files[PATH] = CHAIN.encode()
    with pytest.raises(InvalidRequest, match="Rows are for one notebook or script"):
        runs.submit_many(lab.ctx, Submission(PATH), [runs.ParameterRow()], by=ANN)


# --- rerun ----------------------------------------------------------------------------------------


def test_a_rerun_has_the_versions_of_old_and_may_have_other_parameters(lab):
    parameters(lab, Parameter("n", ParameterType.INTEGER))
    old = lab.start(WITH_VALUES, parameters={"least": 100})
    lab.end(old, "count", values={"rows": 7})
    # Another file and other notebooks by now:
    parameters(lab, Parameter("m", ParameterType.INTEGER))
    lab.notebooks.pipeline_files[PATH] = CHAIN.encode()
    again = runs.rerun(lab.ctx, old, parameters={"least": 5}, by=BOB).view.run
    assert (again.trigger.kind, again.trigger.ref) == (TriggerKind.RERUN, old)
    assert again.version_digest == lab.run(old).version_digest
    lab.settle()
    assert lab.part(again.id, "count").version_digest == lab.part(old, "count").version_digest
    lab.end(again.id, "count", values={"rows": 7})
    assert lab.part(again.id, "train").parameters == {"n": 7}


# --- what is refused ------------------------------------------------------------------------------


def test_nothing_is_stored_of_a_pipeline_that_is_refused(lab):
    parameters(lab, Parameter("n", ParameterType.INTEGER, required=True))
    with pytest.raises(InvalidPipeline, match="needs the parameter `n`"):
        lab.submit(CHAIN)
    with pytest.raises(InvalidPipeline, match="wait for one another"):
        lab.submit("version: 1\nsteps:\n  a: {notebook: a.ipynb, needs: [b]}\n  b: {notebook: b.ipynb, needs: [a]}\n")
    parameters(lab)
    with pytest.raises(InvalidParameters):
        lab.submit(CHAIN, parameters={"nope": 1})
    assert jobs.page(lab.ctx).items == []


def test_a_step_that_may_not_run_there_is_named(lab):
    with pytest.raises(Exception, match=r"Step `a`: .*without images"):
        lab.submit("version: 1\nsteps:\n  a: {notebook: a.ipynb, image: lean}\n")


# --- lists and retention --------------------------------------------------------------------------


def test_lists_show_the_pipeline_and_the_runs_of_its_steps_when_asked(lab, fan_out):
    run_id = fan_out()
    assert [run.id for run in runs.page(lab.ctx, RunFilter()).items] == [run_id]
    assert [run.id for run in runs.page(lab.ctx, RunFilter(states=(RunState.ACTIVE,))).items] == [run_id]
    inside = runs.page(lab.ctx, RunFilter(parent_id=run_id)).items
    assert {run.parent_key for run in inside} == {"list", "train/north", "train/south", "train/west"}
    of_step = runs.page(lab.ctx, RunFilter(parent_id=run_id, step="train", states=(RunState.ACTIVE,))).items
    assert len(of_step) == 3
    job_id = lab.part(run_id, "list").job_id
    assert [run.parent_key for run in runs.page(lab.ctx, RunFilter(job_id=job_id)).items] == ["list"]


def test_the_runs_of_steps_stay_and_go_with_their_pipeline(lab, fan_out):
    run_id = fan_out()
    for region in ("north", "south", "west"):
        lab.end(run_id, f"train/{region}", values={"auc": 1})
    lab.end(run_id, "report")
    part = lab.part(run_id, "train/north")
    for refused in (retention.delete, retention.keep):
        with pytest.raises(Conflict, match="is a step of run"):
            refused(lab.ctx, part.id, by=ANN)
    retention.keep(lab.ctx, run_id, by=ANN)
    with pytest.raises(Conflict, match="kept"):
        retention.delete(lab.ctx, run_id, by=ANN)
    retention.unkeep(lab.ctx, run_id, by=ANN)
    retention.set_rules(lab.ctx, [retention.RetentionRule(days=0)], by=ANN)
    lab.ctx.clock.advance(10)
    assert retention.preview(lab.ctx).count == 1
    removed = retention.apply(lab.ctx, by=ANN)
    assert removed.runs == 1
    assert runs.page(lab.ctx, RunFilter()).items == []
    with lab.ctx.store.read() as tx:
        assert tx.runs.get_many([run_id, part.id]) == {}
        assert list(tx.inputs.list_unused()) == []


def test_what_a_step_will_run_is_kept_before_it_starts(lab):
    retention.set_rules(lab.ctx, [retention.RetentionRule(days=0, last=0)], by=ANN)
    run_id = lab.start(CHAIN)
    # The notebook changes twice, so the version of the step is neither used by a run nor the newest.
    for number in range(2):
        parameters(lab, Parameter(f"p{number}"))
        newer = runs.submit(lab.ctx, Submission("/n/clean.ipynb"), by=BOB).view.run
        runs.cancel(lab.ctx, newer.id, by=BOB)
    lab.ctx.clock.advance(10)
    retention.apply(lab.ctx, by=ANN)
    lab.end(run_id, "extract")
    assert lab.alive(run_id) == {"clean"}


# --- a reaction that fails ------------------------------------------------------------------------


def test_a_reaction_that_failed_is_made_up_for(lab, clock):
    run_id = lab.start(CHAIN)
    # It is called for all ends together, and then for each alone: both fail.
    failing = iter([True, True])

    def react(*args):
        if next(failing, False):
            raise ValueError("It does not want to.")
        pipelines.react(*args)

    lab.engine.reset()
    lab.engine = engine_of(replace(lab.ctx, reactions=(react,)), lab.executor)
    clock.advance(60)
    lab.settle()
    lab.end(run_id, "extract")
    assert lab.states(run_id)["extract"] == "running"
    clock.advance(61)
    lab.settle()
    assert lab.states(run_id)["extract"] == "succeeded"
    assert lab.alive(run_id) == {"clean"}


def test_a_file_that_is_damaged_ends_the_run_and_its_steps(lab):
    run_id = lab.start(CLEAN_UP)
    with lab.ctx.store.read() as tx:
        run = tx.runs.get(run_id)
        digest = tx.versions.get(run.job_id, run.version_digest).manifest.source_digest
    own = replace(lab.ctx, pipelines=type(lab.ctx.pipelines)())
    del lab.ctx.blobs._stored[digest]
    with own.store.begin() as tx:
        pipelines.react(own, tx, [lab.part(run_id, "train/1")], own.clock.now())
    run = lab.run(run_id)
    assert (run.state, run.reason.code) == (RunState.FAILED, "pipeline_unreadable")
    with lab.ctx.store.read() as tx:
        assert {str(status.state) for status in tx.pipelines.get_progress(run_id).statuses.values()} == {
            "cancelled",
            "skipped",
        }
    lab.engine = engine_of(own, lab.executor)
    lab.ctx.clock.advance(60)
    lab.settle()
    stop_all(lab)
    assert lab.executor.alive == []


def test_a_stored_version_goes_on_and_runs_again_when_new_files_like_it_are_refused(lab, monkeypatch):
    text = CHAIN + "  publish:\n    approve: {ask: Right?}\n    needs: [extract]\n    retries: 2\n"
    with pytest.raises(InvalidPipeline, match="take `retries` out of it"):
        lab.submit(text)
    with monkeypatch.context() as earlier:
        earlier.setattr(reading, "problems_of", lambda pipeline: ())
        run_id = lab.start(text)
    # As after an upgrade: nothing that was read before is remembered.
    pipeline_progress._read.clear()
    lab.end(run_id, "extract")
    assert lab.states(run_id)["publish"] == "awaiting_approval"
    again = runs.rerun(lab.ctx, run_id, parameters=None, by=ANN).view.run.id
    lab.settle()
    assert lab.alive(again) == {"extract"}


# --- scripts, commands, roots ---------------------------------------------------------------------


def test_scripts_and_commands_are_steps_with_parameters_of_their_own(lab):
    lab.notebooks.schemas["/n/load.py"] = ParameterSchema((Parameter("month", ParameterType.STRING),))
    run_id = lab.start("""
version: 1
parameters: {month: {type: string, default: "2026-01"}}
steps:
  load: {script: load.py, with: {month: {cel: params.month}}}
  tell: {command: [echo, done], needs: [load], with: {rows: {cel: steps.load.values.rows}}}
""")
    part = lab.part(run_id, "load")
    assert (str(part.kind), part.parameters) == ("script", {"month": "2026-01"})
    lab.end(run_id, "load", values={"rows": 3})
    part = lab.part(run_id, "tell")
    assert (str(part.kind), part.parameters, part.kernel.argv) == ("command", {"rows": 3}, ("echo", "done"))
    lab.end(run_id, "tell")
    again = runs.rerun(lab.ctx, run_id, parameters=None, by=ANN).view.run
    lab.settle()
    lab.end(again.id, "load", values={"rows": 4})
    assert lab.part(again.id, "tell").parameters == {"rows": 4}


def test_steps_in_several_folders_share_one_root(lab):
    run_id = lab.start(
        """
version: 1
steps:
  extract: {notebook: a/extract.ipynb}
  clean: {notebook: b/clean.ipynb, needs: [extract], files: [{from: extract, paths: [a/x.csv], into: .}]}
""",
    )
    lab.end(run_id, "extract", files={"a/x.csv": "1"})
    assert lab.inputs(run_id, "clean") == {"a/x.csv": "1"}


def test_a_pipeline_of_which_nothing_may_run_is_refused(lab):
    with pytest.raises(InvalidPipeline, match="all are disabled"):
        lab.submit("version: 1\nsteps:\n  a: {notebook: a.ipynb, disabled: true}\n")


def test_what_only_a_pipeline_needs_is_counted_before_it_goes(lab):
    run_id = lab.start(CHAIN)
    parameters(lab, Parameter("newer"))
    for name in ("extract", "clean", "train"):
        runs.submit(lab.ctx, Submission(f"/n/{name}.ipynb"), by=BOB)
    lab.submit(CHAIN.replace("extract.ipynb", "other.ipynb"))
    with lab.ctx.store.read() as tx:
        everything, rest = set(tx.blob_digests()), set(tx.blob_digests(without=frozenset([run_id])))
    # The file of the pipeline itself: its notebooks have the same bytes in all versions here.
    assert everything - rest == {source_of(lab, run_id)}


def source_of(lab: PipelineLab, run_id: str) -> str:
    run = lab.run(run_id)
    with lab.ctx.store.read() as tx:
        return tx.versions.get(run.job_id, run.version_digest).manifest.source_digest


def test_the_portable_record_names_the_records_of_the_steps(lab, fan_out):
    run_id = fan_out()
    with pytest.raises(Conflict, match="no record yet"):
        portable_records.export(lab.ctx, run_id, io.BytesIO())
    lab.end(run_id, "train/north", "failed")
    for region in ("south", "west"):
        lab.end(run_id, f"train/{region}")
    archive = io.BytesIO()
    portable_records.export(lab.ctx, run_id, archive)
    with zipfile.ZipFile(archive) as opened:
        assert opened.read("input/chain.pipeline.yaml").decode() == FAN_OUT % ""
        whole = json.loads(opened.read("record.json"))
    with lab.ctx.store.read() as tx:
        record = tx.records.find_for_run(lab.part(run_id, "train/south").id)
    assert whole["steps"]["train"]["state"] == "failed"
    [south] = [run for run in whole["steps"]["train"]["runs"] if run["item"] == "south"]
    assert (south["state"], south["record"]) == ("succeeded", record.digest)
    assert whole["steps"]["report"] == {
        "state": "skipped",
        "reason": {"code": "need_failed", "message": "`train` failed.", "detail": {"steps": ["train"]}},
        "version": whole["manifest"]["steps"]["report"],
        "decided_by": None,
        "comment": "",
        "runs": [],
    }


def test_each_step_runs_in_its_own_image_and_is_rerun_in_it(lab, in_images):
    text = """
version: 1
steps:
  a: {notebook: a.ipynb, image: lean}
  b: {notebook: b.ipynb, image: full}
"""
    with pytest.raises(Refused, match=r"Step `b`: .*no default image"):
        lab.submit(text.replace(", image: full", ""))
    first = lab.submit(text)
    again = runs.rerun(lab.ctx, first, parameters=None, by=ANN).view.run.id
    for run_id in (first, again):
        assert lab.run(run_id).image is None
        assert [lab.part(run_id, key).image.name for key in "ab"] == ["lean", "full"]
        assert lab.part(run_id, "a").kernel.argv == PYTHON.argv


def test_pipelines_are_not_counted_among_the_runs_that_wait_and_run(lab):
    lab.start(CHAIN)
    overview = installation.overview(lab.ctx)
    assert (overview.queued, overview.running) == (0, 1)


# --- expressions that take long -------------------------------------------------------------------

WITH_LOOPS = """
version: 1
steps:
  list: {notebook: list.ipynb}
  train:
    notebook: train.ipynb
    needs: [list]
    if: steps.list.values.regions.exists(region, region == "north")
    for_each:
      item: region
      inputs: {cel: 'steps.list.values.regions.filter(region, region != "west")'}
      key: '[region].map(each, each + "!")[0]'
      concurrency: 1
    with: {region: {cel: "[region].map(each, each + each)[0]"}}
  report: {notebook: report.ipynb, needs: [train]}
"""


def test_loops_are_evaluated_between_two_transactions_and_the_step_starts_then(lab, monkeypatch):
    parameters(lab, Parameter("region"))
    inside = []
    begin = type(lab.ctx.store).begin
    evaluate = type(lab.ctx.pipelines).evaluate

    @contextmanager
    def watched(store, **more):
        with begin(store, **more) as tx:
            inside.append(current_thread())
            try:
                yield tx
            finally:
                inside.remove(current_thread())

    def seen(reader, expression, context):
        assert not reader.takes_long(expression) or current_thread() not in inside
        return evaluate(reader, expression, context)

    monkeypatch.setattr(type(lab.ctx.store), "begin", watched)
    monkeypatch.setattr(type(lab.ctx.pipelines), "evaluate", seen)
    run_id = lab.start(WITH_LOOPS)
    lab.end(run_id, "list", values={"regions": ["north", "west", "south"]})
    assert lab.alive(run_id) == {"train/north!"}
    assert lab.part(run_id, "train/north!").parameters == {"region": "northnorth"}
    lab.end(run_id, "train/north!")
    lab.end(run_id, "train/south!")
    lab.end(run_id, "report")
    assert lab.state(run_id) is RunState.SUCCEEDED


def test_a_loop_without_a_value_fails_the_step_and_names_the_item(lab):
    parameters(lab, Parameter("region"))
    run_id = lab.start(WITH_LOOPS.replace("each + each", "1 / size(each)"))
    lab.end(run_id, "list", values={"regions": ["north", ""]})
    assert lab.states(run_id) == {"list": "succeeded", "train": "failed", "report": "skipped"}
    assert lab.reason(run_id, "train").startswith("Item '!': ")


def test_a_pipeline_that_waits_for_an_expression_can_be_cancelled_and_is_taken_up_by_another_engine(lab, clock):
    parameters(lab, Parameter("region"))
    run_id = lab.start(WITH_LOOPS)
    lost = replace(lab.ctx, reactions=())
    lab.engine.reset()
    lab.engine = engine_of(lost, lab.executor)
    clock.advance(60)
    lab.end(run_id, "list", values={"regions": ["north"]})
    lab.engine = engine_of(lab.ctx, lab.executor)
    clock.advance(60)
    lab.settle()
    assert lab.alive(run_id) == {"train/north!"}
    other = lab.start(WITH_LOOPS)
    lab.end_soon(other, "list", values={"regions": ["north"]})
    lab.engine.step()
    lab.engine.wait_for_threads()
    runs.cancel(lab.ctx, other, by=ANN)
    lab.settle()
    stop_all(lab)
    assert lab.state(other) is RunState.CANCELLED
