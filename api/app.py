"""The HTTP application: reads Postgres, changes nothing but by producing records."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response

from api import (
    approvals,
    assignments,
    changes,
    commands,
    dead_letters,
    events,
    executions,
    health,
    lag,
    operations,
    schedules,
    triggers,
    workflows,
)
from api.bounds import Bounded, Rated
from api.document import add_document
from api.heads import Heads
from api.hosts import Hosts, needs_hosts
from api.pages import add_pages
from api.parts import Parts
from api.problems import MEDIA_TYPE, ProblemBody, add_problem_handlers, respond
from api.reference import add_reference

PREFIX = "/api/v1"
POLICY = "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
ROUTED = (
    events,
    executions,
    commands,
    triggers,
    workflows,
    approvals,
    assignments,
    operations,
    schedules,
    lag,
    changes,
    dead_letters,
)
PROBLEM = {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": PROBLEM}
    for status, text in (
        (400, "Malformed"),
        (403, "Not allowed"),
        (404, "Not found"),
        (409, "Conflict"),
        (412, "Changed meanwhile"),
        (413, "Too large"),
        (415, "Unsupported media type"),
        (421, "Not served under this name"),
        (422, "Invalid"),
        (429, "Too many requests"),
        (503, "Database or broker unreachable"),
    )
}


async def _tick(app: FastAPI) -> None:
    while True:
        app.state.ticked_at = time.monotonic()
        await asyncio.sleep(1)


def create_api(parts: Parts) -> FastAPI:
    """Return the application; it opens the database's pool and closes all at its end."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await parts.store.open()
        ticking = asyncio.create_task(_tick(app))
        yield
        ticking.cancel()
        await live.close()
        await feed.close()
        await parts.answers.close()
        await parts.out.close()
        await parts.store.close()

    app = FastAPI(
        title="Sluicegate",
        version=version("sluicegate"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        summary="Event-driven workflows on Kafka: executions, approvals, decisions.",
    )
    app.state.parts, app.state.ticked_at = parts, time.monotonic()
    add_problem_handlers(app)
    for module in ROUTED:
        app.include_router(module.router, prefix=PREFIX, responses=PROBLEMS)
    app.include_router(health.router)
    live = add_pages(app, parts)
    add_document(app)
    add_reference(app)
    feed = app.state.feed = changes.Feed(parts.tail())
    _add_guards(app)
    app.add_middleware(Bounded)
    app.add_middleware(Heads)
    if needs_hosts(parts.settings):
        app.add_middleware(Hosts, settings=parts.settings)
    if parts.settings.api_rate:
        app.add_middleware(Rated, prefix=PREFIX, per_second=parts.settings.api_rate)
    return app


def _add_guards(app: FastAPI) -> None:
    """Refuse changes from other origins, and tell browsers to be strict."""

    @app.middleware("http")
    async def guard(
        request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        origin, host = request.headers.get("origin"), request.headers.get("host")
        changes = request.method not in ("GET", "HEAD", "OPTIONS")
        if changes and origin is not None and origin.partition("://")[2] != host:
            return respond(403, "foreign-origin", "changes from another origin are refused")
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response
