"""The records of the examples: a notebook leaves the same record as a process and in a container."""

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
from dataops_lab.executors.docker.images import DockerImages
from dataops_lab.services import Services, runs
from dataops_lab.services.runs import RunView
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_engine, build_services

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = {
    "churn/train_churn.ipynb": "data",
    "broken/reconcile_stock.ipynb": "data",
    "checks/data_quality.ipynb": "data",
    "reports/monthly_sales.ipynb": "data",
    "shell/rotate_exports.ipynb": "bash",
}


@pytest.fixture(scope="module")
def ctx(docker_images, tmp_path_factory) -> Iterator[Services]:
    """Services beside a running engine. `sandbox` runs processes, and `contained` runs containers."""
    folder = tmp_path_factory.mktemp("records")
    shutil.copytree(EXAMPLES, folder / "examples")
    services = build_services(Home(folder / "state"))
    backend, now = DockerImages(None), services.clock.now()
    with services.store.begin() as tx:
        for name in set(NOTEBOOKS.values()):
            pinned = backend.find(docker_images[name])
            assert pinned is not None
            probe = backend.probe(pinned, user="1000:1000", at=now)
            tx.images.put(Image(name, name, pinned, now, person("someone"), probe=probe), at=now, by=person("someone"))
        images = tuple(sorted(set(NOTEBOOKS.values())))
        contained = replace(tx.environments.get("sandbox"), name="contained", position=2)
        contained = replace(contained, executor=ExecutorKind.DOCKER, images=images, network=False)
        tx.environments.put(contained, at=now, by=person("someone"))
    stop = threading.Event()
    engine = threading.Thread(target=build_engine(Home(folder / "state"), slots=2).run, args=(stop,))
    engine.start()
    yield services
    stop.set()
    engine.join()


@pytest.fixture
def ended(ctx: Services) -> Callable[..., RunView]:
    def run(notebook: str, **more: Any) -> RunView:
        root = ctx.home.parent / "examples"
        submission = Submission(str(root / notebook), root=str(root), **more)
        run_id = runs.submit(ctx, submission, by=person("someone")).view.run.id
        tick = threading.Event()
        for _ in range(12_000):
            view = runs.get(ctx, run_id)
            if view.run.state.is_terminal:
                return view
            tick.wait(0.02)
        raise AssertionError(view)

    return run


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
