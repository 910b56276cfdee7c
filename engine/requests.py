"""What people do to an open approval request without deciding it: claim, reassign, comment."""

from engine.inputs import RequestChanged
from engine.turn import Turn


def change_request(turn: Turn, given: RequestChanged) -> bool:
    """Apply a claim, a reassignment or a comment."""
    raise NotImplementedError
