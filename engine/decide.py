"""What a decision, or its absence, does to an approval (requirements.md D6, D21, D22)."""

from dataclasses import replace

from engine.deciders import Vote, deciders_of, refuse_voter
from engine.definition import ApprovalSpec, BlockVerb, Step
from engine.durations import parse_instant
from engine.effects import Accept, RecordVote, Refuse
from engine.ending import stop
from engine.execution import ENDED, Failure, Line, Status, StepStatus, Wait
from engine.ids import WaitId
from engine.inputs import DecisionArrived
from engine.loads import refreshed
from engine.policy import AnyOne
from engine.steps.approval import (
    blocked_reason,
    instant_text,
    keep_answer,
    progress,
    stage_cells,
)
from engine.turn import Turn
from engine.verbs import spec_of
from engine.votes import Tally, may_vote, tally

CLOSED_BY_ENGINE = {"expired": "expired", "cancelled": "cancelled"}
SHORTHANDS = {"approve": "approved", "reject": "rejected"}
"""What a decision may say, and the outcome it then is."""


def find_wait(turn: Turn, request_id: WaitId | None) -> Wait | Refuse:
    """Return the open approval that is meant, the only one by default, or why there is none."""
    if request_id is None:
        open_approvals = [wait for wait in turn.waits.values() if wait.kind == "approval"]
        if len(open_approvals) == 1:
            return open_approvals[0]
        if open_approvals:
            names = ", ".join(wait.id for wait in open_approvals)
            return Refuse("unknown", f"several approvals are open; name one as request_id: {names}")
    elif (wait := turn.waits.get(request_id)) is not None and wait.kind == "approval":
        return wait
    return _refuse_closed(turn, request_id)


def _refuse_closed(turn: Turn, request_id: WaitId | None) -> Refuse:
    closed = turn.closed.get(request_id) if request_id is not None else None
    if closed is not None:
        code = CLOSED_BY_ENGINE.get(closed.outcome, "already_decided")
        return Refuse(code, f"the request is closed: {closed}")
    if turn.execution.ended:
        return Refuse("execution_finished", f"the execution has ended: {turn.execution.status}")
    return Refuse("unknown", "the execution has no such open request")


def votes_of(wait: Wait) -> list[Vote]:
    """Return the votes counted so far."""
    votes = wait.state.get("votes")
    return [
        Vote(
            vote["by"],
            vote.get("on_behalf_of"),
            vote["outcome"],
            frozenset(vote["roles"]) if vote.get("roles") is not None else None,
            parse_instant(vote["at"]),
            vote.get("stage", 0),
        )
        for vote in (votes if isinstance(votes, list) else ())
    ]


def _vote(given: DecisionArrived, wait: Wait) -> Vote:
    stage = wait.state.get("stage", 0)
    return Vote(
        given.decided_by,
        given.on_behalf_of,
        given.outcome,
        given.roles,
        given.received_at,
        stage if isinstance(stage, int) else 0,
    )


def _as_named(given: DecisionArrived, wait: Wait) -> DecisionArrived:
    """Return a decision with its outcome as the request names it: `approve` where that is one."""
    outcomes = wait.record["outcomes"]
    if not isinstance(outcomes, list) or given.outcome in outcomes:
        return given
    pairs = (pair for pair in SHORTHANDS.items() if given.outcome in pair)
    named = next((name for pair in pairs for name in pair if name in outcomes), given.outcome)
    return replace(given, outcome=named)


def refuse(given: DecisionArrived, wait: Wait, spec: ApprovalSpec) -> Refuse | None:
    """Return why a decision cannot be taken, or None (security.md, order of checks)."""
    record = wait.record
    if wait.due_at is not None and given.received_at >= wait.due_at:
        return Refuse("expired", f"the request expired at {instant_text(wait.due_at)}")
    if given.request_hash is not None and given.request_hash != record["request_hash"]:
        return Refuse("content_changed", "request_hash is not that of the request as it stands")
    vote, asked = _vote(given, wait), deciders_of(record)
    if isinstance(spec.policy, AnyOne):
        problem = refuse_voter(vote, asked[0], given.delegations)
    else:
        problem = may_vote(spec.policy, asked, votes_of(wait), vote, given.delegations)
    if problem is not None:
        return problem
    outcomes = record["outcomes"]
    if isinstance(outcomes, list) and given.outcome not in outcomes:
        return Refuse("invalid_outcome", f"outcome must be one of: {', '.join(outcomes)}")
    if given.form_problem is not None:
        return Refuse("invalid_form", given.form_problem)
    return None


