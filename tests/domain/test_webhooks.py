"""Deliveries: which are genuine, and which parameters they bring."""

from __future__ import annotations

import base64
import datetime as dt
import hmac

import pytest

from dataops_lab.domain.rate_limits import RateLimit
from dataops_lab.domain.webhooks import (
    Delivery,
    Signature,
    authenticate,
    check_mapping,
    check_secret,
    new_secret,
    parameters_in,
)
from dataops_lab.errors import InvalidSchedule, NotAuthentic, Refused

NOW = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
SECRET, OTHER = new_secret(), new_secret()


def standard(body=b'{"n": 1}', *, secret=SECRET, at=NOW, delivery_id="msg_1", version="v1"):
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{delivery_id}.{timestamp}.".encode() + body, "sha256")
    signature = f"{version},{base64.b64encode(signed).decode()}"
    return Delivery({"webhook-id": delivery_id, "webhook-timestamp": timestamp, "webhook-signature": signature}, body)


def changed(delivery, body=None, **headers):
    given = {**delivery.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Delivery(given, delivery.body if body is None else body)


def test_the_signature_of_the_specification_is_taken():
    # The example of the Standard Webhooks libraries.
    delivery = Delivery(
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
    )
    at = dt.datetime.fromtimestamp(1614265330, dt.UTC)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert authenticate(delivery, Signature.STANDARD, [secret], at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize(
    "delivery",
    [
        standard(),
        changed(standard(), webhook_signature="v1a,xyz v1,AAAA " + standard().headers["webhook-signature"]),
        standard(at=NOW - dt.timedelta(seconds=299)),
        standard(at=NOW + dt.timedelta(seconds=299)),
        standard(secret=OTHER),
        standard(b""),
    ],
)
def test_what_one_of_the_secrets_signed_in_time_is_genuine(delivery):
    assert authenticate(delivery, Signature.STANDARD, [SECRET, OTHER], NOW) == "msg_1"


@pytest.mark.parametrize(
    "delivery",
    [
        standard(secret=OTHER),
        standard(at=NOW - dt.timedelta(seconds=301)),
        standard(at=NOW + dt.timedelta(seconds=301)),
        standard(version="v2"),
        standard(delivery_id=""),
        standard(delivery_id="x" * 181),
        standard(delivery_id="two words"),
        changed(standard(), body=b'{"n": 2}'),
        changed(standard(), webhook_id="msg_2"),
        changed(standard(), webhook_timestamp=str(int(NOW.timestamp()) + 1)),
        changed(standard(), webhook_timestamp="soon"),
        changed(standard(), webhook_timestamp="9" * 400),
        changed(standard(), webhook_timestamp="-1"),
        changed(standard(), webhook_signature=""),
        changed(standard(), webhook_signature="v1,"),
        changed(standard(), webhook_signature="v1,é"),
        changed(standard(), webhook_signature="v1,A " * 10 + standard().headers["webhook-signature"]),
        Delivery({}, b""),
        Delivery({"x-hub-signature-256": "sha256=0", "x-github-delivery": "1"}, b""),
    ],
)
def test_all_else_is_refused_with_the_same_words(delivery):
    with pytest.raises(NotAuthentic) as first:
        authenticate(delivery, Signature.STANDARD, [SECRET], NOW)
    with pytest.raises(NotAuthentic) as nothing_there:
        authenticate(delivery, Signature.STANDARD, [], NOW)
    assert first.value.message == nothing_there.value.message


def test_without_a_secret_nothing_is_genuine():
    with pytest.raises(NotAuthentic):
        authenticate(standard(), Signature.STANDARD, [], NOW)


def test_a_signature_of_github_is_taken_and_every_other_one_refused():
    # The example of GitHub's documentation.
    secret, body = "It's a Secret to Everybody", b"Hello, World!"
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    delivery = Delivery({"x-hub-signature-256": signature, "x-github-delivery": "72d3162e"}, body)
    assert authenticate(delivery, Signature.GITHUB, [OTHER, secret], NOW) == "72d3162e"
    for wrong in (
        changed(delivery, body=b"Hello"),
        changed(delivery, x_hub_signature_256=signature.removeprefix("sha256=")),
        changed(delivery, x_hub_signature_256=""),
        changed(delivery, x_github_delivery=""),
        standard(body, secret=OTHER),
    ):
        with pytest.raises(NotAuthentic):
            authenticate(wrong, Signature.GITHUB, [OTHER, secret], NOW)


@pytest.mark.parametrize(
    ("signature", "secret"),
    [
        (Signature.STANDARD, "whsec_"),
        (Signature.STANDARD, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        (Signature.STANDARD, "whsec_c2hvcnQ="),
        (Signature.STANDARD, "whsec_not base64, surely not"),
        (Signature.GITHUB, "short"),
        (Signature.GITHUB, "x" * 257),
        (Signature.GITHUB, "with a line\nand another one"),
    ],
)
def test_a_secret_that_is_weak_or_written_wrongly_is_refused(signature, secret):
    with pytest.raises(Refused) as refused:
        check_secret(signature, secret)
    assert refused.value.precise_code == "weak_secret" and secret not in refused.value.message


BODY = {"order": {"id": 7, "lines": [{"sku": "a"}, {"sku": "b"}], "a/b": 1, "m~n": 2, "": 3}, "text": "abc", "no": None}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", BODY),
        ("/order/id", 7),
        ("/order/lines/1/sku", "b"),
        ("/order/a~1b", 1),
        ("/order/m~0n", 2),
        ("/order/", 3),
        ("/no", None),
    ],
)
def test_a_pointer_finds_its_value(pointer, value):
    check_mapping({"x": pointer})
    assert parameters_in(BODY, {"x": pointer}) == {"x": value}


@pytest.mark.parametrize(
    "pointer", ["/gone", "/order/lines/2", "/order/lines/-", "/order/lines/01", "/order/lines/-1", "/text/0", "/no/x"]
)
def test_a_place_that_the_body_does_not_have_gives_no_parameter(pointer):
    assert parameters_in(BODY, {"x": pointer, "id": "/order/id"}) == {"id": 7}


@pytest.mark.parametrize("pointer", ["order", "order/id", "/a~b", "/a~2", "/" + "x" * 500, "$.order"])
def test_what_is_no_pointer_is_refused_when_the_schedule_is_set(pointer):
    with pytest.raises(InvalidSchedule, match="JSON pointer"):
        check_mapping({"x": pointer})


def test_a_bucket_gives_what_it_holds_and_fills_again():
    limit = RateLimit(per_s=2.0, burst=3, most_keys=2)
    assert [limit.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.take("b", 0.0) == 0
    assert limit.take("a", 0.5) == 0
    assert limit.take("a", 0.5) == 0.5
    assert [limit.take("a", 1000.0) for _ in range(4)] == [0, 0, 0, 0.5]


def test_no_more_than_so_many_buckets_are_remembered():
    limit = RateLimit(per_s=1.0, burst=1, most_keys=2)
    assert limit.take("a", 0.0) == limit.take("b", 0.0) == limit.take("c", 0.0) == 0
    assert limit.take("c", 0.0) == 1
    assert limit.take("a", 0.0) == 0
