"""The model's verbs that wait: for events, for time, for people."""

from datetime import datetime
from typing import Any

from tests.properties.answers import Came, Said
from tests.properties.reference.ballot import Ballot
from tests.properties.reference.lines import STILL, Ended, Failed, Nap, Walk
from tests.properties.reference.model import NEXT, NOTHING, RESUMED, At, Interpreter, Next, length
from tests.properties.reference.scope import Scope, holds, render

EXPIRED = "expired"
LATE = {"expired": "expired", "cancelled": "cancelled"}


def wait(model: Interpreter, at: At) -> Walk:
    """Wait for one event, for one of several, for all of several, or for time."""
    what = at.step["wait"]
    model.row(at, "waiting")
    at.scope.keep("steps", at.id, {"status": "waiting"})
    if "for" in what or "until" in what:
        return (yield from _time(model, at, what))
    several = what.get("any_of") or what.get("all_of")
    return (yield from _events(model, at, several or [what], need_all="all_of" in what))


def _time(model: Interpreter, at: At, what: dict[str, Any]) -> Walk:
    until = datetime.fromisoformat(what["until"]) if "until" in what else None
    due_at = until or model.now + length(what["for"])
    model.story.waits[at.path, 0] = "open"
    got = yield Nap(((due_at, "elapsed"),), wait=True)
    model.story.waits[at.path, 0] = got
    if got == RESUMED:
        model.complete(at, {"event": {}}, outcome="resumed")
        return NEXT
    model.complete(at, NOTHING)
    return Next(refresh=True)


def _events(model: Interpreter, at: At, events: list[Any], *, need_all: bool) -> Walk:
    """Wait for one of some events, or for all."""
    single = "event" in at.step["wait"]
    opened, came = model.now, dict[int, Came]()
    coming: list[tuple[datetime, object]] = []
    for part, event in enumerate(events):
        render(event["match"], at.scope)
        model.story.waits[at.path, part] = "open"
        if "timeout" in event:
            coming.append((opened + length(event["timeout"]), (part, None)))
    for part in range(len(events)):
        answers = model.answers.events(at.path, part)
        coming += [(opened + answer.after, (part, answer)) for answer in answers]
    got = yield Nap(tuple(coming), wait=True)
    left = set(range(len(events)))
    while True:
        if got == RESUMED:
            _close(model, at, left, "resumed")
            if single:
                at.scope.keep("waits", at.id, {"event": {}})
            model.complete(at, {"event": {}}, outcome="resumed")
            return NEXT
        part, event = got
        if part not in left or (event is not None and not _fits(events[part], event, at.scope)):
            got = yield STILL
            continue
        left.remove(part)
        model.story.waits[at.path, part] = "received" if event is not None else "expired"
        if event is not None:
            came[part] = event
        if event is None and (need_all or not left):
            return _timed_out(model, at, left)
        if event is not None and not (need_all and left):
            _close(model, at, left, "cancelled")
            _received(model, at, came, part, len(events), single=single)
            return Next(refresh=True)
        if event is not None:
            shown = {str(number): one.payload for number, one in came.items()}
            at.scope.keep("waits", at.id, {"came": shown})
        got = yield STILL


def _fits(what: dict[str, Any], event: Came, scope: Scope) -> bool:
    inner = scope.inside({**event.payload, "event": event.payload})
    return "when" not in what or holds(what["when"], inner)


def _close(model: Interpreter, at: At, parts: set[int], outcome: str) -> None:
    for part in parts:
        model.story.waits[at.path, part] = outcome


def _timed_out(model: Interpreter, at: At, left: set[int]) -> Next:
    _close(model, at, left, "cancelled")
    if "on_timeout" not in at.step:
        raise Failed("wait_timeout", at.id)
    model.complete(at, NOTHING, outcome="timed_out")
    return Next(at.step["on_timeout"], refresh=True)


def _received(
    model: Interpreter, at: At, came: dict[int, Came], last: int, total: int, *, single: bool
) -> None:
    payload = came[last].payload
    found: dict[str, object] = {"event": payload}
    if not single:
        events = [came[n].payload if n in came else None for n in range(total)]
        found |= {"which": last, "events": events}
    at.scope.keep("waits", at.id, found)
    model.complete(at, found)


def approval(model: Interpreter, at: At) -> Walk:
    """Wait for people to decide."""
    return (yield from ask(model, at, at.step["approval"]))


def ask(model: Interpreter, at: At, spec: dict[str, Any]) -> Walk:
    """Open a request, wait for its answer, and do what the answer leads to."""
    outcomes = spec.get("outcomes", ["approved", "rejected"])
    render(spec["title"], at.scope)
    model.row(at, "waiting")
    model.approvals.add(at.path)
    at.scope.keep("steps", at.id, {"status": "waiting"})
    model.story.waits[at.path, 0] = "open"
    outcome, by = yield from _answer(model, at, spec, outcomes)
    model.story.waits[at.path, 0] = outcome
    answer = {"outcome": outcome, "decided_by": by}
    at.scope.keep("approvals", at.id, answer)
    branch = _branch(at.step, outcome)
    refused = outcome in ("rejected", "expired")
    if "block" in at.step:
        refused = outcome != outcomes[0]
    model.complete(at, answer, outcome=outcome)
    if branch is None and refused:
        code = at.step["block"]["code"] if "block" in at.step else outcome
        raise Ended("blocked", "blocked", (code, at.id))
    if branch and "block" in at.step and refused:
        branch = [*branch, _block_after(at, outcome)]
    return Next(branch or (), refresh=True)


def _branch(step: dict[str, Any], outcome: str) -> Any:
    """Return the steps of an outcome; expired is the same as rejected where it has none."""
    named = step.get(f"on_{outcome}", step.get("on", {}).get(outcome))
    if named is None and outcome == "expired":
        return step.get("on_rejected", step.get("on", {}).get("rejected"))
    return named


def _block_after(at: At, outcome: str) -> dict[str, Any]:
    """Return what ends a block that was not approved, behind the branch of its outcome."""
    own = f"on_{outcome}" in at.step or outcome in at.step.get("on", {})
    block = {key: value for key, value in at.step["block"].items() if key != "approval"}
    whose = outcome if own else "rejected"
    return {"id": f"{whose}/{at.id}", "named": at.id, "block": block}


def _answer(model: Interpreter, at: At, spec: dict[str, Any], outcomes: list[str]) -> Walk:
    """Take answers until they decide, or time is up; return outcome and who gave it."""
    ballot, opened = Ballot(spec, outcomes), model.now
    coming: list[tuple[datetime, object]] = []
    if "expires_in" in spec:
        coming.append((opened + length(spec["expires_in"]), EXPIRED))
    if "escalate" in spec:
        coming.append((opened + length(spec["escalate"]["after"]), spec["escalate"]))
    answers = model.answers.decisions(at.path, outcomes)
    coming += [(opened + said.after, said) for said in answers]

    def missed(value: object) -> None:
        if isinstance(value, Said):
            closed = model.story.waits[at.path, 0]
            model.story.receipts[value.name] = LATE.get(closed, "already_decided")

    got = yield Nap(tuple(coming), missed=missed)
    while got != EXPIRED:
        if isinstance(got, Said):
            refusal = ballot.refusal(got.by, got.outcome)
            if refusal is None:
                ballot.vote(got.by, got.outcome)
            taken = "applied" if ballot.decided else "counted"
            model.story.receipts[got.name] = refusal or taken
            if ballot.decided:
                return ballot.decided, got.by
        else:
            ballot.more = tuple(got["users"])
        got = yield STILL
    return EXPIRED, None
