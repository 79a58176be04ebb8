"""The mail address of a person, which counts once they have sent back the code that was mailed there."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Conflict, Forbidden
from .delivery_times import DeliveryTimes

CODE_LIFE = dt.timedelta(minutes=30)
MAX_TRIES = 5
MAX_CODES = 5
"""The most codes that a person can have mailed within `CODES_WINDOW`, to whatever addresses."""
CODES_WINDOW = dt.timedelta(hours=1)
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that nobody mistakes for one another."""
CODE_LENGTH = 8


@dataclass(frozen=True)
class PendingAddress:
    """An address that waits for its code. The code itself is not kept, only a hash of it."""

    address: str
    salt: bytes
    code_hash: bytes
    expires_at: dt.datetime
    tries: int = 0

    def tried(self) -> PendingAddress:
        return replace(self, tries=self.tries + 1)

    def fits(self, code: str, now: dt.datetime) -> bool:
        """Tell whether it is the code. Conflict when no code counts any more: it expired, or was guessed too often."""
        if now >= self.expires_at:
            raise Conflict("The code has expired. Ask for a new one.", code="code_expired")
        if self.tries >= MAX_TRIES:
            raise Conflict(f"{MAX_TRIES} wrong codes were given. Ask for a new one.", code="too_many_tries")
        return hmac.compare_digest(hash_code(code, self.salt), self.code_hash)

    def to_json(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "salt": self.salt.hex(),
            "code_hash": self.code_hash.hex(),
            "expires_at": self.expires_at.isoformat(),
            "tries": self.tries,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PendingAddress:
        return cls(
            value["address"],
            bytes.fromhex(value["salt"]),
            bytes.fromhex(value["code_hash"]),
            dt.datetime.fromisoformat(value["expires_at"]),
            value["tries"],
        )


def hash_code(code: str, salt: bytes) -> bytes:
    """Hash a code slowly, as people typed it: spaces, dashes and small letters make no difference."""
    plain = code.upper().replace(" ", "").replace("-", "")
    return hashlib.scrypt(plain.encode(), salt=salt, n=2**14, r=8, p=1)


def check_code_limit(sent: tuple[dt.datetime, ...], now: dt.datetime) -> tuple[dt.datetime, ...]:
    """Return the times at which codes were sent, with `now`. Forbidden when there were too many lately."""
    recent = tuple(at for at in sent if now - at < CODES_WINDOW)
    if len(recent) >= MAX_CODES:
        again = min(recent) + CODES_WINDOW
        raise Forbidden(
            f"{MAX_CODES} codes were sent within an hour. Ask for the next one after {again:%H:%M} UTC.",
            code="too_many_codes",
        )
    return (*recent, now)


@dataclass(frozen=True)
class PersonSettings:
    """The settings of a person for messages to them. `address` is confirmed; `pending` is one that is not yet."""

    person: str
    """The id of the actor."""
    address: str | None = None
    confirmed_at: dt.datetime | None = None
    times: DeliveryTimes = DeliveryTimes()
    pending: PendingAddress | None = None
    codes_sent: tuple[dt.datetime, ...] = ()
    revision: int = field(default=0, compare=False)
