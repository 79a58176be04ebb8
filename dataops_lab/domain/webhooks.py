"""Webhooks: deliveries that other programs send, whether they are genuine, and the parameters that they bring."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..errors import InvalidSchedule, NotAuthentic, Refused
from .parameters import Json

MAX_BODY_BYTES = 1_000_000
TOLERANCE_S = 300.0
"""The distance between the clocks of sender and receiver up to which a delivery counts (Standard Webhooks)."""
PREVIOUS_VALID_FOR = dt.timedelta(hours=24)
"""The time for which the secret before the newest one counts as well."""
MAX_MAPPED = 100
MAX_POINTER_LENGTH = 500
MAX_DELIVERY_ID_LENGTH = 180
MAX_SIGNATURES = 10

HOOK_ID = "[A-Za-z0-9_-]{32}"
PREFIX = "whsec_"
_SECRET_BYTES = 32
_DELIVERY_ID = re.compile(rf"[!-~]{{1,{MAX_DELIVERY_ID_LENGTH}}}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


class Signature(StrEnum):
    """The way in which a sender proves that a delivery is its own."""

    STANDARD = "standard"
    """Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`."""
    GITHUB = "github"
    """`X-Hub-Signature-256` and `X-GitHub-Delivery`."""


def new_hook_id() -> str:
    """Return the last part of an address that nobody can guess."""
    return secrets.token_urlsafe(24)


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def check_secret(signature: Signature, secret: str) -> str:
    """Return a secret that a sender has made. Refused when it is too weak, or not as senders write it."""
    secret = secret.strip()
    if signature is Signature.STANDARD:
        try:
            key = _standard_key(secret)
        except ValueError:
            raise Refused(
                "The secret is not one of Standard Webhooks: they begin with `whsec_`, and base64 follows. Leave it "
                "out, and one is made.",
                code="weak_secret",
            ) from None
        if not 16 <= len(key) <= 256:
            raise Refused("The secret has 16 to 256 bytes. Leave it out, and one is made.", code="weak_secret")
    elif not 16 <= len(secret) <= 256 or not secret.isprintable():
        raise Refused(
            "The secret has 16 to 256 printable characters. Leave it out, and one is made.", code="weak_secret"
        )
    return secret


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raise InvalidSchedule when a pointer of the mapping from parameters to places in the body is not one."""
    if len(mapping) > MAX_MAPPED:
        raise InvalidSchedule(f"A webhook gives at most {MAX_MAPPED} parameters.")
    for name, pointer in mapping.items():
        if len(pointer) > MAX_POINTER_LENGTH or not re.fullmatch(r"(/([^~/]|~[01])*)*", pointer):
            raise InvalidSchedule(
                f"{pointer!r}, the place of {name}, is not a JSON pointer. Write it as /order/id, or as an empty text "
                "for the whole body.",
                code="invalid_pointer",
                parameter=name,
            )


# --- is it genuine? -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delivery:
    """A request as it came: its headers by their names in lower case, and its bytes."""

    headers: Mapping[str, str]
    body: bytes

    def id_of(self, signature: Signature) -> str:
        return self.headers.get("webhook-id" if signature is Signature.STANDARD else "x-github-delivery", "")

    @property
    def is_ping(self) -> bool:
        """Tell whether GitHub only tries the address, as it does when somebody sets the webhook."""
        return self.headers.get("x-github-event") == "ping"


_NOT_GENUINE = (
    "The delivery cannot be proved to come from the sender of a webhook here. Check the address, the secret and the "
    "clock of the sender."
)
_NO_SECRETS = (new_secret(),)


def authenticate(delivery: Delivery, signature: Signature, valid: Sequence[str], now: dt.datetime) -> str:
    """Return the id of the delivery. NotAuthentic, always with the same words, unless one of the secrets signed it.

    With no valid secret it takes the same work, so that nobody learns from the time whether there is a webhook.
    """
    delivery_id = delivery.id_of(signature)
    check = _is_standard if signature is Signature.STANDARD else _is_github
    # Compare with every secret: the time tells nothing about which one it was.
    genuine = [check(delivery, secret, now) for secret in (valid or _NO_SECRETS)]
    if not (valid and any(genuine) and _DELIVERY_ID.fullmatch(delivery_id)):
        raise NotAuthentic(_NOT_GENUINE)
    return delivery_id


def _is_standard(delivery: Delivery, secret: str, now: dt.datetime) -> bool:
    timestamp = delivery.headers.get("webhook-timestamp", "")
    signed = f"{delivery.headers.get('webhook-id', '')}.{timestamp}.".encode() + delivery.body
    expected = base64.b64encode(hmac.digest(_standard_key(secret), signed, "sha256"))
    given = delivery.headers.get("webhook-signature", "").split(" ")[:MAX_SIGNATURES]
    # Other versions, such as `v1a`, have keys that are not ours.
    same = [hmac.compare_digest(expected, text.removeprefix("v1,").encode()) for text in given if text[:3] == "v1,"]
    if not _TIMESTAMP.fullmatch(timestamp):
        return False
    return any(same) and abs(now.timestamp() - int(timestamp)) <= TOLERANCE_S


def _is_github(delivery: Delivery, secret: str, _now: dt.datetime) -> bool:
    expected = "sha256=" + hmac.digest(secret.encode(), delivery.body, "sha256").hex()
    return hmac.compare_digest(expected.encode(), delivery.headers.get("x-hub-signature-256", "").encode())


def _standard_key(secret: str) -> bytes:
    """Return the key that a secret writes in base64. ValueError when it is none."""
    if not secret.startswith(PREFIX):
        raise ValueError(secret)
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(secret) from error


# --- what does it say? ----------------------------------------------------------------------------


def parameters_in(body: Json, mapping: Mapping[str, str]) -> dict[str, Json]:
    """Return the parameters that the body gives. A place that it does not have gives none; all the rest is ignored."""
    found = {name: _resolve(body, pointer) for name, pointer in mapping.items()}
    return {name: value for name, value in found.items() if value is not _NOTHING}


_NOTHING: Any = object()


def _resolve(value: Json, pointer: str) -> Json:
    """Follow a JSON pointer (RFC 6901). Libraries for it also walk into texts, and know an item past the end."""
    for escaped in pointer.split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and re.fullmatch(r"0|[1-9][0-9]{0,8}", step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return _NOTHING
    return value
