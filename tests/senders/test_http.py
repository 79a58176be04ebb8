from __future__ import annotations

import json
import socket

import pytest

from dataops_lab.domain.notifications import ChannelKind, Content, Destination
from dataops_lab.domain.targets import make_key, read_key
from dataops_lab.errors import DeliveryFailed, InvalidRequest
from dataops_lab.senders import Guard, http
from dataops_lab.senders.http import check_url, post
from dataops_lab.senders.slack import SlackSender, slack_message
from dataops_lab.senders.teams import TeamsSender, teams_message
from dataops_lab.senders.webhook import WebhookSender, sign

from ..receivers import certificate_for, web_receiver

LOOPBACK = Guard(["127.0.0.1"])
KEY = make_key(b"k" * 32)
CONTENT = Content(
    "weekly failed",
    "The cell 3 failed.\n\nKeyError: 'x'",
    link="https://lab.example.org/runs/1",
    event={"type": "failure", "timestamp": "2026-01-31T08:00:00+00:00", "data": {"run": "r1"}},
)


@pytest.fixture
def receiver():
    with web_receiver() as receiver:
        yield receiver


def send(receiver, guard=LOOPBACK, **options):
    return post(receiver.url, b"{}", guard, name="team", headers={}, **options)


def failure(receiver, guard=LOOPBACK, **options) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        send(receiver, guard, **options)
    assert "secret-part" not in caught.value.message
    return caught.value


def test_a_message_arrives_as_json_with_the_name_of_its_host(receiver):
    answer = send(receiver)
    [received] = receiver.received
    assert (answer.status, received.path, received.body) == (200, "/hook/secret-part", b"{}")
    assert received.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert received.headers["Content-Type"] == "application/json"


def test_without_leave_nothing_is_sent_to_this_machine(receiver):
    assert "http://" in failure(receiver, Guard()).message
    with pytest.raises(DeliveryFailed, match="leads to"):
        post(f"https://localhost:{receiver.port}/", b"{}", Guard(), name="team", headers={})
    assert receiver.received == []


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "0x7f000001", "127.0.0.1.", "localhost"]
)
def test_an_address_inside_is_called_in_no_notation(host, receiver):
    with pytest.raises(DeliveryFailed):
        post(f"https://{host}:{receiver.port}/latest/meta-data", b"{}", Guard(), name="team", headers={})
    assert receiver.received == []


def test_a_name_that_resolves_to_something_else_the_second_time_changes_nothing(receiver):
    answers = [["93.184.215.14"], ["127.0.0.1"]]
    asked = []

    def rebinding(host, _port):
        asked.append(host)
        return answers[min(len(asked), 2) - 1]

    connected = []
    real = socket.socket.connect

    def connect(self, address):
        connected.append(address[0])
        raise ConnectionRefusedError

    guard = Guard(resolve=rebinding)
    with pytest.MonkeyPatch.context() as patch:
        import asyncio

        async def create_connection(_self, _factory, host=None, port=None, **_options):
            connected.append(host)
            raise ConnectionRefusedError

        patch.setattr(asyncio.BaseEventLoop, "create_connection", create_connection)
        with pytest.raises(DeliveryFailed):
            post(f"https://rebind.example:{receiver.port}/", b"{}", guard, name="team", headers={})
    assert real is socket.socket.connect
    assert asked == ["rebind.example"]
    assert set(connected) == {"93.184.215.14"}
    assert receiver.received == []


def test_tls_is_checked_against_the_name_and_not_the_address(tmp_path, monkeypatch):
    context, trusted = certificate_for("hooks.example.org", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    http._tls.cache_clear()
    try:
        with web_receiver(context) as receiver:
            guard = Guard(["hooks.example.org", "other.example.org"], resolve=lambda *_: ["127.0.0.1"])
            url = f"https://hooks.example.org:{receiver.port}/hook"
            assert post(url, b"{}", guard, name="team", headers={}).status == 200
            assert receiver.received[0].headers["Host"] == f"hooks.example.org:{receiver.port}"
            assert names == ["hooks.example.org"]
            with pytest.raises(DeliveryFailed, match="certificate") as caught:
                post(url.replace("hooks", "other"), b"{}", guard, name="team", headers={})
            assert caught.value.again
            assert len(receiver.received) == 1
    finally:
        http._tls.cache_clear()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status, receiver):
    receiver.answer(status, Location=f"http://127.0.0.1:{receiver.port}/elsewhere")
    error = failure(receiver)
    assert (error.again, len(receiver.received)) == (False, 1)
    assert "redirects" in error.message


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (503, True), (429, True), (408, True), (400, False), (404, False), (410, False)]
)
def test_an_answer_says_whether_it_is_worth_another_try(status, again, receiver):
    receiver.answer(status, b"<html>secret-part</html>")
    error = failure(receiver)
    assert error.again is again
    assert str(status) in error.message


