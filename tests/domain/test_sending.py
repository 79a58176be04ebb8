"""When a success is told: the rule, the last one that was told, and the word of the notebook."""

from __future__ import annotations

import pytest

from dataops_lab.domain.sending import ALWAYS, Result, SendRule, When, wants_to_send
from dataops_lab.errors import InvalidSchedule

CHANGED = SendRule(When.CHANGED, ("auc", "rows"))
NEW = SendRule(When.NEW_VERSION)
IF = SendRule(When.CONDITION, condition="values.auc < 0.8")
LAST = Result("v1", {"auc": 1, "rows": [1, 2], "note": "a"})


def wants(rule, result=LAST, last=LAST, *, wish=None, holds=False):
    return wants_to_send(rule, result, last, wish=wish, condition=lambda _: holds)


@pytest.mark.parametrize(
    ("rule", "result", "last", "expected"),
    [
        (ALWAYS, LAST, LAST, True),
        (NEW, LAST, LAST, False),
        (NEW, Result("v2", {}), LAST, True),
        (NEW, LAST, None, True),
        (CHANGED, LAST, LAST, False),
        (CHANGED, LAST, None, True),
        (CHANGED, Result("v2", {"auc": 1, "rows": [1, 2], "note": "b"}), LAST, False),
        (CHANGED, Result("v1", {"auc": 0.9, "rows": [1, 2]}), LAST, True),
        (CHANGED, Result("v1", {"auc": True, "rows": [1, 2]}), LAST, True),
        (CHANGED, Result("v1", {"rows": [1, 2]}), LAST, True),
        (CHANGED, Result("v1", {}), Result("v1", {}), False),
    ],
)
def test_a_rule_looks_at_the_last_success_that_was_told(rule, result, last, expected):
    assert wants(rule, result, last) is expected


def test_a_condition_decides_alone():
    assert wants(IF, holds=True)
    assert not wants(IF, last=None, holds=False)


@pytest.mark.parametrize("rule", [ALWAYS, NEW, CHANGED, IF])
def test_the_word_of_the_notebook_counts_most(rule):
    assert wants(rule, wish=True)
    assert not wants(rule, last=None, wish=False, holds=True)


@pytest.mark.parametrize(
    "rule",
    [
        SendRule(When.CHANGED),
        SendRule(When.ALWAYS, ("auc",)),
        SendRule(When.CONDITION),
        SendRule(When.CONDITION, condition="  "),
        SendRule(When.NEW_VERSION, condition="true"),
        SendRule(When.CHANGED, tuple(map(str, range(99)))),
    ],
)
def test_members_that_do_not_go_together_are_refused(rule):
    with pytest.raises(InvalidSchedule):
        rule.checked()


@pytest.mark.parametrize("rule", [ALWAYS, NEW, CHANGED, IF])
def test_a_rule_is_read_as_it_was_written(rule):
    assert SendRule.from_json(rule.to_json()) == rule
    assert SendRule.from_json(None) == ALWAYS
