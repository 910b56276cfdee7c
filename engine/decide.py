"""What a decision, or its absence, does to an approval (requirements.md D6, D21, D22)."""

from engine.definition import ApprovalSpec, ApprovalVerb, BlockVerb, Step, Verb
from engine.effects import Accept, Refuse
from engine.ending import end
from engine.execution import ENDED, Failure, Line, Status, StepStatus, Wait
from engine.inputs import DecisionArrived
from engine.loads import refreshed
from engine.steps.approval import blocked_reason, instant_text, keep_answer
from engine.turn import Turn

CLOSED_BY_ENGINE = {"expired": "expired", "cancelled": "cancelled"}


def spec_of(verb: Verb) -> ApprovalSpec | None:
    """Return the approval that a verb asks for, if any."""
    match verb:
        case ApprovalVerb(spec):
            return spec
        case BlockVerb():
            return verb.approval
        case _:
            return None


def find_wait(turn: Turn, given: DecisionArrived) -> Wait | Refuse:
    """Return the open approval that a decision means, or why there is none."""
    open_approvals = [wait for wait in turn.waits.values() if wait.kind == "approval"]
    if given.request_id is None:
        if len(open_approvals) == 1:
            return open_approvals[0]
        if open_approvals:
            names = ", ".join(wait.id for wait in open_approvals)
            return Refuse("unknown", f"several approvals are open; name one as request_id: {names}")
    elif (wait := turn.waits.get(given.request_id)) is not None and wait.kind == "approval":
        return wait
    return _refuse_closed(turn, given)


def _refuse_closed(turn: Turn, given: DecisionArrived) -> Refuse:
    outcome = turn.closed.get(given.request_id) if given.request_id is not None else None
    if outcome is not None:
        code = CLOSED_BY_ENGINE.get(outcome, "already_decided")
        return Refuse(code, f"the request is closed: {outcome}")
    if turn.execution.ended:
        return Refuse("execution_finished", f"the execution has ended: {turn.execution.status}")
    return Refuse("unknown", "the execution has no such open request")


def _refuse_person(given: DecisionArrived, record: dict[str, object]) -> Refuse | None:
    who = given.decided_by
    if given.on_behalf_of is not None:
        return Refuse("not_allowed", f"no delegation from {given.on_behalf_of} is known")
    if who == record["requester"] and not record["allow_requester"]:
        return Refuse("self_approval", f"{who} asked for this; somebody else must decide")
    excluded, users, roles = record["exclude"], record["users"], record["roles"]
    if isinstance(excluded, list) and who in excluded:
        return Refuse("not_allowed", f"{who} is excluded from deciding this")
    if record["anyone"] or (isinstance(users, list) and who in users):
        return None
    if not isinstance(roles, list) or not roles:
        return Refuse("not_allowed", f"{who} is not among the users who may decide")
    if given.roles is not None and given.roles.isdisjoint(roles):
        return Refuse("not_allowed", f"{who} holds none of the roles {', '.join(roles)}")
    return None


def refuse(given: DecisionArrived, wait: Wait) -> Refuse | None:
    """Return why a decision cannot close its request, or None (security.md, order of checks)."""
    record = dict(wait.record)
    if wait.due_at is not None and given.received_at >= wait.due_at:
        return Refuse("expired", f"the request expired at {instant_text(wait.due_at)}")
    if given.request_hash is not None and given.request_hash != record["request_hash"]:
        return Refuse("content_changed", "request_hash is not that of the request as it stands")
    if (problem := _refuse_person(given, record)) is not None:
        return problem
    outcomes = record["outcomes"]
    if isinstance(outcomes, list) and given.outcome not in outcomes:
        return Refuse("invalid_outcome", f"outcome must be one of: {', '.join(outcomes)}")
    if given.form_problem is not None:
        return Refuse("invalid_form", given.form_problem)
    return None


def decide(turn: Turn, given: DecisionArrived) -> bool:
    """Apply a decision; tell whether it changed anything."""
    wait = find_wait(turn, given)
    if isinstance(wait, Refuse):
        turn.effects.append(wait)
        return False
    if (problem := refuse(given, wait)) is not None:
        turn.effects.append(problem)
        return False
    answer: dict[str, object] = {
        "outcome": given.outcome,
        "decided_by": given.decided_by,
        "reason": given.reason,
        "form": dict(given.form),
        "decided_at": instant_text(given.received_at),
        "votes": [{"by": given.decided_by, "outcome": given.outcome}],
    }
    turn.effects.append(Accept("applied", f"{given.outcome} by {given.decided_by}"))
    return close_approval(turn, wait, answer) is not None


def expire(turn: Turn, wait: Wait) -> str | None:
    """Close an approval that nobody decided in time."""
    due = instant_text(wait.due_at) if wait.due_at else ""
    answer: dict[str, object] = {
        "outcome": "expired",
        "decided_by": None,
        "reason": f"Nobody decided by {due}",
        "form": {},
        "decided_at": instant_text(turn.now),
        "votes": [],
    }
    return close_approval(turn, wait, answer)


def close_approval(turn: Turn, wait: Wait, answer: dict[str, object]) -> str | None:
    """Close the request with its answer and move its line to what the answer leads to."""
    found = turn.line_at(wait.path)
    if found is None:
        return None
    name, line, step = found
    turn.wake()
    outcome, by, why = str(answer["outcome"]), answer["decided_by"], answer["reason"]
    turn.close_wait(
        wait,
        outcome,
        decided_by=by if isinstance(by, str) else None,
        reason=why if isinstance(why, str) else None,
    )
    keep_answer(turn, step, answer)
    after = _follow(turn, step, line, outcome, answer)
    if turn.status not in ENDED:
        turn.lines[name] = refreshed(turn, name, step, after)
    return name


def _follow(turn: Turn, step: Step, line: Line, outcome: str, answer: dict[str, object]) -> Line:
    spec = spec_of(step.verb)
    branches = spec.on_outcome if spec is not None else {}
    goto = branches.get(outcome)
    refused = outcome in ("rejected", "expired")
    if isinstance(step.verb, BlockVerb) and spec is not None:
        refused = outcome != spec.outcomes[0]
    if goto is None and outcome == "expired":
        goto = branches.get("rejected")
    stored = {"outcome": outcome, "output": answer}
    if goto is not None or not refused:
        return turn.complete(step, line, answer, first=False, stored=stored, goto=goto)
    turn.record(step, line, StepStatus.COMPLETED, first=False, output=answer)
    turn.keep("steps", step.id, {"status": "completed", **stored})
    turn.announce("step.completed", step.path)
    code, template = outcome, None
    if isinstance(step.verb, BlockVerb):
        code, template = step.verb.code, step.verb.reason
    reason = blocked_reason(turn, template, str(answer["reason"] or outcome))
    end(turn, Status.BLOCKED, "blocked", Failure(code, reason, step.id))
    return Line(None)
