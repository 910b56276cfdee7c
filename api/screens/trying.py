"""A test event from a workflow's page: what it would start and why, or sent for good."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.events import NewEvent, outgoing
from api.parts import Parts, PartsDep
from api.problems import Problem
from api.screens.page import MAX_NAME, Person, missing, person_of, remember, typed_in
from api.screens.refusals import told
from api.screens.unsent import NO_BROKER
from api.screens.workflow import show
from api.triggers import Wanted, start
from engine.definition import Definition
from engine.explain import Event, Explanation, explain
from streams.json_check import MAX_EVENT_BYTES, Undecodable, read_json, require_object
from streams.producer import PublishFailed
from streams.schemas import compile_schema, first_problem

router = APIRouter()
SOURCE = "/sluicegate/pages"
STARTED_SECONDS = 4.0
Row = dict[str, Any]


def read_event(typed: Mapping[str, str]) -> tuple[NewEvent | None, dict[str, str]]:
    """Return the event that was typed, or what is wrong with each field."""
    errors: dict[str, str] = {}
    type = typed.get("type", "").strip()
    if not type or len(type) > 255 or "*" in type:
        errors["type"] = "Name one event type, such as order.created."
    data = _object(typed, errors)
    if errors:
        return None, errors
    return NewEvent(type=type, data=data, id=uuid4().hex, source=SOURCE), {}


def _object(typed: Mapping[str, str], errors: dict[str, str]) -> Row:
    """Return the data that were typed; notes what is wrong with them."""
    try:
        return require_object(read_json(typed.get("data", "").encode(), MAX_EVENT_BYTES))
    except Undecodable as problem:
        errors["data"] = told(problem.message)
        return {}


def explained(definition: Definition, event: NewEvent) -> Explanation:
    """Return whether an event would start a workflow, and why."""

    def check(schema: Mapping[str, object], payload: Mapping[str, object]) -> str | None:
        return first_problem(compile_schema(schema), payload)

    given = Event(event.type, event.data, str(event.id), event.source)
    return explain(definition, given, datetime.now(UTC), check)


@router.post("/workflows/{name}/events")
async def try_event(request: Request, parts: PartsDep, name: str) -> Response:
    """Explain a test event, or send it and go to what it started."""
    typed = await typed_in(request)
    row = await parts.reading.workflow(name)
    if row is None:
        return missing(request, f"The workflow {name}")
    event, errors = read_event(typed)
    if event is None:
        return await show(request, parts, name, typed=typed, errors=errors, status=422)
    definition = await parts.definitions.get(name, row["version"])
    tried = None if definition is None else explained(definition, event)
    if typed.get("do") != "send":
        return await show(request, parts, name, typed=typed, tried=tried)
    topic = parts.settings.event_topics[0]
    if topic.startswith("~"):
        errors["type"] = "The first event topic is a pattern: nothing says where to send it."
        return await show(request, parts, name, typed=typed, errors=errors, status=409)
    try:
        await parts.out.send([outgoing(event, topic, {})])
    except PublishFailed:
        errors["type"] = NO_BROKER
        return await show(request, parts, name, typed=typed, errors=errors, status=503)
    started = await _started(parts, name, event)
    if started is not None:
        return RedirectResponse(f"/executions/{started}", 303)
    sent = {"id": event.id, "type": event.type}
    return await show(request, parts, name, typed=typed, tried=tried, sent=sent)


async def _started(parts: Parts, name: str, event: NewEvent) -> str | None:
    """Return the execution of a workflow that an event started, None if none is in sight."""
    question = ("event", event.source, str(event.id))
    answer = await parts.answers.wait(question, STARTED_SECONDS)
    runs = answer["executions"] if answer is not None else []
    return next((run["execution_id"] for run in runs if run["workflow"] == name), None)


@router.post("/workflows/{name}/start")
async def start_by_hand(request: Request, parts: PartsDep, name: str) -> Response:
    """Start a workflow that no event starts, and go to its execution."""
    typed = await typed_in(request)
    if await parts.reading.workflow(name) is None:
        return missing(request, f"The workflow {name}")
    by, errors = typed.get("by", "").strip(), dict[str, str]()
    data = _object(typed, errors)
    if not by or len(by) > MAX_NAME:
        errors["by"] = "Say who you are." if not by else f"At most {MAX_NAME} characters."
    if errors:
        return await show(request, parts, name, typed=typed, errors=errors, status=422)
    try:
        begun = await start(parts, Wanted(name, data, by=by), Response(), STARTED_SECONDS, None)
    except Problem as refused:
        errors["data"] = told(refused.detail)
        return await show(request, parts, name, typed=typed, errors=errors, status=refused.status)
    except PublishFailed:
        errors["data"] = NO_BROKER
        return await show(request, parts, name, typed=typed, errors=errors, status=503)
    execution = str(begun["execution_id"])
    if await parts.reading.execution(execution) is None:
        return await show(request, parts, name, typed=typed, asked_for=execution)
    response = RedirectResponse(f"/executions/{execution}", 303)
    remember(response, Person(by, person_of(request).roles))
    return response
