"""The list of approvals that wait for a decision."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.services import approvals, pipelines, runs
from dataops_lab.testing import person

from ..pipeline_lab import ANN, PipelineLab, engine_of

ASKS = """
version: 1
steps:
  report: {notebook: report.ipynb}
  each: {notebook: each.ipynb, for_each: {inputs: [a]}}
  ok: {approve: {ask: Publish?, within: 24h}, needs: [report, each]}
"""
BEN, EVE = person("ben"), person("eve")


@pytest.fixture
def lab(ctx, executor) -> PipelineLab:
    return PipelineLab(ctx, engine_of(ctx, executor), executor)


def asking(lab: PipelineLab, text: str = ASKS, **wishes) -> str:
    run_id = lab.start(text, **wishes)
    lab.end(run_id, "report")
    lab.end(run_id, "each/a")
    return run_id


def test_an_approval_has_its_question_its_run_and_the_records_to_look_at(lab):
    run_id = asking(lab)
    [found] = approvals.waiting(lab.ctx, by=ANN)
    assert (found.run.id, found.step.id, found.may_decide) == (run_id, "ok", True)
    assert found.due_at == found.asked_at + dt.timedelta(hours=24)
    assert [(each.step.id, each.run_id) for each in found.before] == [("report", lab.part(run_id, "report").id)]


def test_only_those_who_may_decide_and_the_submitter_see_an_approval(lab):
    run_id = asking(lab, ASKS.replace("within: 24h", "who: [ben]"))
    assert [each.may_decide for each in approvals.waiting(lab.ctx, by=BEN)] == [True]
    assert [(each.run.id, each.may_decide) for each in approvals.waiting(lab.ctx, by=ANN)] == [(run_id, False)]
    assert approvals.waiting(lab.ctx, by=EVE) == []


def test_an_approval_that_is_decided_or_cancelled_waits_no_more(lab):
    decided, cancelled, waits = (asking(lab) for _ in range(3))
    assert [each.run.id for each in approvals.waiting(lab.ctx, by=ANN)] == [decided, cancelled, waits]
    pipelines.decide(lab.ctx, decided, "ok", approved=True, by=ANN)
    runs.cancel(lab.ctx, cancelled, by=ANN)
    lab.settle()
    assert [each.run.id for each in approvals.waiting(lab.ctx, by=ANN)] == [waits]
