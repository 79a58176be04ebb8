"""`notify …`: subscriptions, the address and the times of the person who asks."""

from __future__ import annotations

import json
import re

import pytest

from dataops_lab.cli.engines import LocalEngine
from dataops_lab.domain.notifications import ChannelKind
from dataops_lab.testing import FakeSender


@pytest.fixture
def cli(shell, monkeypatch):
    """A function that runs a command in this process, and starts no engine."""
    monkeypatch.setattr(LocalEngine, "ensure", lambda self: None)
    return shell.invoke


@pytest.fixture
def schedule(cli, shell):
    path = shell.notebook("sales.ipynb", "print(1)")
    return cli("schedule", "set", path, "--name", "monday", "--cron", "0 8 * * 1", "--json").json


@pytest.fixture
def mail(monkeypatch):
    """A mail server that remembers what was sent."""
    sender = FakeSender()
    from dataops_lab import wiring

    build = wiring.build_services

    def with_mail(*args, **options):
        from dataclasses import replace

        ctx = build(*args, **options)
        return replace(ctx, senders={**ctx.senders, ChannelKind.MAIL: sender})

    monkeypatch.setattr(wiring, "build_services", with_mail)
    return sender


def test_a_subscription_is_set_listed_and_removed(cli, schedule):
    answer = cli("notify", "subscribe", "--schedule", "monday", "--on", "on_success", "--by", "lab", "--every-try")
    assert (answer.code, answer.out) == (0, "monday: success; by lab.\n")
    [found] = cli("notify", "subscriptions", "--json").json["items"]
    assert (found["object_id"], found["object_name"]) == (schedule["id"], "monday")
    assert found["choice"]["until_last_retry"] is False
    assert "monday" in cli("notify", "subscriptions").out
    assert "default counts for monday" in cli("notify", "unsubscribe", "--schedule", "monday").out
    assert cli("notify", "subscriptions", "--json").json["items"] == []


def test_jobs_are_found_by_their_path_and_nothing_is_a_choice_too(cli, shell, schedule):
    found = cli("notify", "subscribe", "--job", str(shell.folder / "sales.ipynb"), "--nothing", "--json").json
    assert (found["object_kind"], found["object_id"]) == ("job", schedule["job_id"])
    assert found["choice"]["on"] == []
    assert cli("notify", "subscribe", "--env", "production").out.startswith("production: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["subscribe"], "Give one of --job"),
        (["subscribe", "--env", "a", "--job", "b"], "Give one of --job"),
        (["subscribe", "--env", "nowhere"], "nowhere"),
        (["subscribe", "--schedule", "nowhere"], "nowhere"),
        (["subscribe", "--env", "sandbox", "--by", "fax"], "is not a channel"),
        (["subscribe", "--env", "sandbox", "--by", "target:nobody"], "no target"),
        (["subscribe", "--env", "sandbox", "--nothing", "--on", "on_late"], "exclude"),
        (["quiet", "22-7"], "is not a span"),
        (["quiet", "07:00-07:00"], "two different times"),
        (["quiet", "25:00-07:00"], "start"),
        (["quiet", "--timezone", "Mars/Base"], "Mars/Base"),
        (["address", "ann"], "is not an address of mail"),
        (["address", "--code", "ABCD2345"], "No address waits"),
    ],
)
def test_what_makes_no_sense_is_refused(cli, mail, arguments, says):
    answer = cli("notify", *arguments, "--json")
    assert answer.code == 2
    assert says in json.loads(answer.out)["error"]["message"]


def test_quiet_hours_and_the_digest_are_set_one_by_one(cli):
    cli("notify", "quiet", "22:00-07:00", "--timezone", "Europe/Paris")
    cli("notify", "quiet", "--digest", "08:30")
    answer = cli("notify", "quiet")
    assert answer.out == "Quiet hours: 22:00-07:00. Digest: 08:30. Time zone: Europe/Paris.\n"
    found = cli("notify", "quiet", "--no-hours", "--no-digest", "--json").json
    assert found["times"] == {"timezone": "Europe/Paris", "quiet": None, "digest_at": None}


def test_an_address_counts_once_its_code_has_come_back(cli, mail):
    assert "waits for its code" in cli("notify", "address", "ann@example.org").out
    assert cli("notify", "address", "--json").json["address"] is None
    [(_, to, content)] = mail.sent
    code = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", content.text)[0]
    assert to == "ann@example.org"
    assert cli("notify", "address", "--code", "AAAA-AAAA").code == 2
    assert cli("notify", "address", "--code", code.lower()).out == "ann@example.org\n"
    again = cli("notify", "address", "--code", code, "--json")
    assert json.loads(again.out)["error"]["code"] == "no_pending_address"
    assert "No confirmed address" in cli("notify", "address", "--remove").out


def test_without_a_mail_server_an_address_is_refused_and_nothing_is_kept(cli):
    answer = cli("notify", "address", "ann@example.org", "--json")
    assert json.loads(answer.out)["error"]["code"] == "no_mail_server"
    found = cli("notify", "address", "--json").json
    assert (found["pending_address"], found["has_mail"]) == (None, False)


def test_recipients_of_a_schedule_are_options(cli, shell):
    path = shell.notebook("sales.ipynb", "print(1)")
    arguments = ("schedule", "set", path, "--cron", "0 8 * * 1", "--json")
    found = cli(*arguments, "--recipient", "bob", "--recipient", "eve=on_success,on_late").json
    assert found["recipients"] == [
        {"to": "bob", "on": ["on_failure", "on_late", "on_recovery"]},
        {"to": "eve", "on": ["on_late", "on_success"]},
    ]
    refused = cli(*arguments, "--recipient", "boss@example.org")
    assert json.loads(refused.out)["error"]["code"] == "domain_not_allowed"