def test_the_word_by_which_slack_refuses_is_told(receiver):
    receiver.answer(404, b"channel_not_found")
    assert "channel_not_found" in failure(receiver).message


@pytest.mark.parametrize(("value", "seconds"), [("120", 120.0), ("nonsense", None), ("", None), ("-5", None)])
def test_the_time_that_a_receiver_asks_for_is_read(value, seconds, receiver):
    receiver.answer(429, Retry_After=value)
    assert failure(receiver).after_s == seconds


def test_a_receiver_that_hangs_or_drips_costs_a_limited_time(receiver):
    receiver.hangs = True
    assert "did not answer" in failure(receiver, timeout_s=0.5).message
    receiver.hangs, receiver.drip = False, True
    assert failure(receiver, timeout_s=0.5).again


def test_an_answer_without_end_is_read_to_a_limit(receiver):
    receiver.answer(200, b"x" * 10_000_000)
    assert len(send(receiver).text) == http.MAX_ANSWER_BYTES


def test_a_port_where_nobody_listens_is_tried_again(receiver):
    receiver.port = 1
    error = failure(receiver)
    assert error.again
    assert "could not be reached" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org",
        "ftp://hooks.example.org",
        "file:///etc/passwd",
        "https://",
        "https://user:word@hooks.example.org/",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nHost: x",
        "https://hööks.example.org/",
        "http://hooks.example.org/",
        "https://[::1",
        "https://hooks.example.org/" + "x" * 5000,
    ],
)
def test_an_address_that_is_no_plain_https_is_refused_without_being_repeated(url):
    with pytest.raises(InvalidRequest) as caught:
        check_url(url, Guard())
    assert "hooks.example.org/…" in caught.value.message or url not in caught.value.message


def test_webhooks_are_signed_as_standard_webhooks_says(receiver):
    WebhookSender(LOOPBACK, now=lambda: 1_700_000_000.9).send(
        CONTENT, Destination(ChannelKind.WEBHOOK, "team", receiver.url, KEY), id="d1"
    )
    [received] = receiver.received
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("d1", "1700000000")
    assert headers["webhook-signature"] == sign(KEY, "d1", 1_700_000_000, received.body)
    body = json.loads(received.body)
    assert (body["type"], body["data"], body["message"]["subject"]) == ("failure", {"run": "r1"}, "weekly failed")


def test_the_signature_is_that_of_the_specification():
    # The example of https://github.com/standard-webhooks/standard-webhooks, computed with its own library.
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    assert read_key(key)
    assert (
        sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_nothing_of_a_message_becomes_markup_of_slack():
    hostile = "<!channel> <https://evil.example|Open> & *bold* `code`"
    message = slack_message(Content(hostile, hostile), id="d1")
    assert message["text"] == "&lt;!channel&gt; &lt;https://evil.example|Open&gt; &amp; *bold* `code`"
    assert {block["text"]["type"] for block in message["blocks"]} == {"plain_text"}


def test_long_messages_fit_into_what_slack_and_teams_take():
    long = Content("s" * 250, "😀" * 100_000, command="c" * 5000)
    slack = slack_message(long, id="d1")
    assert [len(block["text"]["text"]) for block in slack["blocks"][:2]] == [150, 3000]
    assert len(json.dumps(teams_message(long, id="d1"), ensure_ascii=False).encode()) < 28_000


def test_teams_shows_text_as_it_is():
    hostile = "[Open](https://evil.example) **bold** <at>All</at>"
    card = teams_message(Content(hostile, hostile), id="d1")["attachments"][0]["content"]
    blocks = card["body"][0]["items"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {block["inlines"][0]["text"] for block in blocks} == {hostile}
    assert "actions" not in card


@pytest.mark.parametrize("sender", [SlackSender, TeamsSender])
def test_a_message_with_a_link_has_a_button(sender, receiver):
    sender(LOOPBACK).send(CONTENT, Destination(ChannelKind.SLACK, "team", receiver.url), id="d1")
    [received] = receiver.received
    assert b"https://lab.example.org/runs/1" in received.body
    assert b"d1" in received.body
