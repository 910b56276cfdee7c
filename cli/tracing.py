"""The path of an execution, drawn in a terminal: a line per step, nested as in its definition."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from cli.printing import write_lines
from cli.show import text_of

Row = Mapping[str, Any]
SIGNS = {
    "completed": "✓",
    "failed": "✗",
    "skipped": "»",
    "waiting": "…",
    "running": "▸",
    "pending": "·",
}
PLAIN = {
    "completed": "+",
    "failed": "x",
    "skipped": ">",
    "waiting": "?",
    "running": "*",
    "pending": ".",
}
"""Signs for a terminal that does not write UTF-8; the status stands beside them in words."""
WIDTH = 80


def print_trace(trace: Row) -> None:
    """Print a trace: the execution in a line, then its steps, then what it waits for."""
    write_lines(lines_of(trace))


def summary(execution: Row) -> str:
    """Return an execution in one line."""
    result = f" ({execution['result']})" if execution["result"] else ""
    took = execution["duration_ms"]
    lasted = f", {length(took)}" if took is not None else ""
    return (
        f"{execution['workflow']} v{execution['version']} {execution['execution_id']}: "
        f"{execution['status']}{result}{lasted}"
    )


def lines_of(trace: Row) -> Iterator[str]:
    """Yield the drawing of a trace."""
    execution = trace["execution"]
    yield summary(execution)
    at = text_of(execution["started_at"])
    yield f"  {_bar()} started by {execution['trigger_event']} at {at}"
    yield from (step_line(step) for step in trace["steps"])
    for path in trace["not_taken"]:
        yield f"  {'  ' * path.count('/')}- {path.rpartition('/')[2]}: not taken"
    for path in trace["remaining"]:
        yield f"  {'  ' * path.count('/')}. {path.rpartition('/')[2]}: ahead"
    for approval in trace["approvals"]:
        if approval["status"] == "pending":
            who = ", ".join(approval["roles"] + approval["users"]) or "anyone"
            yield f"waits for {who}: sluicegate approvals show {approval['request_id']}"
    kind, _, who = (execution["paused_reason"] or "").partition(":")
    if kind == "hold":
        yield f"held by {who}: sluicegate executions resume {execution['execution_id']}"
    if execution["error_message"]:
        yield f"{execution['error_code']}: {execution['error_message']}"


def step_line(step: Row) -> str:
    """Return one passage through one step, indented as it is nested."""
    indent = "  " * step["step_path"].count("/")
    name = f"{indent}{_sign(step['status'])} {step['step_id']}"
    attempt = f" (attempt {step['attempt']})" if step["attempt"] > 1 else ""
    took = step["duration_ms"]
    lasted = f", {length(took)}" if took else ""
    said = step["error_message"] or outcome(step["output"])
    shown = f": {said}" if said else ""
    return f"  {name:<28} {step['step_type']} {step['status']}{attempt}{lasted}{shown}".rstrip()


def length(milliseconds: int) -> str:
    """Return a length of time as people say it."""
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def outcome(output: object) -> str:
    """Return what a step came to, in a few words."""
    if not isinstance(output, dict):
        return text_of(output)
    if "outcome" in output:
        by = f" by {output['decided_by']}" if output.get("decided_by") else ""
        return f"{output['outcome']}{by}"
    for name in ("result", "reason", "data", "event"):
        if name in output:
            return text_of(output[name])[:WIDTH]
    return text_of(output)[:WIDTH]


def _writes_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def _sign(status: str) -> str:
    return (SIGNS if _writes_utf8() else PLAIN).get(status, "·")


def _bar() -> str:
    return "●" if _writes_utf8() else "o"
