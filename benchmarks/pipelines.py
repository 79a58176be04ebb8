"""Pipelines: from the end of a step to the start of the next, fan-outs, and a whole chain beside papermill."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise, product
from pathlib import Path
from threading import Event

from dataops_lab.domain.records import RecordFileKind
from dataops_lab.domain.runs import Run, RunState, Submission
from dataops_lab.engine import Engine, Settings
from dataops_lab.services import Services, pipeline_imports, pipelines, runs
from dataops_lab.testing import FakeBackends, FakeNotebooks, person
from dataops_lab.wiring import Home, build_engine, build_services

from . import notebooks
from .engine import InstantExecutor, services
from .records import postgres, sqlite
from .service import EXAMPLES, PROGRAMS, seconds_of
from .serving import wait_until
from .turns import Row, Times

TITLE = "Pipelines: the steps of a chain, a fan-out, and the whole beside papermill"

ELYRA_PYTHON = os.environ.get("ELYRA_PYTHON")
"""The Python of a virtual environment with Elyra, whose local runner is measured too; None for no such measurement."""

ANN = person("ann")
REGIONS = ("North", "South", "East", "West")


def measure(*, quick: bool) -> Iterator[Row]:
    yield from measure_gaps(length=4 if quick else 41)
    yield from measure_fan_outs((20,) if quick else (100, 1_000), rounds=1 if quick else 3)
    yield from measure_chain(rounds=1 if quick else 3)
    if ELYRA_PYTHON:
        yield from measure_import(ELYRA_PYTHON, rounds=1 if quick else 3)


def measure_gaps(length: int) -> Iterator[Row]:
    """Measure the time between the last sign of one step's runner and the first of the next, with real kernels."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.ipynb").write_text(json.dumps(notebooks.short_cells(2)))
        steps = [
            f"  s{number}: {{notebook: in.ipynb{f', needs: [s{number - 1}]' if number else ''}}}"
            for number in range(length)
        ]
        (folder / "chain.pipeline.yaml").write_text("\n".join(["version: 1", "steps:", *steps]))
        with running(Home(folder / "state")) as ctx:
            run_pipeline(ctx, folder / "chain.pipeline.yaml")  # The first one starts the interpreters.
            run_id = run_pipeline(ctx, folder / "chain.pipeline.yaml")
            lives = [life(ctx, view.run_id) for view in pipelines.steps(ctx, run_id, by=ANN) if view.run_id]
    gaps = [after[0] - before[1] for before, after in pairwise(lives)]
    yield Row(f"{length} steps, end → start of the next, warm", "dataops_lab", tuple(map(Times, gaps)), "median ≤ 0.05")
    yield Row("the same, 99 of 100", "dataops_lab", (Times(statistics.quantiles(gaps, n=100)[98]),), "≤ 0.2")


def life(ctx: Services, run_id: str) -> tuple[float, float]:
    """Return when the runner of a step began and ended, as its own result says."""
    record = runs.get(ctx, run_id).record
    assert record is not None
    stored = record.find_file(RecordFileKind.RESULT)
    assert stored is not None
    result = json.loads(ctx.blobs.read(stored.digest))
    return result["started_at"], result["finished_at"]


def measure_fan_outs(sizes: tuple[int, ...], *, rounds: int) -> Iterator[Row]:
    """Measure fan-outs whose items end as soon as they start: what remains is our own work."""
    for (database, open_database), size in product((("SQLite", sqlite), ("PostgreSQL", postgres)), sizes):
        times = []
        for _ in range(rounds):
            with open_database() as store, tempfile.TemporaryDirectory() as name:
                ctx = services(store, Path(name))
                assert isinstance(ctx.notebooks, FakeNotebooks)
                text = f"version: 1\nsteps:\n  each: {{notebook: n.ipynb, for_each: {{inputs: {list(range(size))}}}}}"
                ctx.notebooks.pipeline_files["/n/each.pipeline.yaml"] = text.encode()
                executor = InstantExecutor(Path(name) / "process")
                engine = Engine(ctx, FakeBackends(executor), Settings(slots=8), inherited=os.environ)
                with in_a_thread(engine):
                    whole = seconds_of(run_pipeline, ctx, Path("/n/each.pipeline.yaml"))
                times.append(Times(whole.whole / size))
        target = "as with 100" if size > 100 else "≤ 0.01"
        yield Row(f"fan-out of {size:,}, per item, {database}", "dataops_lab", tuple(times), target)


