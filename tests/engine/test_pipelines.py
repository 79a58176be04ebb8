"""The engine and pipelines: their clocks, and one whole pipeline with real kernels."""

from __future__ import annotations

import json
import threading

import pytest

from dataops_lab.domain.runs import RunState, Submission
from dataops_lab.engine.pipelines import LOOK_AFTER_S, PipelineClocks
from dataops_lab.services import pipelines, records, runs
from dataops_lab.testing import person
from dataops_lab.wiring import Home, build_engine, build_services

from .. import written
from ..pipeline_lab import ANN, PipelineLab, engine_of
from ..waiting import eventually

ASKING = """
version: 1
steps:
  train: {notebook: train.ipynb}
  ask: {approve: {ask: "Good?", within: 1h}, needs: [train]}
"""


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def test_clocks_are_read_when_one_runs_out_and_after_a_change_and_at_no_other_time(lab, clock, monkeypatch):
    run_id = lab.start(ASKING)
    lab.end(run_id, "train")
    fence = lab.engine._leadership.fence
    looks = []
    keep_time = pipelines.keep_time
    monkeypatch.setattr(pipelines, "keep_time", lambda *args, **more: looks.append(1) or keep_time(*args, **more))
    clocks = PipelineClocks(lab.ctx)
    clocks.look(fence=fence)
    assert clocks.next_due_s() == pytest.approx(3600)
    clocks.look(fence=fence)
    clocks.note_change()
    assert clocks.next_due_s() == pytest.approx(LOOK_AFTER_S)
    clocks.look(fence=fence)
    assert len(looks) == 1
    clock.advance(LOOK_AFTER_S)
    clocks.look(fence=fence)
    assert len(looks) == 2
    clock.advance(3600)
    clocks.look(fence=fence)
    assert lab.states(run_id)["ask"] == "expired"
    assert lab.state(run_id) is RunState.FAILED
    assert clocks.next_due_s() > 0


def test_an_engine_sleeps_until_an_approval_expires(lab, clock):
    run_id = lab.start(ASKING)
    lab.end(run_id, "train")
    clock.advance(3599.5)
    lab.settle()
    assert lab.engine._pause_s() == pytest.approx(0.5)


def test_an_engine_that_does_not_lead_leaves_the_clocks_alone(lab, clock):
    lab.start(ASKING)
    other = engine_of(lab.ctx, lab.executor)
    clock.advance(100)
    lab.settle()
    assert not other.step()
    assert other._pause_s() > 0


def test_an_engine_may_end_while_people_are_asked_alone(lab):
    run_id = lab.start(ASKING)
    assert not lab.engine._retire()
    lab.settle()
    lab.end(run_id, "train")
    assert lab.states(run_id)["ask"] == "awaiting_approval"
    assert lab.engine._retire()


def test_an_engine_stays_for_steps_beside_the_question_and_for_pipelines_that_ask_nobody(lab):
    text = ASKING.replace("steps:", "steps:\n  beside: {notebook: a.ipynb}")
    run_id = lab.start(text)
    lab.end(run_id, "train")
    assert not lab.engine._retire()
    lab.settle()
    lab.end(run_id, "beside")
    assert lab.engine._retire()
    lab.settle()
    lab.submit("version: 1\nsteps:\n  a: {notebook: a.ipynb}\n", path="/n/other.pipeline.yaml")
    assert not lab.engine._retire()


def test_a_pipeline_that_waits_for_one_that_asks_needs_no_engine(lab):
    text = ASKING.replace("version: 1", "version: 1\nconcurrency: 1")
    first = lab.start(text)
    second = lab.start(text)
    lab.end(first, "train")
    assert str(lab.state(second)) == "queued"
    assert lab.engine._retire()


