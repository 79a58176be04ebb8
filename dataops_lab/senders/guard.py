"""The guard of calls out: it resolves a name once, and refuses addresses to which a message must not go.

The caller connects to the address that the guard has returned. A name that resolves to something else a moment later
changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ..errors import DeliveryFailed, InvalidRequest

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_AZURE_HOST = IPv4Address("168.63.129.16")
"""The agent of Azure's hosts, which has a public address."""
_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            # Releases of Python differ in what they call global; a cloud's credentials lie at 192.0.0.192.
            "192.0.0.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "2001::/23",
            "2001:db8::/32",
            "3fff::/20",
        ),
    )
)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. It reads numbers in every notation that the system reads: 2130706433, 0x7f.1."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """The rule which hosts may be called. `allowed` are names, addresses and networks inside that may be, too.

    InvalidRequest when one of them is none of these.
    """

    def __init__(self, allowed: Sequence[str] = (), *, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._names: set[str] = set()
        self._networks: list[IPv4Network | IPv6Network] = []
        for entry in allowed:
            self._allow(entry)

    def allows_by_name(self, host: str) -> bool:
        return _plain(host) in self._names

    def allows_inside(self, host: str) -> bool:
        """Tell whether an administrator has allowed this host by its name or address."""
        if self.allows_by_name(host):
            return True
        try:
            address = ip_address(host.strip("[]"))
        except ValueError:
            return False
        return self._is_in_allowed_network(address)

    def find_address(self, host: str, port: int, *, trusted: bool = False) -> str:
        """Return the address to connect to. DeliveryFailed when there is none, or when any of them is refused.

        `trusted`: an administrator has named the host, so it may be inside. Addresses of metadata stay refused.
        """
        try:
            found = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise DeliveryFailed(f"The host {host} is not known here. Check the name.", again=True) from error
        if not found:
            raise DeliveryFailed(f"The host {host} has no address.", again=True)
        trusted = trusted or self.allows_by_name(host)
        for text in found:
            # An address of the local link may have a zone: fe80::1%eth0.
            address = ip_address(text.partition("%")[0])
            if not self._is_allowed(address, trusted=trusted):
                raise DeliveryFailed(
                    f"The host {host} leads to {address}, which is inside of a network or not a public address. "
                    "An administrator may allow single hosts by the setting `notification_hosts`.",
                    again=False,
                    code="address_refused",
                )
        return found[0]

    def _is_allowed(self, address: Address, *, trusted: bool) -> bool:
        forms = list(_all_forms(address))
        if any(self._is_in_allowed_network(form) for form in forms):
            return True
        if trusted:
            return not any(_is_never_meant(form) for form in forms)
        return all(_is_public(form) for form in forms)

    def _is_in_allowed_network(self, address: Address) -> bool:
        return any(address in network for network in self._networks if network.version == address.version)

    def _allow(self, entry: str) -> None:
        text = entry.strip()
        try:
            self._networks.append(ip_network(text.strip("[]")))
        except ValueError:
            if "/" in text or ":" in text or not text:
                raise InvalidRequest(
                    f"{entry!r} in `notification_hosts` is not a host, an address or a network. Write one such as "
                    "chat.example.org, 10.1.2.3 or 10.1.0.0/16."
                ) from None
            self._names.add(_plain(text))


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _all_forms(address: Address) -> Iterator[Address]:
    """Yield the address, and the IPv4 addresses that it carries."""
    yield address
    if isinstance(address, IPv4Address):
        return
    for carried in (address.ipv4_mapped, address.sixtofour):
        if carried is not None:
            yield carried
    if address in _NAT64:
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64):
        return True  # The address that it carries decides.
    if not address.is_global or address.is_multicast or address.is_reserved or address == _AZURE_HOST:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return False
    return not any(address in network for network in _NOT_PUBLIC if network.version == address.version)


def _is_never_meant(address: Address) -> bool:
    """Tell whether no server for messages has such an address: clouds hand out credentials at the local link."""
    return address.is_link_local or address.is_multicast or address.is_unspecified or address == _AZURE_HOST
