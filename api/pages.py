"""The screens: server-rendered, live where scripts run, complete without; a GET never decides."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.parts import Parts
from api.screens import (
    decision,
    execution,
    executions,
    failures,
    inbox,
    notes,
    operating,
    state,
    trying,
    workflow,
)
from api.screens.errors import add_problem_pages
from api.screens.live import Live
from api.screens.page import graph_style
from streams.tail import Tail

STATIC = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"
ROUTED = (
    inbox,
    decision,
    notes,
    executions,
    execution,
    operating,
    workflow,
    trying,
    state,
    failures,
)
router = APIRouter()
for module in ROUTED:
    router.include_router(module.router)


@router.get("/static/graph.css")
async def graph_css() -> Response:
    """Return the style sheet of pictures of workflows."""
    return Response(graph_style(), media_type="text/css", headers={"Cache-Control": FOREVER})


class Assets(StaticFiles):
    """Static files; their addresses change with their content, so they are kept for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        if b"v=" in scope.get("query_string", b""):
            response.headers["Cache-Control"] = FOREVER
        return response


def add_pages(app: FastAPI, parts: Parts) -> Live:
    """Add the screens to an application; return what must be closed at its end."""
    settings = parts.settings
    security = settings.kafka_security()
    tail = Tail(settings.kafka, security, parts.topics, fetch_wait_ms=settings.fetch_wait_ms)
    live = Live(tail, parts.store.now)
    app.state.live = live
    app.include_router(router, include_in_schema=False)
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5)
    add_problem_pages(app)
    return live
