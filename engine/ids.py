"""Deterministic, time-ordered names of executions and their parts (architecture.md rule 10)."""

from hashlib import blake2b
from typing import NewType

ExecutionId = NewType("ExecutionId", str)
"""UUID text (version 7 layout) of an execution's row; its public form is `public_id`."""
StepPath = NewType("StepPath", str)
"""Ids of the enclosing steps and of the step itself, joined by `/`."""
WaitId = NewType("WaitId", str)
"""`w_` and 32 hex digits; of an approval wait it is the request id."""
ChildId = NewType("ChildId", str)
"""UUID text of a step execution, timer or effect; shares the time bits of its execution."""

_LAST_MILLISECOND = (1 << 48) - 1
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def _layout(time: str, digest: str) -> str:
    """Return UUID text: 13 characters of time with their hyphen, the rest from a digest."""
    variant = _VARIANT[digest[15]]
    return f"{time}-7{digest[:3]}-{variant}{digest[3:6]}-{digest[6:15]}{digest[16:19]}"


def _time(timestamp_ms: int) -> str:
    digits = f"{min(max(timestamp_ms, 0), _LAST_MILLISECOND):012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def execution_id(workflow: str, source: str, event_id: str, timestamp_ms: int) -> ExecutionId:
    """Return the id that one event gives its execution of one workflow."""
    return ExecutionId(
        _layout(_time(timestamp_ms), _digest(f"{workflow}\x1f{source}\x1f{event_id}"))
    )


def event_row_id(source: str, event_id: str, timestamp_ms: int) -> str:
    """Return the time-ordered key of an event's row."""
    return _layout(_time(timestamp_ms), _digest(f"{source}\x1f{event_id}"))


def version_id(workflow: str, version: int) -> str:
    """Return the key of a registered version's row."""
    return _layout(_time(0), _digest(f"{workflow}\x1f{version}"))


def child_id(parent: str, *purpose: object) -> ChildId:
    """Return the id of something that belongs to `parent`, the same for the same purpose."""
    # As `_layout` of a `_digest`, without two calls: every step, wait and timer has one.
    text = "\x1f".join((parent, *map(str, purpose)))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
    return ChildId(
        f"{parent[:13]}-7{digest[:3]}-{_VARIANT[digest[15]]}{digest[3:6]}-{digest[6:15]}{digest[16:19]}"
    )


def child_execution_id(parent: ExecutionId, path: StepPath, workflow: str) -> ExecutionId:
    """Return the id of the execution that a step starts."""
    return ExecutionId(child_id(parent, path, "child", workflow))


def wait_id(parent: ExecutionId, path: StepPath, part: int = 0) -> WaitId:
    """Return the id of a wait that a step opens; `part` tells several of one step apart."""
    purpose = (path, "wait", part) if part else (path, "wait")
    return WaitId("w_" + child_id(parent, *purpose).replace("-", ""))


def public_id(execution: ExecutionId) -> str:
    """Return the form of an execution id that messages show: `exec_` and 32 hex digits."""
    return "exec_" + execution.replace("-", "")


def idempotency_key(execution: ExecutionId, path: StepPath, action: int) -> str:
    """Return the key sent with an action, equal for all its attempts (requirements.md D28)."""
    return f"{public_id(execution)}:{path}:{action}"


def _dashed(digits: str) -> str | None:
    if len(digits) != 32 or not all(c in "0123456789abcdef" for c in digits):
        return None
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def parse_execution_id(text: str) -> ExecutionId | None:
    """Return the id that a public id or a UUID names, or None if it is neither (D23)."""
    digits = text.lower().removeprefix("exec_").replace("-", "")
    dashed = _dashed(digits)
    return None if dashed is None else ExecutionId(dashed)


def wait_row_id(wait: str) -> str | None:
    """Return the UUID text behind a wait id, or None if it is no wait id."""
    return _dashed(wait[2:].lower()) if wait.startswith("w_") else None
