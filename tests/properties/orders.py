"""What people may ask of an execution at any time, spelled by a byte."""

from datetime import datetime

from engine.execution import Execution, path_of
from engine.inputs import (
    CancelRequested,
    HoldRequested,
    Input,
    RequestChanged,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
)


def an_order(execution: Execution, now: datetime, byte: int) -> Input:
    """Return the request that a byte stands for."""
    step = _a_step(execution, byte)
    match byte % 13:
        case 0:
            return CancelRequested(now, "ops", None, compensate=byte % 2 == 0)
        case 1 | 2:
            return HoldRequested(now, "ops")
        case 3 | 4:
            return ResumeRequested(now, "ops", {"n": byte})
        case 5:
            return ResumeRequested(now, "ops", {}, f"s{byte % 11}")
        case 6 | 7:
            return SkipRequested(now, "ops", step)
        case 8 | 9:
            return RetryRequested(now, "ops", step)
        case _:
            return _a_change(execution, now, byte)


def _a_step(execution: Execution, byte: int) -> str | None:
    """Return the path of a step under way, or none."""
    paths = [
        path_of(name, line, line.at)
        for name, line in execution.lines.items()
        if line.at is not None
    ]
    return paths[byte % len(paths)] if paths and byte & 16 else None


def _a_change(execution: Execution, now: datetime, byte: int) -> Input:
    request = next(iter(execution.waits), None)
    by = ("ada", "ben", "mallory")[byte % 3]
    match byte % 4:
        case 0:
            return RequestChanged(now, request, "claim", by)
        case 1:
            return RequestChanged(now, request, "comment", by, text="why?")
        case 2:
            return RequestChanged(now, request, "reassign", by, to=("zoe", "ada"))
        case _:
            return RequestChanged(now, request, "reassign", by)