def measure_chain(rounds: int) -> Iterator[Row]:
    """Measure the forecast of the examples without its approval, beside papermill in a shell loop."""
    times: dict[str, list[Times]] = {"dataops_lab": [], "papermill in a loop": []}
    with tempfile.TemporaryDirectory() as name:
        examples = Path(name) / "examples"
        shutil.copytree(EXAMPLES, examples)
        path = examples / "forecast" / "forecast.pipeline.yaml"
        text = re.sub(r"  publish:\n(?:    .*\n)+\n", "", path.read_text())
        path.write_text(text.replace("needs: [train, publish]", "needs: [train]").replace(", concurrency: 2", ""))
        with running(Home(Path(name) / "state")) as ctx:
            for _ in range(2):  # The second one knows what the notebooks import.
                run_pipeline(ctx, path)
            for _ in range(rounds):
                times["dataops_lab"].append(seconds_of(run_pipeline, ctx, path))
                times["papermill in a loop"].append(seconds_of(papermill_loop, path.parent))
    for contender, measured in times.items():
        target = "≤ 0.4 of papermill" if contender == "dataops_lab" else ""
        yield Row("forecast of all regions", contender, tuple(measured), target)


def papermill_loop(folder: Path) -> None:
    """Run the notebooks of the forecast as a shell script does: one after the other, each with its parameters."""
    papermill = f"{PROGRAMS / 'papermill'} --no-progress-bar -k python3"
    script = ["set -e", *(f"{papermill} {name}.ipynb {os.devnull}" for name in ("01_extract", "02_check", "03_clean"))]
    for region in REGIONS:
        script += [
            f"{papermill} -p region {region} 04_train.ipynb {os.devnull}",
            f"mkdir -p inputs/train/{region}",
            f"mv forecast.csv inputs/train/{region}/",
        ]
    script.append(f"{PROGRAMS / 'python'} report.py")
    try:
        subprocess.run(["sh", "-c", "\n".join(script)], cwd=folder, check=True, capture_output=True)
    finally:
        shutil.rmtree(folder / "inputs", ignore_errors=True)
        for left in folder.glob("*.csv"):
            left.unlink()


def measure_import(python: str, rounds: int) -> Iterator[Row]:
    """Measure a pipeline that was made with Elyra, imported here, beside Elyra's local runner without its imports."""
    times: dict[str, list[Times]] = {"dataops_lab": [], "Elyra, local": []}
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name) / "ours", Path(name) / "theirs"
        for folder in (ours, theirs):
            shutil.copytree(CORPUS, folder)
        with running(Home(Path(name) / "state")) as ctx:
            source = str(ours / "totals.pipeline")
            imported = pipeline_imports.import_elyra(ctx, source, root=None, by=ANN)
            (ours / imported.name).write_text(imported.content)
            run_pipeline(ctx, ours / imported.name)  # It starts the interpreters.
            for _ in range(rounds):
                times["dataops_lab"].append(seconds_of(run_pipeline, ctx, ours / imported.name))
                times["Elyra, local"].append(elyra(python, theirs / "totals.pipeline"))
    for contender, measured in times.items():
        yield Row("two notebooks and a script, made with Elyra", contender, tuple(measured))


CORPUS = Path(__file__).parents[1] / "tests/pipelines/elyra/corpus"
RUN_WITH_ELYRA = """
import asyncio, sys, time
from elyra.cli.pipeline_app import _preprocess_pipeline
from elyra.pipeline.parser import PipelineParser
from elyra.pipeline.processor import PipelineProcessorManager

pipeline = PipelineParser().parse(_preprocess_pipeline(sys.argv[1], runtime="local", runtime_config="local"))
manager = PipelineProcessorManager.instance()
start = time.perf_counter()
asyncio.run(manager.process(pipeline))
print(time.perf_counter() - start)
"""


def elyra(python: str, path: Path) -> Times:
    """Run a pipeline with Elyra's local runner. Its time is without the start of Python and the imports."""
    ran = subprocess.run(
        [python, "-c", RUN_WITH_ELYRA, str(path)], cwd=path.parent, check=True, capture_output=True, text=True
    )
    return Times(float(ran.stdout.splitlines()[-1]))


@contextmanager
def running(home: Home) -> Iterator[Services]:
    """Run an engine with two preloaded interpreters, and give the services that submit to it."""
    ctx = build_services(home)
    with in_a_thread(build_engine(home, slots=2, warm=2)):
        yield ctx
    ctx.store.close()


@contextmanager
def in_a_thread(engine: Engine) -> Iterator[None]:
    stop = Event()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(engine.run, stop)
        try:
            yield
        finally:
            stop.set()
            engine.wake()


def run_pipeline(ctx: Services, path: Path) -> str:
    """Run a pipeline to its end, and return its id."""
    run_id = runs.submit(ctx, Submission(str(path)), by=ANN).view.run.id
    wait_until(lambda: _run(ctx, run_id).state.is_terminal, every_s=0.05)
    if (run := _run(ctx, run_id)).state is not RunState.SUCCEEDED:
        raise RuntimeError(run.reason)
    return run_id


def _run(ctx: Services, run_id: str) -> Run:
    with ctx.store.read() as tx:
        return tx.runs.get(run_id)
