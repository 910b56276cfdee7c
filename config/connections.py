"""Connections that a deployer names by a URL: the mail server and the hooks of chats."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Tls = Literal["implicit", "required", "offered", "never"]
MAIL_PORTS = {"smtp": 587, "smtps": 465}
_STARTTLS: dict[str, Tls] = {"always": "required", "never": "never"}


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server: where it listens, how it is encrypted, and who logs in."""

    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str = field(default="", repr=False)


def parse_mail_server(url: str) -> MailServer:
    """Return what `smtp[s]://user:pass@host:port` names; raises ValueError without repeating it.

    `smtp` takes STARTTLS where the server offers it, and insists on it when there is a login;
    `?starttls=always` and `?starttls=never` say otherwise.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("this is no URL; write smtp[s]://user:password@host:port") from None
    if parts.scheme not in MAIL_PORTS or not host or parts.path not in ("", "/"):
        raise ValueError("write smtp[s]://user:password@host:port")
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password or "")
    tls = _tls(parts.scheme, parts.query, with_login=user is not None)
    return MailServer(host, port or MAIL_PORTS[parts.scheme], tls, user, password)


def _tls(scheme: str, query: str, *, with_login: bool) -> Tls:
    options = parse_qs(query, keep_blank_values=True)
    if unknown := set(options) - {"starttls"}:
        raise ValueError(f"unknown option {min(unknown)!r}; there is starttls=always or never")
    if scheme == "smtps":
        return "implicit"
    wanted = options.get("starttls", ["always" if with_login else ""])[-1]
    if wanted and wanted not in _STARTTLS:
        raise ValueError("starttls is always or never")
    return _STARTTLS.get(wanted, "offered")


def check_hook(url: str) -> None:
    """Raise ValueError unless a text is the URL of an incoming webhook; does not repeat it."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.scheme not in ("http", "https") or parts.username is not None:
        raise ValueError("write the incoming webhook's URL, which begins with https://")
