"""Schedules whose owner may not run there any more: they stand out, start nothing, and somebody takes them over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.errors import Forbidden
from dataops_lab.services import schedules
from dataops_lab.testing import person

from ..schedule_lab import ANN, ScheduleLab


@pytest.fixture
def lab(ctx, executor, clock) -> ScheduleLab:
    return ScheduleLab(replace(ctx, administrators=frozenset({"root", "ann"})), executor, clock)


def without_ann(lab) -> ScheduleLab:
    """Take the right to run in guarded environments from the owner."""
    return ScheduleLab(replace(lab.ctx, administrators=frozenset({"root"})), lab.executor, lab.clock)


def test_a_schedule_of_somebody_without_rights_is_orphaned_until_somebody_else_takes_it_over(lab):
    with lab.ctx.store.read() as tx:
        sandbox = tx.environments.get("sandbox")
    schedule = lab.add(by=ANN)
    assert schedules.get(lab.ctx, schedule.id).orphaned is None
    with lab.ctx.store.begin() as tx:
        tx.environments.put(replace(sandbox, guarded=True), at=lab.clock.now(), by=person("root"))
    assert schedules.get(lab.ctx, schedule.id).orphaned is None

    left = without_ann(lab)
    view = schedules.get(left.ctx, schedule.id)
    assert "ann may not run in sandbox any more" in (view.orphaned or "")
    left.advance_to("2026-01-31T09:00")
    assert (left.runs(), [tick.state for tick in left.ticks(schedule)]) == ([], ["refused"])

    with pytest.raises(Forbidden, match="You may not run"):
        schedules.take_over(left.ctx, schedule.id, by=person("bob"))
    taken = schedules.take_over(left.ctx, schedule.id, by=person("root"))
    assert (taken.orphaned, taken.schedule.owner.id, taken.schedule.refusal) == (None, "root", None)
    left.advance_to("2026-01-31T10:00")
    (run,) = left.runs()
    assert run.created_by.id == "root"


def test_a_schedule_whose_environment_is_gone_is_orphaned(lab):
    schedule = lab.add(by=ANN)
    with lab.ctx.store.begin() as tx:
        tx.environments.remove("sandbox", at=lab.clock.now(), by=person("root"))
    assert schedules.get(lab.ctx, schedule.id).orphaned == "The environment sandbox is gone."
