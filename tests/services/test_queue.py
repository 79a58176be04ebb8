"""The reasons why runs wait, and the cost of finding them."""

from __future__ import annotations

import pytest

from dataops_lab.services import runs
from dataops_lab.store.queue import SqlQueue


@pytest.fixture
def looks(monkeypatch) -> list[str]:
    """The times that all queued runs were read."""
    found, waiting = [], SqlQueue.list_queued
    monkeypatch.setattr(SqlQueue, "list_queued", lambda self: found.append("all") or waiting(self))
    return found


def test_in_a_burst_of_submits_the_queue_is_read_once_in_a_second(engine, submit, clock, ctx, looks):
    for _ in range(2):
        submit()
        engine.step()
    first = submit()
    looks.clear()
    later = [submit() for _ in range(5)]
    assert len(looks) <= 1
    assert {view.waiting_reason.code for view in later} == {first.waiting_reason.code} == {"waiting_for_slot"}
    clock.advance(1.0)
    assert submit().waiting_reason.detail["ahead"] == 6
    assert len(looks) <= 2
    # A later question about a run gets the state of that time.
    assert runs.get(ctx, later[-1].run.id).waiting_reason.detail["ahead"] == 5
