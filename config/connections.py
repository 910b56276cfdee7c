"""How people are reached: the mail server and addresses, and the hooks of chats."""

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Tls = Literal["implicit", "required", "offered", "never"]
MAIL_PORTS = {"smtp": 587, "smtps": 465}
_STARTTLS: dict[str, Tls] = {"always": "required", "never": "never"}


MAX_ADDRESS = 500
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What could break a line, hide text or not be sent at all."""
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_ADDRESS = re.compile(
    rf"""(?:"?(?P<name>[^"<>\\@]*)"?\s*<)?(?P<user>(?a:{_ATOM}(?:\.{_ATOM})*))"""
    r"""@(?P<domain>[\w-]+(?:\.[\w-]+)*)(?(name)>)"""
)


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


def parse_address(text: object) -> tuple[str, str, str]:
    """Return the display name, user and domain of the one mail address that a text holds.

    Raises ValueError for none, for several, and for what could be more than an address.
    """
    if not isinstance(text, str) or len(text) > MAX_ADDRESS or CONTROL.search(text):
        raise ValueError("an address is a short text without line breaks or control characters")
    # The standard library's parser accepts lists, groups and comments, and stumbles over more.
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise ValueError("write one address as ana@example.com, several as a list")
    try:
        domain = found["domain"].encode("idna").decode()
    except UnicodeError:
        raise ValueError("the address has a domain that no mail can reach") from None
    return (found["name"] or "").strip(), found["user"], domain


def check_hook(url: str) -> None:
    """Raise ValueError unless a text is the URL of an incoming webhook; does not repeat it."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or parts.scheme not in ("http", "https") or parts.username is not None:
        raise ValueError("write the incoming webhook's URL, which begins with https://")
