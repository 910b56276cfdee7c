"""The SSRF guard: decided on the final socket address, so that no name or number trick passes."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from engine.errors import SluicegateError

# `is_global` alone calls these global although they lead inwards or nowhere (reliability.md M19).
EXTRA_REFUSED = tuple(
    ipaddress.ip_network(net)
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

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TargetRefused(SluicegateError):
    """An action's target is not a public address and not allowed."""

    def __init__(self) -> None:
        super().__init__(
            "the target is not a public address; "
            "allow its host or network with SLUICEGATE_WEBHOOK_ALLOW"
        )


class Guard:
    """Says which addresses actions may connect to."""

    def __init__(self, allow: Iterable[str] = (), *, allow_private: bool = False) -> None:
        self._allow_private = allow_private
        self._networks: list[Network] = []
        self.hosts: set[str] = set()
        for entry in allow:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self.hosts.add(entry.lower())

    def permits(self, text: str) -> bool:
        """Tell whether a numeric address may be connected to."""
        try:
            address: Address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        if self._allow_private or any(
            address in net for net in self._networks if net.version == address.version
        ):
            return True
        if any(address in net for net in EXTRA_REFUSED if net.version == address.version):
            return False
        return address.is_global and not address.is_multicast

    def socket_factory(self, addr_info: Any) -> socket.socket:
        """Open a socket for one resolved address; raises TargetRefused."""
        family, type_, proto, _, sockaddr = addr_info
        if not self.permits(str(sockaddr[0])):
            raise TargetRefused
        return socket.socket(family, type_, proto)
