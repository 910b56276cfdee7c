"""Text from elsewhere, so that nothing in it steers the terminal of who reads it."""

import re

_STEERING = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""Controls and what turns the order of letters; line ends and tabs are not among them."""
_IN_TEXT = re.compile(f"[{_STEERING}]|\r(?!\n)")
_IN_LINE = re.compile(f"[{_STEERING}\t\n\r]")


def visible(text: str) -> str:
    """Return a text with its control characters written out, as `\\x1b`; lines and tabs stay."""
    return _IN_TEXT.sub(_written_out, text)


def one_line(text: str) -> str:
    """Return a text as a cell or a line: its line ends and tabs are written out too."""
    return _IN_LINE.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
