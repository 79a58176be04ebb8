"""The records of the examples: a run leaves the same record as a process, in a container and as a step."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataops_lab.domain.environments import ExecutorKind
from dataops_lab.domain.images import Image
from dataops_lab.domain.records import RecordFileKind
from dataops_lab.domain.runs import Submission
from dataops_lab.errors import Refused
from dataops_lab.executors.docker.images import DockerImages
from dataops_lab.services import Services, pipelines, runs
from dataops_lab.services.runs import RunView
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_engine, build_services

from ..waiting import eventually

SOMEONE = person("someone")
EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = {
    "churn/train_churn.ipynb": "data",
    "broken/reconcile_stock.ipynb": "data",
    "checks/data_quality.ipynb": "data",
    "reports/monthly_sales.ipynb": "data",
    "shell/rotate_exports.ipynb": "bash",
}
IMAGES = (*sorted(set(NOTEBOOKS.values())), "no-papermill")


@pytest.fixture(scope="module")
def ctx(docker_images, tmp_path_factory) -> Iterator[Services]:
    """Services beside a running engine. `sandbox` runs processes, and `contained` runs containers."""
    folder = tmp_path_factory.mktemp("records")
    shutil.copytree(EXAMPLES, folder / "examples")
    services = build_services(Home(folder / "state"))
    backend, now = DockerImages(None), services.clock.now()
    with services.store.begin() as tx:
        for name in IMAGES:
            pinned = backend.find(docker_images[name])
            assert pinned is not None
            probe = backend.probe(pinned, user="1000:1000", at=now)
            tx.images.put(Image(name, name, pinned, now, SOMEONE, probe=probe), at=now, by=SOMEONE)
        contained = replace(tx.environments.get("sandbox"), name="contained", position=2)
        contained = replace(contained, executor=ExecutorKind.DOCKER, images=IMAGES, network=False)
        tx.environments.put(contained, at=now, by=SOMEONE)
    stop = threading.Event()
    engine = threading.Thread(target=build_engine(Home(folder / "state"), slots=2).run, args=(stop,))
    engine.start()
    yield services
    stop.set()
    engine.join()


@pytest.fixture
def ended(ctx: Services) -> Callable[..., RunView]:
    return lambda path, **more: when_ended(ctx, submitted(ctx, path, **more))


def submitted(ctx: Services, path: str, **more: Any) -> str:
    root = ctx.home.parent / "examples"
    return runs.submit(ctx, Submission(str(root / path), root=str(root), **more), by=SOMEONE).view.run.id


def when_ended(ctx: Services, run_id: str) -> RunView:
    eventually(lambda: runs.get(ctx, run_id).run.state.is_terminal, timeout_s=240)
    return runs.get(ctx, run_id)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_an_example_leaves_the_same_record_in_a_container(ctx, ended, notebook):
    here = ended(notebook)
    there = ended(notebook, environment="contained", image=NOTEBOOKS[notebook])
    assert (there.run.state, code(there)) == (here.run.state, code(here))
    assert there.record is not None
    assert here.record is not None
    assert shape(there.record.values) == shape(here.record.values)
    kinds = [[(file.kind, file.path) for file in view.record.files] for view in (here, there)]
    assert kinds[1] == kinds[0]
    assert outputs(ctx, there) == outputs(ctx, here)


def code(view: RunView) -> str | None:
    return view.run.reason.code if view.run.reason else None


def shape(values: Any) -> Any:
    """Return the values with rounded numbers. The packages of the image may give other last digits."""
    if isinstance(values, dict):
        return {key: shape(value) for key, value in values.items()}
    return round(values, 3) if isinstance(values, float) else values


def outputs(ctx: Services, view: RunView) -> list[list[Any]]:
    """Return, for each cell, the kinds of its outputs and the printed words, without times and places."""
    file = view.record.find_file(RecordFileKind.NOTEBOOK)
    cells = json.loads(ctx.blobs.read(file.digest))["cells"]
    return [[kind_of(output) for output in cell.get("outputs", ())] for cell in cells]


def kind_of(output: dict[str, Any]) -> Any:
    if output["output_type"] == "stream":
        # `ls -l` also prints the owner, whose length moves the columns: the name is removed, and words are compared.
        return re.sub(r"/\S+|\d+([.:]\d+)*|\broot\b", "…", "".join(output["text"])).split()
    if output["output_type"] == "error":
        return output["ename"]
    return sorted(output["data"])


def test_the_example_script_leaves_the_same_in_a_container(ctx, ended):
    script = "scripts/export_targets.py"
    given = {"region": "South"}
    here = ended(script, parameters=given)
    there = ended(script, parameters=given, environment="contained", image="data")
    assert [view.run.state for view in (here, there)] == ["succeeded"] * 2
    assert here.record.values == there.record.values == {"targets": 80}
    kinds = [{(file.kind, file.path, file.digest) for file in view.record.artifacts} for view in (here, there)]
    assert kinds[0] == kinds[1]
    assert [view.record.find_file(RecordFileKind.NOTEBOOK) for view in (here, there)] == [None, None]


PLACES = {"sandbox": {}, "contained": {"environment": "contained", "image": "data"}}
STEPS = """\
version: 1
steps:
  quality: {notebook: checks/data_quality.ipynb}
  export: {script: scripts/export_targets.py, with: {region: South}}
