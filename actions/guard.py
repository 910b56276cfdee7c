"""The SSRF guard: decided on the final socket address, so that no name or number trick passes."""

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from engine.errors import SluicegateError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# `is_global` alone calls these global although they lead inwards or nowhere (reliability.md M19).
EXTRA_REFUSED: tuple[Network, ...] = tuple(
    ip_network(net)
    for net in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "::/96",
        "fec0::/10",
        "5f00::/16",
        "192.0.0.0/24",
        "192.88.99.0/24",
    )
)
PRIVATE: tuple[Network, ...] = tuple(
    ip_network(net)
    for net in (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
    )
)
PUBLIC_PORTS = frozenset({80, 443, 8443})


class TargetRefused(SluicegateError, OSError):
    """An action's target is not open to actions; the text hides addresses: authors read it."""

    def __init__(self) -> None:
        super().__init__(
            "the target is not a public https address; "
            "allow its host or network with SLUICEGATE_WEBHOOK_ALLOW"
        )


def _lies_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in net for net in networks if net.version == address.version)


def is_public(address: Address) -> bool:
    """Tell whether an address is on the public internet, beyond what `is_global` knows."""
    if _lies_in(address, EXTRA_REFUSED) or address.is_multicast or address.is_reserved:
        return False
    return address.is_global


class Guard:
    """Says which addresses actions may connect to."""

    def __init__(self, allow: Iterable[str] = (), *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._networks: list[Network] = list(PRIVATE) if allow_private else []
        self._hosts: set[str] = set()
        self._suffixes: tuple[str, ...] = ()
        for entry in allow:
            self._allow(entry.strip().lower().rstrip("."))

    def _allow(self, entry: str) -> None:
        """Allow a network or address, a host, or every host below `*.domain`."""
        try:
            self._networks.append(ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if entry.startswith("*."):
                self._suffixes = (*self._suffixes, entry[1:])
            else:
                self._hosts.add(entry)

    def trusts(self, host: str) -> bool:
        """Tell whether the deployer allowed a host by name, wherever it resolves to."""
        name = host.lower().rstrip(".")
        return name in self._hosts or name.endswith(self._suffixes)

    def permits(self, text: str, port: int = 443, *, plain: bool = False) -> bool:
        """Tell whether a numeric address may be connected to; `plain` means without TLS."""
        try:
            address: Address = ip_address(text.partition("%")[0])
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        if _lies_in(address, self._networks):
            return True
        if not is_public(address):
            return False
        return self._allow_private or (port in PUBLIC_PORTS and not plain)

    def socket_factory(self, *, plain: bool) -> Callable[[Any], socket.socket]:
        """Return what opens sockets for resolved addresses, and raises TargetRefused."""

        def open_socket(info: Any) -> socket.socket:
            family, type_, proto, _, sockaddr = info
            if not self.permits(str(sockaddr[0]), sockaddr[1], plain=plain):
                raise TargetRefused
            return socket.socket(family, type_, proto)

        return open_socket
