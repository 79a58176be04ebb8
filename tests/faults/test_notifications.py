"""Messages to a real mail server and a real HTTP receiver, which fail, hang and come back, while engines die."""

from __future__ import annotations

import json
from contextlib import closing
from email import message_from_bytes, policy

import pytest

from dataops_lab.domain.mail import MailServer, Security
from dataops_lab.domain.notifications import ChannelKind, DeliveryState, Recipient, retry_delay_s
from dataops_lab.engine.deliveries import DeliveryClock
from dataops_lab.engine.wake import WakeSignal
from dataops_lab.senders import Guard, LazySenders
from dataops_lab.services import targets
from dataops_lab.services.notifications import CLAIM
from dataops_lab.services.targets import TargetWish
from dataops_lab.testing import person

from ..delivery_lab import ANN, DeliveryLab, mail
from ..receivers import mail_receiver, web_receiver

ADA = person("ada")
HOOK = Recipient(ChannelKind.WEBHOOK, "hook")


@pytest.fixture
def database(sqlite: str) -> str:
    return sqlite


@pytest.fixture
def web():
    with web_receiver() as receiver:
        yield receiver


@pytest.fixture
def mails():
    with mail_receiver() as receiver:
        yield receiver


@pytest.fixture
def lab(ctx, clock, monkeypatch, web, mails):
    server = MailServer("localhost", mails.port, "lab@example.org", security=Security.NONE)
    guard = Guard(["127.0.0.1"], resolve=lambda _host, _port: ["127.0.0.1"])
    lab = DeliveryLab(ctx, clock, monkeypatch, LazySenders(guard, server))
    targets.put(lab.ctx, "hook", TargetWish(ChannelKind.WEBHOOK, web.url), by=ADA)
    lab.recipients = (mail(ANN), HOOK)
    with closing(lab.engine):
        yield lab


def test_a_receiver_that_fails_makes_no_mail_go_twice_and_gets_its_message_when_it_is_back(lab, web, mails):
    web.answer(500)
    web.answer(503, Retry_After="60")
    lab.tell()
    lab.settle()
    lab.advance(retry_delay_s(1))
    assert (len(mails.taken), len(web.received)) == (1, 2)
    lab.advance(59)
    assert len(web.received) == 2
    lab.advance(2)
    lab.advance(100_000)
    assert (len(mails.taken), len(web.received)) == (1, 3)
    assert {each.state for each in lab.deliveries().values()} == {DeliveryState.SENT}
    assert len({received.headers["webhook-id"] for received in web.received}) == 1


def test_a_receiver_that_hangs_holds_up_no_mail(lab, web, mails):
    web.hangs = True
    lab.tell()
    lab.look()
    while not mails.taken:
        lab.look()
    assert lab.deliveries()["hook"].state is DeliveryState.WAITING
    web.released.set()
    lab.settle()
    assert lab.deliveries()["hook"].state is DeliveryState.SENT
    assert (len(mails.taken), len(web.received)) == (1, 1)


def test_a_mail_server_that_refuses_for_now_gets_the_mail_later_and_once(lab, mails):
    mails.rcpt_answers.append("451 Greylisted, come back later")
    lab.recipients = (mail(ANN),)
    lab.tell()
    lab.settle()
    assert "Greylisted" in lab.deliveries()[ANN].error
    lab.advance(retry_delay_s(1))
    lab.advance(100_000)
    assert len(mails.taken) == 1


def test_an_engine_that_dies_after_the_receiver_has_taken_it_sends_it_again_with_the_same_id(lab, web, mails):
    lab.tell()
    lab.look()
    lab.engine.wait_for_threads()
    # The engine is dead here: the receivers have it, and nothing is noted.
    lab.lead(2)
    with closing(DeliveryClock(lab.ctx, WakeSignal(lab.ctx.store))) as lab.engine:
        lab.advance(CLAIM.total_seconds() + 1)
        assert {each.state for each in lab.deliveries().values()} == {DeliveryState.SENT}
    assert len({received.headers["webhook-id"] for received in web.received}) == 1
    ids = {message_from_bytes(data, policy=policy.default)["Message-ID"] for _, _, data in mails.taken}
    assert (len(web.received), len(mails.taken), len(ids)) == (2, 2, 1)


def test_no_url_and_no_key_is_in_anything_that_is_written(lab, web, tmp_path, caplog):
    web.answer(404, b"nothing at /hook/secret-part")
    lab.tell()
    lab.settle()
    delivery = lab.deliveries()["hook"]
    assert (delivery.state, "404" in delivery.error) == (DeliveryState.FAILED, True)
    with lab.ctx.store.read() as tx:
        told = json.dumps([event.data for event in tx.events.list_after(0)]) + repr(tx.outbox.list_newest(limit=9))
    written = delivery.error + told + caplog.text + repr(lab.deliveries()) + repr(targets.list_all(lab.ctx))
    assert "secret-part" not in written
    assert "whsec_" not in written
