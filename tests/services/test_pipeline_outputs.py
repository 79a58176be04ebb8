"""The outputs of pipelines and sweeps: what is published of their parts, and when."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from dataops_lab.domain.outputs import Output
from dataops_lab.domain.parameters import Parameter, ParameterSchema, ParameterType
from dataops_lab.domain.publications import MANIFEST, PublicationState
from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.domain.sweeps import SWEEP_STEP, Sweep
from dataops_lab.errors import InvalidOutputs, InvalidPipeline
from dataops_lab.services import portable_records, publications, runs

from ..pipeline_lab import ANN, PipelineLab, engine_of

TRAIN = "/n/train.ipynb"
MONTH = """
version: 1
parameters: {{month: {{type: string, default: may}}}}
outputs:
  - {{step: train, path: "models/{{item}}.pkl", from: model.pkl}}
  - {{step: report, path: "reports/{{month}}.csv", from: report.csv{flags}}}
steps:
  train: {{notebook: train.ipynb, for_each: {{inputs: [north, south]}}}}
  report: {{notebook: report.ipynb, needs: [train]}}
"""


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def published(lab: PipelineLab) -> dict[str, str]:
    """Let the engine publish what is due. Return the contents of the target folder."""
    while publications.list_due(lab.ctx, now=lab.ctx.clock.now())[0]:
        lab.settle()
    folders = lab.ctx.output_folders.files.values()
    return {path: data.decode() for files in folders for path, data in files.items() if path != MANIFEST}


def end_training(lab: PipelineLab, run_id: str) -> None:
    for item in ("north", "south"):
        lab.end(run_id, f"train/{item}", files={"model.pkl": item})


# --- pipelines ------------------------------------------------------------------------------------


def test_a_pipeline_publishes_the_outputs_of_its_steps_when_all_have_ended_and_the_steps_publish_nothing(lab):
    lab.notebooks.outputs = (Output("model.pkl", optional=True),)
    run_id = lab.start(MONTH.format(flags=""))
    end_training(lab, run_id)
    assert published(lab) == {}
    lab.end(run_id, "report", files={"report.csv": "sold"})
    assert lab.state(run_id) is RunState.SUCCEEDED
    assert published(lab) == {"models/north.pkl": "north", "models/south.pkl": "south", "reports/may.csv": "sold"}
    with lab.ctx.store.read() as tx:
        assert {each.state for each in tx.publications.list_for_run(run_id)} == {PublicationState.PUBLISHED}
        assert not tx.publications.list_for_run(lab.part(run_id, "report").id)


def test_the_portable_record_of_a_pipeline_has_the_files_of_its_outputs(lab):
    run_id = lab.start(MONTH.format(flags=""))
    end_training(lab, run_id)
    lab.end(run_id, "report", files={"report.csv": "sold"})
    target = io.BytesIO()
    portable_records.export(lab.ctx, run_id, target)
    with zipfile.ZipFile(target) as archive:
        outputs = json.loads(archive.read("record.json"))["outputs"]
        contents = {output["path"]: archive.read(output["file"]).decode() for output in outputs}
    assert contents == {"models/north.pkl": "north", "models/south.pkl": "south", "reports/may.csv": "sold"}


def test_a_pipeline_that_fails_publishes_nothing(lab):
    run_id = lab.start(MONTH.format(flags=""))
    end_training(lab, run_id)
    lab.end(run_id, "report", "failed", files={"report.csv": "half"})
    assert lab.state(run_id) is RunState.FAILED
    assert published(lab) == {}


def test_a_file_that_no_step_left_fails_the_pipeline_unless_it_is_optional(lab):
    for flags, state in (("", RunState.FAILED), (", optional: true", RunState.SUCCEEDED)):
        run_id = lab.start(MONTH.format(flags=flags))
        end_training(lab, run_id)
        lab.end(run_id, "report")
        assert lab.state(run_id) is state
    assert published(lab) == {"models/north.pkl": "north", "models/south.pkl": "south"}


def test_a_value_that_leads_out_of_a_folder_is_refused_before_the_pipeline_starts(lab):
    with pytest.raises(InvalidOutputs):
        lab.submit(MONTH.format(flags=""), parameters={"month": "../../may"})


def test_an_output_of_a_fan_out_without_the_item_in_its_path_is_refused(lab):
    with pytest.raises((InvalidPipeline, InvalidOutputs), match="item"):
        lab.submit(MONTH.format(flags="").replace("models/{item}.pkl", "models/all.pkl"))


# --- sweeps ---------------------------------------------------------------------------------------


@pytest.fixture
def sweep(lab):
    """A function that starts a sweep over two regions, whose notebook declares this output."""
    lab.notebooks.schema = ParameterSchema((Parameter("region", ParameterType.STRING, required=True),))

    def started(path: str, *, publish: bool | None) -> str:
        lab.notebooks.outputs = (Output(path, source="model.pkl"),)
        submission = Submission(TRAIN, sweep=Sweep({"region": ("north", "south")}), publish=publish)
        run_id = runs.submit(lab.ctx, submission, by=ANN).view.run.id
        lab.settle()
        return run_id

    return started


@pytest.mark.parametrize(
    ("publish", "expected"),
    [(True, {"models/north.pkl": "region=north", "models/south.pkl": "region=south"}), (False, {}), (None, {})],
)
def test_each_point_of_a_sweep_publishes_only_where_the_sweep_asks_for_it(lab, sweep, publish, expected):
    run_id = sweep("models/{region}.pkl", publish=publish)
    with lab.ctx.store.read() as tx:
        points = tx.pipelines.list_parts(run_id, [SWEEP_STEP])[SWEEP_STEP]
    for point in points:
        lab.end(run_id, f"{SWEEP_STEP}/{point.item_key}", files={"model.pkl": point.item_key})
    assert lab.state(run_id) is RunState.SUCCEEDED
    assert published(lab) == expected


def test_a_sweep_whose_points_would_publish_one_path_is_refused(sweep):
    with pytest.raises(InvalidOutputs, match="Nothing was started"):
        sweep("models/all.pkl", publish=True)
    sweep("models/all.pkl", publish=None)
