"""Watching a fan-out costs the same at each change, however many items there are."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from dataops_lab.api_models import StepModel
from dataops_lab.handlers.broadcaster import changes_after
from dataops_lab.services import Services, pipelines
from dataops_lab.store import open_store

from ..engine.test_queue import work_of
from ..pipeline_lab import ANN, PipelineLab, engine_of

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@dataclass
class Cost:
    frames: int
    frame_bytes: int
    work_of_change: int
    """The instructions of SQLite."""
    steps_bytes: int
    work_of_steps: int


def test_each_change_of_a_fan_out_costs_its_watchers_the_same_however_many_items_there_are(ctx, executor, tmp_path):
    few = cost_of(ctx, executor, items=24)
    with closing(open_store(f"sqlite:///{tmp_path}/many.sqlite")) as store:
        many = cost_of(replace(ctx, store=store), executor, items=80)
    assert many.frames == few.frames <= 3
    assert many.frame_bytes <= few.frame_bytes + 20
    assert many.work_of_change <= few.work_of_change * 1.2
    # The steps are read at most twice a second. They count the states of items in an index.
    assert many.steps_bytes <= few.steps_bytes + 20
    assert many.work_of_steps - few.work_of_steps <= 30 * (80 - 24)


def cost_of(ctx: Services, executor, *, items: int) -> Cost:
    """Measure the change that follows from the end of one item, when half of them have ended."""
    lab = PipelineLab(ctx, engine_of(ctx, executor), executor)
    inputs = ", ".join(f"item-{number:03}-{'x' * 30}" for number in range(items))
    run = lab.start(
        f"version: 1\nsteps:\n  each: {{notebook: a.ipynb, for_each: {{concurrency: 8, inputs: [{inputs}]}}}}\n"
    )
    for _ in range(items // 2 // 8):
        for key in lab.alive(run):
            lab.end_soon(run, key)
        lab.settle()
    with ctx.store.read() as tx:
        before = tx.events.last_seq()
    lab.end(run, min(lab.alive(run)))
    with work_of(ctx.store) as of_change:
        batch = changes_after(ctx, before)
    assert batch is not None
    with work_of(ctx.store) as of_steps:
        [step] = pipelines.steps(ctx, run, by=ANN)
    assert step.counts is not None and step.counts.total == items
    return Cost(
        frames=len(batch.frames),
        frame_bytes=sum(len(data) for _, data in batch.frames),
        work_of_change=of_change[0],
        steps_bytes=len(StepModel.from_domain(step).model_dump_json()),
        work_of_steps=of_steps[0],
    )