WHOLE = """
version: 1
parameters:
  least: {type: integer, default: 2}
steps:
  extract:
    notebook: extract.ipynb
    with: {count: 4}
  check:
    script: check.py
    needs: [extract]
    files: [{from: extract, paths: [data/*.json], into: .}]
  clean:
    notebook: clean.ipynb
    needs: [check]
    if: steps.check.values.wrong > 0
    files: [{from: extract, paths: [data/rows.json], into: .}]
  train:
    notebook: train.ipynb
    needs: [check, clean]
    run_if: none_failed
    for_each: {item: region, inputs: {cel: steps.extract.values.regions}, concurrency: 2}
    with: {region: {cel: region}, least: {cel: params.least}}
    files: [{from: extract, paths: [data/rows.json]}]
    env: {SCALE: "10"}
    outputs: [model.txt]
  ask: {approve: {ask: "Are the models good?"}, needs: [train]}
  report:
    command: [sh, -c, "cat inputs/train/*/model.txt > report.txt; echo $DATAOPS_PARAM_SCORES"]
    needs: [train, ask]
    with: {scores: {cel: steps.train.values.score}}
    files: [{from: train, paths: [model.txt]}]
    outputs: [report.txt]
"""


@pytest.mark.slow
def test_a_pipeline_of_notebooks_a_script_and_a_command_runs_from_the_first_to_the_last_step(tmp_path):
    folder = tmp_path / "work"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "rows.json").write_text('["old"]')
    (folder / "whole.pipeline.yaml").write_text(WHOLE)
    (folder / "check.py").write_text(
        "import json\nfrom dataops_lab import record\n"
        "rows = json.load(open('data/rows.json'))\nrecord('wrong', sum(row < 0 for row in rows))\n"
    )
    sources = {
        "extract": (
            "import json, pathlib\nfrom dataops_lab import record\npathlib.Path('data').mkdir(exist_ok=True)\n"
            "json.dump(list(range(count)), open('data/rows.json', 'w'))\nrecord('regions', ['north', 'south'])",
            "count: int = 1",
        ),
        "clean": ("raise SystemExit('not needed')", None),
        "train": (
            "import json, os\nfrom dataops_lab import record\nrows = json.load(open('inputs/extract/data/rows.json'))\n"
            "assert len(rows) >= least\nopen('model.txt', 'w').write(f'{region} {sum(rows)}\\n')\n"
            "record('score', int(os.environ['SCALE']) * len(rows))",
            "region: str = ''\nleast: int = 0",
        ),
    }
    for name, (source, parameters) in sources.items():
        (folder / f"{name}.ipynb").write_text(written.notebook(source, parameters=parameters))
    home = Home(tmp_path / "state")
    ctx, engine, stop = build_services(home), build_engine(home, slots=2), threading.Event()
    thread = threading.Thread(target=engine.run, args=(stop,))
    thread.start()
    try:
        run_id = runs.submit(
            ctx, Submission(str(folder / "whole.pipeline.yaml"), root=str(folder)), by=person("ann")
        ).view.run.id
        steps = lambda: {view.step.id: view for view in pipelines.steps(ctx, run_id, by=ANN)}  # noqa: E731
        eventually(lambda: steps()["ask"].status.state == "awaiting_approval" or runs.get(ctx, run_id).run.reason)
        assert {step_id: str(view.status.state) for step_id, view in steps().items()} == {
            "extract": "succeeded",
            "check": "succeeded",
            "clean": "skipped",
            "train": "succeeded",
            "ask": "awaiting_approval",
            "report": "waiting",
        }
        pipelines.decide(ctx, run_id, "ask", approved=True, by=ANN)
        eventually(lambda: runs.get(ctx, run_id).run.state.is_terminal)
    finally:
        stop.set()
        engine.wake()
        thread.join()
    view = runs.get(ctx, run_id)
    assert (view.run.state, view.run.reason) == (RunState.SUCCEEDED, None)
    report = steps()["report"].run_id
    assert records.artifact(ctx, report, "report.txt")[1].read() == b"north 6\nsouth 6\n"
    assert json.loads(records.log(ctx, report).read()) == [40, 40]
    assert (folder / "data" / "rows.json").read_text() == '["old"]'
    ctx.store.close()
