"""The wish of a notebook for its mail: taken as data, bounded, and never a reason to fail."""

from __future__ import annotations

import pytest

from dataops_lab.domain.mails import MAIL_VALUE, MAX_ATTACHED, MAX_SUBJECT, MailWish, read_wish


def test_a_wish_is_read_from_the_reserved_value():
    wish = read_wish({MAIL_VALUE: {"subject": "Sales", "text": "Up.", "attach": ["a.csv"], "send": False}})
    assert wish == MailWish("Sales", "Up.", ("a.csv",), False)
    assert read_wish({"auc": 1}) == MailWish()


@pytest.mark.parametrize(
    ("given", "kept", "problem"),
    [
        ("text", MailWish(), "an object"),
        ({"subject": 5}, MailWish(), "The subject of a mail is a text"),
        ({"text": ["a"], "send": True}, MailWish(send=True), "The text of a mail is a text"),
        ({"attach": {"a": 1}}, MailWish(), "a list of paths"),
        ({"attach": ["a", 7]}, MailWish(), "a list of paths"),
        ({"send": "no"}, MailWish(), "true or false"),
        ({"to": "all@example.org", "subject": "S"}, MailWish(subject="S"), "no to"),
        ({"subject": "x" * 1000}, MailWish(subject="x" * MAX_SUBJECT), "at most 200"),
        ({"attach": [f"{n}" for n in range(99)]}, MailWish(attach=tuple(map(str, range(MAX_ATTACHED)))), "84 are left"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_said(given, kept, problem):
    wish = read_wish({MAIL_VALUE: given})
    assert problem in " ".join(wish.problems)
    assert wish == MailWish(kept.subject, kept.text, kept.attach, kept.send, wish.problems)


def test_a_single_path_and_repeated_ones_are_attached_once():
    assert read_wish({MAIL_VALUE: {"attach": "a.csv"}}).attach == ("a.csv",)
    assert read_wish({MAIL_VALUE: {"attach": ["a", "a"]}}).attach == ("a",)
