"""Statuses and the table of moves, from `engine.execution`."""

from docs.generate.markdown import table
from engine.execution import ENDED, MOVES, Status, StepStatus

EXECUTION = {
    Status.PENDING: ("created, not yet taken, or held back by a limit", "none"),
    Status.RUNNING: ("has a step that can run, or an action under way", "none"),
    Status.PAUSED: ("no line of steps can go on without outside news", "none"),
    Status.COMPLETED: ("ran to its end", "`allowed` or `executed`"),
    Status.BLOCKED: ("ended by a `block`, or by an approval that was not given", "`blocked`"),
    Status.FAILED: ("a step failed for good, or the time was over", "`failed`"),
    Status.CANCELLED: ("ended by an operator, or by an event of `cancel_on`", "none"),
}
STEP = {
    StepStatus.PENDING: "known to be next, such as while it waits for its next attempt",
    StepStatus.RUNNING: "an attempt is under way",
    StepStatus.WAITING: "holds its line: an approval, an event, a time",
    StepStatus.COMPLETED: "done",
    StepStatus.FAILED: "failed, after all attempts",
    StepStatus.SKIPPED: "passed: its `when` did not hold, by hand, or as the loser of a `parallel`",
}
APPROVAL = {
    "pending": "waits for decisions",
    "approved": "decided: the first outcome",
    "rejected": "decided otherwise",
    "expired": "nobody decided in time",
    "cancelled": "withdrawn, because the execution ended without it",
}
INTRO = """# Statuses

The status says where an execution stands, the result what came of it; the database allows only
these pairs.

"""


def _diagram() -> str:
    lines = [f"    [*] --> {next(iter(MOVES))}"]
    lines += [f"    {source} --> {target}" for source in MOVES for target in _targets(source)]
    lines += [f"    {status} --> [*]" for status in Status if status in ENDED]
    return "\n".join(("```mermaid", "stateDiagram-v2", *lines, "```", ""))


def _targets(source: Status) -> list[Status]:
    return [status for status in Status if status in MOVES[source]]


def page() -> str:
    """Return the page."""
    executions = ((f"`{status}`", *EXECUTION[status]) for status in Status)
    moves = (
        (f"`{source}`", ", ".join(f"`{target}`" for target in _targets(source)) or "none: final")
        for source in Status
    )
    steps = ((f"`{status}`", STEP[status]) for status in StepStatus)
    approvals = ((f"`{status}`", about) for status, about in APPROVAL.items())
    return "".join(
        (
            INTRO,
            table(("execution", "meaning", "result"), executions),
            "\n## Moves\n\nNo other move is possible: the engine refuses to make one.\n\n",
            table(("from", "to"), moves),
            "\n",
            _diagram(),
            "\n## Steps\n\nA step that no execution came by has no row; a trace shows it as "
            "`not_taken`.\n\n",
            table(("step", "meaning"), steps),
            "\n## Approval requests\n\n",
            table(("request", "meaning"), approvals),
        )
    )
