"""The way that an execution took, or would take, read from its effects: step by step."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from engine.answers import shown_params
from engine.definition import ConditionVerb, Definition, Step
from engine.effects import Effect, Emit, Perform, RecordStep, WriteLog, WriteRecord
from engine.execution import StepStatus
from engine.ids import ChildId, StepPath
from engine.paths import Path, parse_path
from engine.rehearsed import Happening
from engine.templates import as_text
from engine.unknown import named_in, references_in, touching
from engine.values import dataclass

LOADS, LOADING = ChildId("load"), StepPath("context.load")
"""Stand for what is read before the first step."""


@dataclass(frozen=True, slots=True)
class Doing:
    """Something that a step would do outside, as text and with what it would pass."""

    kind: str
    text: str
    params: Mapping[str, object]

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {"kind": self.kind, "text": self.text, "params": dict(self.params)}


@dataclass(frozen=True, slots=True)
class CourseStep:
    """One step on the way; `defined` is its path in the definition, without numbers of rounds."""

    path: StepPath
    id: str
    kind: str
    status: StepStatus
    defined: StepPath
    would: tuple[Doing, ...] = ()
    output: object = None
    depends_on: tuple[str, ...] = ()
    """Outputs not known yet on which it depends how the step goes."""
    guarded: bool = False
    """Whether it is the step's `when` that depends on them."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {
            "step": self.path,
            "kind": self.kind,
            "status": str(self.status),
            "would": [doing.as_dict() for doing in self.would],
            "output": self.output,
        }


def defined_path(definition: Definition, path: StepPath) -> StepPath | None:
    """Return a step's path in the definition, given its path as executed; None if it has none."""
    if path in definition.steps:
        return path
    bare = StepPath("/".join(part for part in path.split("/") if not part.isdigit()))
    return bare if bare in definition.steps else None


def doing_of(effect: Effect) -> Doing | None:
    """Return what an effect does outside the execution, None if it does nothing there."""
    match effect:
        case Perform():
            params = shown_params(effect)
            return Doing(effect.kind, _call_text(effect.kind, params), params)
        case WriteRecord():
            text = f"{effect.mode} record {effect.entity} {effect.entity_id}"
            written = {"entity": effect.entity, "id": effect.entity_id, "set": dict(effect.values)}
            return Doing(f"{effect.mode}_record", text, written)
        case Emit():
            sent = {"event": effect.event, "data": effect.payload, "key": effect.key}
            return Doing("emit", f"emit {effect.event}", sent)
        case WriteLog():
            line = {"level": effect.level, "message": effect.message, "fields": dict(effect.fields)}
            return Doing("log", f"log {effect.level}: {effect.message}", line)
        case _:
            return None


def _call_text(kind: str, params: Mapping[str, object]) -> str:
    match kind:
        case "webhook" | "http_request":
            return f"call {params.get('method', 'POST')} {params.get('url')}"
        case "notify":
            return f"notify {params.get('to', 'somebody')} by {params.get('channel')}"
        case "load":
            return f"load {params.get('resource')} {params.get('id')}"
        case _:
            return f"run the action {kind}"


def read_course(
    definition: Definition, happened: Iterable[Happening], unknown: Collection[Path] = ()
) -> list[CourseStep]:
    """Return the steps in the order in which they were entered, each as it stands in the end."""
    course: dict[ChildId, CourseStep] = {}
    doings: list[Doing] = []
    for happening in happened:
        effect = happening.effect
        if isinstance(effect, Perform) and not effect.path:
            _add_load(course, effect)
        elif isinstance(effect, RecordStep):
            seen = course.get(effect.id) or _entered(definition, effect)
            course[effect.id] = _changed(definition, seen, effect, doings, unknown)
            doings = []
        elif (doing := doing_of(effect)) is not None:
            doings.append(doing)
    return list(course.values())


def _add_load(course: dict[ChildId, CourseStep], effect: Perform) -> None:
    """Add a resource that is read before the first step, to an entry of its own."""
    loads = course.get(LOADS) or CourseStep(LOADING, "load", "load", StepStatus.COMPLETED, LOADING)
    doing = doing_of(effect)
    if doing is not None:
        course[LOADS] = replace(loads, would=(*loads.would, doing))


def _entered(definition: Definition, record: RecordStep) -> CourseStep:
    defined = defined_path(definition, record.path) or record.path
    return CourseStep(record.path, record.step_id, record.step_type, record.status, defined)


def _changed(
    definition: Definition,
    seen: CourseStep,
    record: RecordStep,
    doings: Iterable[Doing],
    unknown: Collection[Path],
) -> CourseStep:
    """Return a step after one more of its records; what was done since belongs to it."""
    output = record.output if isinstance(record.output, Mapping) else {}
    action = output.get("action")
    step = definition.steps.get(seen.defined)
    depends, guarded = _dependence(step, record, unknown) if step is not None else ([], False)
    return replace(
        seen,
        kind=action if isinstance(action, str) else seen.kind,
        status=record.status,
        would=(*seen.would, *doings),
        output=record.output if record.output is not None else seen.output,
        depends_on=tuple(".".join(path) for path in depends) or seen.depends_on,
        guarded=guarded or seen.guarded,
    )


def _of_comparisons(output: object, unknown: Collection[Path]) -> list[Path]:
    """Return what is unknown among the comparisons that were needed for a condition's answer."""
    leaves = output.get("explain") if isinstance(output, Mapping) else ()
    found: list[Path] = []
    for leaf in leaves if isinstance(leaves, list) else ():
        found += [parse_path(leaf["field"]), *named_in(as_text(leaf["expected"]))]
    return touching(set(found), unknown)


def _dependence(
    step: Step, record: RecordStep, unknown: Collection[Path]
) -> tuple[list[Path], bool]:
    if step.when is not None and (found := touching(step.when.references, unknown)):
        return found, True
    if isinstance(step.verb, ConditionVerb) and record.status is StepStatus.COMPLETED:
        return _of_comparisons(record.output, unknown), False
    if record.status is StepStatus.FAILED:
        return touching(references_in(step), unknown), False
    return [], False
