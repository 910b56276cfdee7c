"""The codes of receipts."""

from collections.abc import Iterable

from docs.generate.markdown import table
from engine.codes import COMMAND_CODES, RECEIPT_CODES, Code

INTRO = """# Codes of receipts

Every decision is answered by exactly one receipt. Its `result` is `applied` (the wait is closed by
it), `counted` (a vote; the policy is not met yet) or `refused`, then with one of these codes. The
list is closed: a program may handle each. `HTTP` is the status with which `POST
/api/v1/approvals/{request_id}/decision?wait=` answers.

"""


COMMANDS = """
## Commands

A command is answered on the same topic, with `command_id` instead of `decision_id`.

"""


def page() -> str:
    """Return the page."""
    return INTRO + _table(RECEIPT_CODES) + COMMANDS + _table(COMMAND_CODES)


def _table(codes: Iterable[Code]) -> str:
    rows = ((f"`{code.name}`", str(code.http), code.about) for code in codes)
    return table(("code", "HTTP", "meaning"), rows)
