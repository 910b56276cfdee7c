"""URLs of calls, checked before they are used (security.md, Header/URL interpolation)."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from yarl import URL

_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
_DOTS = re.compile(r"(?:^|[/\\])\.{1,2}(?:[/\\]|$)")


def checked_url(text: str) -> URL:
    """Return a URL fit to be called; raises ValueError saying what is wrong, not the URL."""
    if _UNSAFE.search(text):
        raise ValueError("the URL contains a space, control character or backslash")
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("the URL must begin with http:// or https://")
    path = re.split(r"[?#]", text.partition("://")[2], maxsplit=1)[0].partition("/")[2]
    decoded = unquote(unquote(path))
    if _DOTS.search(decoded) or _UNSAFE.search(decoded.replace(" ", "")):
        raise ValueError("the URL's path contains . or .. segments or control characters")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise ValueError("the URL cannot be read") from None
    if not url.host or port is None:
        raise ValueError("the URL names no host")
    if url.user is not None or url.password is not None:
        raise ValueError("the URL contains a user or password; send them as a header")
    return url


def with_query(url: URL, query: Mapping[str, str | list[str]]) -> URL:
    """Return a URL with more query parameters, each encoded."""
    return url.extend_query(query) if query else url
