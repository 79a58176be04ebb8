"""Subscriptions: one table says who is told what."""

from __future__ import annotations

import pytest

from dataops_lab.domain.notifications import MessageKind
from dataops_lab.domain.subscriptions import (
    INTERESTS,
    Choice,
    Happening,
    Interest,
    Listener,
    NamedRecipient,
    ObjectKind,
    ObjectRef,
    Occasion,
    Subscription,
    check_recipients,
    listeners,
)
from dataops_lab.errors import InvalidRequest

SCHEDULE = ObjectRef(ObjectKind.SCHEDULE, "s1")
JOB = ObjectRef(ObjectKind.JOB, "j1")
PRODUCTION = ObjectRef(ObjectKind.ENVIRONMENT, "production")
K, I = MessageKind, Interest  # noqa: E741


def happening(kind=K.FAILURE, **changes) -> Happening:
    facts = {"environment": "production", "job_id": "j1", "schedule_id": "s1", "owner": "ann", **changes}
    return Happening(kind, **facts)


def subscribed(person, ref, *on, channels=("lab",), **choice) -> Subscription:
    return Subscription(person, ref, Choice(frozenset(on), channels, **choice))


def told(happening, *subscriptions, **given) -> list[str]:
    return [
        f"{each.person or ''}/{each.channel}{':' + each.name if each.name else ''}"
        for each in listeners(happening, subscriptions, **given)
    ]


def test_every_kind_that_tells_of_one_thing_belongs_to_an_interest():
    assert set(MessageKind) - set(INTERESTS) == {MessageKind.DIGEST, MessageKind.TEST}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (K.FAILURE, ["ann/lab", "ann/mail"]),
        (K.REFUSED, ["ann/lab", "ann/mail"]),
        (K.PAUSED, ["ann/lab", "ann/mail"]),
        (K.RECOVERY, ["ann/lab", "ann/mail"]),
        (K.LATE, ["ann/lab", "ann/mail"]),
        (K.MISSED, ["ann/lab", "ann/mail"]),
        (K.APPROVAL_GIVEN, ["ann/lab", "ann/mail"]),
        (K.SUCCESS, []),
        (K.DURATION_WARNING, []),
    ],
)
def test_owners_hear_of_trouble_without_a_subscription_and_of_nothing_else(kind, expected):
    assert told(happening(kind)) == expected


@pytest.mark.parametrize(
    ("kind", "guarded", "expected"),
    [
        (K.FAILURE, True, ["/target:ops"]),
        (K.RECOVERY, True, ["/target:ops"]),
        (K.LATE, True, ["/target:ops"]),
        (K.PAUSED, True, ["/target:ops"]),
        (K.SUCCESS, True, []),
        (K.MISSED, True, []),
        (K.FAILURE, False, []),
    ],
)
def test_the_targets_of_an_environment_hear_of_trouble_in_production_alone(kind, guarded, expected):
    assert told(happening(kind, owner=None, guarded=guarded), default_targets=["ops"]) == expected


def test_a_run_by_hand_in_the_sandbox_is_told_to_its_submitter_alone_and_only_when_they_want():
    by_hand = happening(by_hand=True, schedule_id=None)
    bob = subscribed("bob", JOB, I.ON_FAILURE)
    assert told(by_hand, bob, default_targets=["ops"]) == []
    own = subscribed("ann", JOB, I.ON_FAILURE, channels=("mail",))
    assert told(by_hand, bob, own) == ["ann/mail"]


def test_a_run_by_hand_in_production_is_told_to_everybody():
    by_hand = happening(by_hand=True, guarded=True, schedule_id=None)
    bob = subscribed("bob", JOB, I.ON_FAILURE)
    assert told(by_hand, bob, default_targets=["ops"]) == ["ann/lab", "ann/mail", "bob/lab", "/target:ops"]


def test_the_most_specific_subscription_of_a_person_counts_and_an_empty_one_is_silence():
    everywhere = subscribed("ann", PRODUCTION, I.ON_FAILURE, channels=("mail",))
    assert told(happening(), everywhere) == ["ann/mail"]
    assert told(happening(), everywhere, subscribed("ann", JOB, I.ON_FAILURE)) == ["ann/lab"]
    assert told(happening(), everywhere, subscribed("ann", SCHEDULE)) == []


