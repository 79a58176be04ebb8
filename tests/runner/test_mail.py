"""The mail that a notebook asks for, as seen in the values file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dataops_lab
from dataops_lab.domain import mails
from dataops_lab.runner import record as module
from dataops_lab.runner.record import mail


@pytest.fixture
def written(tmp_path, monkeypatch):
    path = tmp_path / "values"
    monkeypatch.setenv("DATAOPS_LAB_VALUES", str(path))

    def written(**wish):
        mail(**wish)
        return json.loads(path.read_text().splitlines()[-1])

    return written


def test_a_wish_is_the_reserved_value_with_the_members_that_are_given(written):
    assert written(subject="S", text="T", attach=[Path("out/a.csv"), "b"], send=False) == {
        "name": "dataops_lab.mail",
        "value": {"subject": "S", "text": "T", "attach": ["out/a.csv", "b"], "send": False},
    }
    assert written(send=True)["value"] == {"send": True}
    assert dataops_lab.mail is mail


def test_the_wish_is_read_as_it_was_written(written):
    entry = written(subject="S", text="T", attach=["a"], send=False)
    assert mails.read_wish({entry["name"]: entry["value"]}) == mails.MailWish("S", "T", ("a",), False)


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"subject": 5}, "Give a text"),
        ({"text": b"bytes"}, "Give a text"),
        ({"subject": "x" * 201}, "at most 200"),
        ({"text": "x" * 20_001}, "Attach a file"),
        ({"attach": "table.csv"}, r"a list of paths, such as \['table.csv'\]"),
        ({"attach": [1]}, "a list of paths"),
        ({"attach": ["a"] * 16}, "Pack them into one"),
        ({"send": "no"}, "True or False"),
    ],
)
def test_what_makes_no_sense_is_refused_and_says_what_to_do(wish, error, tmp_path, monkeypatch):
    monkeypatch.setenv("DATAOPS_LAB_VALUES", str(tmp_path / "values"))
    with pytest.raises((TypeError, ValueError), match=error):
        mail(**wish)
    assert not (tmp_path / "values").exists()


def test_both_sides_have_the_same_bounds():
    bounds = (mails.MAX_SUBJECT, mails.MAX_TEXT, mails.MAX_ATTACHED, mails.MAIL_VALUE)
    assert bounds == (module._MOST_SUBJECT, module._MOST_TEXT, module._MOST_ATTACHED, "dataops_lab.mail")
