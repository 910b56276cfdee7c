"""Names of topics and addresses of servers, checked before anybody connects."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

TOPIC = re.compile(r"[a-zA-Z0-9._-]+")
LONGEST_TOPIC = 249
"""Kafka's own limit."""
LONGEST_PREFIX = LONGEST_TOPIC - len("dead-letters")
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
CACHE_SCHEMES = ("redis", "rediss", "unix")


def check_topics(names: Sequence[str]) -> None:
    """Raise ValueError unless each is a topic's name, or `~` and a regular expression."""
    if not names:
        raise ValueError("name at least one topic")
    for name in names:
        if name.startswith("~"):
            _check_pattern(name[1:])
        elif not TOPIC.fullmatch(name) or len(name) > LONGEST_TOPIC or set(name) == {"."}:
            raise ValueError(
                f"{name!r} is no topic name: letters, digits, dot, _ and -, or ~ and a pattern"
            )


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as problem:
        raise ValueError(f"the pattern ~{pattern} cannot be read: {problem}") from None


def check_prefix(prefix: str) -> None:
    """Raise ValueError unless topics may begin with a text; it may be empty."""
    if prefix and (not TOPIC.fullmatch(prefix) or len(prefix) > LONGEST_PREFIX):
        raise ValueError(f"{prefix!r} cannot begin topic names: letters, digits, dot, _ and -")


def one_of(value: str, known: Sequence[str]) -> str:
    """Return one of some names in capital letters; raises ValueError for any other."""
    if value.upper() not in known:
        raise ValueError(f"{value!r} is unknown; choose {', '.join(known)}")
    return value.upper()


def check_cache_url(url: str) -> None:
    """Raise ValueError unless a text is empty or the URL of a cache; does not repeat it."""
    try:
        parts = urlsplit(url)
        sound = not url or (parts.scheme in CACHE_SCHEMES and parts.port != 0)
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("write redis://[:PASSWORD@]HOST:6379/0, rediss://... or unix:///path")
