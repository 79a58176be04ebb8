"""A target: a place to which messages go besides people's own addresses. Administrators set it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import InvalidRequest, Refused
from .actors import Actor
from .mail import check_address, check_domain
from .notifications import ChannelKind

TARGET_SCOPE = "targets"
"""The scope of what is secret about targets: the URL, and the key of webhooks. Each has the name of its target."""
MAIL_SCOPE = "mail"
"""The scope of the password for the mail server."""
PASSWORD = "password"  # noqa: S105

TARGET_CHANNELS = (ChannelKind.MAIL, ChannelKind.SLACK, ChannelKind.TEAMS, ChannelKind.WEBHOOK)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
_KEY_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
MAX_DESCRIPTION = 500
MAX_ENTRIES = 100


@dataclass(frozen=True)
class Target:
    """`place` is for people: the host of the URL, or the address of mail; never the URL.

    `environments` are those whose messages it gets; empty for all. In guarded ones of them it hears of trouble by
    itself. `domains` are for mail: messages may go to any
    address in one of them, also to people without an account.
    """

    name: str
    channel: ChannelKind
    place: str = ""
    description: str = ""
    environments: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    enabled: bool = True
    revision: int = field(default=0, compare=False)
    changed_at: dt.datetime | None = field(default=None, compare=False)
    changed_by: Actor | None = field(default=None, compare=False)

    def takes(self, environment: str | None) -> bool:
        """Tell whether it gets messages about this environment. None: the message is about no single one."""
        return self.enabled and (not self.environments or environment is None or environment in self.environments)

    def check(self) -> None:
        """Raise Refused, with all problems, when the target makes no sense."""
        if problems := list(_problems(self)):
            raise Refused(
                f"The target {self.name[:100]!r} cannot be like that: {' '.join(problems)} Nothing was changed.",
                code="invalid_target",
                problems=problems,
            )


def _problems(target: Target) -> Iterator[str]:
    if not _NAME.fullmatch(target.name):
        yield "A name is 1 to 63 small letters, digits, dots, hyphens and underscores, and starts with none of these."
    if target.channel not in TARGET_CHANNELS:
        yield f"Its channel is one of {', '.join(TARGET_CHANNELS)}."
    if len(target.description) > MAX_DESCRIPTION:
        yield f"The description is longer than {MAX_DESCRIPTION} characters."
    if max(len(target.environments), len(target.domains)) > MAX_ENTRIES:
        yield f"There are more than {MAX_ENTRIES} environments or domains."
    if target.domains and target.channel is not ChannelKind.MAIL:
        yield "Only a target for mail has domains."
    if target.channel is ChannelKind.MAIL:
        if not target.place and not target.domains:
            yield "A target for mail has an address, or the domains to which mail may go."
        checks = [(check_address, target.place)] if target.place else []
        for check, text in [*checks, *((check_domain, domain) for domain in target.domains)]:
            try:
                check(text)
            except InvalidRequest as error:
                yield error.message


def make_key(random: bytes) -> str:
    """Return the key of a webhook, as Standard Webhooks writes it."""
    return _KEY_PREFIX + base64.b64encode(random).decode()


def read_key(key: str) -> bytes:
    """Return the bytes of a key. InvalidRequest when it is none; the text does not repeat it."""
    try:
        found = base64.b64decode(key.removeprefix(_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not key.startswith(_KEY_PREFIX) or len(found) not in _KEY_BYTES:
        raise InvalidRequest(
            f"A key of a webhook is {_KEY_PREFIX} and 24 to 64 bytes in base64. Leave it out, and one is made."
        )
    return found
