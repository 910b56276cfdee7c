"""The model's verbs that are over at once, and the table of all verbs."""

from collections.abc import Mapping
from typing import Any

from tests.properties.answers import Answers
from tests.properties.reference.branching import for_each, parallel, repeat
from tests.properties.reference.lines import Ended, Walk
from tests.properties.reference.model import NEXT, At, Interpreter, Next, Verb
from tests.properties.reference.outside import execute, load_all, refresh, workflow
from tests.properties.reference.scope import holds, render
from tests.properties.reference.waiting import approval, ask, wait
from tests.properties.story import Story


def condition(model: Interpreter, at: At) -> Walk:
    """Evaluate; then a branch, a jump, or the next step."""
    result = holds(at.step["condition"], at.scope)
    model.complete(at, {"result": result})
    then = at.step.get("on_true" if result else "on_false", ())
    return Next(jump=then) if isinstance(then, str) else Next(then)
    yield


def allow(model: Interpreter, at: At) -> Walk:
    """Note that it is allowed, and go on unless it stops here."""
    reason = at.step["allow"].get("reason")
    render(reason, at.scope)
    model.provisional = "allowed"
    model.complete(at, {})
    if at.step["allow"].get("stop"):
        raise Ended("completed", "allowed")
    return NEXT
    yield


def block(model: Interpreter, at: At) -> Walk:
    """End as blocked, or ask first."""
    verb = at.step["block"]
    if "approval" in verb:
        return (yield from ask(model, at, verb["approval"]))
    model.complete(at, {"code": verb["code"]})
    raise Ended("blocked", "blocked", (verb["code"], at.id))


VERBS: Mapping[str, Verb] = {
    "condition": condition,
    "allow": allow,
    "block": block,
    "execute": execute,
    "wait": wait,
    "approval": approval,
    "parallel": parallel,
    "for_each": for_each,
    "repeat": repeat,
    "workflow": workflow,
    "load": load_all,
    "refresh": refresh,
}


def tell(body: dict[str, Any], answers: Answers) -> Story:
    """Return the story of a definition in a scripted world."""
    return Interpreter(body=body, answers=answers, verbs=VERBS).tell()