def test_subscriptions_to_other_objects_do_not_count():
    other = subscribed("bob", ObjectRef(ObjectKind.JOB, "s1"), I.ON_FAILURE)
    assert told(happening(owner=None), other) == []


@pytest.mark.parametrize(
    ("occasion", "choice", "hears"),
    [
        (Occasion.PLAIN, {}, True),
        (Occasion.SKIPPED, {}, False),
        (Occasion.SKIPPED, {"mute_skipped": False}, True),
        (Occasion.CANCELLED, {}, False),
        (Occasion.CANCELLED, {"mute_cancelled": False}, True),
        (Occasion.RETRIED, {}, False),
        (Occasion.RETRIED, {"until_last_retry": False}, True),
        (Occasion.RETRIED, {"mute_cancelled": False, "mute_skipped": False}, False),
    ],
)
def test_a_choice_mutes_what_is_skipped_cancelled_or_tried_again(occasion, choice, hears):
    bob = subscribed("bob", JOB, I.ON_FAILURE, **choice)
    assert (told(happening(owner=None, occasion=occasion), bob) == ["bob/lab"]) is hears


def test_a_recovery_is_a_success_too():
    assert told(happening(K.RECOVERY, owner=None), subscribed("bob", JOB, I.ON_SUCCESS)) == ["bob/lab"]


def test_recipients_of_a_schedule_hear_of_what_the_owner_chose():
    recipients = (
        NamedRecipient("boss@example.org", frozenset({I.ON_SUCCESS})),
        NamedRecipient("target:reports", frozenset({I.ON_SUCCESS})),
        NamedRecipient("cleo"),
    )
    assert told(happening(K.SUCCESS, recipients=recipients)) == ["/mail:boss@example.org", "/target:reports"]
    assert told(happening(owner=None, recipients=recipients)) == ["cleo/lab", "cleo/mail"]


def test_nobody_is_told_twice_by_one_channel():
    ops = subscribed("ann", JOB, I.ON_FAILURE, channels=("lab", "lab"))
    found = listeners(happening(recipients=(NamedRecipient("ann"),)), [ops])
    assert found == (Listener("lab", "", "ann"), Listener("mail", "", "ann"))


def test_an_approval_asks_those_who_may_decide_also_in_the_sandbox():
    wanted = happening(K.APPROVAL_WANTED, asked=("bob", "cleo"), by_hand=True)
    assert told(wanted) == ["bob/lab", "bob/mail", "cleo/lab", "cleo/mail"]


@pytest.mark.parametrize(
    ("changes", "urgent"),
    [
        ({}, False),
        ({"guarded": True}, True),
        ({"guarded": True, "kind": K.LATE}, True),
        ({"guarded": True, "kind": K.RECOVERY}, False),
        ({"guarded": True, "occasion": Occasion.CANCELLED}, False),
    ],
)
def test_only_failures_of_production_are_urgent(changes, urgent):
    assert happening(**changes).is_urgent is urgent


def test_a_choice_survives_the_store():
    choice = Choice(frozenset({I.ON_LATE}), ("target:ops",), False, True, False)
    assert Choice.from_json(choice.to_json()) == choice
    recipient = NamedRecipient("x@example.org", frozenset({I.ON_SUCCESS}))
    assert NamedRecipient.from_json(recipient.to_json()) == recipient


@pytest.mark.parametrize("channels", [(), ("fax",), ("target:",)])
def test_a_choice_that_leads_nowhere_is_refused(channels):
    with pytest.raises(InvalidRequest):
        Choice(channels=channels).checked()


@pytest.mark.parametrize(
    "recipients",
    [
        [NamedRecipient("")],
        [NamedRecipient("target:")],
        [NamedRecipient("a b@example.org")],
        [NamedRecipient("ann", frozenset())],
        [NamedRecipient("ann"), NamedRecipient(" ann ")],
        [NamedRecipient(f"p{number}") for number in range(51)],
        [NamedRecipient("a\nb")],
    ],
)
def test_recipients_that_reach_nobody_are_refused(recipients):
    with pytest.raises(InvalidRequest):
        check_recipients(recipients)
