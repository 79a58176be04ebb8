from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.api_models import ItemCountsModel, StepModel
from dataops_lab.cli import steps
from dataops_lab.domain.actors import Actor
from dataops_lab.domain.pipelines import Approval, Step, StepKind, StepState, StepStatus
from dataops_lab.domain.runs import Reason

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
STARTED = NOW - dt.timedelta(seconds=90)


def a_step(name: str, state: str = "waiting", **given) -> StepModel:
    model = {key: given.pop(key) for key in ("run_id", "items") if key in given}
    approval = Approval("Publish?") if given.pop("asks", False) else None
    step = Step(name, StepKind.APPROVAL if approval else StepKind.NOTEBOOK, path="a.ipynb", approval=approval)
    found = StepModel.before_run(step, StepStatus(StepState(state), **given))
    return found.model_copy(update=model)


def items(succeeded: int, failed: int, active: int = 0, waiting: int = 0) -> ItemCountsModel:
    total = succeeded + failed + active + waiting
    return ItemCountsModel(total=total, succeeded=succeeded, failed=failed, active=active, waiting=waiting)


def lines(capsys) -> list[list[str]]:
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_table_has_a_row_for_each_step_and_only_columns_with_something_in_them(capsys):
    steps.print_steps([a_step("extract"), a_step("train")], NOW)

    assert lines(capsys) == [["STEP", "STATE"], ["extract", "waiting"], ["train", "waiting"]]


def test_the_table_says_how_long_each_step_took_and_why_one_did_not_run(capsys):
    steps.print_steps(
        [
            a_step(
                "extract", "succeeded", started_at=STARTED, finished_at=STARTED + dt.timedelta(seconds=3), run_id="R1"
            ),
            a_step("train", "running", started_at=STARTED, items=items(3, 1, active=2, waiting=2)),
            a_step("clean", "skipped", reason=Reason("condition_not_met", "Its condition does not hold.")),
        ],
        NOW,
    )

    assert lines(capsys) == [
        ["STEP", "STATE", "ITEMS", "TOOK", "RUN", "WHY"],
        ["extract", "succeeded", "3.0", "s", "R1"],
        ["train", "running", "4/8,", "1", "failed", "1", "min", "30", "s"],
        ["clean", "skipped", "Its", "condition", "does", "not", "hold."],
    ]


def test_those_who_may_not_decide_read_for_whom_a_step_waits():
    asking = a_step("ok", "awaiting_approval", asks=True)
    of_others = asking.approval.model_copy(update={"who": ["anna", "ben"]})

    assert steps.how_to_decide(asking.model_copy(update={"approval": of_others}), "R1") == "it waits for anna, ben"
    own = of_others.model_copy(update={"may_decide": True})
    assert "runs approve R1 ok" in steps.how_to_decide(asking.model_copy(update={"approval": own}), "R1")


def test_each_change_of_a_step_is_told_once():
    first = [a_step("extract", "running", started_at=STARTED), a_step("train")]
    second = [a_step("extract", "succeeded", started_at=STARTED, finished_at=NOW), a_step("train", "running")]

    assert list(steps.changes({}, first, "R", NOW)) == ["extract: running"]
    assert list(steps.changes({step.id: step for step in first}, first, "R", NOW)) == []
    assert list(steps.changes({step.id: step for step in first}, second, "R", NOW)) == [
        "extract: succeeded in 1 min 30 s",
        "train: running",
    ]


def test_a_step_that_awaits_a_decision_is_told_with_the_commands():
    told = list(steps.changes({}, [a_step("ok", "awaiting_approval", asks=True)], "R1", NOW))

    assert told == [
        "ok: awaiting_approval. Publish?",
        "  jupyter dataops runs approve R1 ok   or: runs reject R1 ok",
    ]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (a_step("a", "succeeded", with_failures=True, nothing_to_do=True), "succeeded (with failures, nothing to do)"),
        (a_step("a", "lost"), "lost"),
    ],
)
def test_a_state_says_what_a_success_leaves_out(step, said):
    assert steps.state_of(step) == said


def test_an_approved_step_says_by_whom_and_why(capsys):
    decided = {"decided_by": Actor("anna", "Anna"), "decided_at": NOW, "comment": "Looks right"}
    steps.print_steps([a_step("ok", "succeeded", asks=True, **decided)], NOW)

    assert "Approved by Anna: Looks right" in capsys.readouterr().out


def test_progress_counts_steps_that_have_ended_and_names_those_that_are_active():
    found = [
        *(a_step(state, state) for state in ("succeeded", "skipped", "disabled", "failed")),
        a_step("train", "running", items=items(2, 1, active=1, waiting=4)),
        a_step("ok", "awaiting_approval", asks=True),
        a_step("later"),
    ]

    assert steps.progress_of(found) == "4 of 7 steps, train 3/8, ok"


def test_what_a_notebook_wrote_into_a_reason_cannot_drive_the_terminal(capsys):
    hostile = a_step("a", "failed", reason=Reason("x", "\x1b[2Jwrong\u202e\nmore"), started_at=STARTED, finished_at=NOW)

    [told] = steps.changes({}, [hostile], "R", NOW)
    steps.print_steps([hostile], NOW)

    assert told == "a: failed in 1 min 30 s. wrong more"
    assert "\x1b" not in capsys.readouterr().out
