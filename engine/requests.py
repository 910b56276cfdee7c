"""What happens to an open approval request that does not decide it: claims, reminders, comments."""

from collections.abc import Mapping
from dataclasses import replace

from engine.decide import find_wait, votes_of
from engine.deciders import Vote, deciders_of, refuse_voter
from engine.definition import ApprovalSpec
from engine.effects import Accept, Refuse
from engine.errors import StepProblem, TooMany
from engine.execution import Failure, Wait
from engine.inputs import RequestChanged, RequestRefused
from engine.policy import AllOf, InSequence, PercentOf, names_of, require_few
from engine.steps.approval import instant_text
from engine.turn import Turn
from engine.verbs import spec_of
from engine.votes import can_be_approved


def refuse_request(turn: Turn, given: RequestRefused) -> bool:
    """Withdraw an approval that may not be asked for, and fail its step."""
    wait = turn.waits.get(given.wait_id)
    return wait is not None and _withdraw(turn, wait, given.code, given.message)


def _withdraw(turn: Turn, wait: Wait, code: str, message: str) -> bool:
    found = turn.line_at(wait.path)
    if found is None:
        return False
    name, line, step = found
    turn.wake(step.path)
    turn.close_wait(wait, "cancelled", reason=message)
    turn.lines[name] = turn.fail(step, line, Failure(code, message, step.id), first=False)
    return True


def change_request(turn: Turn, given: RequestChanged) -> bool:
    """Apply a claim, a reassignment or a comment."""
    wait = find_wait(turn, given.request_id)
    if isinstance(wait, Refuse):
        turn.effects.append(wait)
        return False
    if given.kind == "comment":
        comments = wait.state.get("comments", 0)
        count = (comments if isinstance(comments, int) else 0) + 1
        turn.change_wait(wait, "claim", {"comments": count})
        turn.effects.append(Accept("applied", f"comment by {given.by}", wait.id))
        return True
    problem = _refuse_person(wait, given) or _refuse_change(turn, wait, given)
    if problem is not None:
        turn.effects.append(replace(problem, wait_id=wait.id))
        return False
    if given.kind == "claim":
        state = {"claimed_by": given.by, "claimed_at": instant_text(turn.now)}
        turn.change_wait(wait, "claim", state)
        turn.effects.append(Accept("applied", f"claimed by {given.by}", wait.id))
    else:
        _reassign(turn, wait, given)
    return True


def _refuse_person(wait: Wait, given: RequestChanged) -> Refuse | None:
    """Return why somebody who may not decide a request may not change it either."""
    stage = wait.state.get("stage", 0)
    asked = deciders_of(wait.record)
    vote = Vote(given.by, None, "", None, given.at)
    return refuse_voter(vote, asked[stage if isinstance(stage, int) else 0])


def _refuse_change(turn: Turn, wait: Wait, given: RequestChanged) -> Refuse | None:
    claimed = wait.state.get("claimed_by")
    if given.kind == "claim":
        if claimed is not None and claimed != given.by:
            return Refuse("not_allowed", f"{claimed} has claimed it already")
        return None
    if not given.to and not given.roles:
        return Refuse("invalid_form", "name the users (to) or roles who shall decide instead")
    try:
        require_few(given.to, given.roles)
    except TooMany as problem:
        return Refuse("invalid_form", str(problem))
    found = turn.line_at(wait.path)
    spec = spec_of(found[2].verb) if found is not None else None
    if spec is not None and isinstance(spec.policy, AllOf | PercentOf | InSequence):
        return Refuse("not_allowed", "the policy names its people; it cannot be reassigned")
    return _refuse_too_few(wait, given, spec)


def _refuse_too_few(wait: Wait, given: RequestChanged, spec: ApprovalSpec | None) -> Refuse | None:
    """Return why a request cannot be left to people who may not decide it, or are too few."""
    if spec is None:
        return None
    asked = deciders_of({**wait.record, **_people(given)})
    if can_be_approved(spec.policy, spec.outcomes, votes_of(wait), asked):
        return None
    barred = sorted(asked[0].barred.intersection(given.to))
    why = f"{', '.join(barred)} may not decide it" if barred else "they are too few to approve it"
    return Refuse("not_allowed", f"it would be left to people who cannot approve it: {why}")


def _people(given: RequestChanged) -> dict[str, object]:
    return {"users": list(given.to), "roles": list(given.roles), "anyone": False}


def _reassign(turn: Turn, wait: Wait, given: RequestChanged) -> None:
    people = _people(given)
    state: dict[str, object] = {"reassigned_by": given.by, "claimed_by": None}
    if "open_to" in wait.state:
        state["open_to"] = people
    turn.change_wait(wait, "reassign", state, people)
    names = ", ".join((*given.to, *given.roles))
    turn.effects.append(Accept("applied", f"reassigned to {names} by {given.by}", wait.id))


def _spec(turn: Turn, wait: Wait) -> ApprovalSpec | None:
    found = turn.line_at(wait.path)
    return spec_of(found[2].verb) if found is not None else None


def remind(turn: Turn, wait: Wait) -> bool:
    """Announce an open request once more, and start the next reminder."""
    spec, reminders = _spec(turn, wait), wait.state.get("reminders")
    if spec is None or spec.remind_every is None or not isinstance(reminders, int):
        return False
    changed = turn.change_wait(wait, "reminder", {"reminders": reminders + 1})
    turn.start_nudge(changed, "reminder", spec.remind_every)
    return True


def escalate(turn: Turn, wait: Wait) -> bool:
    """Ask further people about an open request."""
    spec = _spec(turn, wait)
    if spec is None or spec.escalate is None or wait.state.get("escalated") is not False:
        return False
    try:
        users = names_of(spec.escalate.users, turn.scope)
    except StepProblem as problem:
        return _withdraw(turn, wait, problem.code, f"escalate: {problem}")
    people = {
        "roles": _joined(wait.record, "roles", spec.escalate.roles),
        "users": _joined(wait.record, "users", users),
    }
    state: dict[str, object] = {"escalated": True, "escalated_at": instant_text(turn.now)}
    open_to = wait.state.get("open_to")
    if isinstance(open_to, Mapping):
        state["open_to"] = {
            **open_to,
            "roles": _joined(open_to, "roles", spec.escalate.roles),
            "users": _joined(open_to, "users", users),
        }
    turn.change_wait(wait, "escalation", state, people)
    return True


def _joined(held: Mapping[str, object], key: str, more: "tuple[str, ...] | list[str]") -> list[str]:
    known = held.get(key)
    return list(dict.fromkeys([*(known if isinstance(known, list) else ()), *more]))