"""
ALONE = {
    "quality": ("checks/data_quality.ipynb", {}),
    "export": ("scripts/export_targets.py", {"parameters": {"region": "South"}}),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_step_leaves_the_same_record_as_the_same_job_alone(ctx, ended, place):
    (ctx.home.parent / "examples/alone.pipeline.yaml").write_text(STEPS)
    whole = ended("alone.pipeline.yaml", **PLACES[place])
    assert whole.run.state == "succeeded"
    for view in pipelines.steps(ctx, whole.run.id, by=SOMEONE):
        path, given = ALONE[view.step.id]
        step, alone = runs.get(ctx, view.run_id), ended(path, **given, **PLACES[place])
        assert step.run.version_digest == alone.run.version_digest
        assert step.run.parameters == alone.run.parameters
        assert what_it_left(ctx, step) == what_it_left(ctx, alone)


def what_it_left(ctx: Services, view: RunView) -> Any:
    """Return all that a record says, but for times, places and digests of what holds them."""
    assert view.record is not None
    by_kind = {(file.kind, file.path): file.digest for file in view.record.files}
    artifacts = {path: digest for (kind, path), digest in by_kind.items() if kind is RecordFileKind.ARTIFACT}
    printed = outputs(ctx, view) if view.record.find_file(RecordFileKind.NOTEBOOK) else None
    return view.run.state, code(view), view.record.values, sorted(by_kind), artifacts, printed


def test_the_forecast_of_the_examples_is_made_in_an_image(ctx):
    run_id = submitted(ctx, "forecast/forecast.pipeline.yaml", **PLACES["contained"])
    eventually(lambda: states(ctx, run_id)["publish"] == "awaiting_approval", timeout_s=240)
    pipelines.decide(ctx, run_id, "publish", approved=True, by=SOMEONE)

    whole = when_ended(ctx, run_id)

    assert whole.run.state == "succeeded"
    assert set(states(ctx, run_id).values()) == {"succeeded"}
    report = next(view for view in pipelines.steps(ctx, run_id, by=SOMEONE) if view.step.id == "report")
    assert report.run_id is not None
    left = runs.get(ctx, report.run_id)
    assert left.run.image is not None and left.run.image.name == "data"
    assert {Path(file.path).name for file in left.record.artifacts} == {"forecasts.csv", "forecasts.md"}
    with ctx.store.read() as tx:
        parts = tx.runs.get_many(tx.pipelines.list_part_ids([run_id])[run_id]).values()
    assert {part.image.name for part in parts} == {"data"}


def states(ctx: Services, run_id: str) -> dict[str, str]:
    return {view.step.id: str(view.status.state) for view in pipelines.steps(ctx, run_id, by=SOMEONE)}


def test_scripts_and_commands_need_python_alone_in_an_image(ctx, ended):
    examples = ctx.home.parent / "examples"
    (examples / "bare.py").write_text("from dataops_lab import record\nrecord('n', 1)\n")
    (examples / "bare.pipeline.yaml").write_text("version: 1\nsteps:\n  a: {command: [python3, bare.py]}\n")
    place = {"environment": "contained", "image": "no-papermill"}

    assert ended("bare.py", **place).record.values == {"n": 1}
    whole = ended("bare.pipeline.yaml", **place)
    [step] = pipelines.steps(ctx, whole.run.id, by=SOMEONE)
    assert runs.get(ctx, step.run_id).record.values == {"n": 1}
    with pytest.raises(Refused, match="papermill is missing"):
        ended("checks/data_quality.ipynb", **place)
