"""One execution: the way it took, when, what it waits for, what can be done about it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from api.parts import Parts, PartsDep, Text
from api.screens.live import ANSWER_SECONDS, Change, stream
from api.screens.page import fragment, missing, now, page, query
from api.screens.timeline import timeline_of
from api.screens.values import masked
from api.screens.wording import as_json
from engine.definition import Definition
from engine.drawing.picture import svg_of
from engine.execution import Status, StepStatus
from engine.ids import ExecutionId, StepPath, parse_execution_id, public_id
from storage.reading import MAX_OFFSET
from storage.screens import ScreenReading
from streams.issuing import refusal
from streams.messages import CommandKind
from streams.tracing import trace_of

router = APIRouter()
Row = dict[str, Any]
KINDS: tuple[CommandKind, ...] = ("hold", "resume", "retry", "skip", "rerun", "cancel")
NO_SKIP = "an approval cannot be skipped; decide it, or cancel the execution"


@dataclass(frozen=True, slots=True)
class Look:
    """What the address of the page asks for."""

    axis: Annotated[str, Query(pattern="^(log|linear)$")] = "linear"
    after: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0
    """How many steps to leave out of the timeline."""
    step: Text = None
    """The step to open."""
    sent: Text = None
    """The command to tell the answer of."""

    def query(self, **other: object) -> str:
        """Return the same as a query string, with something else in it."""
        asked = {**asdict(self), **other}
        return query(**{**asked, "after": asked["after"] or None})


LookDep = Annotated[Look, Depends()]
PLAIN = Look()


def graph_of(definition: Definition | None, found: Row) -> Markup:
    """Return the picture of a definition with the way that an execution took."""
    if definition is None:
        return Markup("")
    taken = {StepPath(mark["step_path"]): StepStatus(mark["status"]) for mark in found["marks"]}
    status = Status(found["execution"]["status"])
    # Drawn by us, with every text escaped.
    return Markup(svg_of(definition, taken, status=status, styled=False))  # noqa: S704


def moves_of(found: Row) -> list[tuple[str, str]]:
    """Return what can be done about an execution, each with why it cannot, empty where it can."""
    target = found["target"]
    refused = [(kind, refusal(kind, target)) for kind in KINDS]
    moves = [(str(kind), "" if no is None else no.message) for kind, no in refused]
    if not only_asks(found):
        return moves
    return [(kind, NO_SKIP if kind == "skip" else why) for kind, why in moves]


def only_asks(found: Row) -> bool:
    """Tell whether an execution stands at approvals alone, which nobody can skip."""
    kinds = {wait["kind"] for wait in found["waits"] if wait["status"] == "open"}
    standing = {
        step["step_type"] for step in found["steps"] if step["status"] in ("running", "waiting")
    }
    return kinds == {"approval"} and not standing & {"execute", "workflow", "wait"}


def kin_of(execution: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the executions that this one came of, each with how."""
    metadata = execution["metadata"]
    parent = (metadata.get("event") or {}).get("parent")
    found = []
    if isinstance(parent, Mapping) and parent.get("id"):
        started = f"Started by the step {parent.get('step')} of"
        found.append((started, public_id(ExecutionId(str(parent["id"])))))
    names = {"retry_of": "Goes on after", "rerun_of": "Runs again what was"}
    found += [(said, str(metadata[name])) for name, said in names.items() if metadata.get(name)]
    return found


def telemetry_of(execution: Mapping[str, Any], address: str | None) -> tuple[str, str]:
    """Return the id of the trace that an execution belongs to, and where to see it."""
    parent = str((execution["metadata"].get("event") or {}).get("traceparent") or "")
    parts = parent.split("-")
    id = parts[1] if len(parts) == 4 and len(parts[1]) == 32 else ""
    return id, address.replace("{trace_id}", id) if id and address else ""


async def state_of(parts: Parts, id: str, look: Look) -> Row | None:
    """Return what the live part of the page shows, None for no execution."""
    reading = ScreenReading(parts.store)
    found = await reading.execution(id, look.after)
    if found is None:
        return None
    execution = found["execution"]
    definition = await parts.definitions.get(execution["workflow"], execution["version"])
    end = execution["completed_at"] or now()
    begin = min([execution["started_at"], *(step["started_at"] for step in found["steps"])])
    attempts = await reading.step(execution["id"], look.step) if look.step else []
    return {
        **found,
        "graph": graph_of(definition, found),
        "timeline": timeline_of(found["steps"], begin, end, logarithmic=look.axis == "log"),
        "moves": moves_of(found),
        "kin": kin_of(execution),
        "look": look,
        "attempts": attempts,
        "receipt": await _answer(parts, look.sent),
    }


async def _answer(parts: Parts, sent: str | None) -> Row | None:
    """Return what became of a command, None where nothing was sent."""
    if not sent:
        return None
    return await parts.answering.receipt(sent) or {"result": "sent", "message": ""}


def _open_question(state: Row) -> str | None:
    """Return the command whose answer is still to come: the page looks for it."""
    receipt = state["receipt"]
    return state["look"].sent if receipt and receipt["result"] == "sent" else None


@router.get("/executions/{id}")
async def execution(request: Request, parts: PartsDep, id: str, look: LookDep) -> Response:
    """Show an execution, one of its steps open, with what became of a command."""
    return await show(request, parts, id, look)


async def show(
    request: Request,
    parts: Parts,
    id: str,
    look: Look = PLAIN,
    *,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    field: str = "",
    status: int = 200,
) -> Response:
    """Return the page, with what was typed if a command was not accepted."""
    state = await state_of(parts, id, look)
    if state is None:
        return missing(request, f"The execution {id}")
    shown = state["execution"]
    trace_id, trace_url = telemetry_of(shown, parts.settings.trace_url)
    data = {
        **state,
        "typed": typed or {},
        "problem": problem,
        "field": field,
        "trace_id": trace_id,
        "trace_url": trace_url,
        "live": f"/live/executions/{shown['execution_id']}{look.query(sent=_open_question(state))}",
    }
    return page(request, "execution.html", data, status)


@router.get("/executions/{id}/trace.json")
async def trace(
    request: Request, parts: PartsDep, id: str, context: Literal["full"] | None = None
) -> Response:
    """Return what the interface tells of an execution, masked as the page is."""
    found = await trace_of(parts.reading, parts.definitions, id)
    if found is None:
        return missing(request, f"The execution {id}")
    if context is None:
        found["execution"].pop("context")
    headers = {"Cache-Control": "no-store"}
    return Response(as_json(masked(found)), 200, headers, "application/json")


@router.get("/live/executions/{id}")
async def live_execution(request: Request, parts: PartsDep, id: str, look: LookDep) -> Response:
    """Stream how an execution stands whenever that changes."""
    row_id = parse_execution_id(id)
    public = public_id(row_id) if row_id is not None else id
    shown = {public}

    async def render() -> str:
        state = await state_of(parts, id, look)
        if state is None:
            return ""
        shown.update(child["execution_id"] for child in state["children"])
        return fragment("execution_live.html", state)

    def concerns(change: Change) -> bool:
        return change.execution_id in shown

    every = ANSWER_SECONDS if look.sent else None
    return stream(request, ("execution", public, look), concerns, render, every)
