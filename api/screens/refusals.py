"""What a refusal means for the one who reads it, and what to do about it."""

from collections.abc import Mapping

ADVICE: Mapping[str, str] = {
    "already_decided": "Somebody was faster; your answer changed nothing.",
    "expired": "The time for this request was over before your answer came; it changed nothing.",
    "cancelled": "The request was withdrawn; your answer changed nothing.",
    "execution_finished": "The execution has ended; there is nothing left to decide.",
    "content_changed": "The request is not the one you were shown. Read it again, then decide.",
    "superseded": "A newer request has taken the place of this one.",
    "not_allowed": "You may not decide this request.",
    "self_approval": "Four eyes: whoever asks for something cannot approve it.",
    "invalid_form": "A field does not fit what the workflow asks for.",
    "invalid_outcome": "The workflow knows no such answer.",
    "duplicate": "This answer was sent before.",
    "unknown": "There is no such request.",
    "malformed": "The answer could not be read.",
    "not_paused": "Only what is paused can be resumed.",
    "waits_for_approval": "It waits for people: answer the request instead.",
    "unknown_step": "There is no such step to do this at.",
    "not_failed": "Only what has failed can be tried again.",
    "already_held": "It is held already.",
}


def explained(code: str | None, message: str) -> str:
    """Return a refusal in words: the advice first, then what exactly was found."""
    advice = ADVICE.get(code or "", "It was not accepted.")
    return f"{advice} ({message})" if message else advice


def told(message: str) -> str:
    """Return what a refusal found as a sentence, where its code alone would mislead."""
    return f"{message[:1].upper()}{message[1:].removesuffix('.')}."
