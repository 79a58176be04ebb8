"""The address for other programs: open without a login, exactly there, and to nothing but signed deliveries."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time

import pytest
from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream
from tornado.tcpclient import TCPClient

from dataops_lab.handlers.hooks import HOOKS, HookHandler
from dataops_lab.handlers.routes import PREFIX

BODY = {"order": {"id": 7}, "unknown": [1, 2]}


@pytest.fixture
def send(jp_serverapp, http_server_client, jp_base_url):
    """A function that sends a request as a program on the network could, without a login."""

    async def sent(path, body=b"", *, verb="POST", headers=(), more=()):
        given = HTTPHeaders({"Content-Type": "application/json", **dict(headers)})
        for name in more:
            given.pop(name, None)
        return await http_server_client.fetch(
            f"{jp_base_url.rstrip('/')}/{path}",
            method=verb,
            headers=given,
            body=body if verb in ("POST", "PUT", "PATCH") else None,
            raise_error=False,
            follow_redirects=False,
            allow_nonstandard_methods=True,
        )

    return sent


def signed(secret, body, *, delivery_id="msg_1", at=None):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    timestamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.digest(key, f"{delivery_id}.{timestamp}.".encode() + raw, "sha256")).decode()
    return raw, {"webhook-id": delivery_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mac}"}


@pytest.fixture
def hook(api, notebook):
    """A function that sets a webhook of a notebook with one parameter, and returns its address and its secret."""

    async def made():
        rule = {"kind": "webhook", "parameters": {"order": "/order/id"}}
        path = notebook("print(order)", parameters="order: int")
        request = {"path": path, "name": "orders", "rule": rule, "timezone": "UTC"}
        schedule = await api.json("POST", "schedules", request)
        assert schedule["webhook"]["secret_changed_at"] is None
        secret = await api.json("POST", "schedules/orders/webhook-secret")
        assert secret["path"] == schedule["webhook"]["path"]
        return secret["path"], secret["secret"]

    return made


def code_of(answer):
    return answer.code, json.loads(answer.body).get("code")


async def test_a_signed_delivery_is_accepted_once(hook, send, api):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    first = await send(path, raw, headers=headers)
    assert first.code == 202
    again = await send(path, raw, headers=headers)
    assert (again.code, again.body) == (200, first.body)
    (tick,) = json.loads(first.body)["ticks"]
    (row,) = (await api.json("GET", "ticks", params={"schedule": "orders"}))["items"]
    assert (row["id"], row["kind"], row["state"], row["cause"]) == (tick["id"], "webhook", "ready", "webhook:msg_1")


async def test_a_delivery_starts_a_run_with_its_parameters(hook, send, api, running_engine):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    assert (await send(path, raw, headers=headers)).code == 202

    async def started():
        runs = (await api.json("GET", "runs"))["items"]
        return runs or None

    for _ in range(600):
        if found := await started():
            break
        await asyncio.sleep(0.1)
    (run,) = found
    whole = await api.json("GET", f"runs/{run['id']}")
    assert (whole["parameters"], whole["trigger"]["kind"]) == ({"order": 7}, "webhook")


async def test_what_is_not_genuine_gets_the_same_answer_as_an_address_that_is_not_there(hook, send):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    wrong = {**headers, "webhook-signature": "v1,AAAA"}
    old, old_headers = signed(secret, BODY, at=time.time() - 400)
    answers = [
        await send(path, raw, headers=wrong),
        await send(path, raw),
        await send(path, b"not even JSON", headers=wrong),
        await send(path, old, headers=old_headers),
        await send(path, raw + b" ", headers=headers),
        await send("dataops/hooks/" + "x" * 32, raw, headers=headers),
        await send("dataops/hooks/" + "x" * 32, b"not even JSON", headers=wrong),
    ]
    assert {code_of(answer) for answer in answers} == {(401, "not_authentic")}
    assert len({answer.body for answer in answers}) == 1
    assert len({frozenset(answer.headers) for answer in answers}) == 1


REFUSED = [
    (b"{", 400, "invalid_request"),
    (b"[" * 100_000, 400, "invalid_request"),
    (b'{"order": {"id": NaN}}', 400, "invalid_request"),
    (b"\xff", 400, "invalid_request"),
    (b"", 422, "invalid_parameters"),
    (b'{"order": {"id": "7"}}', 422, "invalid_parameters"),
    (b"{}", 422, "invalid_parameters"),
]
# One test has them all, since each test starts a server. So it is with the tables below.


async def test_a_genuine_delivery_that_says_nothing_that_the_job_takes_is_refused_with_the_reason(hook, send):
    path, secret = await hook()
    for number, (body, status, code) in enumerate(REFUSED):
        raw, headers = signed(secret, body, delivery_id=f"msg_{number}")
        answer = await send(path, raw, headers=headers)
        assert code_of(answer) == (status, code), body[:30]
        assert json.loads(answer.body)["detail"]


async def test_another_format_is_refused_whether_there_is_the_address_or_not(hook, send):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    for media_type in ("application/x-www-form-urlencoded", "text/plain", "application/jsonx", ""):
        for address in (path, "dataops/hooks/" + "x" * 32):
            answer = await send(address, raw, headers={**headers, "Content-Type": media_type})
            assert code_of(answer) == (415, "unsupported_media"), media_type
    answer = await send(path, raw, headers={**headers, "Content-Type": "Application/JSON; charset=utf-8"})
    assert answer.code == 202


async def talk(port, head: str, body: bytes = b"") -> bytes:
    """Send bytes over a connection of its own, and return all that comes back until it is closed or answered."""
    stream: IOStream = await TCPClient().connect("127.0.0.1", port)
    await stream.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    answer = await stream.read_until(b"\r\n\r\n")
    stream.close()
    return answer


async def test_a_body_that_is_too_long_is_refused_before_it_is_sent(hook, jp_base_url, http_server_port):
    path, _ = await hook()
    head = f"""POST {jp_base_url.rstrip("/")}/{path} HTTP/1.1
