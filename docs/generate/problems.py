"""The problems of the HTTP interface."""

from api.problems import KINDS
from docs.generate.markdown import table

INTRO = """# Problems of the HTTP interface

Every answer other than success is `application/problem+json` (RFC 9457): `type`, `title`,
`status`, `detail` for people, and `code` where there is one: that of a [receipt](codes.md), or the
reason why a body is malformed. The list of types is closed and none changes its meaning: a program
may handle each. `title` and `detail` are words, and may change.

"""


def page() -> str:
    """Return the page."""
    return INTRO + table(("type", "means"), ((f"`/problems/{k}`", v) for k, v in KINDS.items()))
