"""Sweeps: one job, run once for each point."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from dataops_lab.domain.jobs import JobKind
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.pipelines import Tolerance
from dataops_lab.domain.repairs import RepairWish
from dataops_lab.domain.runs import ParameterRow, RunState, Submission, TriggerKind
from dataops_lab.domain.sweeps import SWEEP_STEP, Sweep
from dataops_lab.errors import DataOpsError, InvalidParameters, InvalidRequest, Refused
from dataops_lab.ports import RunFilter
from dataops_lab.services import item_tables, jobs, pipelines, portable_records, repairs, retention, runs
from dataops_lab.testing import person

from ..pipeline_lab import ANN, PipelineLab, engine_of

BOB = person("bob")
TRAIN = "/n/train.ipynb"


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    lab = PipelineLab(ctx, engine_of(ctx, executor), executor)
    lab.notebooks.schema = ParameterSchema(
        (
            Parameter("region", ParameterType.STRING, required=True),
            Parameter("seed", ParameterType.INTEGER, default=1),
            Parameter("tags", ParameterType.LIST, default=[]),
        )
    )
    return lab


def submit(lab: PipelineLab, path: str = TRAIN, *, sweep: Sweep | None = None, **values) -> str:
    wishes = {name: values.pop(name) for name in ("parameters", "texts", "key", "max_retries") if name in values}
    sweep = sweep or Sweep({name: tuple(of_name) for name, of_name in values.items()})
    return runs.submit(lab.ctx, Submission(path, sweep=sweep, **wishes), by=ANN).view.run.id


def start(lab: PipelineLab, **values) -> str:
    run_id = submit(lab, **values)
    lab.settle()
    return run_id


def keys(lab: PipelineLab, run_id: str) -> list[str]:
    with lab.ctx.store.read() as tx:
        parts = tx.pipelines.list_parts(run_id, [SWEEP_STEP])[SWEEP_STEP]
    return [part.item_key for part in parts]


def end(lab: PipelineLab, run_id: str, point: str, state: str = "succeeded", **left) -> None:
    lab.end(run_id, f"{SWEEP_STEP}/{point}", state, **left)


def point(lab: PipelineLab, run_id: str, key: str):
    return lab.part(run_id, f"{SWEEP_STEP}/{key}")


# --- points ---------------------------------------------------------------------------------------


def test_a_sweep_runs_its_notebook_once_for_each_combination_of_values(lab):
    run_id = start(lab, region=["North", "South"], seed=[1, 2])
    assert keys(lab, run_id) == [
        "region=North, seed=1",
        "region=North, seed=2",
        "region=South, seed=1",
        "region=South, seed=2",
    ]
    assert point(lab, run_id, "region=South, seed=2").parameters == {"region": "South", "seed": 2}


def test_a_sweep_is_a_run_of_its_notebook_s_job_and_version_and_so_are_its_points(lab):
    run_id = start(lab, region=["North"])
    run, part = lab.run(run_id), point(lab, run_id, "region=North")
    assert run.kind is JobKind.SWEEP
    assert (part.job_id, part.version_digest) == (run.job_id, run.version_digest)
    assert (part.kind, part.trigger.kind, part.parent_id) == (JobKind.NOTEBOOK, TriggerKind.STEP, run_id)
    assert part.kernel is not None


def test_the_queue_clock_of_a_point_starts_when_the_sweep_has_room_for_it(lab):
    sweep = Sweep({"region": ("North", "South")}, concurrency=1)
    run_id = runs.submit(lab.ctx, Submission(TRAIN, sweep=sweep, queue_timeout_s=100.0), by=ANN).view.run.id
    lab.settle()
    lab.ctx.clock.advance(200)
    end(lab, run_id, "region=North")
    assert point(lab, run_id, "region=South").state is RunState.ACTIVE


def test_points_that_entered_the_queue_together_expire_there_together(lab):
    lab.engine = engine_of(lab.ctx, lab.executor, slots=1)
    sweep = Sweep({"region": ("North", "South", "East")})
    run_id = runs.submit(lab.ctx, Submission(TRAIN, sweep=sweep, queue_timeout_s=100.0), by=ANN).view.run.id
    lab.settle()
    lab.ctx.clock.advance(200)
    lab.settle()
    states = [point(lab, run_id, f"region={region}").state for region in ("North", "South", "East")]
    assert states == [RunState.ACTIVE, RunState.EXPIRED, RunState.EXPIRED]


def test_points_share_the_parameters_that_have_one_value(lab):
    run_id = start(lab, seed=[1, 2], parameters={"region": "North"}, texts=(("tags", "[3]"),))
    assert lab.run(run_id).parameters == {"region": "North", "tags": [3]}
    assert point(lab, run_id, "seed=2").parameters == {"region": "North", "seed": 2, "tags": [3]}


def test_values_that_were_typed_are_read_by_the_declared_types(lab):
    run_id = start(lab, sweep=Sweep(texts=(("seed", "1"), ("region", "North"), ("seed", "2"))))
    assert keys(lab, run_id) == ["seed=1, region=North", "seed=2, region=North"]
    assert point(lab, run_id, "seed=2, region=North").parameters == {"region": "North", "seed": 2}


def test_a_sweep_ends_with_its_last_point(lab):
    run_id = start(lab, region=["North", "South"])
    end(lab, run_id, "region=North")
    assert lab.state(run_id) is RunState.ACTIVE
    end(lab, run_id, "region=South")
    assert lab.state(run_id) is RunState.SUCCEEDED


def test_a_sweep_fails_with_one_of_its_points_after_all_of_them_have_run(lab):
    run_id = start(lab, region=["North", "South"])
    end(lab, run_id, "region=North", "failed")
    assert lab.state(run_id) is RunState.ACTIVE
    end(lab, run_id, "region=South")
    assert lab.state(run_id) is RunState.FAILED
    assert "1 of 2" in lab.run(run_id).reason.message


def test_a_sweep_tolerates_as_many_failures_as_it_says(lab):
    run_id = start(lab, sweep=Sweep({"region": ("North", "South")}, max_failures=Tolerance(count=1)))
    end(lab, run_id, "region=North", "failed")
    end(lab, run_id, "region=South")
    assert (lab.state(run_id), lab.run(run_id).with_failures) == (RunState.SUCCEEDED, True)


def test_no_more_points_are_active_than_the_concurrency_says(lab):
    run_id = start(lab, sweep=Sweep({"seed": (1, 2, 3)}, concurrency=2), parameters={"region": "x"})
    assert lab.alive(run_id) == {f"{SWEEP_STEP}/seed=1", f"{SWEEP_STEP}/seed=2"}
    end(lab, run_id, "seed=1")
    assert lab.alive(run_id) == {f"{SWEEP_STEP}/seed=2", f"{SWEEP_STEP}/seed=3"}


def test_a_cancelled_sweep_cancels_its_points(lab):
    run_id = start(lab, sweep=Sweep({"seed": (1, 2, 3)}, concurrency=1), parameters={"region": "x"})
    runs.cancel(lab.ctx, run_id, by=BOB)
    assert runs.summary(lab.ctx, run_id).phase == "cancelling"
    lab.settle()
    end(lab, run_id, "seed=1", "failed")
    assert (lab.state(run_id), lab.run(run_id).reason.message) == (RunState.CANCELLED, "Cancelled by bob.")
    assert keys(lab, run_id) == ["seed=1"]


def test_points_are_retried_as_often_as_the_submission_says(lab):
    run_id = start(lab, region=["North"], max_retries=2)
    assert point(lab, run_id, "region=North").settings.max_retries == 2


def test_a_job_that_may_have_one_active_run_runs_its_points_one_after_the_other(lab):
    job_id = lab.run(start(lab, region=["West"])).job_id
    jobs.change(lab.ctx, job_id, {"concurrency": 1}, by=ANN)
    run_id = start(lab, region=["North", "South"])
    assert lab.alive(run_id) == set()


# --- lists ----------------------------------------------------------------------------------------


def test_lists_have_one_row_for_a_sweep_with_its_points_counted(lab):
    run_id = start(lab, region=["North", "South"])
    end(lab, run_id, "region=North")
    (row,) = runs.page(lab.ctx, RunFilter()).items
    assert (row.id, row.kind, row.progress.done, row.progress.total) == (run_id, JobKind.SWEEP, 1, 2)
    assert row == runs.summary_of(runs.get(lab.ctx, run_id))


def test_the_runs_of_a_job_are_its_sweeps_without_their_points(lab):
    run_id = start(lab, region=["North", "South"])
    job_id = lab.run(run_id).job_id
    assert [row.id for row in runs.page(lab.ctx, RunFilter(job_id=job_id)).items] == [run_id]
    assert runs.last_of_jobs(lab.ctx, [job_id])[job_id].id == run_id
    assert len(runs.page(lab.ctx, RunFilter(parent_id=run_id)).items) == 2


def test_points_go_with_their_sweep(lab):
    run_id = start(lab, region=["North"])
    part = point(lab, run_id, "region=North")
    end(lab, run_id, "region=North")
    retention.delete(lab.ctx, run_id, by=ANN)
    with lab.ctx.store.read() as tx:
        assert not tx.runs.get_many([run_id, part.id])


def test_the_portable_record_of_a_sweep_has_its_source_its_values_and_the_digests_of_its_points(lab):
    sweep = Sweep({"region": ("North", "South")}, concurrency=2, max_failures=Tolerance(percent=5))
    run_id = start(lab, sweep=sweep, parameters={"seed": 7})
    for key in keys(lab, run_id):
        end(lab, run_id, key)
    target = io.BytesIO()
    portable_records.export(lab.ctx, run_id, target)
    with zipfile.ZipFile(target) as archive:
        assert "input/train.ipynb" in archive.namelist()
        record = json.loads(archive.read("record.json"))
        assert json.loads(archive.read("sweep.json")) == {"seed": 7, "region": ["North", "South"]}
        command = archive.read("reproduce.sh").decode().splitlines()[-1]
    assert command == (
        "jupyter dataops run input/train.ipynb --root input --kernel python3 --sweep --params sweep.json "
        "--concurrency 2 --max-failures 5%"
    )
    assert record["sweep"] == {"region": ["North", "South"]}
    parts = record["steps"][SWEEP_STEP]["runs"]
    assert [part["item"] for part in parts] == ["region=North", "region=South"]
    assert all(part["record"].startswith("sha256:") for part in parts)


# --- the table of points --------------------------------------------------------------------------


def test_the_table_has_the_parameters_and_values_of_each_point_in_their_order(lab):
    run_id = start(lab, sweep=Sweep({"seed": (1, 2, 3)}, concurrency=2), parameters={"region": "x"})
    end(lab, run_id, "seed=1", values={"auc": 0.5, "rows": [1, 2], "note": "x" * 500})
    found = item_tables.table(lab.ctx, run_id)
    assert (found.parameters, found.values) == (["seed"], ["auc", "rows", "note"])
    assert [(row.key, row.phase, row.run_id is None) for row in found.rows] == [
        ("seed=1", "succeeded", False),
        ("seed=2", "running", False),
        ("seed=3", "running", False),
    ]
    assert found.rows[0].values["auc"] == 0.5
    assert (found.rows[0].values["rows"], len(found.rows[0].values["note"])) == ("2 items", 201)


def test_the_table_has_a_row_for_a_point_that_has_not_started_and_says_why_one_failed(lab):
    run_id = start(
        lab, sweep=Sweep({"seed": (1, 2)}, concurrency=1, max_failures=Tolerance(count=0)), parameters={"region": "x"}
    )
    waiting = item_tables.table(lab.ctx, run_id).rows[1]
    assert (waiting.phase, waiting.run_id, waiting.parameters) == ("waiting", None, {"seed": 2})
    end(lab, run_id, "seed=1", "failed")
    first, second = item_tables.table(lab.ctx, run_id).rows
    assert (first.phase, first.reason.message, second.phase) == ("failed", "KeyError: 'x'", "skipped")


def test_a_fan_out_has_the_same_table_and_other_steps_have_none(lab):
    text = "version: 1\nsteps:\n  one: {notebook: a.ipynb, with: {region: x}}\n  each: {notebook: a.ipynb, for_each: "
    run_id = lab.start(text + "{inputs: [North, South]}, with: {region: {cel: item}}}")
    found = item_tables.table(lab.ctx, run_id, "each")
    assert (found.parameters, [row.parameters["region"] for row in found.rows]) == (["region"], ["North", "South"])
    for step, code in (("one", "no_items"), ("two", "step_not_found"), (None, "invalid_request")):
        with pytest.raises(DataOpsError) as caught:
            item_tables.table(lab.ctx, run_id, step)
        assert caught.value.precise_code == code


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (Sweep(), "several values"),
        (Sweep({"seed": ()}), "has no value"),
        (Sweep({"seed": (1, 1)}), "has the value 1 twice"),
        (Sweep({"seed": tuple(range(40)), "tags": tuple([n] for n in range(30))}), "40 × 30 = 1,200"),
        (Sweep({"region": ("x",)}, concurrency=0), "concurrency"),
        (Sweep({"region": ("x" * 70_000,)}), "at most 65,536"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(lab, sweep, message):
    with pytest.raises(Refused, match=message):
        submit(lab, sweep=sweep, parameters={} if "region" in sweep.values else {"region": "x"})
    assert not runs.page(lab.ctx, RunFilter()).items


def test_each_value_that_is_wrong_is_named_once(lab):
    with pytest.raises(InvalidParameters) as caught:
        submit(lab, seed=[1, "two", 3, "four"], regin=["North", "South"], region=["North", "South"])
    problems = {(problem["name"], problem.get("value")) for problem in caught.value.detail["problems"]}
    assert problems == {("seed", 2), ("seed", 4), ("regin", 1)}


def test_a_parameter_that_has_a_value_for_all_runs_too_is_refused(lab):
    with pytest.raises(InvalidRequest, match="Give it once"):
        submit(lab, region=["North"], parameters={"region": "South"})


def test_a_parameter_without_default_that_nobody_gives_is_refused(lab):
    with pytest.raises(InvalidParameters, match="'region' has no default"):
        submit(lab, seed=[1, 2])


def test_a_pipeline_is_not_swept_and_takes_no_rows(lab):
    lab.notebooks.pipeline_files["/n/a.pipeline.yaml"] = b"version: 1\nsteps: {a: {notebook: a.ipynb}}"
    with pytest.raises(InvalidRequest) as caught:
        submit(lab, "/n/a.pipeline.yaml", region=["North"])
    assert caught.value.precise_code == "sweep_of_pipeline"
    with pytest.raises(InvalidRequest) as caught:
        runs.submit_many(lab.ctx, Submission("/n/a.pipeline.yaml"), [ParameterRow({})], by=ANN)
    assert caught.value.precise_code == "rows_of_pipeline"


def test_the_same_sweep_with_the_same_key_is_the_same_run(lab):
    first = submit(lab, region=["North", "South"], key="k")
    assert submit(lab, region=["North", "South"], key="k") == first


# --- again ----------------------------------------------------------------------------------------


def test_a_repair_runs_the_points_again_that_did_not_succeed(lab):
    run_id = start(lab, region=["North", "South"], seed=[1, 2])
    for key in keys(lab, run_id):
        end(lab, run_id, key, "failed" if key == "region=South, seed=1" else "succeeded", values={"auc": 0.5})
    repaired = repairs.repair(lab.ctx, run_id, RepairWish(), by=ANN).view.run.id
    lab.settle()
    assert lab.run(repaired).kind is JobKind.SWEEP
    assert lab.alive(repaired) == {f"{SWEEP_STEP}/region=South, seed=1"}
    end(lab, repaired, "region=South, seed=1")
    assert lab.state(repaired) is RunState.SUCCEEDED
    assert set(keys(lab, repaired)) == set(keys(lab, run_id))


def test_a_repair_with_the_newer_notebook_runs_all_points_again_when_its_code_changed(lab):
    run_id = start(lab, region=["North", "South"])
    end(lab, run_id, "region=North")
    end(lab, run_id, "region=South", "failed")
    unchanged = repairs.preview(lab.ctx, run_id, RepairWish(newer=True), by=ANN)
    assert unchanged.steps[SWEEP_STEP].items == {"region=North"}
    lab.notebooks.cells[TRAIN] = ("another",)
    changed = repairs.preview(lab.ctx, run_id, RepairWish(newer=True), by=ANN)
    assert (changed.steps[SWEEP_STEP].why, changed.steps[SWEEP_STEP].items) == (
        "It failed. Its code changed.",
        frozenset(),
    )


def test_a_repair_with_another_shared_parameter_runs_all_points_again(lab):
    run_id = start(lab, region=["North", "South"])
    end(lab, run_id, "region=North")
    end(lab, run_id, "region=South", "failed")
    repaired = repairs.repair(lab.ctx, run_id, RepairWish(parameters={"seed": 7}), by=ANN).view.run.id
    lab.settle()
    assert len(lab.alive(repaired)) == 2
    assert point(lab, repaired, "region=North").parameters == {"region": "North", "seed": 7}


def test_a_rerun_runs_all_points_of_the_same_version_again(lab):
    run_id = start(lab, region=["North", "South"], parameters={"seed": 3})
    for key in keys(lab, run_id):
        end(lab, run_id, key)
    again = runs.rerun(lab.ctx, run_id, parameters=None, by=BOB).view.run
    assert (again.kind, again.parameters, again.trigger.kind) == (JobKind.SWEEP, {"seed": 3}, TriggerKind.RERUN)
    lab.settle()
    assert keys(lab, again.id) == keys(lab, run_id)


def test_a_sweep_that_was_stored_is_read_as_it_was(lab):
    sweep = Sweep({"region": ("North", "nan"), "tags": ([1], [])}, concurrency=2, max_failures=Tolerance(percent=5.0))
    run_id = start(lab, sweep=sweep)
    assert runs.get(lab.ctx, run_id).progress.sweep == sweep


def test_a_sweep_has_one_step_with_its_points(lab):
    run_id = start(lab, region=["North", "South"])
    (view,) = pipelines.steps(lab.ctx, run_id, by=ANN)
    assert (view.counts.total, view.counts.active) == (2, 2)
