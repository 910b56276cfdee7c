"""One execution: the way it took, when, what it waits for, what can be done about it."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from markupsafe import Markup

from api.parts import Parts, PartsDep, Text
from api.screens.live import Change, stream
from api.screens.page import fragment, missing, now, page
from api.screens.timeline import timeline_of
from engine.definition import Definition
from engine.drawing.picture import svg_of
from engine.execution import Status, StepStatus
from engine.ids import StepPath, parse_execution_id, public_id
from storage.screens import ScreenReading
from streams.issuing import refusal
from streams.messages import CommandKind

router = APIRouter()
Row = dict[str, Any]
KINDS: tuple[CommandKind, ...] = ("hold", "resume", "retry", "skip", "rerun", "cancel")
Axis = Annotated[str, Query(pattern="^(log|linear)$")]


def graph_of(definition: Definition | None, found: Row) -> Markup:
    """Return the picture of a definition with the way that an execution took."""
    if definition is None:
        return Markup("")
    taken = {StepPath(step["step_path"]): StepStatus(step["status"]) for step in found["steps"]}
    status = Status(found["execution"]["status"])
    # Drawn by us, with every text escaped.
    return Markup(svg_of(definition, taken, status=status, styled=False))  # noqa: S704


def trace_of(execution: Mapping[str, Any], address: str | None) -> tuple[str, str]:
    """Return the id of the trace that an execution belongs to, and where to see it."""
    parent = str((execution["metadata"].get("event") or {}).get("traceparent") or "")
    parts = parent.split("-")
    id = parts[1] if len(parts) == 4 and len(parts[1]) == 32 else ""
    return id, address.replace("{trace_id}", id) if id and address else ""


async def state_of(parts: Parts, id: str, axis: str) -> Row | None:
    """Return what the live part of the page shows, None for no execution."""
    found = await ScreenReading(parts.store).execution(id)
    if found is None:
        return None
    execution = found["execution"]
    definition = await parts.definitions.get(execution["workflow"], execution["version"])
    end = execution["completed_at"] or now()
    begin = min([execution["started_at"], *(step["started_at"] for step in found["steps"])])
    moves = [(kind, refusal(kind, found["target"])) for kind in KINDS]
    return {
        **found,
        "graph": graph_of(definition, found),
        "timeline": timeline_of(found["steps"], begin, end, logarithmic=axis == "log"),
        "moves": moves,
        "axis": axis,
    }


@router.get("/executions/{id}")
async def execution(
    request: Request,
    parts: PartsDep,
    id: str,
    axis: Axis = "linear",
    step: Text = None,
    sent: Text = None,
) -> Response:
    """Show an execution; `step` opens one of its steps, `sent` tells what became of a command."""
    receipt = await parts.answering.receipt(sent) if sent else None
    told = receipt or ({"result": "sent", "message": ""} if sent else None)
    return await show(request, parts, id, axis=axis, step=step, receipt=told)


async def show(
    request: Request,
    parts: Parts,
    id: str,
    *,
    axis: str = "linear",
    step: str | None = None,
    receipt: Row | None = None,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    field: str = "",
    status: int = 200,
) -> Response:
    """Return the page, with what was typed if a command was not accepted."""
    state = await state_of(parts, id, axis)
    if state is None:
        return missing(request, f"The execution {id}")
    shown = state["execution"]
    attempts = await ScreenReading(parts.store).step(shown["id"], step) if step else []
    trace_id, trace_url = trace_of(shown, parts.settings.trace_url)
    data = {
        **state,
        "step": step,
        "attempts": attempts,
        "receipt": receipt,
        "typed": typed or {},
        "problem": problem,
        "field": field,
        "trace_id": trace_id,
        "trace_url": trace_url,
        "live": f"/live/executions/{shown['execution_id']}?axis={axis}",
    }
    return page(request, "execution.html", data, status)


@router.get("/live/executions/{id}")
async def live_execution(
    request: Request, parts: PartsDep, id: str, axis: Axis = "linear"
) -> Response:
    """Stream how an execution stands whenever that changes."""
    row_id = parse_execution_id(id)
    public = public_id(row_id) if row_id is not None else id

    async def render() -> str:
        state = await state_of(parts, id, axis)
        return "" if state is None else fragment("execution_live.html", state)

    def concerns(change: Change) -> bool:
        return change.execution_id == public

    return stream(request, ("execution", public, axis), concerns, render)
