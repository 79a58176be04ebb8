"""Targets: who may set them, what is kept secret, and to whom nothing may be sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dataops_lab.domain.notifications import ChannelKind, DeliveryState, Recipient
from dataops_lab.domain.targets import TARGET_SCOPE, make_key
from dataops_lab.errors import Conflict, DeliveryFailed, Forbidden, InvalidRequest, NotFound, Refused
from dataops_lab.ports import DeliveryFilter
from dataops_lab.services import secrets, targets
from dataops_lab.services.targets import TargetWish
from dataops_lab.testing import FakeSender, person

ADA, BOB = person("ada"), person("bob")
URL = "https://hooks.example.org/canary-path"
SLACK, MAIL, WEBHOOK = ChannelKind.SLACK, ChannelKind.MAIL, ChannelKind.WEBHOOK


@pytest.fixture
def database(sqlite: str) -> str:
    return sqlite


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def ctx(ctx, sender):
    return replace(ctx, administrators=frozenset(["ada"]), senders=dict.fromkeys(ChannelKind, sender))


def put(ctx, name="team", channel=SLACK, address=URL, **wish):
    return targets.put(ctx, name, TargetWish(channel, address, **wish), by=ADA)


def destination(ctx, to, environment="sandbox"):
    return targets.destination_of(ctx, to, environment=environment)


def refusal(ctx, to, environment="sandbox") -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        destination(ctx, to, environment)
    return caught.value


def test_a_target_shows_the_host_of_its_url_and_keeps_the_rest(ctx):
    target = put(ctx, description="The team", environments=("production",)).target
    assert (target.place, target.revision, target.changed_by) == ("hooks.example.org", 1, ADA)
    assert targets.list_all(ctx) == [target]
    assert "canary-path" not in repr(targets.list_all(ctx))
    assert destination(ctx, Recipient(SLACK, "team"), "production").address == URL
    assert "canary" not in repr(destination(ctx, Recipient(SLACK, "team"), "production"))
    with ctx.store.read() as tx:
        events = tx.events.list_after(0)
    assert [each.kind for each in events] == ["secret.set", "target.added"]
    assert "canary" not in repr(events)


def test_what_is_not_given_stays_secret_and_what_it_was(ctx):
    put(ctx)
    changed = put(ctx, address=None, description="now with words").target
    assert (changed.revision, changed.place) == (2, "hooks.example.org")
    assert destination(ctx, Recipient(SLACK, "team")).address == URL
    put(ctx, address="https://other.example.org/x")
    assert destination(ctx, Recipient(SLACK, "team")).address == "https://other.example.org/x"


def test_only_administrators_set_targets_try_them_out_and_read_the_log(ctx):
    put(ctx)
    for act in (
        lambda: targets.put(ctx, "team", TargetWish(SLACK, URL), by=BOB),
        lambda: targets.remove(ctx, "team", by=BOB),
        lambda: targets.send_test(ctx, "team", by=BOB),
        lambda: targets.send_test_mail(ctx, "bob@example.org", by=BOB),
        lambda: targets.set_mail_password(ctx, "x", by=BOB),
        lambda: targets.remove_mail_password(ctx, by=BOB),
        lambda: targets.log(ctx, DeliveryFilter(), by=BOB),
    ):
        with pytest.raises(Forbidden):
            act()
    assert len(targets.list_all(ctx)) == 1


def test_somebody_elses_change_is_not_overwritten(ctx):
    wish = TargetWish(SLACK, URL)
    targets.put(ctx, "team", wish, by=ADA, revision=0)
    with pytest.raises(Conflict):
        targets.put(ctx, "team", wish, by=ADA, revision=0)
    targets.put(ctx, "team", wish, by=ADA, revision=1)
    with pytest.raises(Conflict):
        targets.put(ctx, "team", wish, by=ADA, revision=1)


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("Team", TargetWish(SLACK, URL)),
        ("a@b", TargetWish(SLACK, URL)),
        ("", TargetWish(SLACK, URL)),
        ("team", TargetWish(ChannelKind.LAB, URL)),
        ("team", TargetWish(SLACK, URL, domains=("example.org",))),
        ("team", TargetWish(SLACK, URL, description="x" * 501)),
        ("team", TargetWish(MAIL)),
        ("team", TargetWish(MAIL, "nobody")),
        ("team", TargetWish(MAIL, "a@example.org\r\nBcc: b@example.org")),
        ("team", TargetWish(MAIL, domains=("@example.org",))),
        ("team", TargetWish(MAIL, domains=("*",))),
        ("team", TargetWish(SLACK)),
        ("team", TargetWish(SLACK, "not an address")),
        ("team", TargetWish(WEBHOOK, URL, key="too short")),
        ("team", TargetWish(SLACK, URL, environments=("nowhere",))),
    ],
)
def test_a_target_that_makes_no_sense_is_refused_and_nothing_is_kept(ctx, name, wish):
    with pytest.raises((Refused, NotFound)):
        targets.put(ctx, name, wish, by=ADA)
    with ctx.store.read() as tx:
        assert (tx.targets.all(), tx.secrets.list_in_scope(TARGET_SCOPE)) == ([], [])


def test_a_new_webhook_gets_a_key_that_is_shown_once(ctx):
    done = put(ctx, channel=WEBHOOK)
    assert done.key.startswith("whsec_")
    assert destination(ctx, Recipient(WEBHOOK, "team")).key == done.key
    assert put(ctx, channel=WEBHOOK, address=None).key is None
    assert destination(ctx, Recipient(WEBHOOK, "team")).key == done.key
    other = put(ctx, channel=WEBHOOK, address=None, new_key=True).key
    assert other not in (None, done.key)
    own = make_key(b"k" * 24)
    assert put(ctx, channel=WEBHOOK, key=own).key is None
    assert destination(ctx, Recipient(WEBHOOK, "team")).key == own


def test_another_channel_does_not_take_over_the_url(ctx):
    put(ctx)
    with pytest.raises(InvalidRequest):
        put(ctx, channel=ChannelKind.TEAMS, address=None)
    put(ctx, channel=MAIL, address="team@example.org")
    assert destination(ctx, Recipient(MAIL, "team")).address == "team@example.org"
    with ctx.store.read() as tx:
        assert tx.secrets.list_in_scope(TARGET_SCOPE) == []
    assert "changed" in refusal(ctx, Recipient(SLACK, "team")).message


def test_a_target_gets_what_is_about_its_environments_and_only_while_it_is_on(ctx):
    put(ctx, environments=("production",))
    to = Recipient(SLACK, "team")
    assert not refusal(ctx, to, "sandbox").again
    assert destination(ctx, to, "production").address == destination(ctx, to, None).address == URL
    put(ctx, address=None, enabled=False)
    refusal(ctx, to, "production")
    targets.remove(ctx, "team", by=ADA)
    assert "removed" in refusal(ctx, to).message
    with pytest.raises(NotFound):
        targets.get(ctx, "team")


def test_mail_goes_to_people_and_to_domains_that_are_allowed(ctx):
    assert destination(ctx, Recipient(MAIL, "bob@home.example", "bob")).address == "bob@home.example"
    stranger = Recipient(MAIL, "guest@Partner.Example")
    assert refusal(ctx, stranger).precise_code == "address_refused"
    put(ctx, "partners", MAIL, None, domains=("partner.example",), environments=("production",))
    assert destination(ctx, stranger, "production").address == "guest@Partner.Example"
    refusal(ctx, stranger, "sandbox")
    refusal(ctx, Recipient(MAIL, "guest@evil-partner.example"), "production")
    refusal(ctx, Recipient(MAIL, "guest@sub.partner.example"), "production")
    refusal(ctx, Recipient(MAIL, "partners"), "production")


def test_a_test_says_what_came_of_it_and_is_in_the_log(ctx, sender):
    put(ctx)
    assert targets.send_test(ctx, "team", by=ADA).state is DeliveryState.SENT
    sender.fails[URL] = DeliveryFailed("It is away.", again=True)
    failed = targets.send_test(ctx, "team", by=ADA)
    assert (failed.state, failed.error) == (DeliveryState.FAILED, "It is away.")
    log = targets.log(ctx, DeliveryFilter(to="team"), by=ADA).items
    assert sorted(each.state for each in log) == ["failed", "sent"]
    assert len(sender.sent) == 1
    with pytest.raises(NotFound):
        targets.send_test(ctx, "nobody", by=ADA)


def test_the_mail_server_has_a_password_that_goes_to_the_sender_alone(ctx, sender):
    assert targets.mail_password(ctx) is None
    targets.set_mail_password(ctx, "canary", by=ADA)
    assert destination(ctx, Recipient(MAIL, "bob@home.example", "bob")).key == "canary"
    assert "canary" not in repr(targets.mail_password(ctx))
    assert targets.send_test_mail(ctx, "bob@home.example", by=ADA).state is DeliveryState.SENT
    targets.remove_mail_password(ctx, by=ADA)
    assert destination(ctx, Recipient(MAIL, "bob@home.example", "bob")).key is None


def test_targets_open_after_the_key_was_rotated(ctx):
    put(ctx)
    secrets.rotate_key(ctx, by=ADA)
    assert destination(ctx, Recipient(SLACK, "team")).address == URL
