"""Successes that are told only when there is something to say."""

from __future__ import annotations

import json

import pytest

from dataops_lab.domain.mails import MAIL_VALUE
from dataops_lab.domain.runs import Submission
from dataops_lab.domain.schedules import Preset
from dataops_lab.domain.sending import SendRule, When
from dataops_lab.domain.subscriptions import Interest
from dataops_lab.errors import InvalidSchedule
from dataops_lab.rundir import protocol
from dataops_lab.services import runs, schedules

from ..schedule_lab import ANN, PATH
from .test_messages import MessageLab
from .test_messages import database as database  # noqa: PLC0414
from .test_messages import lab as lab  # noqa: PLC0414


def succeed(lab: MessageLab, schedule, *values: dict, state: str = "succeeded") -> list[str]:
    """Let a tick be due, and end its runs with these values. Return the messages so far."""
    lab.advance(3600)
    for name, left in zip(sorted(lab.executor.alive), values, strict=True):
        (lab.executor.directory(name) / protocol.VALUES).write_text(json.dumps(left))
        lab.end(name.rpartition("-")[0], state)
    return [each for each in lab.messages() if each in ("success", "recovery", "failure")]


@pytest.fixture
def heard(lab):
    """A function that adds a schedule of whose successes its owner hears."""

    def added(rule: SendRule, **settings):
        schedule = lab.add(send=rule, **settings)
        lab.subscribe(ANN, "schedule", schedule.id, Interest.ON_SUCCESS, Interest.ON_FAILURE, channels=("lab",))
        return schedule

    return added


def test_changed_compares_with_the_last_success_that_was_told(lab, heard):
    schedule = heard(SendRule(When.CHANGED, ("auc",)))
    assert len(succeed(lab, schedule, {"auc": 1, "at": 1})) == 1
    assert len(succeed(lab, schedule, {"auc": 1, "at": 2})) == 1
    assert len(succeed(lab, schedule, {"auc": 2})) == 2
    assert len(succeed(lab, schedule, {"auc": 2})) == 2


def test_a_condition_is_evaluated_over_the_values(lab, heard):
    schedule = heard(SendRule(When.CONDITION, condition="values.auc < 0.8"))
    assert len(succeed(lab, schedule, {"auc": 0.9})) == 0
    assert len(succeed(lab, schedule, {"auc": 0.5})) == 1


def test_a_condition_that_fails_is_told_rather_than_lost(lab, heard):
    schedule = heard(SendRule(When.CONDITION, condition="values.auc < 0.8"))
    assert len(succeed(lab, schedule, {})) == 1
    assert len(succeed(lab, schedule, {"auc": {"a": 1}})) == 2


def test_a_new_version_is_told_once(lab, heard):
    schedule = heard(SendRule(When.NEW_VERSION))
    assert len(succeed(lab, schedule, {})) == 1
    assert len(succeed(lab, schedule, {})) == 1
    lab.notebooks.cells["/n/sales.ipynb"] = ("new",)
    schedules.update_version(lab.ctx, schedule.id, by=ANN)
    assert len(succeed(lab, schedule, {})) == 2


def test_the_notebook_decides_before_the_rule(lab, heard):
    schedule = heard(SendRule())
    assert succeed(lab, schedule, {MAIL_VALUE: {"send": False}}) == []
    assert len(succeed(lab, schedule, {MAIL_VALUE: {"send": "no"}})) == 1


def test_failures_and_recoveries_are_told_whatever_the_rule(lab, heard):
    schedule = heard(SendRule(When.CONDITION, condition="false"))
    succeed(lab, schedule, {MAIL_VALUE: {"send": False}}, state="failed")
    succeed(lab, schedule, {MAIL_VALUE: {"send": False}})
    assert [each for each in lab.messages() if each in ("success", "recovery", "failure")] == ["failure", "recovery"]


def test_each_preset_is_compared_with_its_own(lab, heard):
    presets = (Preset("north", {}), Preset("south", {}))
    schedule = heard(SendRule(When.CHANGED, ("auc",)), presets=presets)
    assert len(succeed(lab, schedule, {"auc": 1}, {"auc": 2})) == 1
    assert len(succeed(lab, schedule, {"auc": 1}, {"auc": 2})) == 1


@pytest.mark.parametrize(("send", "told"), [(False, []), (True, ["success"])])
def test_a_run_by_hand_that_asks_for_silence_is_not_told(lab, send, told):
    lab.subscribe(ANN, "environment", "sandbox", Interest.ON_SUCCESS, channels=("lab",))
    run = runs.submit(lab.ctx, Submission(PATH), by=ANN).view.run
    lab.settle()
    (name,) = lab.executor.alive
    (lab.executor.directory(name) / protocol.VALUES).write_text(json.dumps({MAIL_VALUE: {"send": send}}))
    lab.end(run.id)
    assert lab.messages() == told


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("values.auc <", "condition for sending"),
        ("1 + 1", "no truth value"),
        ("secrets.KEY == ''", "condition for sending"),
        ("values.list.all(x, x > 0)", "loops over a list"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(lab, condition, said):
    with pytest.raises(InvalidSchedule, match=said):
        lab.add(send=SendRule(When.CONDITION, condition=condition))
