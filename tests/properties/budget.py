"""How many random histories a run plays: SLUICEGATE_HISTORIES, 20,000 by default."""

import os
from collections import Counter

HISTORIES = int(os.environ.get("SLUICEGATE_HISTORIES", "20000"))
"""Scripted histories of random definitions against the reference interpreter."""
played: Counter[str] = Counter()
"""Histories played so far, by what they were compared with."""


def share(part: float) -> int:
    """Return the number of examples for a part of the whole."""
    return max(int(HISTORIES * part), 10)
