"""JSON to other programs, signed as Standard Webhooks describes it (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

from ..domain.notifications import Content, Destination
from ..domain.targets import read_key
from ..errors import DeliveryFailed
from .guard import Guard
from .http import check_url, post


def webhook_body(content: Content) -> bytes:
    """Return `type`, `timestamp` and `data` of the event, and the words that people get, under `message`."""
    message = {
        "subject": content.subject,
        "text": content.text,
        "link": content.link,
        "command": content.command,
    }
    return json.dumps({**content.event, "message": message}, separators=(",", ":")).encode()


def sign(key: str, id: str, timestamp: int, body: bytes) -> str:
    signature = hmac.digest(read_key(key), f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signature).decode()}"


class WebhookSender:
    """`now` returns the seconds since 1970. Each try is signed anew: receivers refuse old signatures."""

    def __init__(self, guard: Guard, *, now: Callable[[], float] = time.time) -> None:
        self._guard = guard
        self._now = now

    def check(self, address: str) -> None:
        check_url(address, self._guard)

    def send(self, content: Content, to: Destination, *, id: str) -> None:
        if to.key is None:
            raise DeliveryFailed(f"{to.name} has no key to sign with. Set one.", again=False)
        body, timestamp = webhook_body(content), int(self._now())
        headers = {
            "webhook-id": id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(to.key, id, timestamp, body),
        }
        post(to.address, body, self._guard, name=to.name, headers=headers)