Host: localhost
Content-Type: application/json
Content-Length: 1000001"""
    # Nothing follows: the answer comes without the body.
    assert (await talk(http_server_port[1], head)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_in_pieces_may_not_be_longer_either(hook, jp_base_url, http_server_port):
    path, _ = await hook()
    head = f"""POST {jp_base_url.rstrip("/")}/{path} HTTP/1.1
Host: localhost
Content-Type: application/json
Transfer-Encoding: chunked"""
    piece = b"%x\r\n" % 600_000 + b"x" * 600_000 + b"\r\n"
    assert (await talk(http_server_port[1], head, piece * 2 + b"0\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    refused = await talk(http_server_port[1], head, piece * 4)
    assert refused.startswith(b"HTTP/1.1 400 ")


RESEMBLING = [
    lambda path: path[:-1],
    lambda path: path + "x",
    lambda path: path + "/",
    lambda path: path + "/x",
    lambda path: path.replace("hooks/", "hooks//"),
    lambda path: path.replace("hooks/", "hooks/x"),
    lambda path: path.replace("hooks/", "hooks%2F"),
    lambda path: path[:-3] + "%2F",
    lambda path: path[:-1] + "%2e",
    lambda path: path + "%00",
    lambda path: path + ";x",
    lambda path: "x" + path,
    lambda path: path.replace("dataops/hooks/", "dataops/hooks/../hooks/"),
    lambda path: path.replace("dataops/", "dataops/api/v1/"),
    lambda path: PREFIX.strip("/") + "/runs/" + path,
    lambda path: "dataops/hooks",
    lambda path: "dataops/hooks/",
]


async def test_nothing_that_only_resembles_the_address_is_open(hook, send):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    for change in RESEMBLING:
        answer = await send(change(path), raw, headers=headers)
        assert answer.code in (401, 403, 404, 405), change(path)
        assert b"tick" not in answer.body


async def test_no_other_verb_is_open(hook, send):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    for verb in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        known, unknown = [
            await send(address, raw, verb=verb, headers=headers) for address in (path, "dataops/hooks/" + "x" * 32)
        ]
        # A browser asks with OPTIONS, at every address of an API, and gets nothing but headers.
        assert known.code in (302, 401, 403, 404, 405) or (verb == "OPTIONS" and not known.body), verb
        assert b"tick" not in (known.body or b"")
        assert (known.code, known.body) == (unknown.code, unknown.body)


async def test_only_the_one_handler_goes_without_the_cookie_of_a_login():
    assert HOOKS.startswith("/dataops/hooks/") and "check_xsrf_cookie" in vars(HookHandler)
    assert getattr(HookHandler.post, "__allow_unauthenticated", False)
    for verb in ("get", "put", "patch", "delete", "head"):
        assert not getattr(getattr(HookHandler, verb), "__allow_unauthenticated", False)


async def test_a_flood_is_refused_with_the_time_to_wait(hook, send):
    path, secret = await hook()
    raw, headers = signed(secret, BODY)
    answers = [await send(path, raw, headers={**headers, "webhook-signature": ""}) for _ in range(80)]
    refused = [answer for answer in answers if answer.code == 429]
    assert refused and code_of(refused[0]) == (429, "too_many_requests")
    assert int(refused[0].headers["Retry-After"]) >= 1
    # Other addresses have their own share.
    other = await send("dataops/hooks/" + "y" * 32, raw, headers=headers)
    assert other.code == 401


async def test_the_ping_of_github_starts_nothing(api, notebook, send):
    rule = {"kind": "webhook", "signature": "github", "parameters": {"order": "/number"}}
    path = notebook("print(order)", parameters="order: int")
    await api.json("POST", "schedules", {"path": path, "name": "pulls", "rule": rule, "timezone": "UTC"})
    address = await api.json("POST", "schedules/pulls/webhook-secret", {"secret": "a secret of the sender"})
    assert address["secret"] is None

    async def delivered(body, **headers):
        mac = hmac.digest(b"a secret of the sender", body, "sha256").hex()
        given = {"X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Delivery": "d1", **headers}
        return await send(address["path"], body, headers=given)

    ping = await delivered(b'{"zen": "Keep it simple."}', **{"X-GitHub-Event": "ping"})
    assert (ping.code, json.loads(ping.body)) == (200, {"ticks": []})
    pull = await delivered(b'{"number": 3}', **{"X-GitHub-Event": "pull_request"})
    assert pull.code == 202


async def test_nobody_reads_the_secret_again(hook, api):
    _, secret = await hook()
    for path in ("schedules", "schedules/orders", "configuration", "openapi.json"):
        assert secret not in (await api("GET", path)).body.decode()
    refused = await api("POST", "schedules/orders/webhook-secret", {"secret": "weak"})
    assert code_of(refused) == (422, "weak_secret")