def decide(turn: Turn, given: DecisionArrived) -> bool:
    """Apply a decision; tell whether it changed anything."""
    wait = find_wait(turn, given.request_id)
    if isinstance(wait, Refuse):
        turn.effects.append(wait)
        return False
    found = turn.line_at(wait.path)
    spec = spec_of(found[2].verb) if found is not None else None
    if spec is None:
        turn.effects.append(Refuse("unknown", "the execution has no such open request"))
        return False
    given = _as_named(given, wait)
    if (problem := refuse(given, wait, spec)) is not None:
        turn.effects.append(replace(problem, wait_id=wait.id))
        return False
    cast = _cast(given, wait)
    outcome = given.outcome
    if not isinstance(spec.policy, AnyOne):
        count = _count(turn, given, wait, spec)
        if count.decided is None:
            keep_count(turn, wait, spec, count, cast)
            return True
        outcome = count.decided
    turn.effects.append(Accept("applied", f"{outcome} by {given.decided_by}", wait.id))
    answer: dict[str, object] = {
        "outcome": outcome,
        "decided_by": given.decided_by,
        "reason": given.reason,
        "form": _form_of(wait, cast) if "votes" in wait.state else dict(given.form),
        "decided_at": instant_text(given.received_at),
        "votes": [*_kept(wait), cast],
    }
    if given.on_behalf_of is not None:
        answer["decided_for"] = given.on_behalf_of
    return close_approval(turn, wait, answer) is not None


def _kept(wait: Wait) -> list[dict[str, object]]:
    votes = wait.state.get("votes")
    return list(votes) if isinstance(votes, list) else []


def _cast(given: DecisionArrived, wait: Wait) -> dict[str, object]:
    """Return a vote as it is kept in the answer, and in the request while that is open."""
    cast: dict[str, object] = {"by": given.decided_by, "outcome": given.outcome}
    if given.on_behalf_of is not None:
        cast["on_behalf_of"] = given.on_behalf_of
    if "votes" not in wait.state:
        return cast
    vote = _vote(given, wait)
    return cast | {
        "reason": given.reason,
        "form": dict(given.form),
        "roles": sorted(given.roles) if given.roles is not None else None,
        "at": instant_text(given.received_at),
        "stage": vote.stage,
    }


def _form_of(wait: Wait, cast: dict[str, object]) -> dict[str, object]:
    """Return what all voters filled in; of one field the last word counts."""
    found: dict[str, object] = {}
    for vote in (*_kept(wait), cast):
        form = vote.get("form")
        found |= form if isinstance(form, dict) else {}
    return found


def _count(turn: Turn, given: DecisionArrived, wait: Wait, spec: ApprovalSpec) -> Tally:
    """Keep the vote, and return where the count stands with it."""
    vote, votes = _vote(given, wait), votes_of(wait)
    turn.effects.append(
        RecordVote(
            wait,
            len(votes),
            given.decision_id,
            given.outcome,
            given.decided_by,
            given.on_behalf_of,
            given.reason,
            given.form,
            vote.stage,
            given.received_at,
        )
    )
    return tally(spec.policy, spec.outcomes, [*votes, vote], deciders_of(wait.record))


def keep_count(
    turn: Turn, wait: Wait, spec: ApprovalSpec, count: Tally, cast: dict[str, object]
) -> None:
    """Go on waiting for more votes, and tell how many there are."""
    state = {**progress(count), "votes": [*_kept(wait), cast]}
    changed = count.stage != wait.state.get("stage")
    record = stage_cells(turn, spec, wait.record, count.stage) if changed else None
    turn.change_wait(wait, "vote", state, record)
    stage = f" in stage {count.stage + 1}" if count.stage else ""
    text = f"{count.have} of {count.needed} votes{stage}; {cast['outcome']} by {cast['by']}"
    turn.effects.append(Accept("counted", text, wait.id))


def expire(turn: Turn, wait: Wait) -> str | None:
    """Close an approval that nobody decided in time."""
    due = instant_text(wait.due_at) if wait.due_at else ""
    answer: dict[str, object] = {
        "outcome": "expired",
        "decided_by": None,
        "reason": f"Nobody decided by {due}",
        "form": {},
        "decided_at": instant_text(turn.now),
        "votes": _kept(wait),
    }
    return close_approval(turn, wait, answer)


def close_approval(turn: Turn, wait: Wait, answer: dict[str, object]) -> str | None:
    """Close the request with its answer and move its line to what the answer leads to."""
    found = turn.line_at(wait.path)
    if found is None:
        return None
    name, line, step = found
    turn.wake(step.path)
    outcome, by, why = str(answer["outcome"]), answer["decided_by"], answer["reason"]
    behalf = answer.get("decided_for")
    turn.close_wait(
        wait,
        outcome,
        decided_by=by if isinstance(by, str) else None,
        decided_for=behalf if isinstance(behalf, str) else None,
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
    stop(turn, Status.BLOCKED, "blocked", Failure(code, reason, step.id))
    return line.onward(None, step.id)
