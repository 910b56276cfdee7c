"""Named SQL statements, read from the `.sql` files of `storage/sql` (style.md rule 8)."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def parse_statements(text: str) -> dict[str, LiteralString]:
    """Return the statements of one file by name."""
    parts = _NAME.split(text)
    bodies = (body.strip().rstrip(";") for body in parts[2::2])
    return dict(zip(parts[1::2], (cast(LiteralString, body) for body in bodies), strict=True))


@cache
def statements() -> Mapping[str, LiteralString]:
    """Return every statement of the package; a name used twice is refused."""
    found: dict[str, LiteralString] = {}
    for file in sorted(files("storage").joinpath("sql").iterdir(), key=lambda f: f.name):
        for name, body in parse_statements(file.read_text("utf-8")).items():
            if name in found:
                raise ValueError(f"{file.name}: the statement {name} exists twice")
            found[name] = body
    return found
