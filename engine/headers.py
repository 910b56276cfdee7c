"""What a header of a request may be: no name and no value that could begin another one."""

import re

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, section 5.6.2)."""
_BREAK = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


def is_header_name(text: str) -> bool:
    """Tell whether a text may name a header."""
    return _NAME.fullmatch(text) is not None


def is_one_line(text: str) -> bool:
    """Tell whether a text holds no line break and no control character but the tab."""
    return _BREAK.search(text) is None
