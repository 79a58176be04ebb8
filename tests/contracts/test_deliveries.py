"""The contract of deliveries, for every database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ulid import ULID

from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.notifications import (
    ChannelKind,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
    Recipient,
)
from dataops_lab.ports import DeliveryFilter

NOW = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(minutes=5)
SUBJECT = Subject(SubjectKind.SCHEDULE, "s1")
ANN = Recipient(ChannelKind.MAIL, "ann@example.org", "ann")
TEAM = Recipient(ChannelKind.SLACK, "team")


def delivery(number: int, to: Recipient = ANN, *, message: str = "m1", at: dt.datetime = NOW) -> Delivery:
    return Delivery(f"{ULID.from_datetime(NOW)}"[:20] + f"{number:06}", message, MessageKind.LATE, SUBJECT, to, at, at)


def add(store, *deliveries: Delivery) -> None:
    with store.begin() as tx:
        tx.deliveries.add(*deliveries)


def take(store, now: dt.datetime = NOW, **where) -> Sequence[Delivery]:
    with store.begin() as tx:
        return tx.deliveries.take_due(now, until=now + dt.timedelta(minutes=5), limit=where.pop("limit", 10), **where)


def stored(store, **where) -> Sequence[Delivery]:
    with store.read() as tx:
        return tx.deliveries.page(DeliveryFilter(**where), limit=50).items


def test_a_delivery_is_read_as_it_was_written(store):
    written = replace(delivery(1), attempts=2, error="It was away.")
    add(store, written)
    assert stored(store) == [written]


def test_a_message_has_one_delivery_to_each_recipient(store):
    add(store, delivery(1), delivery(2, TEAM), delivery(3))
    add(store, delivery(4), delivery(5, message="m2"))
    assert [each.id[-1] for each in stored(store)] == ["5", "2", "1"]


def test_what_is_due_is_taken_once_and_again_when_its_time_is_over(store):
    add(store, delivery(1))
    [taken] = take(store)
    assert (taken.attempts, taken.not_before, taken.recipient.person) == (1, LATER, "ann")
    assert take(store) == []
    [again] = take(store, LATER)
    assert (again.id, again.attempts) == (taken.id, 2)


def test_the_longest_due_is_taken_first_and_full_lanes_are_left_out(store):
    add(store, delivery(1, at=LATER), delivery(2, TEAM, at=LATER), delivery(3, message="m2"))
    with store.read() as tx:
        assert tx.deliveries.next_at() == NOW
        assert tx.deliveries.next_at(without=["mail"]) == LATER
        assert tx.deliveries.next_at(without=["mail", "slack:team"]) is None
    assert [each.id[-1] for each in take(store, LATER, without=["slack:team"], limit=1)] == ["3"]
    assert [each.id[-1] for each in take(store, LATER, without=["mail"])] == ["2"]


def test_several_engines_take_each_delivery_once(store):
    add(store, *(delivery(number, message=f"m{number}") for number in range(20)))
    with ThreadPoolExecutor(4) as threads:
        taken = [each.id for batch in threads.map(lambda _: take(store, limit=5), range(4)) for each in batch]
    assert len(taken) == len(set(taken))
    rest = take(store, limit=20)
    assert len(taken) + len(rest) == 20


def test_one_that_was_sent_is_not_taken_again(store):
    add(store, delivery(1))
    [taken] = take(store)
    with store.begin() as tx:
        tx.deliveries.mark_sent(taken, at=LATER)
    [sent] = stored(store)
    assert (sent.state, sent.ended_at, sent.error) == (DeliveryState.SENT, LATER, None)
    assert take(store, LATER) == []


@pytest.mark.parametrize("again", [None, LATER])
def test_one_that_failed_is_tried_again_at_its_time_or_never(store, again):
    add(store, delivery(1))
    [taken] = take(store)
    with store.begin() as tx:
        tx.deliveries.mark_failed(taken, "It was away.", at=NOW, not_before=again)
    [failed] = stored(store)
    assert (failed.error, failed.state is DeliveryState.FAILED) == ("It was away.", again is None)
    assert len(take(store, LATER)) == (again is not None)


def test_an_engine_that_was_slow_does_not_undo_what_another_one_noted(store):
    add(store, delivery(1))
    [slow] = take(store)
    [fast] = take(store, LATER)
    with store.begin() as tx:
        tx.deliveries.mark_failed(slow, "It was away.", at=LATER, not_before=None)
    assert stored(store)[0].state is DeliveryState.WAITING
    with store.begin() as tx:
        tx.deliveries.mark_sent(fast, at=LATER)
        tx.deliveries.mark_failed(fast, "It was away.", at=LATER, not_before=LATER)
    assert stored(store)[0].state is DeliveryState.SENT


def test_all_that_wait_are_given_up_together(store):
    add(store, delivery(1), delivery(2, TEAM))
    with store.begin() as tx:
        tx.deliveries.mark_sent(delivery(1), at=NOW)
        assert tx.deliveries.give_up_all("Restored.", at=LATER) == 1
    assert [(each.state, each.error) for each in stored(store)] == [
        (DeliveryState.FAILED, "Restored."),
        (DeliveryState.SENT, None),
    ]


def test_the_log_is_filtered(store):
    add(store, delivery(1), delivery(2, TEAM), delivery(3, message="m2"))
    assert [each.id[-1] for each in stored(store, to="team", channel=ChannelKind.SLACK)] == ["2"]
    assert [each.id[-1] for each in stored(store, message_id="m1")] == ["2", "1"]
    assert stored(store, states=(DeliveryState.SENT,)) == []


def test_a_message_stays_until_all_its_deliveries_have_ended(store):
    message = Message("m1", MessageKind.LATE, SUBJECT, {}, NOW, NOW)
    with store.begin() as tx:
        tx.outbox.add(message)
        tx.outbox.mark_delivered("m1", at=NOW)
        tx.deliveries.add(delivery(1))
        assert (tx.deliveries.delete_ended(before=LATER), tx.outbox.delete_delivered(before=LATER)) == (0, 0)
        assert tx.outbox.get("m1").payload == {}
        tx.deliveries.mark_sent(delivery(1), at=NOW)
        assert tx.outbox.delete_delivered(before=LATER) == 1
        assert tx.deliveries.delete_ended(before=LATER) == 1
