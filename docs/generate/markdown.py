"""Tables and code in Markdown."""

import json
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells hold no line breaks."""
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(row) for row in rows)]
    return "".join(f"| {line} |\n" for line in lines)


def code(value: object) -> str:
    """Return a value as inline code: texts plain, all else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|") if text else '`""`'


def as_json(value: object) -> str:
    """Return a value as JSON in inline code."""
    return code(json.dumps(value, ensure_ascii=False))
