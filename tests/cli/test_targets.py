"""`notify list`, `set`, `remove`, `test`, `log` and `mail-password`."""

from __future__ import annotations

import io
import sys

import pytest

from ..receivers import mail_receiver, web_receiver


class Given(io.StringIO):
    def isatty(self) -> bool:
        return False


@pytest.fixture
def notify(shell, monkeypatch):
    """A function that runs a command of `notify` with a text on stdin."""

    def run(*arguments: str, given: str = "", **environment: str):
        monkeypatch.setattr(sys, "stdin", Given(given))
        return shell.invoke("notify", *arguments, **environment)

    return run


def test_a_target_is_set_tried_out_listed_and_removed(notify):
    with web_receiver() as web:
        allowed = {"DATAOPS_LAB_NOTIFICATION_HOSTS": "127.0.0.1"}
        set_ = notify("set", "hook", "--channel", "webhook", "--env", "production", given=f"{web.url}\n", **allowed)
        assert set_.code == 0, set_.err
        assert "whsec_" in set_.out
        assert "secret-part" not in set_.out + set_.err
        changed = notify("set", "hook", "--description", "Ours", "--json", **allowed)
        assert (changed.json["environments"], changed.json["key"]) == (["production"], None)
        assert notify("set", "hook", "--all-environments", "--json", **allowed).json["environments"] == []
        listed = notify("list")
        assert "hook" in listed.out and "127.0.0.1" in listed.out
        assert "No mail server" in listed.err

        assert notify("test", "hook", **allowed).code == 0
        assert len(web.received) == 1
        refused = notify("test", "hook")
        assert (refused.code, "http://" in refused.out) == (1, True)
        log = notify("log", "hook")
        assert "sent" in log.out and "failed" in log.out
        assert notify("log", "--state", "sent", "--json").json["items"][0]["kind"] == "test"
        assert notify("remove", "hook").code == 0
        assert notify("test", "hook").code == 2


def test_mail_is_tried_out_with_its_password(notify):
    with mail_receiver(login=True) as mails:
        server = {
            "DATAOPS_LAB_MAIL_SERVER": f"127.0.0.1:{mails.port}",
            "DATAOPS_LAB_MAIL_FROM": "lab@example.org",
            "DATAOPS_LAB_MAIL_SECURITY": "none",
            "DATAOPS_LAB_MAIL_USER": "lab",
        }
        assert notify("mail-password", given="wrong\n").code == 0
        failed = notify("test", "ann@example.org", **server)
        assert (failed.code, "password" in failed.out, "wrong" in failed.out) == (1, True, False)
        assert notify("mail-password", given="right\n").code == 0
        assert notify("test", "ann@example.org", **server).code == 0
        [mail] = mails.mails
        assert mail["To"] == "ann@example.org"
        assert notify("mail-password", "--remove").code == 0


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("set", "team"), "", "--channel"),
        (("set", "team", "--channel", "slack"), "", "stdin"),
        (("set", "team", "--channel", "slack"), "ftp://x\n", "not a URL"),
        (("set", "team", "--channel", "mail"), "", "address"),
        (("set", "team", "--channel", "mail", "--address", "ann"), "", "not an address"),
        (("set", "Team", "--channel", "mail", "--address", "a@example.org"), "", "name"),
        (("remove", "team"), "", "notify list"),
        (("test", "ann@@example"), "", "not an address"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_next_step(notify, arguments, given, said):
    answer = notify(*arguments, given=given)
    assert answer.code == 2
    assert said in answer.err


def test_settings_of_mail_that_make_no_sense_are_said(notify):
    answer = notify("list", DATAOPS_LAB_MAIL_SERVER="smtp.example.org")
    assert (answer.code, "DATAOPS_LAB_MAIL_FROM" in answer.err) == (2, True)
    answer = notify("list", DATAOPS_LAB_NOTIFICATION_HOSTS="http://x")
    assert (answer.code, "notification_hosts" in answer.err) == (2, True)
