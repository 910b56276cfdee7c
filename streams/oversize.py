"""What an execution is given instead of what would make its context too large (security.md)."""

from dataclasses import replace

from engine.inputs import (
    ActionFailed,
    ActionSucceeded,
    CancelRequested,
    ChildEnded,
    Input,
    Started,
)

CODE = "context_too_large"


def instead_of(given: Input, size: int, most: int) -> Input:
    """Return the failure of the step that was answered; else the end of the execution."""
    text = (
        f"the context would have {size} bytes of JSON, at most {most} are kept "
        "(SLUICEGATE_MAX_CONTEXT_BYTES); load or answer less"
    )
    match given:
        case ActionSucceeded():
            return ActionFailed(given.at, given.effect_id, CODE, text, retryable=False)
        case ChildEnded():
            return ChildEnded(given.at, given.child, "failed", "failed", CODE, text, {})
        case Started() if given.resources:
            # Those that are too large are refused one by one, as they are loaded.
            return replace(given, resources={})
        case _:
            return CancelRequested(given.at, "sluicegate", f"{CODE}: {text}")
