"""`sluicegate preview`: what an event would lead to, given answers to its approvals."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actions.definitions import read_folder
from cli.errors import FAILED, OK, USAGE, fail
from cli.offline import read_event, read_sound
from cli.printing import write_lines
from cli.show import print_json
from cli.testing.schemas import problem_of
from engine.assumed import Answered
from engine.course import CourseStep
from engine.definition import Definition
from engine.effects import Refuse
from engine.errors import Unresolved
from engine.explain import Event, explain
from engine.loads import resource_ref
from engine.preview import NextWait, Preview, preview_start


def preview_event(
    path: Path, event_text: str, type: str | None, decide: Sequence[str], as_json: bool
) -> int:
    """Preview one definition; returns the exit code, 1 where the event starts nothing."""
    if path.is_dir():
        fail(f"{path} is a folder; name one definition file", USAGE)
    answers = [_answered(text) for text in decide]
    definition = read_sound(path).definitions[0]
    declared = read_folder(path.parent).resources
    event = read_event(event_text, type, _only_type(definition))
    now = datetime.now(UTC).replace(microsecond=0)
    explained = explain(definition, event, now, problem_of)
    if not explained.starts:
        fail(f"{definition.name} is not started: {explained.reason}", FAILED)
    at_hand = _at_hand(definition, event, now, declared)
    previewed = preview_start(definition, event, now, at_hand, answers)
    if as_json:
        print_json(previewed.as_dict())
    else:
        write_lines(lines_of(previewed))
    return FAILED if isinstance(previewed.answer, Refuse) else OK


def _answered(text: str) -> Answered:
    step, equals, outcome = text.partition("=")
    if not step or not equals or not outcome:
        fail(f"--decide {text}: write it as step=outcome, such as manager=approved", USAGE)
    return Answered(step, outcome)


def _only_type(definition: Definition) -> str | None:
    patterns = {trigger.event for trigger in definition.triggers if trigger.event is not None}
    exact = [pattern for pattern in patterns if "*" not in pattern]
    return exact[0] if len(exact) == 1 else None


def _at_hand(
    definition: Definition, event: Event, now: datetime, declared: Mapping[str, Any]
) -> dict[str, object]:
    """Return the values of static resources; all others are not known before they are read."""
    scope = {**event.data, "event": {**event.data, "meta": event.meta(now)}}
    found: dict[str, object] = {}
    for load in definition.loads:
        declaration = declared.get(load.resource) or {}
        if declaration.get("kind") != "static":
            continue
        try:
            id = resource_ref(load, scope).id
        except Unresolved:
            continue
        data = declaration.get("data") or {}
        found[".".join(load.path)] = data.get(id, declaration.get("default"))
    return found


def lines_of(previewed: Preview, indent: str = "") -> Iterator[str]:
    """Yield a preview as text, a fork's ways indented."""
    if isinstance(previewed.answer, Refuse):
        yield f"{indent}refused, {previewed.answer.code}: {previewed.answer.message}"
    for step in previewed.steps:
        yield from (f"{indent}{line}" for line in _step_lines(step))
    yield from (f"{indent}{each.step}: {each.outcome}, {each.text}" for each in previewed.counted)
    if previewed.fork is not None:
        fork = previewed.fork
        yield f"{indent}{fork.step}: depends on {', '.join(fork.depends_on)}"
        for name, way in fork.ways.items():
            yield f"{indent}  {name}:"
            yield from lines_of(way, f"{indent}    ")
        return
    yield f"{indent}=> {_end(previewed)}"
    yield from (f"{indent}   waits at {_wait_text(wait)}" for wait in previewed.waits)


def _step_lines(step: CourseStep) -> Iterator[str]:
    output = step.output if isinstance(step.output, Mapping) else {}
    result, outcome = output.get("result"), output.get("outcome")
    way = f": {str(result).lower()}" if isinstance(result, bool) else ""
    way = f": {outcome}" if isinstance(outcome, str) else way
    status = "" if step.status == "completed" else f" ({step.status})"
    yield f"{step.path}: {step.kind}{way}{status}"
    yield from (f"  would {doing.text}" for doing in step.would)


def _end(previewed: Preview) -> str:
    result = f", result {previewed.result}" if previewed.result else ""
    error = previewed.error
    why = f" ({error['code']}: {error['message']})" if error else ""
    return f"{previewed.status}{result}{why}"


def _wait_text(wait: NextWait) -> str:
    shown = wait.as_dict()
    parts = [str(shown["step"])]
    if shown.get("title"):
        parts.append(str(shown["title"]))
    who = [*_names(shown.get("roles")), *_names(shown.get("users"))]
    if who:
        parts.append(f"for {', '.join(who)}")
    if shown.get("event"):
        parts.append(f"for the event {shown['event']}")
    if "needed" in shown:
        parts.append(f"{shown['have']} of {shown['needed']} votes")
    if shown["due_at"]:
        parts.append(f"until {shown['due_at']}")
    return ", ".join(parts)


def _names(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
