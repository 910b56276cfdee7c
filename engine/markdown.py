"""Values inside an author's Markdown: they read as they are and make no structure of their own.

Only what Markdown would take for structure gets a backslash, so that amounts, names, dates and
addresses stay as they were for those who show the text as it is (security.md, content confusion).
"""

import re
from collections.abc import Iterator

_BREAK = re.compile(r"\r\n?|\n")
_CONTAINERS = re.compile(r"(?:[ \t]*(?:>|[-+*](?=[ \t])|\d{1,9}[.)](?=[ \t])))*[ \t]*")
"""What may stand before the text of a line: marks of quotes and of entries of lists."""
_BLOCK = re.compile(
    r"[ \t]*(?:(?P<heading>#)#{0,5}(?=[ \t]|$)|(?P<quote>>)|(?P<entry>[-+*])(?=[ \t]|$)"
    r"|(?P<rule>[-=])(?=[-= \t]*$)|\d{1,9}(?P<number>[.)])(?=[ \t]|$))",
    re.MULTILINE,
)
"""What makes a heading, a quote, an entry of a list or a rule of the line that it begins."""
_INLINE = re.compile(
    r"[`|]|\*(?!(?<=\s\*)\s)|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~"
    r"|\\(?=[!-/:-@\[-`{-~\n])|\](?=[(\[:])|<(?=[A-Za-z/!?])|&(?=#?\w+;)"
)
"""What makes emphasis, code, a cell, a link or another character with what stands around it."""
_OPEN = frozenset("\\]<&~_")
"""What could make something with the beginning of a value that follows."""


def as_plain(value: str, before: str, after: str | None) -> str:
    """Return a value as it goes between two texts of Markdown; none after it: a value follows."""
    line = before.rpartition("\n")[2]
    found = _CONTAINERS.match(line)
    text_begins = found.end() if found is not None else 0
    lines = [part.rstrip(" \t") for part in _BREAK.split(value.strip()) if part.strip(" \t")]
    in_heading = line.startswith("#", text_begins)
    # A heading and a row of a table end with their line.
    text = (" " if in_heading or "|" in line else "\n").join(lines)
    whole = f"{line}{text}{after[:1] if after else ''}"
    places = {*_inline(whole, len(line), len(line) + len(text))}
    places |= {len(line) + place for place in _blocks(text, first=text_begins == len(line))}
    if (after is None and text[-1:] in _OPEN) or (in_heading and text.endswith("#")):
        places.add(len(line) + len(text) - 1)
    return "".join(
        f"\\{one}" if place in places else one for place, one in enumerate(text, len(line))
    )


def _inline(whole: str, begin: int, end: int) -> Iterator[int]:
    for found in _INLINE.finditer(whole, begin):
        if found.start() >= end:
            return
        yield found.start()


def _blocks(text: str, *, first: bool) -> Iterator[int]:
    """Yield where lines have a mark; of the first line only if nothing stands before it."""
    begin = 0 if first else text.find("\n") + 1
    while first or begin:
        found = _BLOCK.match(text, begin)
        if found is not None and found.lastgroup is not None:
            yield found.start(found.lastgroup)
        first, begin = False, text.find("\n", begin) + 1
