"""The `condition`, `allow` and `block` verbs."""

from engine.conditions import Leaf
from engine.definition import AllowVerb, BlockVerb, ConditionVerb, Step
from engine.ending import stop
from engine.errors import Unresolved
from engine.execution import Failure, Line, Status, StepStatus
from engine.steps.approval import open_approval
from engine.templates import Template, as_text
from engine.turn import Turn


def explain_leaf(leaf: Leaf) -> dict[str, object]:
    """Return one evaluated leaf as it is kept in a step's output (requirements.md S31)."""
    shown: dict[str, object] = {
        "field": leaf.field,
        "operator": leaf.operator,
        "value": leaf.value,
        "expected": leaf.expected,
        "holds": leaf.holds,
    }
    if leaf.warning:
        shown["warning"] = leaf.warning
    return shown


def enter_condition(turn: Turn, step: Step, verb: ConditionVerb, line: Line) -> Line:
    """Evaluate and take the branch."""
    holds, leaves = verb.condition.explain(turn.scope)
    return turn.complete(
        step,
        line,
        {"result": holds, "explain": [explain_leaf(leaf) for leaf in leaves]},
        input={leaf.field: leaf.value for leaf in leaves},
        stored={"output": {"result": holds}},
        goto=verb.on_true if holds else verb.on_false,
    )


def render_text(turn: Turn, template: Template | None) -> str | None:
    """Return a reason or title as text, or None where the definition gives none."""
    if template is None:
        return None
    value = template.render(turn.scope)
    return None if value is None else as_text(value)


def enter_allow(turn: Turn, step: Step, verb: AllowVerb, line: Line) -> Line:
    """Note that the operation is allowed, and go on (D3)."""
    reason = render_text(turn, verb.reason)
    turn.provisional = "allowed"
    output = {"action": "allow", "success": True, "reason": reason}
    after = turn.complete(step, line, output, stored={"output": {"reason": reason}})
    if not verb.stop:
        return after
    stop(turn, Status.COMPLETED, "allowed")
    return line.onward(None, step.id)


def enter_block(turn: Turn, step: Step, verb: BlockVerb, line: Line) -> Line:
    """End as blocked, or ask first (D1)."""
    if verb.approval is not None:
        return open_approval(turn, step, verb.approval, line)
    return block(turn, step, verb, line, first=True)


def block(turn: Turn, step: Step, verb: BlockVerb, line: Line, *, first: bool) -> Line:
    """End the execution as blocked with the reason that the definition gives."""
    try:
        reason = render_text(turn, verb.reason)
    except Unresolved as problem:
        reason = f"{verb.code} ({problem})"
    output = {"action": "block", "success": True, "code": verb.code, "reason": reason}
    turn.record(step, line, StepStatus.COMPLETED, first=first, output=output)
    kept = {"status": "completed", "output": {"code": verb.code, "reason": reason}}
    turn.keep("steps", step.id, kept)
    turn.announce("step.completed", step.path)
    stop(turn, Status.BLOCKED, "blocked", Failure(verb.code, reason or verb.code, step.id))
    return line.onward(None, step.id)
