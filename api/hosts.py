"""Which names a server without login answers to: a page elsewhere must not pass for its own.

A name of somebody else that points to this machine (DNS rebinding) makes a foreign page one of
the same origin; what stands behind a proxy or in a cluster is reached by names of its own.
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import respond
from config.settings import Settings

OPEN = ("/livez", "/readyz", "/healthz", "/metrics")
"""What watches a process may name it as it likes."""


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address leads to this machine only."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def needs_hosts(settings: Settings) -> bool:
    """Tell whether nothing but the name in the address keeps other pages out."""
    return settings.auth == "none" and is_loopback(settings.host)


def host_of(address: str | None) -> str:
    """Return the host of a `Host` header or a URL, in small letters; empty for none."""
    text = address or ""
    try:
        return (urlsplit(text if "://" in text else f"//{text}").hostname or "").rstrip(".")
    except ValueError:
        return ""


class Hosts:
    """Refuses requests under names that this server does not have."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._named = {settings.host.lower(), host_of(settings.public_url)} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; one under a name of somebody else is answered by a 421 problem."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"host"), b"")
        host = host_of(given.decode("latin-1"))
        if is_loopback(host) or host in self._named:
            await self._app(scope, receive, send)
            return
        text = (
            f"nothing is served as {host or 'a host without a name'} on loopback without login: "
            "set SLUICEGATE_PUBLIC_URL to the address that people use"
        )
        await respond(421, "foreign-host", text)(scope, receive, send)
