"""Codes of refusals: closed lists, part of the contract (interfaces.md, Receipt)."""

from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """Why something was refused, and the HTTP status of the same answer."""

    name: str
    http: int
    about: str


RECEIPT_CODES = (
    Code(
        "malformed",
        400,
        "Not decodable, or against the schema; the bytes go to the dead letters as well.",
    ),
    Code("unsigned", 401, "Signed mode: the value is no JWS."),
    Code("bad_signature", 401, "Signed mode: the key or the signature is wrong."),
    Code("wrong_audience", 401, "Signed mode: signed for another deployment."),
    Code("stale", 401, "Signed mode: signed more than 5 minutes before the broker took it."),
    Code("duplicate", 409, "This decision id was used already."),
    Code(
        "unknown",
        404,
        "No such execution or request; said only after 24 hours, in case the decision is early.",
    ),
    Code("superseded", 409, "Another wait of the same step has taken this one's place."),
    Code("content_changed", 409, "`request_hash` is not that of the request."),
    Code("not_allowed", 403, "The role, the user, the list or the voter does not fit."),
    Code("self_approval", 403, "Four eyes: who asked for it may not decide it."),
    Code("already_decided", 409, "Somebody else has decided; the message says who, or how."),
    Code("expired", 409, "The time to decide is over."),
    Code("cancelled", 409, "The request was withdrawn with its execution."),
    Code("execution_finished", 409, "The execution has ended; the message says how."),
    Code("invalid_form", 422, "The form's answers do not fit; the message names the field."),
    Code("invalid_outcome", 422, "Not one of the allowed outcomes; the message names them."),
)
"""Of decisions, and of what else is asked of an open request."""

COMMAND_CODES = (
    Code("malformed", 422, "Not decodable, or against the schema; the bytes are kept."),
    Code("duplicate", 409, "This command id was used already."),
    Code("unknown", 404, "No such execution."),
    Code("unknown_workflow", 404, "No such workflow."),
    Code("unknown_step", 422, "No such step, or not the one that is under way."),
    Code("invalid_input", 422, "The payload does not fit the workflow's `input`."),
    Code("busy", 409, "Another execution of the same key is not finished."),
    Code("not_allowed", 403, "Not in the state, or not by whom, that the command needs."),
    Code("already_held", 409, "The execution is held already."),
    Code("not_paused", 409, "There is no pause to resume from."),
    Code("waits_for_approval", 409, "An approval is open: send a decision instead."),
    Code("not_failed", 409, "Nothing to retry: no step failed or is in doubt."),
    Code("execution_finished", 409, "The execution has ended; the message says how."),
)
"""Of commands."""
