"""Addresses and subscriptions: everybody for themselves, and a code that nobody can guess or read."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest

from dataops_lab.domain.addresses import CODE_LIFE, CODES_WINDOW, MAX_CODES, MAX_TRIES
from dataops_lab.domain.notifications import ChannelKind
from dataops_lab.domain.subscriptions import Choice, ObjectKind
from dataops_lab.errors import Conflict, DeliveryFailed, Forbidden, InvalidRequest, NotFound, Unavailable
from dataops_lab.services import schedules, subscriptions
from dataops_lab.testing import FakeSender, person

from ..schedule_lab import ANN, ScheduleLab

BOB = person("bob")
ADDRESS = "ann@example.org"


@pytest.fixture
def database(sqlite):
    """The store has a contract test of its own on both databases."""
    return sqlite


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def mailing(ctx, sender):
    return replace(ctx, senders={ChannelKind.MAIL: sender})


def last_code(sender: FakeSender) -> str:
    found = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", sender.sent[-1][2].text)
    assert found
    return found[0]


def wrong_code(right: str) -> str:
    return ("B" if right[0] == "A" else "A") + right[1:]


def test_an_address_counts_once_its_code_has_come_back_and_the_code_once(mailing, sender):
    view = subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    assert (view.settings.address, view.settings.pending.address) == (None, ADDRESS)
    code = last_code(sender)
    assert subscriptions.confirm_address(mailing, code, by=ANN).settings.address == ADDRESS
    with pytest.raises(Conflict):
        subscriptions.confirm_address(mailing, code, by=ANN)


def test_an_earlier_address_counts_until_the_new_one_is_confirmed(mailing, sender):
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    subscriptions.confirm_address(mailing, last_code(sender), by=ANN)
    assert subscriptions.enter_address(mailing, "new@example.org", by=ANN).settings.address == ADDRESS
    assert subscriptions.confirm_address(mailing, last_code(sender), by=ANN).settings.address == "new@example.org"


def test_only_a_few_codes_are_tried_and_the_right_one_comes_too_late(mailing, sender):
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    code = last_code(sender)
    for _ in range(MAX_TRIES):
        with pytest.raises(InvalidRequest, match="not the code"):
            subscriptions.confirm_address(mailing, wrong_code(code), by=ANN)
    with pytest.raises(Conflict, match="wrong codes"):
        subscriptions.confirm_address(mailing, code, by=ANN)
    assert subscriptions.get_person(mailing, by=ANN).settings.address is None


def test_a_code_expires_and_a_new_one_ends_the_one_before(mailing, sender, clock):
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    old = last_code(sender)
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    with pytest.raises(InvalidRequest):
        subscriptions.confirm_address(mailing, old, by=ANN)
    clock.advance(CODE_LIFE.total_seconds())
    with pytest.raises(Conflict, match="expired"):
        subscriptions.confirm_address(mailing, last_code(sender), by=ANN)


def test_the_code_of_another_person_confirms_nothing(mailing, sender):
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    code = last_code(sender)
    subscriptions.enter_address(mailing, "bob@example.org", by=BOB)
    with pytest.raises(InvalidRequest):
        subscriptions.confirm_address(mailing, code, by=BOB)


def test_nobody_has_mail_sent_to_strangers_without_end(mailing, sender, clock):
    for number in range(MAX_CODES):
        subscriptions.enter_address(mailing, f"stranger{number}@example.org", by=ANN)
    with pytest.raises(Forbidden) as caught:
        subscriptions.enter_address(mailing, "another@example.org", by=ANN)
    assert caught.value.precise_code == "too_many_codes"
    assert len(sender.sent) == MAX_CODES
    clock.advance(CODES_WINDOW.total_seconds())
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)


def test_a_code_is_written_nowhere(mailing, sender, tmp_path):
    subscriptions.enter_address(mailing, ADDRESS, by=ANN)
    code = last_code(sender)
    mailing.store.close()
    forms = {code, code.replace("-", ""), code.replace("-", "").lower()}
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert ADDRESS.encode() in stored
    assert not [form for form in forms if form.encode() in stored]


def test_a_mail_that_was_not_taken_is_said_at_once(mailing, sender):
    sender.fails[ADDRESS] = DeliveryFailed("The mail server refused the address.", again=False)
    with pytest.raises(Unavailable, match="refused the address"):
        subscriptions.enter_address(mailing, ADDRESS, by=ANN)


def test_a_mail_with_a_code_cannot_become_another_mail(mailing, sender):
    for address in ("ann@example.org\nBcc: all@example.org", "ann@example.org,bob@example.org"):
        with pytest.raises(InvalidRequest):
            subscriptions.enter_address(mailing, address, by=ANN)
    assert sender.sent == []


def test_people_see_and_change_only_their_own(mailing, ctx, executor, clock):
    schedule = ScheduleLab(ctx, executor, clock).add()
    subscriptions.subscribe(mailing, ObjectKind.SCHEDULE, schedule.name, Choice(), by=ANN)
    assert subscriptions.list_mine(mailing, by=BOB) == []
    assert subscriptions.get(mailing, ObjectKind.SCHEDULE, schedule.name, by=BOB).subscription is None
    subscriptions.unsubscribe(mailing, ObjectKind.SCHEDULE, schedule.name, by=BOB)
    assert len(subscriptions.list_mine(mailing, by=ANN)) == 1


def test_subscriptions_go_with_their_schedule(mailing, ctx, executor, clock):
    schedule = ScheduleLab(ctx, executor, clock).add()
    subscriptions.subscribe(mailing, ObjectKind.SCHEDULE, schedule.id, Choice(), by=ANN)
    schedules.remove(ctx, schedule.id, by=ANN)
    assert subscriptions.list_mine(mailing, by=ANN) == []
    with pytest.raises(NotFound):
        subscriptions.subscribe(mailing, ObjectKind.SCHEDULE, schedule.id, Choice(), by=ANN)


def test_times_without_sense_change_nothing(mailing):
    from dataops_lab.domain.delivery_times import DeliveryTimes, QuietHours

    with pytest.raises(InvalidRequest):
        subscriptions.set_times(mailing, DeliveryTimes("Mars/Base"), by=ANN)
    with pytest.raises(InvalidRequest):
        subscriptions.set_times(mailing, DeliveryTimes(quiet=QuietHours(dt.time(7), dt.time(7))), by=ANN)
    assert subscriptions.get_person(mailing, by=ANN).settings.times == DeliveryTimes()
