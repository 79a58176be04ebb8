"""Addresses of mail, and the server that sends it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ..errors import InvalidRequest

MAX_ADDRESS_LENGTH = 254

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_ADDRESS = re.compile(rf"({_LOCAL})@({_LABEL}(?:\.{_LABEL})*)", re.ASCII)


def check_address(address: str) -> None:
    """Raise InvalidRequest unless it is one plain address: no name, no list, no line break, no quotes."""
    if len(address) > MAX_ADDRESS_LENGTH or not _ADDRESS.fullmatch(address):
        raise InvalidRequest(
            f"{address[:MAX_ADDRESS_LENGTH]!r} is not an address of mail such as ann@example.org.",
            code="invalid_address",
        )


def check_domain(domain: str) -> None:
    """Raise InvalidRequest unless it is the name of a domain: example.org, without an @."""
    if len(domain) > MAX_ADDRESS_LENGTH or not _DOMAIN.fullmatch(domain):
        raise InvalidRequest(f"{domain[:100]!r} is not a domain such as example.org.", code="invalid_address")


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


class Security(StrEnum):
    """The way in which the session with the mail server is encrypted."""

    STARTTLS = "starttls"
    """From the first command on. A server that cannot do it gets no mail."""
    TLS = "tls"
    """From the first byte on, usually at port 465."""
    NONE = "none"


DEFAULT_PORTS = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True)
class MailServer:
    """The server that sends mail, and the address that it sends from. The password of `user` is a secret."""

    host: str
    port: int
    sender: str
    sender_name: str = "dataops_lab"
    security: Security = Security.STARTTLS
    user: str | None = None
    ca_file: str | None = None
    """A file with the certificates that its certificate may come from. None: those of the system."""


def read_mail_server(
    server: str, *, sender: str, security: str = "", user: str = "", ca_file: str = ""
) -> MailServer | None:
    """Read the settings of the mail server. None when there is no server. InvalidRequest when they make no sense."""
    if not server.strip():
        return None
    try:
        kind = Security(security.strip() or Security.STARTTLS)
    except ValueError:
        raise InvalidRequest(f"The mail server's security is starttls, tls or none; not {security!r}.") from None
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(\d{1,5}))?", server.strip())
    port = int(match[2] or DEFAULT_PORTS[kind]) if match else 0
    if not match or not 0 < port < 65536:
        raise InvalidRequest(f"The mail server {server!r} is not a host such as smtp.example.org or one with :PORT.")
    if not sender.strip():
        raise InvalidRequest("Mail needs an address that it comes from: set `mail_from`, or DATAOPS_LAB_MAIL_FROM.")
    check_address(sender.strip())
    return MailServer(
        match[1].strip("[]"), port, sender.strip(), security=kind, user=user.strip() or None, ca_file=ca_file or None
    )
