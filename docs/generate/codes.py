"""The codes of receipts."""

from docs.generate.markdown import table
from engine.codes import RECEIPT_CODES

INTRO = """# Codes of receipts

Every decision is answered by exactly one receipt. Its `result` is `applied` (the wait is closed by
it), `counted` (a vote; the policy is not met yet) or `refused`, then with one of these codes. The
list is closed: a program may handle each. `HTTP` is the status with which `POST
/api/v1/approvals/{request_id}/decision?wait=` answers.

"""


def page() -> str:
    """Return the page."""
    rows = ((f"`{code.name}`", str(code.http), code.about) for code in RECEIPT_CODES)
    return INTRO + table(("code", "HTTP", "meaning"), rows)
