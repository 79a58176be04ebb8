"""Deliveries without receivers and without waiting: a test sets the clock, and lets receivers fail and hang."""

from __future__ import annotations

import datetime as dt
from contextlib import closing
from dataclasses import replace
from threading import Event

import pytest

from dataops_lab.domain.notifications import (
    MAX_TRIES,
    ChannelKind,
    DeliveryState,
    Recipient,
    in_lab,
    retry_delay_s,
)
from dataops_lab.engine.deliveries import MAX_IN_LANE, DeliveryClock
from dataops_lab.engine.wake import WakeSignal
from dataops_lab.errors import DeliveryFailed, StaleWrite
from dataops_lab.services import targets
from dataops_lab.services.notifications import CLAIM
from dataops_lab.services.targets import TargetWish
from dataops_lab.testing import person

from ..delivery_lab import DeliveryLab, mail
from ..waiting import eventually

ANN, BOB = "ann@example.org", "bob@example.org"


@pytest.fixture
def database(sqlite: str) -> str:
    return sqlite


@pytest.fixture
def lab(ctx, clock, monkeypatch):
    lab = DeliveryLab(ctx, clock, monkeypatch)
    with closing(lab.engine):
        yield lab


def test_a_message_reaches_each_recipient_once_and_is_shown_in_lab_once(lab):
    lab.recipients = (in_lab("ann"), mail(ANN), mail(BOB))
    lab.tell()
    lab.settle()
    lab.advance(100_000)
    assert sorted(address for _, address, _ in lab.sender.sent) == [ANN, BOB]
    assert lab.shown() == ["notification.failure"]
    assert {each.state for each in lab.deliveries().values()} == {DeliveryState.SENT}


def test_a_message_for_lab_alone_needs_no_sender(lab):
    lab.recipients = (in_lab(None),)
    lab.tell()
    lab.settle()
    assert (lab.shown(), lab.deliveries(), lab.sender.sent) == (["notification.failure"], {}, [])


def test_a_receiver_that_fails_does_not_make_the_others_get_it_twice(lab):
    lab.recipients = (mail(ANN), mail(BOB))
    lab.sender.fails[BOB] = DeliveryFailed("It is away.", again=True)
    lab.tell()
    lab.settle()
    assert lab.deliveries()[BOB].error == "It is away."
    del lab.sender.fails[BOB]
    lab.advance(retry_delay_s(1))
    assert [address for _, address, _ in lab.sender.sent] == [ANN, BOB]
    assert (lab.deliveries()[BOB].attempts, lab.deliveries()[BOB].error) == (2, None)


def test_a_delivery_that_never_succeeds_has_failed_after_so_many_tries_and_says_why(lab):
    lab.sender.fails[ANN] = DeliveryFailed("It is away.", again=True)
    lab.tell()
    lab.settle()
    for _ in range(MAX_TRIES + 5):
        lab.advance(3601)
    delivery = lab.deliveries()[ANN]
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.FAILED, MAX_TRIES, "It is away.")


def test_a_refusal_is_not_tried_again(lab):
    lab.sender.fails[ANN] = DeliveryFailed("It knows nobody of that name.", again=False)
    lab.tell()
    lab.settle()
    assert (lab.deliveries()[ANN].state, lab.deliveries()[ANN].attempts) == (DeliveryState.FAILED, 1)


def test_a_receiver_that_asks_for_time_gets_it(lab):
    lab.sender.fails[ANN] = DeliveryFailed("Too many.", again=True, after_s=600)
    lab.tell()
    lab.settle()
    lab.advance(599)
    assert lab.deliveries()[ANN].attempts == 1
    lab.advance(2)
    assert lab.deliveries()[ANN].attempts == 2


def test_an_error_of_a_sender_is_noted_without_its_text(lab):
    lab.sender.before_taking = lambda _: (_ for _ in ()).throw(RuntimeError("https://canary.example"))
    lab.tell()
    lab.settle()
    error = lab.deliveries()[ANN].error
    assert "RuntimeError" in error
    assert "canary" not in error


def test_a_target_that_hangs_holds_up_no_other_one(lab):
    free = Event()
    slow = "https://slow.example.org/"
    targets.put(lab.ctx, "slow", TargetWish(ChannelKind.SLACK, slow), by=person("ada"))
    lab.recipients = (Recipient(ChannelKind.SLACK, "slow"), mail(ANN))
    lab.sender.before_taking = lambda address: free.wait() if address == slow else None
    try:
        for number in range(3 * MAX_IN_LANE):
            lab.tell(f"m{number}")
        lab.look()
        eventually(lambda: lab.look() or len(lab.sender.sent) == 3 * MAX_IN_LANE)
        assert {address for _, address, _ in lab.sender.sent} == {ANN}
    finally:
        free.set()
    eventually(lambda: lab.settle() or len(lab.sender.sent) == 6 * MAX_IN_LANE)
    assert len({message_id for message_id, _, _ in lab.sender.sent}) == 6 * MAX_IN_LANE


def test_an_engine_that_dies_between_send_and_mark_sends_it_again_with_the_same_id(lab):
    lab.tell()
    lab.look()
    lab.engine.wait_for_threads()
    # The engine is dead here: it has sent, and noted nothing.
    lab.lead(2)
    with closing(DeliveryClock(lab.ctx, WakeSignal(lab.ctx.store))) as lab.engine:
        lab.settle()
        assert len(lab.sender.sent) == 1
        lab.advance(CLAIM.total_seconds() + 1)
        first, second = lab.sender.sent
        assert first[:2] == second[:2]
        assert lab.deliveries()[ANN].state is DeliveryState.SENT


def test_an_engine_that_leads_no_more_writes_nothing(lab):
    lab.tell()
    lab.look()
    lab.engine.wait_for_threads()
    lab.lead(2)
    with pytest.raises(StaleWrite):
        lab.engine.look(fence=1)
    assert lab.deliveries()[ANN].state is DeliveryState.WAITING


def test_planning_that_fails_leaves_nothing_behind_and_is_tried_again(lab):
    lab.recipients = (in_lab("ann"), mail("x" * 400 + "@example.org"))
    lab.tell()
    lab.tell("m2")
    lab.settle()
    assert (lab.deliveries(), lab.shown()) == ({}, [])
    lab.recipients = (in_lab("ann"), mail(ANN))
    lab.advance(60)
    assert lab.shown() == ["notification.failure"] * 2
    assert len(lab.sender.sent) == 2


def test_a_delivery_that_is_held_back_is_sent_when_its_time_comes(lab):
    lab.recipients = (mail(ANN, not_before=lab.clock.now() + dt.timedelta(hours=9)),)
    lab.tell()
    lab.settle()
    lab.advance(8 * 3600)
    assert lab.sender.sent == []
    lab.advance(3601)
    assert len(lab.sender.sent) == 1


def test_without_a_mail_server_the_log_says_so(lab):
    lab.engine = DeliveryClock(replace(lab.ctx, senders={}), WakeSignal(lab.ctx.store))
    with closing(lab.engine):
        lab.tell()
        lab.settle()
    assert lab.deliveries()[ANN].state is DeliveryState.FAILED
    assert "No mail server is set" in lab.deliveries()[ANN].error
