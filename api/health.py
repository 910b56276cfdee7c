"""Liveness, readiness and metrics, outside the versioned prefix."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel

from api.parts import Parts, PartsDep
from api.shapes.common import shown
from storage.migrate import require_schema
from streams.app import own_topics, require_group, require_topics
from streams.published import example

router = APIRouter(tags=["health"])
CHECK_SECONDS = 3.0
CHECKS = ("database", "schema", "broker", "topics", "group")
STALE_SECONDS = 10.0
"""Age of the event loop's last tick at which the process counts as dead."""

MEASURES = {
    "pending": "Executions created and not yet taken.",
    "running": "Executions with a runnable step or an open effect.",
    "paused": "Executions that wait for somebody or something.",
    "open_approvals": "Approval requests that nobody has answered.",
    "due_timers": "Timers that should have fired.",
    "outbox_rows": "Rows of the outbox that are not yet published.",
    "outbox_age_seconds": "Age of the oldest row of the outbox.",
    "dead_letters": "Dead letters that nobody has dealt with.",
    "pending_effects": "Effects that are committed and not finished.",
}


@router.get("/livez", response_class=PlainTextResponse)
async def livez(request: Request) -> Response:
    """Say that the event loop turns; never depends on Kafka or Postgres."""
    age = time.monotonic() - request.app.state.ticked_at
    alive = age < STALE_SECONDS
    return PlainTextResponse("ok\n" if alive else f"stuck for {age:.0f} s\n", 200 if alive else 503)


async def _check(question: Callable[[], Awaitable[object]]) -> str:
    asking = asyncio.ensure_future(question())
    # Not a timeout: what is cancelled may take its time to end, such as a question to a database.
    await asyncio.wait({asking}, timeout=CHECK_SECONDS)
    if not asking.done():
        asking.add_done_callback(_forget)
        asking.cancel()
        return f"no answer within {CHECK_SECONDS:g} s"
    problem = asking.exception()
    return "ok" if problem is None else str(problem).strip() or type(problem).__name__


def _forget(asked: "asyncio.Future[object]") -> None:
    """Take note of how a question ended that nobody waits for."""
    if not asked.cancelled():
        asked.exception()


async def check_all(parts: Parts) -> dict[str, str]:
    """Return `ok`, or what is wrong, for each thing that this deployment needs."""
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "database": parts.store.now,
        "schema": lambda: require_schema(parts.store),
        "broker": parts.admin.ping,
        "topics": lambda: require_topics(own_topics(parts.topics), parts.admin),
        "group": lambda: require_group(parts.settings.group_id, parts.admin),
    }
    answers = await asyncio.gather(*map(_check, questions.values()))
    return dict(zip(questions, answers, strict=True))


class Readiness(BaseModel):
    """Whether requests can be served, and `ok` or what is wrong, per check."""

    model_config = example(ready=True, checks=dict.fromkeys(CHECKS, "ok"))

    ready: bool
    checks: dict[str, str]


ANSWERS = {**shown(Readiness, 200, "Ready"), **shown(Readiness, 503, "Not ready")}


@router.get("/readyz", response_model=None, responses=ANSWERS)
@router.get("/healthz", response_model=None, responses=ANSWERS)
async def readyz(parts: PartsDep) -> JSONResponse:
    """Say whether requests can be served, one line per check."""
    checks = await check_all(parts)
    ready = all(answer == "ok" for answer in checks.values())
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(parts: PartsDep) -> Response:
    """Return the deployment's numbers in Prometheus' text form."""
    registry = CollectorRegistry()
    for name, value in (await parts.reading.measures()).items():
        gauge = Gauge(f"sluicegate_{name}", MEASURES[name], registry=registry)
        gauge.set(value)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
